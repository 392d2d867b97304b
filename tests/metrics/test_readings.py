"""The readings against scikit-learn, and the laws that any rank metric keeps."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import auc as trapezoid_area
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.metrics import precision_recall_curve as sklearn_precision_recall_curve
from sklearn.metrics import roc_curve as sklearn_roc_curve

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics.counts import KEY_BITS, ScoreCounts
from gmmbench.metrics.curves import precision_recall_curve, roc_curve, score_histogram
from gmmbench.metrics.rank import RANK_METRICS
from gmmbench.metrics.readings import (
    READINGS,
    auroc,
    average_precision,
    best_f1,
    best_f1_threshold,
    fpr95,
    fpr_at_tpr,
    ood_fraction,
    read_all,
    threshold_at_tpr,
)

Pixels = tuple[NDArray[np.float32], NDArray[np.uint8]]
modest = settings(deadline=None, max_examples=60)
# At most 16 significant bits, so that a bin is one score and the readings are exact.
exact_score = st.integers(-65535, 65535).map(lambda n: n / 8)
few_levels = st.integers(-2, 3).map(float)
labelled = st.sampled_from([IN, OOD, IGNORE])
exact_pixels = st.one_of(
    st.lists(st.tuples(exact_score, labelled), max_size=80), st.lists(st.tuples(few_levels, labelled), max_size=80)
)


def as_arrays(pairs: list[tuple[float, int]]) -> Pixels:
    return np.array([s for s, _ in pairs], dtype=np.float32), np.array([y for _, y in pairs], dtype=np.uint8)


def count(scores: NDArray[np.float32], labels: NDArray[np.uint8]) -> ScoreCounts:
    counts = ScoreCounts()
    counts.update(scores, labels)
    return counts


def two_sided(labels: NDArray[np.uint8]) -> bool:
    return bool((labels == IN).any() and (labels == OOD).any())


def read_shares(counts: ScoreCounts) -> list[float]:
    return [reading.read(counts) for reading in READINGS.values() if reading.unit == "share"]


def by_sklearn(scores: NDArray[np.float32], labels: NDArray[np.uint8]) -> list[float]:
    """AUROC, AP, FPR95, AUPR-in and F1 by scikit-learn."""
    valid = labels != IGNORE
    truth, valid_scores = labels[valid] == OOD, scores[valid]
    fpr, tpr, _ = sklearn_roc_curve(truth, valid_scores, drop_intermediate=False)
    auc, ap = roc_auc_score(truth, valid_scores), average_precision_score(truth, valid_scores)
    ap_in = average_precision_score(~truth, -valid_scores)
    precision, recall, _ = sklearn_precision_recall_curve(truth, valid_scores)
    found = recall > 0
    f1 = (2 * precision[found] * recall[found] / (precision[found] + recall[found])).max()
    return [float(auc), float(ap), float(fpr[tpr >= 0.95][0]), float(ap_in), float(f1)]


def normal_images(out: tuple[float, float], inside: tuple[float, float], seed: int = 0) -> Pixels:
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([IN, OOD, IGNORE], dtype=np.uint8), 200_000, p=[0.9, 0.04, 0.06])
    scores = np.where(labels == OOD, rng.normal(*out, labels.shape), rng.normal(*inside, labels.shape))
    return scores.astype(np.float32), labels


def softmax_like() -> Pixels:
    margin, labels = normal_images((2, 2), (9, 4))
    return (1 / (1 + np.exp(margin.astype(np.float64)))).astype(np.float32), labels


@modest
@given(exact_pixels)
def test_equal_to_sklearn_where_a_bin_is_one_score(pairs: list[tuple[float, int]]) -> None:
    scores, labels = as_arrays(pairs)
    assume(two_sided(labels))
    np.testing.assert_allclose(read_shares(count(scores, labels)), by_sklearn(scores, labels), rtol=0, atol=1e-12)


@pytest.mark.parametrize("levels", [2, 5, 20, 256])
@pytest.mark.parametrize("ood_share", [0.005, 0.3])
def test_equal_to_sklearn_under_heavy_ties(levels: int, ood_share: float) -> None:
    rng = np.random.default_rng(levels)
    labels = (rng.random(20_000) < ood_share).astype(np.uint8)
    scores = np.floor(np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 0.999) * levels).astype(np.float32)
    np.testing.assert_allclose(read_shares(count(scores, labels)), by_sklearn(scores, labels), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "pixels",
    [normal_images((-40, 30), (-80, 25)), normal_images((-5, 2), (-9, 2.5)), softmax_like()],
    ids=["density", "logit", "softmax"],
)
def test_close_to_sklearn_on_real_valued_scores(pixels: Pixels) -> None:
    ours, theirs = read_shares(count(*pixels)), by_sklearn(*pixels)
    assert abs(ours[0] - theirs[0]) < 1e-5
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


def test_infinities_rank_at_the_ends() -> None:
    rng = np.random.default_rng(0)
    finite = rng.integers(-50, 50, 3000).astype(np.float32)
    labels = rng.integers(0, 2, 3000).astype(np.uint8)
    scores = finite.copy()
    scores[finite >= 45], scores[finite < -45] = np.inf, -np.inf
    ranks = np.clip(finite, -46, 45)  # scikit-learn takes no infinity
    np.testing.assert_allclose(read_shares(count(scores, labels)), by_sklearn(ranks, labels), rtol=0, atol=1e-12)


def test_all_tied_is_chance() -> None:
    counts = count(np.full(100, 3.0, np.float32), np.array([IN] * 80 + [OOD] * 20, np.uint8))
    assert read_shares(counts) == [0.5, 0.2, 1.0, 0.8, 1 / 3]
    assert best_f1_threshold(counts) == 3.0
    assert ood_fraction(counts) == 0.2


@pytest.mark.parametrize("labels", [[], [IGNORE], [IN, IN, IGNORE], [OOD, OOD]])
def test_undefined_is_nan(labels: list[int]) -> None:
    counts = count(np.arange(len(labels), dtype=np.float32), np.array(labels, np.uint8))
    assert all(math.isnan(reading.read(counts)) for reading in READINGS.values())
    assert all(np.isnan(column).all() for column in (*roc_curve(counts), *precision_recall_curve(counts)))
    assert math.isnan(threshold_at_tpr(counts)) == (OOD not in labels)


def test_void_pixels_change_nothing() -> None:
    scores, labels = normal_images((-40, 30), (-80, 25))
    scores[labels == IGNORE] = np.nan
    valid = labels != IGNORE
    assert read_shares(count(scores, labels)) == read_shares(count(scores[valid], labels[valid]))


@modest
@given(
    st.lists(st.tuples(st.floats(2**-10, 1000, width=32), st.booleans(), labelled), max_size=60), st.integers(-20, 20)
)
def test_a_monotone_map_changes_no_reading(triples: list[tuple[float, bool, int]], power: int) -> None:
    scores, labels = as_arrays([(-s if negative else s, label) for s, negative, label in triples])
    scaled = count(np.ldexp(scores, power), labels)
    np.testing.assert_array_equal(read_shares(scaled), read_shares(count(scores, labels)))


@modest
@given(st.lists(st.tuples(st.integers(-30, 30).map(float), labelled), max_size=60))
def test_a_curved_monotone_map_changes_no_reading(pairs: list[tuple[float, int]]) -> None:
    scores, labels = as_arrays(pairs)
    cubed = count(scores**3, labels)
    np.testing.assert_array_equal(read_shares(cubed), read_shares(count(scores, labels)))


def test_order_and_halves_change_no_reading() -> None:
    scores, labels = normal_images((-5, 2), (-9, 2.5))
    order = np.random.default_rng(1).permutation(len(scores))
    halves = count(scores[order[:70_000]], labels[order[:70_000]]) + count(
        scores[order[70_000:]], labels[order[70_000:]]
    )
    assert read_shares(halves) == read_shares(count(scores, labels))


@pytest.mark.parametrize("ood_pixels", [1, 19, 20, 21, 40, 100, 1000, 1001])
@pytest.mark.parametrize("tpr", [0.95, 0.9, 0.55, 0.07, 1 / 3, 1.0, np.float64(0.95)])
def test_fpr_takes_the_first_threshold_that_reaches_the_tpr(ood_pixels: int, tpr: float) -> None:
    # OOD scores are 1 to n, and an IN pixel lies half a step above each: FPR n counts thresholds.
    scores = np.concatenate([np.arange(1, ood_pixels + 1), np.arange(1, ood_pixels + 1) + 0.5]).astype(np.float32)
    labels = np.repeat(np.array([OOD, IN], np.uint8), ood_pixels)
    counts = count(scores, labels)
    wanted = math.ceil(Fraction(str(float(tpr))) * ood_pixels)
    assert fpr_at_tpr(counts, tpr) == wanted / ood_pixels
    threshold = threshold_at_tpr(counts, tpr)
    assert threshold == ood_pixels - wanted + 1
    assert (scores[labels == IN] >= threshold).mean() == fpr_at_tpr(counts, tpr)


@pytest.mark.parametrize("seed", range(5))
def test_best_f1_is_that_of_a_loop_over_thresholds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = (rng.random(400) < 0.2).astype(np.uint8)
    scores = np.round(rng.normal(labels, 1) * 4).astype(np.float32)
    f1_at = {}
    for threshold in np.unique(scores):
        hits = int(((scores >= threshold) & (labels == OOD)).sum())
        f1_at[float(threshold)] = Fraction(2 * hits, int((scores >= threshold).sum() + (labels == OOD).sum()))
    best = max(f1_at.values())
    counts = count(scores, labels)
    assert best_f1(counts) == float(best)
    assert best_f1_threshold(counts) == max(threshold for threshold, f1 in f1_at.items() if f1 == best)


def test_best_f1_takes_the_highest_of_equal_thresholds() -> None:
    # At 3: 1 hit of 2 in 1 pixel, F1 2/3; at 1: 2 hits in 4 pixels, F1 2/3 too.
    scores, labels = np.array([3, 2, 2, 1], np.float32), np.array([OOD, IN, IN, OOD], np.uint8)
    assert best_f1(count(scores, labels)) == 2 / 3
    assert best_f1_threshold(count(scores, labels)) == 3


def test_read_all_is_every_reading() -> None:
    for counts in (count(*normal_images((-5, 2), (-9, 2.5))), ScoreCounts()):
        np.testing.assert_equal(read_all(counts), {name: reading.read(counts) for name, reading in READINGS.items()})


def test_threshold_flags_what_was_counted_for_negative_scores() -> None:
    scores, labels = normal_images((-40, 30), (-80, 25))
    counts = count(scores, labels)
    assert (scores[labels == IN] >= np.float32(threshold_at_tpr(counts))).mean() == pytest.approx(
        fpr95(counts), abs=1e-15
    )
    assert (scores[labels == OOD] >= np.float32(threshold_at_tpr(counts))).mean() >= 0.95


@pytest.mark.parametrize("tpr", [0.0, -0.1, 95.0, math.nan])
def test_refuses_a_tpr_that_is_no_fraction(tpr: float) -> None:
    with pytest.raises(InputError, match="wanted a fraction"):
        fpr_at_tpr(ScoreCounts(), tpr)


def test_ten_billion_pixels_do_not_overflow() -> None:
    keys = np.arange(4, dtype=np.uint32) + np.uint32(1 << (KEY_BITS - 1))
    in_counts = np.array([4, 3, 2, 1], dtype=np.int64)
    ood_counts = in_counts[::-1].copy()

    def read(factor: int) -> list[float]:
        arrays = ScoreCounts().to_arrays() | {"keys": keys, "in": in_counts * factor, "ood": ood_counts * factor}
        return read_shares(ScoreCounts.from_arrays(arrays))

    np.testing.assert_allclose(read(10**15), read(1), rtol=1e-14)


def test_roc_curve_is_sklearns() -> None:
    rng = np.random.default_rng(5)
    labels = (rng.random(5000) < 0.1).astype(np.uint8)
    scores = np.round(rng.normal(labels, 1) * 16).astype(np.float32)
    curve = roc_curve(count(scores, labels))
    fpr, tpr, thresholds = sklearn_roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.fpr, fpr, atol=1e-15)
    np.testing.assert_allclose(curve.tpr, tpr, atol=1e-15)
    np.testing.assert_allclose(curve.thresholds, thresholds, rtol=2**-15)
    assert trapezoid_area(curve.fpr, curve.tpr) == pytest.approx(auroc(count(scores, labels)), abs=1e-14)


def test_precision_recall_curve_is_sklearns() -> None:
    rng = np.random.default_rng(6)
    labels = (rng.random(5000) < 0.1).astype(np.uint8)
    scores = np.round(rng.normal(labels, 1) * 16).astype(np.float32)
    counts = count(scores, labels)
    recall, precision, thresholds = precision_recall_curve(counts)
    their_precision, their_recall, their_thresholds = sklearn_precision_recall_curve(labels, scores)
    np.testing.assert_allclose(precision, their_precision[-2::-1], atol=1e-15)  # without their made-up (0, 1)
    np.testing.assert_allclose(recall, their_recall[-2::-1], atol=1e-15)
    np.testing.assert_allclose(thresholds, their_thresholds[::-1], rtol=2**-15)
    assert (np.diff(recall, prepend=0) * precision).sum() == pytest.approx(average_precision(counts), abs=1e-14)


@pytest.mark.parametrize("max_points", [2, 3, 17, 200, 10**7])
def test_thinned_curves_stay_near(max_points: int) -> None:
    counts = count(*normal_images((-5, 2), (-9, 2.5)))
    curves: list[Callable[..., tuple[NDArray[np.float64], ...]]] = [roc_curve, precision_recall_curve]
    for draw in curves:
        full, thin = np.stack(draw(counts)[:2]), np.stack(draw(counts, max_points)[:2])
        assert thin.shape[1] <= max_points
        assert (thin[:, [0, -1]] == full[:, [0, -1]]).all()
        length = np.abs(np.diff(full)).sum()
        # Walk both curves: each full point is to be near the next kept one.
        kept = np.flatnonzero(np.isin(full.T @ [1, 1j], thin.T @ [1, 1j]))
        nearest = full[:, kept[np.searchsorted(kept, np.arange(full.shape[1]))]]
        assert np.abs(full - nearest).sum(axis=0).max() <= length / (max_points - 1) + 1e-12
        if draw is roc_curve:
            assert length == pytest.approx(2)


def test_refuses_a_curve_without_ends() -> None:
    with pytest.raises(InputError, match="at least 2"):
        roc_curve(count(*normal_images((-5, 2), (-9, 2.5))), max_points=1)


def test_histogram_is_numpys() -> None:
    scores, labels = normal_images((-5, 2), (-9, 2.5))
    edges, in_density, ood_density = score_histogram(count(scores, labels), bins=40, quantiles=(0, 1))
    for label, density in ((IN, in_density), (OOD, ood_density)):
        side = scores[labels == label]
        expected = np.histogram(side, edges)[0] / side.size / np.diff(edges)
        assert np.abs(density - expected).max() < 1e-3
        assert (density * np.diff(edges)).sum() == pytest.approx(1)


def test_histogram_spans_both_sides_and_skips_infinities() -> None:
    scores, labels = normal_images((20, 1), (0, 1))
    scores[np.flatnonzero(labels == OOD)[:100]] = np.inf
    edges, in_density, ood_density = score_histogram(count(scores, labels))
    assert edges[0] == pytest.approx(-3.1, abs=0.2)
    assert edges[-1] == pytest.approx(23.1, abs=0.4)
    assert (in_density * np.diff(edges)).sum() == pytest.approx(0.999, abs=2e-4)
    assert (ood_density * np.diff(edges)).sum() == pytest.approx(1 - 100 / (labels == OOD).sum() - 0.001, abs=4e-4)


def test_histogram_of_one_score_of_one_side_and_of_nothing() -> None:
    one = count(np.full(3, 2.0, np.float32), np.zeros(3, np.uint8))
    edges, in_density, ood_density = score_histogram(one, bins=4)
    assert (in_density * np.diff(edges)).sum() == pytest.approx(1)
    assert np.isnan(ood_density).all()
    nothing = count(np.array([np.inf], np.float32), np.zeros(1, np.uint8))
    assert [len(column) for column in score_histogram(nothing, bins=4)] == [5, 4, 4]
    assert all(np.isnan(column).all() for column in score_histogram(nothing))
    with pytest.raises(InputError, match="quantiles"):
        score_histogram(one, quantiles=(0.9, 0.1))


def test_registry_says_what_a_report_needs() -> None:
    assert list(READINGS) == list(RANK_METRICS) == ["AUROC", "AP", "FPR95", "AUPR-in", "F1", "F1 threshold"]
    assert all(reading.name == name and reading.definition for name, reading in READINGS.items())
    assert [reading.higher_is_better for reading in READINGS.values()] == [True, True, False, True, True, None]
    assert [name for name, reading in READINGS.items() if reading.headline] == ["AUROC", "AP", "FPR95"]
    assert [name for name, reading in READINGS.items() if reading.unit == "score"] == ["F1 threshold"]
    assert dataclasses.is_dataclass(READINGS["AUROC"])
