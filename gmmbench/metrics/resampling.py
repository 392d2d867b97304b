"""Draws of images, and the percentile interval of what was read of them. ``bootstrap`` says why and how."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError

RESAMPLES = 1000
LEVEL = 0.95


class Interval(NamedTuple):
    """A two-sided percentile interval.

    Attributes:
        low: its lower end; NaN where no resample defines the value.
        high: its upper end.
        left_out: resamples in which the value was undefined; the interval is of the others.
    """

    low: float
    high: float
    left_out: int


class Difference(NamedTuple):
    """The value of a less that of b, and the percentile interval of that difference.

    Attributes:
        value: of the images as they are, read from their 18-bit bins.
        low: the interval's lower end.
        high: its upper end; 0 outside the interval: which of the two is higher is not by luck of the images.
        left_out: resamples in which either value was undefined.
    """

    value: float
    low: float
    high: float
    left_out: int


def resample_weights(images: int, resamples: int, seed: int) -> NDArray[np.int32]:
    """(resamples, images) how often each image is drawn; each row adds up to ``images``.

    Rows are multinomial with equal chances. The same arguments give the same draws. Of fewer than two
    images nothing is drawn, so that no resample defines a value.
    """
    weights = np.zeros((resamples, images), dtype=np.int32)
    if images < 2:
        return weights
    rng = np.random.default_rng(seed)
    for row in weights:  # row by row: no (resamples, images) int64 draws beside the weights
        row[:] = np.bincount(rng.integers(images, size=images), minlength=images)
    return weights


def interval(values: NDArray[np.float64], level: float) -> Interval:
    """The percentile interval of (R,) resampled values, NaN where a resample does not define it."""
    defined = np.sort(values[~np.isnan(values)])
    left_out = values.size - defined.size
    if defined.size == 0:
        return Interval(math.nan, math.nan, left_out)
    # Outward to whole ranks: symmetric, and no arithmetic on infinite values.
    reach = (1 - level) / 2 * (defined.size - 1)
    first = math.floor(reach + 1e-9)
    return Interval(float(defined[first]), float(defined[defined.size - 1 - first]), left_out)


def minus(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """(R,) a - b."""
    with np.errstate(invalid="ignore"):  # two infinite thresholds: their difference is undefined, NaN
        return np.asarray(a - b, dtype=np.float64)


def check_settings(resamples: int, level: float) -> None:
    """Raise InputError unless there is something to resample and a level to span."""
    if resamples < 1 or not 0 < level < 1:
        raise InputError(f"{resamples} resamples, level {level}; wanted at least 1 and a level in (0, 1), such as 0.95")
