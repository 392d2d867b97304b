"""Closed-set readings on resampled images, against confusion matrices made of the drawn images one by one."""

from __future__ import annotations

import numpy as np
import pytest

from gmmbench.metrics import CLASS_READINGS, CONFUSION_READINGS, ConfusionMatrix
from gmmbench.metrics.resampled_confusion import ResampledConfusion
from gmmbench.metrics.resampling import resample_weights

CLASSES, IMAGES, RESAMPLES = 4, 7, 50


def matrices() -> list[ConfusionMatrix]:
    """Of seven images; class 3 is in one of them alone, so that some resamples lack it."""
    rng = np.random.default_rng(3)
    found = []
    for number in range(IMAGES):
        labels = rng.integers(0, 4 if number == 2 else 3, (6, 8)).astype(np.uint8)
        predicted = np.where(rng.random((6, 8)) < 0.3, rng.integers(0, 3, (6, 8)), labels)
        confusion = ConfusionMatrix(CLASSES)
        confusion.update(predicted, labels)
        found.append(confusion)
    return found


def drawn() -> ResampledConfusion:
    sums = ResampledConfusion(CLASSES, IMAGES, RESAMPLES)
    for matrix in matrices():
        sums.add(matrix)
    return sums


def pooled(resample: int) -> ConfusionMatrix:
    total = ConfusionMatrix(CLASSES)
    for matrix, times in zip(matrices(), resample_weights(IMAGES, RESAMPLES, 0)[resample], strict=True):
        for _ in range(times):
            total.merge(matrix)
    return total


@pytest.mark.parametrize("metric", CONFUSION_READINGS)
def test_each_resample_is_the_reading_of_the_images_drawn(metric: str) -> None:
    values = drawn().values()[metric]
    for resample in range(RESAMPLES):
        assert values[resample] == pytest.approx(CONFUSION_READINGS[metric].read(pooled(resample)), nan_ok=True)


@pytest.mark.parametrize("metric", CLASS_READINGS)
def test_so_is_each_class_and_undefined_where_it_was_not_drawn(metric: str) -> None:
    values = drawn().class_values()[metric]
    assert np.isnan(values[:, 3]).any()
    for resample in range(RESAMPLES):
        np.testing.assert_allclose(values[resample], CLASS_READINGS[metric].read(pooled(resample)))


def test_one_image_says_nothing_of_others() -> None:
    alone = ResampledConfusion(CLASSES, 1, RESAMPLES)
    alone.add(matrices()[0])
    assert all(np.isnan(values).all() for values in alone.values().values())
