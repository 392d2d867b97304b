"""Readings of ``ScoreCounts``: the rank metrics of anomaly segmentation, and the curves behind them.

OOD is the positive class, higher score = more anomalous, a pixel is called anomalous when its score
is at or above the threshold, and there is one threshold for each occupied bin. Values are fractions
in [0, 1], not percent. A metric that needs both sides is NaN when no IN or no OOD pixel was counted.

Counts are exact integers. Products of two counts are not: 1e10 IN pixels times 1e10 OOD pixels is
1e20, past the 9.2e18 of int64, which would wrap without a word; so products are taken in float64
(relative error 1e-16 a term) or in Python integers, never in int64. Sums of counts stay in int64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.metrics.counts import ScoreCounts

Counts = TypeVar("Counts")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Reading(Generic[Counts, Value]):
    """A metric as a report shows it.

    Attributes:
        name: the field's name for it.
        read: counts -> value.
        higher_is_better: the direction, for arrows and bold.
        definition: one line for the reader of a report.
    """

    name: str
    read: Callable[[Counts], Value]
    higher_is_better: bool
    definition: str


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


def auroc(counts: ScoreCounts) -> float:
    """Area under the ROC curve: the chance that an OOD pixel scores above an IN pixel, ties counting half.

    This is the Mann-Whitney U statistic divided by IN x OOD, and the trapezoid area under ``roc_curve``:
    between two ROC points, unlike two precision-recall points, a straight line is right.
    Fawcett 2006, "An introduction to ROC analysis", section 7; scikit-learn ``roc_auc_score``.
    """
    if _one_sided(counts):
        return math.nan
    _, in_counts, ood_counts = counts.sorted_counts()
    below_doubled = 2 * np.cumsum(in_counts) - in_counts  # twice (IN pixels below + half of those in the bin)
    pairs_doubled = (ood_counts.astype(np.float64) * below_doubled).sum()
    return float(pairs_doubled) / (2 * counts.pixels_in * counts.pixels_ood)


def average_precision(counts: ScoreCounts) -> float:
    """Average precision, sum of (R_n - R_{n-1}) P_n over the thresholds, from the highest down.

    The step sum, not the trapezoid: between two thresholds precision is not linear in recall, and a
    straight line is too kind, most of all under ties. Davis & Goadrich 2006, "The relationship between
    Precision-Recall and ROC curves"; scikit-learn user guide, "Precision, recall and F-measures",
    ``average_precision_score``. Depends on the share of OOD pixels: show ``ood_fraction`` beside it.
    """
    if _one_sided(counts):
        return math.nan
    _, true_positives, false_positives = _positives(counts)
    precision = true_positives / (true_positives + false_positives)  # int64 / int64 is float64
    found = np.diff(true_positives, prepend=0)
    return float((found * precision).sum()) / counts.pixels_ood


def fpr_at_tpr(counts: ScoreCounts, tpr: float = 0.95) -> float:
    """The share of IN pixels at or above the highest threshold that finds at least ``tpr`` of the OOD pixels.

    ``tpr`` in (0, 1] is taken as the decimal it prints as, and compared in integers: as floats
    0.55 x 100 is a hair above 55, and the next threshold would be taken.
    No interpolation between thresholds: nobody can run a detector there.
    Hendrycks & Gimpel 2017, "A baseline for detecting misclassified and out-of-distribution examples"
    (the setting); Chan et al. 2021, "SegmentMeIfYouCan" (FPR95 of pixels, first TPR >= 0.95).
    """
    index = _first_index_at_tpr(counts, tpr)
    if index is None or counts.pixels_in == 0:
        return math.nan
    _, _, false_positives = _positives(counts)
    return int(false_positives[index]) / counts.pixels_in


def fpr95(counts: ScoreCounts) -> float:
    """``fpr_at_tpr`` at TPR 0.95."""
    return fpr_at_tpr(counts, 0.95)


def threshold_at_tpr(counts: ScoreCounts, tpr: float = 0.95) -> float:
    """The threshold of ``fpr_at_tpr``: ``score >= threshold`` calls anomalous exactly the pixels it counts.

    The lower edge of a bin, so up to 2**-15 of itself below the lowest score that it takes in.
    Needs no IN pixel; NaN when there is no OOD pixel.
    """
    index = _first_index_at_tpr(counts, tpr)
    if index is None:
        return math.nan
    thresholds, _, _ = _positives(counts)
    return float(thresholds[index])


def ood_fraction(counts: ScoreCounts) -> float:
    """OOD pixels over IN + OOD pixels: the average precision of a random score. NaN when there are none."""
    scored = counts.pixels_in + counts.pixels_ood
    return counts.pixels_ood / scored if scored else math.nan


def roc_curve(counts: ScoreCounts, max_points: int | None = None) -> RocCurve:
    """FPR and TPR at each threshold; one point of NaN when a side is empty. The area under it is ``auroc``.

    Args:
        max_points: keep at most so many, at least 2. The ends stay, all points kept are points of the
            curve, and no part of the curve moves by more than 2 / (max_points - 1) in |FPR| + |TPR|.
    """
    if _one_sided(counts):
        return RocCurve(*(np.array([math.nan]) for _ in range(3)))
    thresholds, true_positives, false_positives = _positives(counts)
    fpr = np.concatenate([[0.0], false_positives / counts.pixels_in])
    tpr = np.concatenate([[0.0], true_positives / counts.pixels_ood])
    kept = _kept_points(fpr, tpr, max_points)
    return RocCurve(fpr[kept], tpr[kept], np.concatenate([[np.inf], thresholds])[kept])


def precision_recall_curve(counts: ScoreCounts, max_points: int | None = None) -> PrecisionRecallCurve:
    """Recall and precision at each threshold; one point of NaN when a side is empty.

    Draw it as steps: ``sum(np.diff(recall, prepend=0) * precision)`` is ``average_precision``.

    Args:
        max_points: keep at most so many, at least 2. The ends stay, all points kept are points of the
            curve, and each point left out is within L / (max_points - 1) of a kept one in |recall| +
            |precision|, with L the length of the curve in that measure: the sum of all its steps.
    """
    if _one_sided(counts):
        return PrecisionRecallCurve(*(np.array([math.nan]) for _ in range(3)))
    thresholds, true_positives, false_positives = _positives(counts)
    recall = true_positives / counts.pixels_ood
    precision = true_positives / (true_positives + false_positives)
    kept = _kept_points(recall, precision, max_points)
    return PrecisionRecallCurve(recall[kept], precision[kept], thresholds[kept])


def score_histogram(
    counts: ScoreCounts, bins: int = 100, quantiles: tuple[float, float] = (0.001, 0.999)
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


READINGS: dict[str, Reading[ScoreCounts, float]] = {
    "AUROC": Reading(
        "AUROC", auroc, True, "chance that an OOD pixel scores above an IN pixel, ties half; pixels pooled"
    ),
    "AP": Reading("AP", average_precision, True, "sum of recall steps times precision, OOD positive; pixels pooled"),
    "FPR95": Reading(
        "FPR95",
        fpr95,
        False,
        "share of IN pixels at or above the highest threshold that finds 95 % of the OOD pixels; pixels pooled",
    ),
}
"""The rank metrics, by name, in the order a report shows them."""


def _one_sided(counts: ScoreCounts) -> bool:
    return counts.pixels_in == 0 or counts.pixels_ood == 0


def _positives(counts: ScoreCounts) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Thresholds from the highest down, and the OOD and IN pixels at or above each."""
    lower_edges, in_counts, ood_counts = counts.sorted_counts()
    return lower_edges[::-1].astype(np.float64), np.cumsum(ood_counts[::-1]), np.cumsum(in_counts[::-1])


def _first_index_at_tpr(counts: ScoreCounts, tpr: float) -> int | None:
    """Where, from the highest threshold down, the OOD pixels found first reach ``tpr``; None without OOD pixels."""
    if not 0 < tpr <= 1:
        raise InputError(f"tpr is {tpr}; wanted a fraction in (0, 1], such as 0.95; divide a percentage by 100")
    if counts.pixels_ood == 0:
        return None
    wanted = math.ceil(Fraction(repr(float(tpr))) * counts.pixels_ood)
    _, true_positives, _ = _positives(counts)
    return int(np.searchsorted(true_positives, wanted, side="left"))


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
