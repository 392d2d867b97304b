"""What a label value means, and one labelled image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IN = 0
"""An in-distribution pixel: its class was in the training set. The negative class of every OOD metric."""

OOD = 1
"""An out-of-distribution pixel, the anomaly. The positive class of every OOD metric."""

IGNORE = 255
"""A pixel that no metric counts: void, unlabelled, or outside the region of interest."""


@dataclass(frozen=True)
class Sample:
    """One labelled image, at the resolution its publisher gives the labels in.

    Attributes:
        name: unique in its data set, and stable: rows, pictures and errors name the image by it.
        image: (H, W, 3) uint8, RGB.
        labels: (H, W) uint8. In an OOD set ``IN``, ``OOD`` or ``IGNORE``; in a closed set the
            class number, 0 to C - 1, or ``IGNORE``.
    """

    name: str
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.image.shape != (*self.labels.shape, 3):
            raise ValueError(f"{self.name}: image {self.image.shape} does not fit labels {self.labels.shape}")
