"""Other people's definitions against transcriptions of their code on scikit-learn's curves, under heavy ties."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import auc, precision_recall_curve, roc_curve

from gmmbench.errors import InputError
from gmmbench.labels import IN, OOD
from gmmbench.metrics import ScoreCounts
from gmmbench.metrics.readings import average_precision, fpr95
from gmmbench.metrics.variants import (
    aupr_trapezoid,
    fpr_above_tpr,
    fpr_interpolated,
    fpr_nearest_recall,
    fpr_nearest_tpr,
)

Truth = NDArray[np.bool_]
Scores = NDArray[np.float32]
levels = st.integers(-3, 4).map(float)
many = st.integers(-40, 40).map(float)
# Twenties and forties of OOD pixels, so that TPR 0.95 is met exactly.
pixels = st.one_of(
    st.lists(st.tuples(levels, st.sampled_from([IN, OOD])), min_size=2, max_size=60),
    st.lists(st.tuples(many, st.sampled_from([IN, OOD])), min_size=2, max_size=60),
    st.builds(
        lambda ood, inside: [(s, OOD) for s in ood] + [(s, IN) for s in inside],
        st.lists(many, min_size=20, max_size=20) | st.lists(levels, min_size=40, max_size=40),
        st.lists(many, min_size=1, max_size=40),
    ),
)


def above(truth: Truth, scores: Scores, drop: bool) -> float:
    """RbA's and DenseHybrid's calculate_auroc."""
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=drop)
    for i, j in zip(tpr, fpr, strict=True):
        if i > 0.95:
            return float(j)
    return 0.0


def nearest(truth: Truth, scores: Scores, drop: bool) -> float:
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=drop)
    return float(fpr[np.argmin(np.abs(tpr - 0.95))])


def interpolated(truth: Truth, scores: Scores, drop: bool) -> float:
    """ood_metrics 1.1.2, fpr_at_95_tpr."""
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=drop)
    if all(tpr < 0.95):
        return 0.0
    if all(tpr >= 0.95):
        return float(min(fpr[i] for i, x in enumerate(tpr) if x >= 0.95))
    return float(np.interp(0.95, tpr, fpr))


def nearest_recall(truth: Truth, scores: Scores) -> float:
    """Hendrycks' fpr_and_fdr_at_recall, step by step with a sort."""
    order = np.argsort(scores, kind="mergesort")[::-1]
    ranked, hit = scores[order], truth[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), hit.size - 1)
    tps = np.cumsum(hit)[ends]
    fps = 1 + ends - tps
    recall = tps / tps[-1]
    last = int(tps.searchsorted(tps[-1]))
    recall, fps = np.append(recall[last::-1], 1), np.append(fps[last::-1], 0)
    return float(fps[np.argmin(np.abs(recall - 0.95))] / (~truth).sum())


def trapezoid(truth: Truth, scores: Scores) -> float:
    precision, recall, _ = precision_recall_curve(truth, scores)
    return float(auc(recall, precision))


def as_counts(pairs: list[tuple[float, int]]) -> tuple[ScoreCounts, Truth, Scores]:
    scores = np.array([score for score, _ in pairs], dtype=np.float32)
    labels = np.array([label for _, label in pairs], dtype=np.uint8)
    counts = ScoreCounts()
    counts.update(scores, labels)
    return counts, labels == OOD, scores


@settings(deadline=None, max_examples=150)
@given(pixels)
def test_equal_to_the_originals(pairs: list[tuple[float, int]]) -> None:
    assume({label for _, label in pairs} == {IN, OOD})
    counts, truth, scores = as_counts(pairs)
    for drop in (True, False):
        assert fpr_above_tpr(counts, drop_intermediate=drop) == pytest.approx(above(truth, scores, drop), abs=1e-12)
        assert fpr_nearest_tpr(counts, drop_intermediate=drop) == pytest.approx(nearest(truth, scores, drop), abs=1e-12)
        assert fpr_interpolated(counts, drop_intermediate=drop) == pytest.approx(
            interpolated(truth, scores, drop), abs=1e-12
        )
    assert fpr_nearest_recall(counts) == pytest.approx(nearest_recall(truth, scores), abs=1e-12)
    assert aupr_trapezoid(counts) == pytest.approx(trapezoid(truth, scores), abs=1e-12)


def test_they_agree_with_ours_without_ties_and_part_with_them() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(200_000) < 0.05).astype(np.uint8)
    scores = rng.normal(2 * labels, 1)
    fine, few = ScoreCounts(), ScoreCounts()
    fine.update(scores.astype(np.float32), labels)
    few.update(np.round(scores).astype(np.float32), labels)
    variants: list[Callable[[ScoreCounts], float]] = [
        fpr_above_tpr,
        fpr_nearest_tpr,
        fpr_nearest_recall,
        fpr_interpolated,
    ]
    for variant in variants:
        assert variant(fine) == pytest.approx(fpr95(fine), abs=5e-3)
    assert aupr_trapezoid(fine) == pytest.approx(average_precision(fine), abs=1e-3)
    assert fpr_nearest_tpr(few) < fpr95(few) - 0.1
    assert aupr_trapezoid(few) > average_precision(few) + 0.01


def test_equal_is_not_above() -> None:
    # 20 OOD pixels, one a level, an IN pixel half a level below each: TPR 0.95 at 1 false alarm less than above it.
    ood = [(float(2 * n), OOD) for n in range(20)]
    counts, _, _ = as_counts(ood + [(float(2 * n - 1), IN) for n in range(20)])
    assert fpr95(counts) == 18 / 20
    assert fpr_above_tpr(counts, drop_intermediate=False) == 19 / 20


@pytest.mark.parametrize("labels", [[], [IN, IN], [OOD, OOD]])
def test_undefined_is_nan(labels: list[int]) -> None:
    counts = ScoreCounts()
    counts.update(np.arange(len(labels), dtype=np.float32), np.array(labels, np.uint8))
    for variant in (fpr_above_tpr, fpr_nearest_tpr, fpr_nearest_recall, fpr_interpolated, aupr_trapezoid):
        assert math.isnan(variant(counts))


def test_nothing_is_above_a_tpr_of_one() -> None:
    counts, _, _ = as_counts([(1.0, IN), (2.0, OOD)])
    assert math.isnan(fpr_above_tpr(counts, 1.0))
    assert fpr_nearest_tpr(counts, 1.0) == 0
    with pytest.raises(InputError, match="wanted a fraction"):
        fpr_interpolated(counts, 95)
