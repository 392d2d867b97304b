"""A trained model as a function from an image to a ``Prediction``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gmmbench.data import closed_set
from gmmbench.errors import InputError
from gmmbench.gmm import GMMClassifier
from gmmbench.models.config import config_sha256, for_prediction, read_config
from gmmbench.models.contract import NO_AVERAGING
from gmmbench.models.posthoc import PostHoc
from gmmbench.models.resize import at_size
from gmmbench.models.segmentor import Segmentor
from gmmbench.models.slide import Outputs, Window, covers, slide, window_of
from gmmbench.models.tap import tapped
from gmmbench.models.weights import lasting, read_state_dict
from gmmbench.prediction import Head, Prediction


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
        void: the last of the model's classes is void, trained on all that the closed set labels as no class (Blum
            et al. 2019, arXiv 1904.03215). It is no class of a prediction.
    """

    model: Segmentor
    short_side: int | None
    closed_set: str
    config_sha256: str
    multiple: int = 1
    window: Window | None = None
    posthoc: PostHoc | None = None
    void: bool = False

    @property
    def generative(self) -> bool:
        """Whether the logits are made of densities. A post-hoc density does not make them so."""
        return self.model.generative

    @property
    def gives(self) -> frozenset[str]:
        """Which fields of ``Prediction`` are filled: "logits", "features", and what there is of others."""
        there = {
            "logits": True,
            "features": True,
            "density": self.model.generative or self.posthoc is not None,
            "head": self.head is not None,
            "void": self.void,
        }
        return frozenset(name for name, given in there.items() if given)

    @property
    def num_classes(self) -> int:
        """C, the number of classes that the logits of a prediction speak of."""
        return int(self.model.decode_head.out_channels) - self.void

    @property
    def device(self) -> str:
        """Where the model is."""
        return str(self.model.data_preprocessor.mean.device)

    @property
    def head(self) -> Head | None:
        """The decode head's classifier, where it is a 1x1 convolution.

        Then ``logits = W features + b`` at the features' resolution, up to rounding; with sliding windows this is
        so of the averages over windows. At the image's resolution it is not where windows overlap: their logits
        are brought there first and averaged then.
        """
        conv = self.model.classifier
        if not isinstance(conv, nn.Conv2d) or conv.groups != 1 or conv.padding != (0, 0):
            return None
        if conv.kernel_size != (1, 1) or conv.stride != (1, 1):
            return None
        weight = conv.weight.detach().flatten(1).float()
        bias = weight.new_zeros(len(weight)) if conv.bias is None else conv.bias.detach().float()
        return Head(weight[: self.num_classes], bias[: self.num_classes])

    @torch.inference_mode()
    def __call__(self, image: NDArray[np.uint8]) -> Prediction:
        """Predict.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            float32 on the model's device. Logits and densities are brought to (C, H, W) bilinearly
            (align_corners=False) before any arg-max or score; features stay at the network's resolution.
        """
        outputs, size, known = self.outputs(image), image.shape[:2], self.num_classes
        logits = at_size(outputs.logits, size)
        density = None if outputs.density is None else at_size(outputs.density[:known], size)
        void = logits[known] if self.void else None
        return Prediction(logits[:known], density, outputs.features.float(), self.head, void)

    def outputs(self, image: NDArray[np.uint8], forward: Callable[[Tensor], Outputs] | None = None) -> Outputs:
        """What the network says of an (H, W, 3) uint8 RGB image at its own resolution, void included.

        Args:
            forward: instead of ``self.forward``, on the whole input or on each window.
        """
        seen, forward = self.see(image), forward or self.forward
        if self.window is None or covers(self.window, *seen.shape[2:]):
            return forward(seen)
        return slide(forward, seen, self.window)

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
        return f"whole image, {how}, normalised as in training{NO_AVERAGING}"

    def forward(self, seen: Tensor) -> Outputs:
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

    def see(self, image: NDArray[np.uint8]) -> Tensor:
        """(H, W, 3) uint8 RGB to (1, 3, h, w) float32 as training saw images: resized and normalised."""
        import cv2

        before, (height, width) = image.shape[:2], self._size(*image.shape[:2])
        if (height, width) != before:
            # Area averaging where it shrinks, or fine texture would alias into anomalies.
            shrinks = height * width < before[0] * before[1]
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        preprocessor = self.model.data_preprocessor
        pixels = torch.tensor(np.ascontiguousarray(image)).to(preprocessor.mean.device).permute(2, 0, 1)[None].float()
        return pixels.sub_(preprocessor.mean).div_(preprocessor.std)


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
    void = _void(config, config_path)
    window = window_of(config.model.get("test_cfg", {}))
    fingerprint = config_sha256(config)
    state = read_state_dict(checkpoint)
    init_default_scope("mmseg")
    model = MODELS.build(for_prediction(config.model))
    _fill(model, state, config_path, checkpoint)
    target = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return Predictor(model.eval().to(target), short_side, closed, fingerprint, multiple, window, void=void)


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


def _void(config: Any, config_path: Path) -> bool:
    """Whether the last class is void: a config says so of its training and of its evaluation."""
    void = config.evaluation.get("void", False)
    if type(void) is not bool:
        raise InputError(f"{config_path}: evaluation.void is {void!r}; wanted True or False")
    dataset = config.get("train_dataloader", {}).get("dataset")
    if dataset is not None and dataset.get("void", False) != void:
        raise InputError(
            f"{config_path}: evaluation.void is {void} but train_dataloader.dataset.void is {not void}; a void class"
            " must be trained to be read, so set both alike"
        )
    if void:
        name, found = config.evaluation.closed_set, config.model.decode_head.num_classes
        classes = len(closed_set(name).classes)
        if found != classes + 1:
            raise InputError(
                f"{config_path}: evaluation.void=True with decode_head.num_classes={found}; wanted {classes + 1},"
                f" the {classes} classes of '{name}' and void"
            )
    return bool(void)


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
