"""ExactScores: every distinct score a threshold, so the readings are scikit-learn's; and the counts made of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics import READINGS, ExactScores, NaNScoreError, ScoreCounts, read_all

any_score = st.floats(width=32, allow_nan=False)
pixels = st.lists(st.tuples(any_score, st.sampled_from([IN, OOD, IGNORE])), max_size=60)
modest = settings(deadline=None, max_examples=60)


def as_arrays(pairs: list[tuple[float, int]]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    return np.array([s for s, _ in pairs], dtype=np.float32), np.array([y for _, y in pairs], dtype=np.uint8)


def keep(pairs: list[tuple[float, int]]) -> ExactScores:
    exact = ExactScores()
    exact.update(*as_arrays(pairs))
    return exact


@pytest.mark.parametrize("spread", [1e-30, 1.0, 1e30])
def test_readings_are_sklearns_on_scores_that_bins_would_join(spread: float) -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(np.array([IN, OOD, IGNORE], dtype=np.uint8), 50_000, p=[0.85, 0.05, 0.1])
    scores = (spread * (100 + rng.normal(1e-3 * (labels == OOD), 1e-3))).astype(np.float32)
    exact = ExactScores()
    for part in np.array_split(np.arange(scores.size), 3):
        exact.update(scores[part], labels[part])
    valid = labels != IGNORE
    truth, kept = labels[valid] == OOD, scores[valid].astype(np.float64)
    fpr, tpr, _ = roc_curve(truth, kept, drop_intermediate=False)
    precision, recall, thresholds = precision_recall_curve(truth, kept)
    f1 = 2 * precision[:-1] * recall[:-1] / (precision[:-1] + recall[:-1] + 1e-300)
    theirs = [
        roc_auc_score(truth, kept),
        average_precision_score(truth, kept),
        fpr[tpr >= 0.95][0],
        average_precision_score(~truth, -kept),
        f1.max(),
        thresholds[np.flatnonzero(f1 >= f1.max() * (1 - 1e-14))[-1]],
    ]
    np.testing.assert_allclose(list(read_all(exact).values()), theirs, rtol=1e-12)


@modest
@given(pixels)
def test_thresholds_are_the_distinct_scores(pairs: list[tuple[float, int]]) -> None:
    scores, labels = as_arrays(pairs)
    values, in_counts, ood_counts = keep(pairs).sorted_counts()
    np.testing.assert_array_equal(values, np.unique(scores[labels != IGNORE] + np.float32(0)))
    assert in_counts.tolist() == [int(((scores == v) & (labels == IN)).sum()) for v in values]
    assert ood_counts.tolist() == [int(((scores == v) & (labels == OOD)).sum()) for v in values]


@modest
@given(pixels)
def test_becomes_the_counts_that_would_have_been_counted(pairs: list[tuple[float, int]]) -> None:
    counts = ScoreCounts()
    image = counts.update(*as_arrays(pairs))
    exact = ExactScores()
    assert exact.update(*as_arrays(pairs)) == image
    assert exact.to_counts() == counts


@modest
@given(pixels, pixels)
def test_order_and_split_change_nothing(first: list[tuple[float, int]], second: list[tuple[float, int]]) -> None:
    left, right = keep(first), keep(second)
    whole = keep((first + second)[::-1])
    both = left + right
    left.update(*as_arrays(second))  # also after it was read and sorted
    for joined in (both, left):
        for ours, theirs in zip(joined.sorted_counts(), whole.sorted_counts(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert joined.pixels_ignored == whole.pixels_ignored
    assert right.to_counts() == keep(second).to_counts()
    assert both.nbytes == 4 * (both.pixels_in + both.pixels_ood)


def test_after_an_error_nothing_was_kept() -> None:
    exact = keep([(1.0, IN), (2.0, OOD)])
    with pytest.raises(NaNScoreError, match="image 'x'"):
        exact.update(np.array([np.nan, 1], np.float32), np.array([IN, OOD], np.uint8), "x")
    assert repr(exact) == "ExactScores(in=1, ood=1, ignored=0)"


def test_what_is_given_is_left_alone() -> None:
    scores = np.array([-0.0, 3.0], np.float32)
    exact = ExactScores()
    exact.update(scores, np.array([IN, IN], np.uint8))
    exact.sorted_counts()
    assert np.signbit(scores).tolist() == [True, False]


def test_empty() -> None:
    assert all(np.isnan(reading.read(ExactScores())) for reading in READINGS.values())
    assert ExactScores().to_counts() == ScoreCounts()
