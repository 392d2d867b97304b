"""The bootstrap over images against a loop that really puts the drawn images' pixels together, and its laws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics import READINGS, ImageCounts, ScoreCounts
from gmmbench.metrics import merged as merging
from gmmbench.metrics.bootstrap import differences, intervals, mean_interval, ratio_differences, ratio_intervals
from gmmbench.metrics.merged import merge_bins, pool
from gmmbench.metrics.rank import RANK_METRICS
from gmmbench.metrics.resampling import interval, resample_weights

Image = tuple[NDArray[np.float32], NDArray[np.uint8]]
SHARES = [name for name, reading in READINGS.items() if reading.unit == "share"]


def draw_images(
    number: int, seed: int, pixels: int = 300, steps: float = 8, gap: float = 1, offset: float = 1
) -> list[Image]:
    """Images with an offset of their own, a third of them without OOD pixels; scores in ``steps`` to the unit."""
    rng = np.random.default_rng(seed)
    images = []
    for n in range(number):
        shares = [0.85, 0.1 if n % 3 else 0.0, 0.05 if n % 3 else 0.15]
        labels = rng.choice(np.array([IN, OOD, IGNORE], dtype=np.uint8), pixels, p=shares)
        scores = rng.normal(gap * (labels == OOD), 1) + offset * rng.normal()
        images.append((((np.round(scores * steps) / steps) if steps else scores).astype(np.float32), labels))
    return images


def counted(images: list[Image]) -> list[ImageCounts]:
    return [ScoreCounts().update(*image) for image in images]


def anew(images: list[ImageCounts]) -> Callable[[], Iterator[ImageCounts]]:
    return lambda: iter(images)


def by_sklearn(images: list[Image]) -> dict[str, float]:
    scores = np.concatenate([scores[labels != IGNORE] for scores, labels in images])
    truth = np.concatenate([labels[labels != IGNORE] == OOD for _, labels in images])
    if truth.all() or not truth.any():
        return dict.fromkeys(READINGS, math.nan)
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    found = recall > 0
    f1 = 2 * precision[found] * recall[found] / (precision[found] + recall[found])
    return {
        "AUROC": float(roc_auc_score(truth, scores)),
        "AP": float(average_precision_score(truth, scores)),
        "FPR95": float(fpr[tpr >= 0.95][0]),
        "AUPR-in": float(average_precision_score(~truth, -scores)),
        "F1": float(f1.max()),
        "F1 threshold": float(thresholds[np.flatnonzero(f1 >= f1.max() - 1e-12)[-1]]),
    }


def slowly(images: list[Image], resamples: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """(R,) values of each metric by concatenating the drawn images' pixels."""
    drawn = [
        [image for image, times in zip(images, row, strict=True) for _ in range(times)]
        for row in resample_weights(len(images), resamples, seed)
    ]
    values = [by_sklearn(each) for each in drawn]
    return {name: np.array([value[name] for value in values]) for name in READINGS}


def test_equal_to_pixels_really_put_together() -> None:
    images = draw_images(9, 0)
    found = intervals(anew(counted(images)), resamples=60, seed=3, level=0.9)
    slow = slowly(images, 60, 3)
    assert list(found) == list(READINGS)
    for name, values in slow.items():
        np.testing.assert_allclose(found[name], interval(values, 0.9), rtol=0, atol=1e-9)
        assert found[name].low < found[name].high


def test_differences_are_of_the_same_draws() -> None:
    images = draw_images(9, 0)
    worse = [(np.round(scores / 4) * 4, labels) for scores, labels in images]
    found = differences(anew(counted(images)), anew(counted(worse)), resamples=60, seed=3)
    first, second = slowly(images, 60, 3), slowly(worse, 60, 3)
    whole = by_sklearn(images), by_sklearn(worse)
    for name in READINGS:
        assert found[name].value == pytest.approx(whole[0][name] - whole[1][name], abs=1e-9)
        np.testing.assert_allclose(found[name][1:], interval(first[name] - second[name], 0.95), rtol=0, atol=1e-9)


def test_pairing_takes_out_what_the_images_share() -> None:
    images = draw_images(40, 1, steps=0, offset=3)
    noisy = [(scores + np.float32(0.3) * np.roll(scores, 7), labels) for scores, labels in images]
    a, b = anew(counted(images)), anew(counted(noisy))
    paired, alone = differences(a, b, resamples=300)["AUROC"], intervals(a, resamples=300)["AUROC"]
    assert paired.high - paired.low < 0.5 * (alone.high - alone.low)
    swapped = differences(b, a, resamples=300)["AUROC"]
    assert (swapped.value, swapped.low, swapped.high) == pytest.approx((-paired.value, -paired.high, -paired.low))
    assert differences(a, a, resamples=50)["AP"] == (0, 0, 0, 0)


def test_resamples_without_ood_are_left_out_and_counted() -> None:
    images = draw_images(12, 2)
    images = [(s, np.where(y == OOD, IN, y).astype(np.uint8)) if n != 4 else (s, y) for n, (s, y) in enumerate(images)]
    found = intervals(anew(counted(images)), resamples=200, seed=0)
    without = int((resample_weights(12, 200, 0)[:, 4] == 0).sum())
    assert without > 40
    assert all(each.left_out == without and each.low <= each.high for each in found.values())


@pytest.mark.parametrize("number", [0, 1])
def test_fewer_than_two_images_say_nothing(number: int) -> None:
    images = counted(draw_images(2, 0))[1 : 1 + number]
    nothing = (math.nan, math.nan, 20)
    for found in intervals(anew(images), resamples=20).values():
        np.testing.assert_equal(tuple(found), nothing)
    assert all(math.isnan(each.low) for each in differences(anew(images), anew(images), resamples=20).values())
    assert math.isnan(differences(anew(images), anew(images), resamples=20)["AP"].value) == (number == 0)
    np.testing.assert_equal(tuple(mean_interval(np.ones(number), resamples=20)), nothing)
    sums = ratio_intervals(np.ones((number, 2)), lambda sums: {"sum": sums[:, 0]}, resamples=20)
    np.testing.assert_equal(tuple(sums["sum"]), nothing)


def test_no_ood_pixel_anywhere_is_nan() -> None:
    images = [(scores, np.zeros_like(labels)) for scores, labels in draw_images(5, 0)]
    for found in intervals(anew(counted(images)), resamples=10).values():
        np.testing.assert_equal(tuple(found), (math.nan, math.nan, 10))


def test_infinite_scores_give_infinite_thresholds_and_no_warning() -> None:
    images = [(np.where(labels == OOD, np.inf, -np.inf).astype(np.float32), labels) for _, labels in draw_images(9, 0)]
    found = intervals(anew(counted(images)), resamples=50)
    assert found["F1 threshold"] == (math.inf, math.inf, 0)
    assert found["AUROC"] == (1, 1, 0)
    same = differences(anew(counted(images)), anew(counted(images)), resamples=50)
    assert same["F1 threshold"].left_out == 50
    assert same["AP"] == (0, 0, 0, 0)


def test_merged_bins_read_as_the_18_bit_ones() -> None:
    images = counted(draw_images(60, 3, pixels=20_000, steps=0, offset=2))
    weights = resample_weights(60, 64, 0)
    few, all_bins = merge_bins(anew(images)), merge_bins(anew(images), bins=1 << 18)
    assert few.thresholds.size <= merging.BINS < all_bins.thresholds.size
    merged, fine = (pool(anew(images), bins, weights) for bins in (few, all_bins))
    for name in SHARES:
        assert np.abs(RANK_METRICS[name](merged) - RANK_METRICS[name](fine)).max() < 1e-3
    np.testing.assert_array_equal(merged.pixels_ood, fine.pixels_ood)
    assert set(few.thresholds) <= set(all_bins.thresholds)


def test_a_rare_side_keeps_its_own_bins() -> None:
    rng = np.random.default_rng(0)
    counts = ScoreCounts()
    labels = np.repeat(np.array([IN, OOD], np.uint8), [1_000_000, 200])
    image = counts.update(rng.normal(2.5 * (labels == OOD), 1).astype(np.float32), labels)
    few = merge_bins(lambda: [image])
    once = pool(lambda: [image], few, np.ones((1, 1), np.int32))
    assert few.thresholds.size <= merging.BINS
    for name in SHARES:
        assert RANK_METRICS[name](once)[0] == pytest.approx(READINGS[name].read(image), abs=1e-3)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    images = anew(counted(draw_images(9, 0)))
    whole = intervals(images, resamples=70)
    monkeypatch.setattr(merging, "_BLOCK", 2)
    monkeypatch.setattr("gmmbench.metrics.bootstrap._ROWS", 11)
    assert intervals(images, resamples=70) == whole


def test_seed_and_number_of_images_make_the_draws() -> None:
    weights = resample_weights(7, 400, 5)
    assert (weights.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(weights, resample_weights(7, 400, 5))
    assert (weights != resample_weights(7, 400, 6)).any()
    # Multinomial with equal chances: mean 1, variance 1 - 1/N, covariance -1/N.
    covariance = np.cov(resample_weights(7, 20_000, 0).T)
    np.testing.assert_allclose(covariance, np.eye(7) - 1 / 7, atol=0.03)


def test_ends_are_the_percentiles() -> None:
    values = np.random.default_rng(0).permutation(np.append(np.arange(1000.0), math.nan))
    assert interval(values, 0.95) == (24, 975, 1)
    low, high = np.quantile(np.arange(1000.0), [0.025, 0.975])
    assert abs(low - 24) < 1
    assert abs(high - 975) < 1
    assert interval(values, 0.5) == (249, 750, 1)
    assert interval(np.array([3.0]), 0.95) == (3, 3, 0)


def test_covers_the_truth_about_as_often_as_it_says() -> None:
    # The truth: the AUROC of all pixels of 4,000 images of the same make.
    everything = ScoreCounts()
    for image in draw_images(4000, 99, pixels=60):
        everything.update(*image)
    truth = READINGS["AUROC"].read(everything)
    hits = 0
    for seed in range(60):
        found = intervals(
            anew(counted(draw_images(30, seed, pixels=60))), {"AUROC": RANK_METRICS["AUROC"]}, resamples=200, seed=seed
        )["AUROC"]
        hits += found.low <= truth <= found.high
    assert 50 <= hits <= 60  # 95 % of 60 is 57; the percentile method falls a little short with few images


def test_means_are_those_of_drawn_images() -> None:
    values = np.random.default_rng(0).normal(size=20)
    values[[3, 8]] = math.nan
    weights = resample_weights(20, 50, 1)
    slow = np.array([np.nanmean(np.repeat(values, row)) for row in weights])
    np.testing.assert_allclose(mean_interval(values, resamples=50, seed=1), interval(slow, 0.95), rtol=1e-12)
    assert mean_interval(np.full(20, math.nan), resamples=50).left_out == 50
    values[5] = math.inf
    drawn = int((weights[:, 5] > 0).sum())
    assert mean_interval(values, resamples=50, seed=1).left_out == drawn


def sums_to_ratio(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    with np.errstate(divide="ignore", invalid="ignore"):
        second = np.where(sums[:, 1, 1] > 0, sums[:, 0, 1] / sums[:, 1, 1], math.nan)
        return {"first": sums[:, 0, 0] / sums[:, 1, 0], "second": second}


def test_ratios_are_of_sums_over_drawn_images() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (2, 15, 2, 2)).astype(np.float64)
    a[:, 1, 1] = 0
    a[2, 1, 1] = 4
    weights = resample_weights(15, 80, 2)
    found = ratio_intervals(a, sums_to_ratio, resamples=80, seed=2)
    slow = [sums_to_ratio(np.repeat(a, row, axis=0).sum(axis=0)[None]) for row in weights]
    np.testing.assert_allclose(
        found["first"], interval(np.array([each["first"][0] for each in slow]), 0.95), rtol=1e-12
    )
    assert found["second"].left_out == (weights[:, 2] == 0).sum()
    other = ratio_differences(a, b, sums_to_ratio, resamples=80, seed=2)["first"]
    theirs = [sums_to_ratio(np.repeat(b, row, axis=0).sum(axis=0)[None]) for row in weights]
    apart = np.array([x["first"][0] - y["first"][0] for x, y in zip(slow, theirs, strict=True)])
    np.testing.assert_allclose(other[1:], interval(apart, 0.95), rtol=1e-12)
    once = [sums_to_ratio(each.sum(axis=0)[None])["first"][0] for each in (a, b)]
    assert other.value == pytest.approx(once[0] - once[1], rel=1e-12)
    with pytest.raises(InputError, match="15 and of 14"):
        ratio_differences(a, b[:14], sums_to_ratio)


def test_a_used_up_iterator_is_named() -> None:
    images = counted(draw_images(4, 0))
    once = iter(images)
    with pytest.raises(InputError, match=r"0 images, but 4 in the first walk.*anew at each call"):
        intervals(lambda: once)
    longer: list[Iterable[ImageCounts]] = [images, images * 2]
    with pytest.raises(InputError, match="more images than the 4"):
        intervals(lambda: longer.pop(0))


def test_refuses_scores_of_other_images() -> None:
    images = counted(draw_images(5, 0))
    with pytest.raises(InputError, match="5 and 4 images"):
        differences(anew(images), anew(images[:4]))
    with pytest.raises(InputError, match="image 0 has"):
        differences(anew(images), anew(images[::-1]))


@pytest.mark.parametrize(("resamples", "level"), [(0, 0.95), (10, 0.0), (10, 1.0), (10, 95.0)])
def test_refuses_settings_out_of_range(resamples: int, level: float) -> None:
    with pytest.raises(InputError, match="wanted at least 1 and a level"):
        intervals(list, resamples=resamples, level=level)
    with pytest.raises(InputError, match="wanted at least 1 and a level"):
        mean_interval(np.ones(3), resamples=resamples, level=level)
