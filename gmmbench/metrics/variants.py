"""Other people's definitions of FPR95 and of the area under the precision-recall curve, to the letter.

They part from ``fpr_at_tpr`` and ``average_precision`` only through ties, and then by tens of percent:
read them to reproduce a published number, not to rank methods. OOD is the positive class; fractions in
[0, 1]; NaN when no IN or no OOD pixel was counted, where the originals fail or return NaN.

Several of the originals use scikit-learn's ``roc_curve`` at its default ``drop_intermediate=True``, which
leaves out points midway on a straight stretch of the curve. That moves their answer too, so it is an
argument here. Which points those are depends on the single scores: on ``ScoreCounts``, whose bins join
scores that agree in 16 significant bits, the curve is that of the binned scores.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gmmbench.metrics.counted import Counted
from gmmbench.metrics.rank import Cumulated, check_tpr, cumulated


def fpr_above_tpr(counts: Counted, tpr: float = 0.95, drop_intermediate: bool = True) -> float:
    """FPR at the highest threshold whose TPR is above ``tpr``, equal not being enough.

    RbA and DenseHybrid (``calculate_auroc``), on scikit-learn's curve at its default. NaN for ``tpr`` 1,
    which nothing is above.
    """
    check_tpr(tpr)
    c = cumulated(counts)
    if _one_sided(c) or tpr == 1:
        return math.nan
    fpr, found = _roc(c, drop_intermediate)
    return float(fpr[np.argmax(found > tpr)])


def fpr_nearest_tpr(counts: Counted, tpr: float = 0.95, drop_intermediate: bool = True) -> float:
    """FPR where TPR is nearest to ``tpr``, from either side; the highest threshold of equally near ones.

    ``fpr[np.argmin(np.abs(tpr - 0.95))]`` on scikit-learn's curve, its made-up first point (0, 0) among
    the candidates: DOoD, cDNP.
    """
    check_tpr(tpr)
    c = cumulated(counts)
    if _one_sided(c):
        return math.nan
    fpr, found = _roc(c, drop_intermediate)
    return float(fpr[np.argmin(np.abs(found - tpr))])


def fpr_nearest_recall(counts: Counted, tpr: float = 0.95) -> float:
    """FPR where TPR is nearest to ``tpr``; the lowest threshold of equally near ones, up to the first of TPR 1.

    ``fpr_and_fdr_at_recall`` of Hendrycks et al. 2019, "Deep Anomaly Detection with Outlier Exposure", and
    of PEBAL and RPL, which took it over. It reads the curve from its end back, so it takes, of thresholds
    that find the same OOD pixels, the one with the most false alarms.
    """
    check_tpr(tpr)
    c = cumulated(counts)
    if _one_sided(c):
        return math.nan
    all_found = int(np.searchsorted(c.true_positives, c.pixels_ood))
    distance = np.abs(c.true_positives[all_found::-1] / c.pixels_ood - tpr)
    return float(c.false_positives[all_found - int(np.argmin(distance))] / c.pixels_in)


def fpr_interpolated(counts: Counted, tpr: float = 0.95, drop_intermediate: bool = True) -> float:
    """FPR on the straight line between the points of the curve on either side of ``tpr``.

    ``np.interp(0.95, tpr, fpr)`` over scikit-learn's curve with its first point (0, 0): ``fpr_at_95_tpr``
    of ood_metrics 1.1.2, and with it SML, Mask2Anomaly and the Validation_Dataset projects. Nobody can run
    a detector between two thresholds. (Where no TPR reaches 0.95 it returns 0, perfect; a curve that
    ends at TPR 1, as every curve of counted OOD pixels does, never gets there.)
    """
    check_tpr(tpr)
    c = cumulated(counts)
    if _one_sided(c):
        return math.nan
    fpr, found = _roc(c, drop_intermediate)
    return float(np.interp(tpr, found, fpr))


def aupr_trapezoid(counts: Counted) -> float:
    """The trapezoid under the precision-recall curve, from a made-up point of recall 0 and precision 1.

    ``auc(recall, precision)`` over scikit-learn's ``precision_recall_curve``: pytorch-ood, OpenOOD,
    ``aupr`` of ood_metrics 1.1.2. Too kind under ties; see ``average_precision``.
    """
    c = cumulated(counts)
    if _one_sided(c):
        return math.nan
    recall = np.concatenate([[0.0], c.true_positives / c.pixels_ood])
    precision = np.concatenate([[1.0], c.true_positives / (c.true_positives + c.false_positives)])
    return float((np.diff(recall) * (precision[1:] + precision[:-1]) / 2).sum())


def _one_sided(c: Cumulated) -> bool:
    return bool(c.pixels_in == 0 or c.pixels_ood == 0)


def _roc(c: Cumulated, drop_intermediate: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """FPR and TPR as scikit-learn's ``roc_curve`` gives them, (0, 0) first."""
    fps, tps = c.false_positives, c.true_positives
    if drop_intermediate and fps.size > 2:
        bends = (np.diff(fps, 2) != 0) | (np.diff(tps, 2) != 0)
        kept = np.concatenate([[True], bends, [True]])
        fps, tps = fps[kept], tps[kept]
    return np.concatenate([[0.0], fps / fps[-1]]), np.concatenate([[0.0], tps / tps[-1]])
