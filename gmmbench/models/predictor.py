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
from gmmbench.models.config import config_sha256, for_prediction, read_config
from gmmbench.models.posthoc import PostHoc
from gmmbench.models.segmentor import Segmentor
from gmmbench.models.slide import Outputs, Window, covers, slide, window_of
from gmmbench.models.tap import tapped
from gmmbench.models.weights import lasting, read_state_dict
from gmmbench.prediction import Prediction


@dataclass(frozen=True)
class Predictor:
    """Calls a model on one image at a time.

    Attributes:
        model: in evaluation mode.
        short_side: the image's shorter side is brought to this many pixels before the network sees it;
            ``None``: the image keeps its size.
        closed_set: registry name of what it was trained on.
        config_sha256: of the config it was built from.
        multiple: then both sides are brought up to the next multiple of this, by the same resizing. 32 is
            what the published evaluation on ADE20K does (``ResizeToMultiple``): no stage of the network has
            to pad. It changes the aspect a little; nothing is padded or cut off.
        window: the network sees an image through such windows, see ``slide``; ``None``: as a whole. An image
            that fits into one window is seen as a whole.
        posthoc: gives the density instead of the model, from its features.
    """

    model: Segmentor
    short_side: int | None
    closed_set: str
    config_sha256: str
    multiple: int = 1
    window: Window | None = None
    posthoc: PostHoc | None = None

    @property
    def generative(self) -> bool:
        """Whether the logits are made of densities. A post-hoc density does not make them so."""
        return self.model.generative

    @property
    def gives(self) -> frozenset[str]:
        """Which fields of ``Prediction`` are filled: "logits", "features", and "density" where there is one."""
        dense = self.model.generative or self.posthoc is not None
        return frozenset({"logits", "features"} | ({"density"} if dense else set()))

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
        seen = self._input(image)
        if self.window is None or covers(self.window, *seen.shape[2:]):
            outputs = self._forward(seen)
        else:
            outputs = slide(self._forward, seen, self.window)

        def at_label_resolution(maps: Tensor) -> Tensor:
            size = image.shape[:2]
            return F.interpolate(maps[None].float(), size=size, mode="bilinear", align_corners=False)[0].cpu()

        density = None if outputs.density is None else at_label_resolution(outputs.density)
        return Prediction(at_label_resolution(outputs.logits), density, outputs.features.float().cpu())

    @property
    def network_input(self) -> str:
        """How the network sees an image, in words, for the protocol of a row."""
        how = "its size kept" if self.short_side is None else f"its shorter side brought to {self.short_side} px"
        if self.multiple > 1:
            how += f", both sides then up to multiples of {self.multiple}"
        resized = self.short_side is not None or self.multiple > 1
        how += " (area average down, bilinear up)" if resized else ""
        if self.window is not None:
            (high, wide), (down, right) = self.window
            how += f", seen in windows of {high}x{wide} px (rows x columns) every {down}x{right} px,"
            how += " logits and class log-densities averaged in overlaps"
        return f"whole image, {how}, normalised as in training; no flip or scale averaging"

    def _forward(self, seen: Tensor) -> Outputs:
        """The network on (1, 3, h, w), its outputs at the classifier's resolution."""
        model = self.model
        with tapped(model.classifier) as tap:
            logits = model.decode_head(model.extract_feat(seen))
        density, features = None, tap.entered
        if isinstance(model.classifier, GMMClassifier):
            density = GMMClassifier.to_map(tap.density, like=tap.logits)[0]
            features = GMMClassifier.to_map(tap.features, like=tap.logits)
        if self.posthoc is not None:
            density = self.posthoc(features[0])
        return Outputs(logits[0], density, features[0])

    def _size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the network's input."""
        scale = 1.0 if self.short_side is None else self.short_side / min(height, width)
        up = self.multiple
        return -(-round(height * scale) // up) * up, -(-round(width * scale) // up) * up

    def _input(self, image: NDArray[np.uint8]) -> Tensor:
        """(1, 3, h, w) as training saw images: resized, RGB, normalised."""
        import cv2

        before, (height, width) = image.shape[:2], self._size(*image.shape[:2])
        if (height, width) != before:
            # Area averaging where it shrinks, or fine texture would alias into anomalies.
            shrinks = height * width < before[0] * before[1]
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
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
    short_side, multiple, closed = _reading(config.evaluation, config_path)
    window = window_of(config.model.get("test_cfg", {}))
    fingerprint = config_sha256(config)
    state = read_state_dict(checkpoint)
    init_default_scope("mmseg")
    model = MODELS.build(for_prediction(config.model))
    _fill(model, state, config_path, checkpoint)
    target = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return Predictor(model.eval().to(target), short_side, closed, fingerprint, multiple, window)


def _reading(evaluation: Any, config_path: Path) -> tuple[int | None, int, str]:
    """short_side, multiple and closed_set of a config's ``evaluation`` section; the second may be absent."""
    short_side, multiple = evaluation.get("short_side", "nothing"), evaluation.get("multiple", 1)
    if short_side is not None and not _is_count(short_side):
        raise InputError(
            f"{config_path}: evaluation.short_side is {short_side!r}; wanted a number of pixels, or None to keep"
            " an image's size"
        )
    if not _is_count(multiple):
        raise InputError(f"{config_path}: evaluation.multiple is {multiple!r}; wanted a whole number of at least 1")
    return short_side, multiple, evaluation.closed_set


def _is_count(value: Any) -> bool:
    return type(value) is int and value > 0


def _fill(model: Any, state: dict[str, Tensor], config_path: Path, checkpoint: Path) -> None:
    wanted = lasting(model.state_dict())
    state = lasting(state)
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
