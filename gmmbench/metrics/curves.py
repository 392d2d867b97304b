"""Curves and histograms of pixels counted by score, for figures: every point is a threshold.

OOD is the positive class. A curve has one point of NaN when a side is empty.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.metrics.counted import Counted
from gmmbench.metrics.rank import cumulated


class RocCurve(NamedTuple):
    """(N,) float64 each, from the highest threshold down; the first point is (0, 0) at threshold +inf."""

    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    thresholds: NDArray[np.float64]


class PrecisionRecallCurve(NamedTuple):
    """(N,) float64 each, from the highest threshold down; no point at recall 0 is made up."""

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    thresholds: NDArray[np.float64]


class ScoreHistogram(NamedTuple):
    """Score densities for a picture.

    Attributes:
        edges: (bins + 1,) float64, uniform.
        in_density: (bins,) float64, per unit of score: it integrates to the share of the IN pixels
            that lies between the edges. NaN where there is no IN pixel.
        ood_density: (bins,) float64, the same of the OOD pixels.
    """

    edges: NDArray[np.float64]
    in_density: NDArray[np.float64]
    ood_density: NDArray[np.float64]


def roc_curve(counts: Counted, max_points: int | None = None) -> RocCurve:
    """FPR and TPR at each threshold; one point of NaN when a side is empty. The area under it is ``auroc``.

    Args:
        max_points: keep at most so many, at least 2. The ends stay, all points kept are points of the
            curve, and no part of the curve moves by more than 2 / (max_points - 1) in |FPR| + |TPR|.
    """
    if _one_sided(counts):
        return RocCurve(*(np.array([math.nan]) for _ in range(3)))
    c = cumulated(counts)
    fpr = np.concatenate([[0.0], c.false_positives / c.pixels_in])
    tpr = np.concatenate([[0.0], c.true_positives / c.pixels_ood])
    kept = _kept_points(fpr, tpr, max_points)
    return RocCurve(fpr[kept], tpr[kept], np.concatenate([[np.inf], c.thresholds])[kept])


def precision_recall_curve(counts: Counted, max_points: int | None = None) -> PrecisionRecallCurve:
    """Recall and precision at each threshold; one point of NaN when a side is empty.

    Draw it as steps: ``sum(np.diff(recall, prepend=0) * precision)`` is ``average_precision``.

    Args:
        max_points: keep at most so many, at least 2. The ends stay, all points kept are points of the
            curve, and each point left out is within L / (max_points - 1) of a kept one in |recall| +
            |precision|, with L the length of the curve in that measure: the sum of all its steps.
    """
    if _one_sided(counts):
        return PrecisionRecallCurve(*(np.array([math.nan]) for _ in range(3)))
    c = cumulated(counts)
    recall = c.true_positives / c.pixels_ood
    precision = c.true_positives / (c.true_positives + c.false_positives)
    kept = _kept_points(recall, precision, max_points)
    return PrecisionRecallCurve(recall[kept], precision[kept], c.thresholds[kept])


def score_histogram(
    counts: Counted, bins: int = 100, quantiles: tuple[float, float] = (0.001, 0.999)
) -> ScoreHistogram:
    """Densities of the IN and of the OOD scores over uniform bins. For pictures only: no metric reads it.

    The edges span, of the finite scores, from the lower of the two sides' lower quantiles to the higher
    of their upper quantiles, so that a rare OOD side is not cut off. Each counted bin goes whole to the
    picture bin that its lower edge lies in. With no finite score all is NaN.
    """
    low, high = quantiles
    if bins < 1 or not 0 <= low < high <= 1:
        raise InputError(f"bins {bins}, quantiles {quantiles}; wanted at least 1 bin and 0 <= lower < upper <= 1")
    lower_edges, *sides = counts.sorted_counts()
    finite = np.isfinite(lower_edges)
    scores = lower_edges[finite].astype(np.float64)
    spans = [_quantiles(scores, side[finite], quantiles) for side in sides if side[finite].any()]
    if not spans:
        return ScoreHistogram(*(np.full(n, math.nan) for n in (bins + 1, bins, bins)))
    start, stop = min(span[0] for span in spans), max(span[1] for span in spans)
    if start == stop:  # one score only: any span shows it
        margin = max(0.5, abs(start) / 2)
        start, stop = start - margin, stop + margin
    edges = np.linspace(start, stop, bins + 1)
    densities = []
    for side in sides:
        weights, _ = np.histogram(scores, edges, weights=side[finite].astype(np.float64))
        total = int(side.sum())
        densities.append(weights / (total * np.diff(edges)) if total else np.full(bins, math.nan))
    return ScoreHistogram(edges, *densities)


def _one_sided(counts: Counted) -> bool:
    return counts.pixels_in == 0 or counts.pixels_ood == 0


def _kept_points(x: NDArray[np.float64], y: NDArray[np.float64], max_points: int | None) -> NDArray[np.int64]:
    """Indices of at most ``max_points`` points: the first, and the last in each of equal stretches of the curve.

    A point left out lies in the stretch of a kept one, so at most a stretch away from it.
    """
    if max_points is not None and max_points < 2:
        raise InputError(f"max_points is {max_points}; wanted at least 2, the ends of the curve")
    if max_points is None or len(x) <= max_points:
        return np.arange(len(x))
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    stretches = max_points - 1
    if length[-1] == 0:
        return np.array([0, len(x) - 1])
    stretch = np.minimum((length / length[-1] * stretches).astype(np.int64), stretches - 1)
    is_last = np.append(stretch[1:] != stretch[:-1], True)
    is_last[0] = True
    return np.flatnonzero(is_last)


def _quantiles(
    scores: NDArray[np.float64], pixels: NDArray[np.int64], quantiles: tuple[float, float]
) -> tuple[float, float]:
    """The scores, ascending, at which the cumulated pixels reach each quantile."""
    cumulated = np.cumsum(pixels)
    low, high = (max(1, math.ceil(q * int(cumulated[-1]))) for q in quantiles)
    return float(scores[np.searchsorted(cumulated, low)]), float(scores[np.searchsorted(cumulated, high)])
