"""Every reading against scikit-learn on sets of images that hypothesis makes as nasty as it can.

Images of a set differ in size; some are void, empty or all OOD; scores tie heavily and may be infinite.
Scores have few significant bits, so that a bin of any make is one score and equality is to rounding.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics import READINGS, Counted, ExactScores, ImageCounts, ScoreCounts, read_all

Image = tuple[NDArray[np.float32], NDArray[np.uint8]]

FEW = [-math.inf, -2.0, -1.0, -0.0, 0.0, 0.5, 3.0, math.inf]


@st.composite
def images(draw: st.DrawFn) -> Image:
    """One image of up to 6 x 6 pixels; sometimes with none, or of one label only."""
    height, width = draw(st.integers(0, 6)), draw(st.integers(1, 6))
    kinds = draw(st.sampled_from([[IN, OOD, IGNORE], [IN, OOD, IGNORE], [IN, IN, IN, OOD], [OOD], [IN], [IGNORE]]))
    levels = draw(st.sampled_from([FEW, FEW[2:5], list(np.arange(-255, 256) / 4), list(2.0 ** np.arange(-60, 60))]))
    size = height * width
    scores = draw(st.lists(st.sampled_from(levels), min_size=size, max_size=size))
    labels = draw(st.lists(st.sampled_from(kinds), min_size=size, max_size=size))
    shape = (height, width)
    pixels = np.array(scores, np.float32).reshape(shape), np.array(labels, np.uint8).reshape(shape)
    if draw(st.booleans()):
        pixels[0][pixels[1] == IGNORE] = np.nan  # what is scored under void does not matter
    return pixels


image_sets = st.lists(images(), max_size=4)


def by_sklearn(pixels: list[Image]) -> dict[str, float]:
    """Every reading, of all the pixels in one array; NaN where a side is empty."""
    scores = np.concatenate([np.empty(0, np.float32), *(scores[labels != IGNORE] for scores, labels in pixels)])
    truth = np.concatenate([np.empty(0, bool), *(labels[labels != IGNORE] == OOD for _, labels in pixels)])
    if truth.all() or not truth.any():  # of nothing too
        event("one-sided")
        return dict.fromkeys(READINGS, math.nan)
    values, ranks = np.unique(scores, return_inverse=True)  # scikit-learn takes no infinity
    fpr, tpr, _ = roc_curve(truth, ranks, drop_intermediate=False)
    f1 = []  # exact, from the highest threshold down
    for rank in range(len(values))[::-1]:
        hits, flagged = int((truth & (ranks >= rank)).sum()), int((ranks >= rank).sum())
        f1.append((Fraction(2 * hits, flagged + int(truth.sum())), float(values[rank])))
    best = max(value for value, _ in f1)
    return {
        "AUROC": float(roc_auc_score(truth, ranks)),
        "AP": float(average_precision_score(truth, ranks)),
        "FPR95": float(fpr[np.argmax(tpr >= 0.95)]),
        "AUPR-in": float(average_precision_score(~truth, -ranks)),
        "F1": float(best),
        "F1 threshold": next(threshold for value, threshold in f1 if value == best),
    }


def same(counts: Counted, pixels: list[Image]) -> None:
    expected = by_sklearn(pixels)
    found = read_all(counts)
    # A threshold is the lower edge of its bin: of a negative score, not the score itself.
    width = {ExactScores: 0.0, ScoreCounts: 2**-15, ImageCounts: 2**-9}[type(counts)]
    threshold, score = found.pop("F1 threshold"), expected.pop("F1 threshold")
    assert threshold == pytest.approx(score, rel=width, abs=0, nan_ok=True)
    assert not threshold > score
    for name, value in found.items():
        assert value == pytest.approx(expected[name], rel=0, abs=1e-12, nan_ok=True), name


@settings(deadline=None, max_examples=60)
@given(image_sets)
def test_pooled_and_exact(pixels: list[Image]) -> None:
    pooled, exact = ScoreCounts(), ExactScores()
    for number, image in enumerate(pixels):
        assert pooled.update(*image, f"image {number}") == exact.update(*image, f"image {number}")
    same(pooled, pixels)
    same(exact, pixels)
    same(exact.to_counts(), pixels)


@settings(deadline=None, max_examples=60)
@given(images())
def test_one_image(image: Image) -> None:
    own = ScoreCounts().update(*image)
    same(own, [image])
    same(ImageCounts.from_arrays(own.to_arrays()), [image])


@settings(deadline=None, max_examples=25)
@given(image_sets, image_sets)
def test_halves_merge(first: list[Image], second: list[Image]) -> None:
    halves = ScoreCounts(), ScoreCounts()
    for half, pixels in zip(halves, (first, second), strict=True):
        for image in pixels:
            half.update(*image)
    same(halves[1] + halves[0], [*first, *second])


@pytest.mark.parametrize("seed", range(50))
def test_larger_sets_under_heavy_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = []
    for number in range(5):
        shape = tuple(rng.integers(1, 40, 2))
        kinds = [[0.9, 0.05, 0.05], [0, 1, 0], [1, 0, 0], [0.2, 0.2, 0.6]]
        shares = kinds[rng.integers(4)] if number else [0.9, 0.1, 0]
        labels = rng.choice(np.array([IN, OOD, IGNORE], np.uint8), shape, p=shares)
        scores = np.round(rng.normal(labels == OOD, 1) * 2.0 ** rng.integers(0, 5)).astype(np.float32)
        scores[rng.random(shape) < 0.02] = np.inf
        scores[rng.random(shape) < 0.02] = -np.inf
        pixels.append((scores, labels))
    pooled, exact = ScoreCounts(), ExactScores()
    for image in pixels:
        pooled.update(*image)
        exact.update(*image)
    same(pooled, pixels)
    same(exact, pixels)
