"""Readings of pixels counted by score: the rank metrics of anomaly segmentation, and the table of them.

OOD is the positive class, higher score = more anomalous, a pixel is called anomalous when its score
is at or above the threshold, and there is one threshold for each occupied bin. Values are fractions
in [0, 1], not percent. A metric that needs both sides is NaN when no IN or no OOD pixel was counted.

What is counted may be pooled (``ScoreCounts``), one image (``ImageCounts``) or kept whole
(``ExactScores``); the reading is exact for the bins. The formulas are in ``rank``, where the bootstrap
reads them too; the curves are in ``curves``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from gmmbench.metrics import rank
from gmmbench.metrics.counted import Counted

Counts = TypeVar("Counts")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Reading(Generic[Counts, Value]):
    """A metric as a report shows it.

    Attributes:
        name: the field's name for it.
        read: counts -> value.
        higher_is_better: the direction, for arrows and bold; None where neither is better.
        definition: one line for the reader of a report.
        unit: "share", a fraction that is shown in percent, or "score", a value on the score's own scale.
        headline: among the columns of a report's tables; the others are for those who ask.
    """

    name: str
    read: Callable[[Counts], Value]
    higher_is_better: bool | None
    definition: str
    unit: Literal["share", "score"] = "share"
    headline: bool = True


def auroc(counts: Counted) -> float:
    """Area under the ROC curve: the chance that an OOD pixel scores above an IN pixel, ties counting half.

    This is the Mann-Whitney U statistic divided by IN x OOD, and the trapezoid area under ``roc_curve``:
    between two ROC points, unlike two precision-recall points, a straight line is right.
    Fawcett 2006, "An introduction to ROC analysis", section 7; scikit-learn ``roc_auc_score``.
    """
    return float(rank.auroc(rank.cumulated(counts)))


def average_precision(counts: Counted) -> float:
    """Average precision, sum of (R_n - R_{n-1}) P_n over the thresholds, from the highest down.

    The step sum, not the trapezoid: between two thresholds precision is not linear in recall, and a
    straight line is too kind, most of all under ties. Davis & Goadrich 2006, "The relationship between
    Precision-Recall and ROC curves"; scikit-learn user guide, "Precision, recall and F-measures",
    ``average_precision_score``. Depends on the share of OOD pixels: show ``ood_fraction`` beside it.
    """
    return float(rank.average_precision(rank.cumulated(counts)))


def average_precision_in(counts: Counted) -> float:
    """Average precision of finding the IN pixels: IN is positive here, and the score negated.

    The "AUPR-In" of Hendrycks & Gimpel 2017 in its step form; scikit-learn
    ``average_precision_score(labels == IN, -scores)``. Near 1 where OOD pixels are rare, whatever the score.
    """
    return float(rank.average_precision_in(rank.cumulated(counts)))


def fpr_at_tpr(counts: Counted, tpr: float = 0.95) -> float:
    """The share of IN pixels at or above the highest threshold that finds at least ``tpr`` of the OOD pixels.

    ``tpr`` in (0, 1] is taken as the decimal it prints as, and compared in integers: as floats
    0.55 x 100 is a hair above 55, and the next threshold would be taken.
    No interpolation between thresholds: nobody can run a detector there.
    Hendrycks & Gimpel 2017, "A baseline for detecting misclassified and out-of-distribution examples"
    (the setting); Chan et al. 2021, "SegmentMeIfYouCan" (FPR95 of pixels, first TPR >= 0.95).
    What others do instead is in ``variants``.
    """
    rank.check_tpr(tpr)
    return float(rank.fpr_at_tpr(rank.cumulated(counts), tpr))


def fpr95(counts: Counted) -> float:
    """``fpr_at_tpr`` at TPR 0.95."""
    return fpr_at_tpr(counts, 0.95)


def threshold_at_tpr(counts: Counted, tpr: float = 0.95) -> float:
    """The threshold of ``fpr_at_tpr``: ``score >= threshold`` calls anomalous exactly the pixels it counts.

    The lower edge of a bin, so up to the width of a bin (2**-15 of itself in ``ScoreCounts``) below the
    lowest score that it takes in. Needs no IN pixel; NaN when there is no OOD pixel.
    """
    rank.check_tpr(tpr)
    if counts.pixels_ood == 0:
        return math.nan
    c = rank.cumulated(counts)
    return float(c.thresholds[rank.index_at_tpr(c, tpr)])


def best_f1(counts: Counted) -> float:
    """The best F1 of the OOD class over the thresholds: 2 TP / (2 TP + FP + FN).

    The threshold is chosen on the set that is measured, so it is an upper bound for any fixed one.
    Chan et al. 2021, "SegmentMeIfYouCan" (the threshold of its component metrics).
    """
    return float(rank.best_f1(rank.cumulated(counts)))


def best_f1_threshold(counts: Counted) -> float:
    """The highest threshold at which ``best_f1`` is reached, the lower edge of a bin; in units of the score."""
    return float(rank.best_f1_threshold(rank.cumulated(counts)))


def ood_fraction(counts: Counted) -> float:
    """OOD pixels over IN + OOD pixels: the average precision of a random score. NaN when there are none."""
    scored = counts.pixels_in + counts.pixels_ood
    return counts.pixels_ood / scored if scored else math.nan


def read_all(counts: Counted) -> dict[str, float]:
    """Every reading of ``READINGS``, by name: the same values from one walk over the counts."""
    c = rank.cumulated(counts)
    return {name: float(metric(c)) for name, metric in rank.RANK_METRICS.items()}


READINGS: dict[str, Reading[Counted, float]] = {
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
    "AUPR-in": Reading(
        "AUPR-in",
        average_precision_in,
        True,
        "sum of recall steps times precision, IN positive and the score negated; pixels pooled",
        headline=False,
    ),
    "F1": Reading(
        "F1",
        best_f1,
        True,
        "best F1 of the OOD class over all thresholds, chosen on the same pixels; pixels pooled",
        headline=False,
    ),
    "F1 threshold": Reading(
        "F1 threshold",
        best_f1_threshold,
        None,
        "the highest threshold of the best F1, in units of the score",
        unit="score",
        headline=False,
    ),
}
"""The rank metrics, by name, in the order a report shows them."""
