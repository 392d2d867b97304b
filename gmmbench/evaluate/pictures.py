"""Which images of a set are kept as pictures, and what is kept of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gmmbench.labels import OOD, Sample
from gmmbench.prediction import Prediction
from gmmbench.results import Staging

PICTURES = 6
PICTURE_WIDTH = 480


class Gallery:
    """One picture from each stretch of the set: its first image with an anomaly, or else its first.

    That depends on the labels only, so the pictures of two models can stand side by side.
    """

    def __init__(self, total: int) -> None:
        self._total = max(total, PICTURES)
        self._kept: dict[int, tuple[bool, str, dict[str, NDArray[Any]]]] = {}

    def offer(
        self, number: int, sample: Sample, prediction: Prediction | None, maps: Mapping[str, NDArray[np.float32]]
    ) -> None:
        """Look at image ``number`` of the set and keep it where it is the one."""
        place, anomalous = number * PICTURES // self._total, bool((sample.labels == OOD).any())
        if place not in self._kept or (anomalous and not self._kept[place][0]):
            self._kept[place] = (anomalous, sample.name, _picture(sample, prediction, maps))

    def save(self, staging: Staging) -> None:
        """Write all that were kept."""
        for place, (_, name, arrays) in sorted(self._kept.items()):
            staging.save_picture(place, name, arrays)


def _picture(
    sample: Sample, prediction: Prediction | None, maps: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[Any]]:
    """The image and its maps at picture size: averaged where values mix, nearest where they must not."""
    height, width = sample.labels.shape
    scale = min(1.0, PICTURE_WIDTH / width)
    size = (round(width * scale), round(height * scale))
    arrays = {
        "image": cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA),
        "labels": cv2.resize(sample.labels, size, interpolation=cv2.INTER_NEAREST),
    }
    if prediction is not None:
        classes = prediction.logits.argmax(dim=0).to(torch.uint8).cpu().numpy()
        arrays["prediction"] = cv2.resize(classes, size, interpolation=cv2.INTER_NEAREST)
    return arrays | {
        f"score/{name}": cv2.resize(values, size, interpolation=cv2.INTER_AREA) for name, values in maps.items()
    }
