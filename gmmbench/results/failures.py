"""Where a score was wrong: regions of known things that it flagged, unknown things that it let pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIGH_IN = "highest-scored IN region"
MISSED = "missed object"
KINDS = (HIGH_IN, MISSED)

Box = tuple[int, int, int, int]
"""left, top, width, height, in pixels of the labels."""

_WIDEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Failure:
    """One region, with what is around it at picture size.

    Attributes:
        kind: ``HIGH_IN`` or ``MISSED``.
        image: name of its image.
        box: around the region.
        window: around the crop.
        value: the region's mean score over IN pixels (``HIGH_IN``) or median score (``MISSED``).
        pixels: of the object, or IN pixels of the box.
        crop: (h, w, 3) uint8 RGB.
        labels: (h, w) uint8 (IN, OOD, IGNORE).
        scores: (h, w) float32; NaN where the score was.
    """

    kind: str
    image: str
    box: Box
    window: Box
    value: float
    pixels: int
    crop: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    scores: NDArray[np.float32]

    @property
    def box_in_crop(self) -> tuple[float, float, float, float]:
        """left, top, width, height of ``box`` in pixels of the crop."""
        height, width = self.labels.shape
        across, down = width / self.window[2], height / self.window[3]
        left, top = self.box[0] - self.window[0], self.box[1] - self.window[1]
        return left * across, top * down, self.box[2] * across, self.box[3] * down


def to_arrays(failures: Sequence[Failure]) -> dict[str, NDArray[Any]]:
    """What of ``failures`` goes to disk; ``from_arrays`` reads it.

    Scores are kept as float16 distances to the region's value: so they keep their digits where it matters, and those
    of densities do not leave its range.
    """
    arrays: dict[str, NDArray[Any]] = {
        "kinds": np.array([KINDS.index(failure.kind) for failure in failures], dtype=np.uint8),
        "images": np.array([failure.image for failure in failures], dtype=np.str_),
        "boxes": np.array([failure.box for failure in failures], dtype=np.int32).reshape(-1, 4),
        "windows": np.array([failure.window for failure in failures], dtype=np.int32).reshape(-1, 4),
        "values": np.array([failure.value for failure in failures], dtype=np.float64),
        "pixels": np.array([failure.pixels for failure in failures], dtype=np.int64),
    }
    for number, failure in enumerate(failures):
        distance = np.clip(failure.scores.astype(np.float64) - _anchor(failure.value), -_WIDEST, _WIDEST)
        arrays[f"{number}/crop"], arrays[f"{number}/labels"] = failure.crop, failure.labels
        arrays[f"{number}/scores"] = distance.astype(np.float16)
    return arrays


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> list[Failure]:
    """What ``to_arrays`` was given, but for the scores' last digits.

    Raises:
        KeyError, IndexError, ValueError: the arrays are not those of ``to_arrays``.
    """
    found = []
    boxes, windows = arrays["boxes"].tolist(), arrays["windows"].tolist()
    for number, value in enumerate(arrays["values"].tolist()):
        scores = (arrays[f"{number}/scores"].astype(np.float64) + _anchor(value)).astype(np.float32)
        crop, labels = arrays[f"{number}/crop"], arrays[f"{number}/labels"]
        if crop.shape != (*labels.shape, 3) or scores.shape != labels.shape:
            raise ValueError(f"crop {number} is {crop.shape}, its labels {labels.shape}, its scores {scores.shape}")
        kind, image, pixels = KINDS[arrays["kinds"][number]], str(arrays["images"][number]), arrays["pixels"][number]
        box, window = tuple(boxes[number]), tuple(windows[number])
        found.append(Failure(kind, image, box, window, value, int(pixels), crop, labels, scores))
    return found


def _anchor(value: float) -> float:
    """An infinite value is no place to measure distances from."""
    return value if np.isfinite(value) else 0.0
