"""The formulas of the rank metrics, on cumulated counts: of one set, or of a thousand resampled ones at once.

Every function reduces the last axis, the thresholds from the highest down, and keeps the axes before
it. Counts are whole numbers, int64 or float64 (exact to 2**53). Products of two counts are taken in
float64: 1e10 IN pixels times 1e10 OOD pixels is past int64, which would wrap without a word.

What is undefined without IN or without OOD pixels is NaN there. A threshold at which nothing new is
counted, as resampling makes them, changes no value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.metrics.counted import Counted

Values = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Cumulated:
    """Pixels at or above each threshold; a pixel is called anomalous when its score is there.

    Attributes:
        thresholds: (N,) float64, strictly descending.
        false_positives: (..., N), IN pixels at or above; the last column is all of them.
        true_positives: (..., N), OOD pixels at or above; the last column is all of them.
    """

    thresholds: NDArray[np.float64]
    false_positives: Values
    true_positives: Values

    @property
    def pixels_in(self) -> Values:
        """(...), all IN pixels."""
        return _last(self.false_positives)

    @property
    def pixels_ood(self) -> Values:
        """(...), all OOD pixels."""
        return _last(self.true_positives)


def cumulated(counts: Counted) -> Cumulated:
    """The (N,) int64 cumulated counts of ``counts``, whichever way they were counted."""
    edges, in_counts, ood_counts = counts.sorted_counts()
    return Cumulated(edges[::-1].astype(np.float64), np.cumsum(in_counts[::-1]), np.cumsum(ood_counts[::-1]))


def auroc(c: Cumulated) -> Values:
    """(...), the chance that an OOD pixel scores above an IN pixel, ties counting half."""
    # Twice the IN pixels that lie below a threshold's own pixels, half of those beside them included.
    below_doubled = 2 * c.pixels_in[..., None] - c.false_positives - _before(c.false_positives)
    wins_doubled = _sum_of_products(_steps(c.true_positives), below_doubled)
    return _two_sided(c, _divide(_divide(wins_doubled, 2 * c.pixels_in), c.pixels_ood))


def average_precision(c: Cumulated) -> Values:
    """(...), sum of recall steps times precision, OOD positive, from the highest threshold down."""
    found = c.true_positives + c.false_positives
    precision = c.true_positives / np.maximum(found, 1)  # where nothing is found, no step is taken
    return _two_sided(c, _divide(_sum_of_products(_steps(c.true_positives), precision), c.pixels_ood))


def average_precision_in(c: Cumulated) -> Values:
    """(...), the same with IN as the positive class and the score negated, so from the lowest threshold up."""
    in_below = c.pixels_in[..., None] - _before(c.false_positives)  # with the threshold's own pixels
    ood_below = c.pixels_ood[..., None] - _before(c.true_positives)
    precision = in_below / np.maximum(in_below + ood_below, 1)
    return _two_sided(c, _divide(_sum_of_products(_steps(c.false_positives), precision), c.pixels_in))


def index_at_tpr(c: Cumulated, tpr: float) -> NDArray[np.intp]:
    """(...), the first threshold that finds at least ``tpr`` of the OOD pixels; of no meaning without any.

    ``tpr`` is taken as the decimal it prints as, and compared in integers: as floats 0.55 x 100 is a
    hair above 55, and the next threshold would be taken.
    """
    share = Fraction(repr(float(tpr)))
    pixels = np.asarray(c.pixels_ood)
    wanted = np.array([math.ceil(share * int(number)) for number in pixels.ravel()], dtype=np.int64)
    return np.asarray(np.argmax(c.true_positives >= wanted.reshape(pixels.shape)[..., None], axis=-1))


def check_tpr(tpr: float) -> None:
    """Raise InputError unless ``tpr`` is in (0, 1]."""
    if not 0 < tpr <= 1:
        raise InputError(f"tpr is {tpr}; wanted a fraction in (0, 1], such as 0.95; divide a percentage by 100")


def fpr_at_tpr(c: Cumulated, tpr: float = 0.95) -> Values:
    """(...), the share of IN pixels at or above that threshold."""
    if c.thresholds.size == 0:
        return np.full(c.pixels_in.shape, math.nan)
    return _two_sided(c, _divide(_pick(c.false_positives, index_at_tpr(c, tpr)), c.pixels_in))


def best_f1(c: Cumulated) -> Values:
    """(...), the best F1 of the OOD class over the thresholds, 2 TP / (2 TP + FP + FN)."""
    return _two_sided(c, _f1(c).max(axis=-1, initial=0))


def best_f1_threshold(c: Cumulated) -> Values:
    """(...), the highest threshold at which ``best_f1`` is reached."""
    if c.thresholds.size == 0:
        return np.full(c.pixels_in.shape, math.nan)
    return _two_sided(c, c.thresholds[np.argmax(_f1(c), axis=-1)])


RANK_METRICS: dict[str, Callable[[Cumulated], Values]] = {
    "AUROC": auroc,
    "AP": average_precision,
    "FPR95": fpr_at_tpr,
    "AUPR-in": average_precision_in,
    "F1": best_f1,
    "F1 threshold": best_f1_threshold,
}
"""The formula of each reading in ``READINGS``, by the same name."""


def _f1(c: Cumulated) -> Values:
    # TP + FN is all OOD pixels. The denominator is 0 only without any, and then the metric is NaN anyway.
    sizes = c.true_positives + c.false_positives + c.pixels_ood[..., None]
    return np.asarray(2 * c.true_positives / np.maximum(sizes, 1))


def _last(counts: Values) -> Values:
    return np.asarray(counts[..., -1]) if counts.shape[-1] else np.zeros(counts.shape[:-1], dtype=np.int64)


def _before(counts: Values) -> Values:
    """The counts above each threshold: those at or above the one before."""
    shifted = np.zeros_like(counts)
    shifted[..., 1:] = counts[..., :-1]
    return shifted


def _steps(counts: Values) -> Values:
    return np.diff(counts, prepend=0, axis=-1)


def _sum_of_products(left: Values, right: Values) -> Values:
    return np.asarray((left.astype(np.float64, copy=False) * right).sum(axis=-1))


def _pick(counts: Values, index: NDArray[np.intp]) -> Values:
    return np.asarray(np.take_along_axis(counts, index[..., None], axis=-1)[..., 0])


def _divide(numerator: Values, denominator: Values) -> Values:
    """The quotient; 0 where the denominator is, and ``_two_sided`` puts NaN there."""
    return numerator / np.maximum(denominator, 1)


def _two_sided(c: Cumulated, values: Values) -> Values:
    """``values``, NaN where a side is empty."""
    return np.where((c.pixels_in > 0) & (c.pixels_ood > 0), values, math.nan)
