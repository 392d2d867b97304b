"""Where score maps come from: a model's prediction, or files that somebody else wrote."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.labels import Sample
from gmmbench.metrics.protocols import Protocol
from gmmbench.prediction import Prediction
from gmmbench.scores import Score

Predict = Callable[[NDArray[np.uint8]], Prediction]
"""An (H, W, 3) uint8 RGB image to what the model says of it, at the image's resolution."""

STRIP = 32
"""Rows that pixelwise scores look at together on a CPU: their temporaries then stay in its cache."""

BLUR_KERNEL = 7


@dataclass(frozen=True)
class Scored:
    """What a source says of one image.

    Attributes:
        maps: (H, W) float32 of each score, on any device; higher = more anomalous.
        prediction: of the model, where there is one.
    """

    maps: Mapping[str, Tensor]
    prediction: Prediction | None = None


Source = Callable[[Sample], Scored]


def predicted(predict: Predict, scores: Mapping[str, Score]) -> Source:
    """All score maps from one forward of an image."""

    def score(sample: Sample) -> Scored:
        prediction = predict(sample.image)
        return Scored(maps_of(prediction, scores), prediction)

    return score


def given(read: Callable[[str, tuple[int, int]], NDArray[np.float32]], name: str) -> Source:
    """One score map an image, from ``read(image name, (H, W))``."""

    def score(sample: Sample) -> Scored:
        height, width = sample.labels.shape
        return Scored({name: torch.from_numpy(read(sample.name, (height, width)))})

    return score


def maps_of(prediction: Prediction, scores: Mapping[str, Score]) -> dict[str, Tensor]:
    """(H, W) float32 of each score, on the prediction's device.

    Those that look at pixels one by one share each strip's softmax, and its temporaries stay in the cache.
    """
    height, width = prediction.logits.shape[1:]
    pixelwise = {name: score for name, score in scores.items() if score.pixelwise}
    maps = {name: prediction.logits.new_empty(height, width) for name in pixelwise}
    step = height if prediction.logits.is_cuda else STRIP
    for start in range(0, height, step) if pixelwise else ():
        strip = prediction.rows(start, start + step)
        for name, score in pixelwise.items():
            maps[name][start : start + step] = score(strip)
    maps |= {name: score(prediction) for name, score in scores.items() if not score.pixelwise}
    return {name: maps[name] for name in scores}


def blurred(source: Source, sigma: float) -> Source:
    """Post-processing: each map smoothed by a 7x7 Gaussian, as RPL does with sigma 1 (Liu et al. 2023, 2211.14512).

    Raises:
        InputError: sigma is not positive.
    """
    check_blur(sigma)

    def smooth(values: Tensor) -> Tensor:
        return torch.from_numpy(cv2.GaussianBlur(values.cpu().numpy(), (BLUR_KERNEL, BLUR_KERNEL), sigma))

    def score(sample: Sample) -> Scored:
        scored = source(sample)
        return Scored({name: smooth(values) for name, values in scored.maps.items()}, scored.prediction)

    return score


def check_blur(sigma: float) -> None:
    """Raise InputError unless ``sigma`` is a positive number."""
    if not 0 < sigma < math.inf:
        raise InputError(f"--blur {sigma}: wanted a standard deviation above 0, in pixels; RPL's is 1")


def sized(sample: Sample, protocol: Protocol) -> Sample:
    """The sample at the protocol's own size, where it has one: the image as Pillow's bilinear filter shrinks it, which
    is what torchvision's Resize does to an image, and labels by nearest neighbour.
    """
    if protocol.size is None or sample.labels.shape == protocol.size:
        return sample
    image = Image.fromarray(sample.image).resize(protocol.size[::-1], Image.Resampling.BILINEAR)
    return Sample(sample.name, np.asarray(image), protocol.sized(sample.labels))
