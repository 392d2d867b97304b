"""How sure a number is: intervals from resampling the images of a data set, with no second pass over pixels.

The percentile bootstrap of Efron 1979, "Bootstrap methods: another look at the jackknife" (Efron &
Tibshirani 1993, "An introduction to the bootstrap", section 13.3). The unit is the image: pixels of one
image are alike, and resampling pixels would give intervals many times too narrow. N images are drawn
from the N with replacement, and the metric is read of their pooled pixels, 1,000 times; the interval
spans the middle 95 % of those values, from one of them to another, so infinities do no harm.

The draws depend on N, the number of resamples and the seed only: two scores of one data set see the same
images in each resample, which is what makes ``differences`` paired. A resample in which the metric is
undefined, because no OOD pixel or no IN pixel was drawn, is left out, and how many were is said. Fewer than
two images say nothing about other images: then both ends are NaN and all resamples are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.metrics.merged import Images, MergedBins, merge_bins, pool
from gmmbench.metrics.rank import RANK_METRICS, Cumulated, Values
from gmmbench.metrics.resampling import (
    LEVEL,
    RESAMPLES,
    Difference,
    Interval,
    check_settings,
    interval,
    minus,
    resample_weights,
)

__all__ = [
    "Difference",
    "Interval",
    "differences",
    "intervals",
    "mean_interval",
    "ratio_differences",
    "ratio_intervals",
    "resampled",
    "resampled_means",
    "resampled_ratios",
]

Metrics = Mapping[str, Callable[[Cumulated], Values]]
Statistic = Callable[[NDArray[np.float64]], Mapping[str, NDArray[np.float64]]]

_ROWS = 32  # resamples read at once: their temporaries, 1 MB each, then stay in the cache


def intervals(
    images: Images,
    readings: Metrics = RANK_METRICS,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Interval]:
    """The interval of each pooled metric, by name.

    Args: as ``resampled``, and
        level: in (0, 1), the share of the resampled values that the interval spans.

    Raises:
        InputError: settings out of range, or images that differ from one call to the next.
    """
    check_settings(resamples, level)
    values = resampled(images, readings, resamples, seed)
    return {name: interval(column, level) for name, column in values.items()}


def resampled(
    images: Images, readings: Metrics = RANK_METRICS, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Values]:
    """(R,) values of each pooled metric, one for each resample; NaN where a resample does not define it.

    The values of two scores of the same images may be subtracted: resample by resample they saw the same images.
    Memory is that of the (resamples, N) int32 weights and, for 1,000 resamples, of some 110 MB: images are read one
    at a time, twice, into common bins (see ``merged``).

    Args:
        images: gives the counts of each image, anew at each call; images without OOD pixels belong here.
        readings: formulas that take ``Cumulated`` counts of (R, B); by default those of ``READINGS``.
        resamples: at least 1.
        seed: of the draws.

    Raises:
        InputError: settings out of range, or images that differ from one call to the next.
    """
    check_settings(resamples, LEVEL)
    return _resampled(images, merge_bins(images), readings, resamples, seed)


def differences(
    a: Images,
    b: Images,
    readings: Metrics = RANK_METRICS,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Difference]:
    """The difference a - b of each pooled metric with its paired interval: the same images drawn for both.

    Args: as ``intervals``; a and b are two scores of the same images, in the same order.

    Raises:
        InputError: also where a and b have other images, seen by their IN and OOD pixels.
    """
    check_settings(resamples, level)
    bins = merge_bins(a), merge_bins(b)
    _check_paired(bins[0].sizes, bins[1].sizes)
    first, second = (
        _resampled(images, merged, readings, resamples, seed) for images, merged in zip((a, b), bins, strict=True)
    )
    whole = [
        pool(images, merged, np.ones((1, len(merged.sizes)), dtype=np.int32))
        for images, merged in zip((a, b), bins, strict=True)
    ]
    found = {}
    for name, metric in readings.items():
        value = float(minus(metric(whole[0]), metric(whole[1]))[0])
        found[name] = Difference(value, *interval(minus(first[name], second[name]), level))
    return found


def mean_interval(
    values: NDArray[np.float64], resamples: int = RESAMPLES, seed: int = 0, level: float = LEVEL
) -> Interval:
    """The interval of the mean over images of a value that each image has.

    Args:
        values: (N,) float64; NaN for an image in which it is undefined: such an image is drawn as others
            are and left out of the mean. For a difference of two scores pass the differences.
        resamples, seed, level: as ``intervals``. A resample that draws an infinite value, or no defined
            one, is left out.
    """
    check_settings(resamples, level)
    return interval(resampled_means(values, resamples, seed), level)


def resampled_means(values: NDArray[np.float64], resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.float64]:
    """(R,) means of such values, one for each resample; NaN where it draws an infinite one or no defined one."""
    weights = resample_weights(len(values), resamples, seed).astype(np.float64)
    finite, defined = np.isfinite(values), ~np.isnan(values)
    drawn = weights @ defined
    means = weights[:, finite] @ values[finite] / np.where(drawn > 0, drawn, math.nan)
    means[weights[:, defined & ~finite].any(axis=1)] = math.nan
    return means


def ratio_intervals(
    statistics: NDArray[np.float64],
    read: Statistic,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Interval]:
    """The intervals of numbers that are read from sums over images, as component metrics are.

    Args:
        statistics: (N, ...) what each image adds to the sums.
        read: of (R, ...) float64 sums, one for each resample, the values by name, (R,) each; NaN where
            undefined. A mean sIoU is ``lambda sums: {"sIoU": sums[:, 0] / sums[:, 1]}``.
        resamples, seed, level: as ``intervals``.
    """
    check_settings(resamples, level)
    values = resampled_ratios(statistics, read, resamples, seed)
    return {name: interval(column, level) for name, column in values.items()}


def resampled_ratios(
    statistics: NDArray[np.float64], read: Statistic, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """(R,) values of such numbers, one for each resample; arguments as ``ratio_intervals``."""
    return _read_sums(resample_weights(len(statistics), resamples, seed), statistics, read)


def ratio_differences(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    read: Statistic,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Difference]:
    """The differences a - b of such numbers with their paired intervals; arguments as ``ratio_intervals``.

    Raises:
        InputError: also where ``a`` and ``b`` are not of as many images.
    """
    check_settings(resamples, level)
    if len(a) != len(b):
        raise InputError(f"statistics of {len(a)} and of {len(b)} images; wanted the same images for both")
    weights = resample_weights(len(a), resamples, seed)
    once = np.ones((1, len(a)), dtype=np.int32)
    first, second = (_read_sums(weights, statistics, read) for statistics in (a, b))
    whole = [_read_sums(once, statistics, read) for statistics in (a, b)]
    return {
        name: Difference(
            float(minus(whole[0][name], whole[1][name])[0]), *interval(minus(first[name], second[name]), level)
        )
        for name in first
    }


def _resampled(
    images: Images, merged: MergedBins, readings: Metrics, resamples: int, seed: int
) -> dict[str, NDArray[np.float64]]:
    """(R,) values of each metric."""
    pools = pool(images, merged, resample_weights(len(merged.sizes), resamples, seed))
    parts = [
        Cumulated(pools.thresholds, pools.false_positives[row : row + _ROWS], pools.true_positives[row : row + _ROWS])
        for row in range(0, resamples, _ROWS)
    ]
    return {name: np.concatenate([metric(part) for part in parts]) for name, metric in readings.items()}


def _read_sums(
    weights: NDArray[np.int32], statistics: NDArray[np.float64], read: Statistic
) -> dict[str, NDArray[np.float64]]:
    """(R,) values of each name, from the sums that each row of weights makes; NaN where nothing was drawn."""
    sums = np.tensordot(weights.astype(np.float64), statistics, axes=1)
    drawn = weights.any(axis=1)
    return {name: np.where(drawn, values, math.nan) for name, values in read(sums).items()}


def _check_paired(a: NDArray[np.int64], b: NDArray[np.int64]) -> None:
    if len(a) != len(b):
        raise InputError(f"{len(a)} and {len(b)} images; wanted the same images, in the same order, for both scores")
    other = np.flatnonzero((a != b).any(axis=1))
    if other.size:
        image = int(other[0])
        raise InputError(
            f"image {image} has {a[image, 0]:,} IN and {a[image, 1]:,} OOD pixels in one score, "
            f"{b[image, 0]:,} and {b[image, 1]:,} in the other; wanted the same images, in the same order, for both"
        )
