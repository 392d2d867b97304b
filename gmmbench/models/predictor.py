"""A trained model as a function from an image to a ``Prediction``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.gmm import GMMClassifier
from gmmbench.models.config import config_sha256, read_config
from gmmbench.models.segmentor import Segmentor
from gmmbench.models.tap import tapped
from gmmbench.models.weights import read_state_dict
from gmmbench.prediction import Prediction


@dataclass(frozen=True)
class Predictor:
    """Calls a model on one image at a time.

    Attributes:
        model: in evaluation mode.
        short_side: the image's shorter side is brought to this many pixels before the network sees it.
        closed_set: registry name of what it was trained on.
        config_sha256: of the config it was built from.
    """

    model: Segmentor
    short_side: int
    closed_set: str
    config_sha256: str

    @property
    def gives(self) -> frozenset[str]:
        """Which fields of ``Prediction`` are filled: "logits", "features", and "density" of a GMM model."""
        return frozenset({"logits", "features"} | ({"density"} if self.model.generative else set()))

    @property
    def num_classes(self) -> int:
        """C, the number of classes that the logits speak of."""
        return int(self.model.decode_head.out_channels)

    @torch.inference_mode()
    def __call__(self, image: NDArray[np.uint8]) -> Prediction:
        """Predict.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            float32 on the CPU. Logits and densities are brought to (C, H, W) bilinearly
            (align_corners=False) before any arg-max or score; features stay at the network's resolution.
        """
        model = self.model
        height, width = image.shape[:2]
        with tapped(model.classifier) as tap:
            logits = model.decode_head(model.extract_feat(self._input(image)))

        def at_label_resolution(rows: Tensor) -> Tensor:
            return F.interpolate(rows.float(), size=(height, width), mode="bilinear", align_corners=False)[0].cpu()

        density, features = None, tap.entered
        if isinstance(model.classifier, GMMClassifier):
            density = at_label_resolution(GMMClassifier.to_map(tap.density, like=tap.logits))
            features = GMMClassifier.to_map(tap.features, like=tap.logits)
        return Prediction(at_label_resolution(logits), density, features[0].float().cpu())

    def _input(self, image: NDArray[np.uint8]) -> Tensor:
        """(1, 3, h, w) as training saw images: resized, RGB, normalised."""
        import cv2

        height, width = image.shape[:2]
        scale = self.short_side / min(height, width)
        if scale != 1:
            size = (round(width * scale), round(height * scale))
            # Area averaging where it shrinks, or fine texture would alias into anomalies.
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        preprocessor = self.model.data_preprocessor
        tensor = torch.tensor(image).permute(2, 0, 1)[None].to(preprocessor.mean.device)
        normalised: Tensor = (tensor.float() - preprocessor.mean) / preprocessor.std
        return normalised


def load_predictor(config_path: Path, checkpoint: Path, *, device: str | None = None) -> Predictor:
    """Build the model of a config and fill it from a checkpoint.

    Args:
        checkpoint: ``model.pth`` or a training checkpoint.
        device: "cpu", "cuda", ...; the GPU where there is one, if not given.

    Raises:
        InputError: the config or checkpoint is unusable, or they do not belong together; lists what
            is missing, unexpected and of another shape.
    """
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    config = read_config(config_path)
    if "evaluation" not in config:
        raise InputError(
            f"{config_path} has no 'evaluation' section; wanted evaluation=dict(closed_set=..., short_side=...)"
        )
    if config.model.get("test_cfg", {}).get("mode", "whole") != "whole":
        raise InputError(f"{config_path} asks for sliding-window inference; wanted test_cfg=dict(mode='whole')")
    fingerprint = config_sha256(config)
    # The checkpoint brings all weights; the backbone's own start would only be downloaded for nothing.
    config.model.backbone.pop("weights", None)
    config.model.backbone.pop("init_cfg", None)
    state = read_state_dict(checkpoint)
    init_default_scope("mmseg")
    model = MODELS.build(config.model)
    _fill(model, state, config_path, checkpoint)
    target = device or ("cuda" if torch.cuda.is_available() else "cpu")
    reading = config.evaluation
    return Predictor(model.eval().to(target), reading.short_side, reading.closed_set, fingerprint)


def _fill(model: Any, state: dict[str, Tensor], config_path: Path, checkpoint: Path) -> None:
    wanted = {key: value for key, value in model.state_dict().items() if ".bank." not in key}
    state = {key: value for key, value in state.items() if ".bank." not in key}
    faults = {
        "missing": sorted(set(wanted) - set(state)),
        "unexpected": sorted(set(state) - set(wanted)),
        "of another shape": sorted(key for key in set(state) & set(wanted) if state[key].shape != wanted[key].shape),
    }
    listed = [f"{len(keys)} {kind} (first: {keys[0]})" for kind, keys in faults.items() if keys]
    if listed:
        raise InputError(
            f"{checkpoint} does not belong to {config_path}: keys {', '.join(listed)};"
            " name the config that this checkpoint was trained with"
        )
    model.load_state_dict(state, strict=False)
