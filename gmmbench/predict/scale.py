"""One scale of heat for all images of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

FRAMES = 16
"""So many images and frames, spread evenly over all, give the scale: more cost a second forward and move it little."""

PERCENTILES = (1.0, 99.0)

SAMPLES = 65_536
"""Scores taken of each image, evenly over its pixels: a larger image counts no more than a small one."""


def spread(total: int, most: int = FRAMES) -> list[int]:
    """At most so many of the numbers below ``total``, evenly spread, the first and the last among them."""
    return sorted({int(index) for index in np.linspace(0, total - 1, min(total, most)).round()})


def limits_of(maps: Iterable[NDArray[np.floating]]) -> tuple[float, float]:
    """The 1st and 99th percentile of all maps' finite scores together: the ends of the heat.

    One scale for all, because a map that is stretched between its own ends glows somewhere whether there is an
    anomaly or not.

    Args:
        maps: (H, W) each.

    Returns:
        Two finite numbers, the lower one first, rounded to 4 significant digits of their distance, so that what a
        person reads and types again makes the same picture. Of scores that are all equal, that score and one more.
    """
    taken = [_some(scores) for scores in maps]
    pooled = np.concatenate(taken) if taken else np.zeros(0)
    if not pooled.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(pooled, PERCENTILES))
    if not high > low:
        return low, low + 1.0
    digits = 3 - int(np.floor(np.log10(high - low)))
    return round(low, digits), round(high, digits)


def _some(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    flat = scores.ravel()
    some = flat[:: max(1, flat.size // SAMPLES)].astype(np.float64)
    found: NDArray[np.float64] = some[np.isfinite(some)]
    return found


def number_text(value: float, limits: Sequence[float]) -> str:
    """A score in as many digits as tell apart the hundredths of a scale."""
    digits = max(0, 2 - int(np.floor(np.log10(limits[1] - limits[0]))))
    return f"{value:.{digits}f}" if digits <= 6 else f"{value:.3g}"
