"""Labels, classes and score maps as colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from gmmbench.labels import IGNORE, OOD
from gmmbench.metrics import Counted

PERCENTILES = (1, 99)
_HEAT = "inferno"
_IN_COLOUR, _OOD_COLOUR, _IGNORE_COLOUR = (38, 42, 54), (255, 176, 0), (150, 150, 150)

Painted = NDArray[np.uint8]
"""(h, w, 3) RGB."""


@dataclass(frozen=True)
class Scale:
    """Which score is dark and which is bright: one for all images of a data set, so that brightness compares."""

    low: float
    high: float


def scale_of(counts: Counted) -> Scale:
    """From the 1st to the 99th percentile of the finite scores of all pixels that count."""
    edges, in_counts, ood_counts = counts.sorted_counts()
    finite = np.isfinite(edges)
    if not finite.any():
        return Scale(0.0, 1.0)
    pixels = np.cumsum((in_counts + ood_counts)[finite])
    low, high = (np.searchsorted(pixels, max(1, share / 100 * pixels[-1])) for share in PERCENTILES)
    return Scale(float(edges[finite][low]), float(edges[finite][high]))


def paint_heat(scores: NDArray[np.float32], scale: Scale) -> Painted:
    """Dark = low, bright = high, what is outside the scale at its ends; NaN is grey."""
    values = scores.astype(np.float64)
    # inf - inf would warn: pin the infinities to the ends first.
    pinned = np.clip(values, scale.low, scale.high)
    span = scale.high - scale.low
    scaled = (pinned - scale.low) / span if span > 0 else np.where(np.isnan(values), np.nan, 0.5)
    painted = np.array(mpl.colormaps[_HEAT](np.nan_to_num(scaled), bytes=True)[..., :3], dtype=np.uint8)
    painted[np.isnan(values)] = _IGNORE_COLOUR
    return painted


def paint_labels(labels: NDArray[Any]) -> Painted:
    """Dark = IN, bright orange = OOD, grey = ignored."""
    painted = np.full((*labels.shape, 3), _IN_COLOUR, dtype=np.uint8)
    painted[labels == OOD] = _OOD_COLOUR
    painted[labels == IGNORE] = _IGNORE_COLOUR
    return painted


def paint_classes(classes: NDArray[Any]) -> Painted:
    """A fixed colour for each class number; they repeat after 20."""
    palette = np.round(255 * np.array(mpl.colormaps["tab20"].colors)).astype(np.uint8)  # type: ignore[attr-defined]
    painted = palette[classes.astype(np.intp) % len(palette)]
    painted[classes == IGNORE] = _IGNORE_COLOUR
    return painted
