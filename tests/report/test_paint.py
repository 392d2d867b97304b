"""Labels and scores as colours."""

from __future__ import annotations

import math

import numpy as np

from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics import ScoreCounts
from gmmbench.report.paint import Scale, paint_classes, paint_heat, paint_labels, scale_of


def test_the_scale_is_that_of_all_pixels_that_count() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(-300, 20, (100, 100)).astype(np.float32)
    labels = rng.choice(np.array([IN, IN, OOD, IGNORE], dtype=np.uint8), scores.shape)
    scores[labels == IGNORE] = 1e9
    counted = ScoreCounts()
    counted.update(scores, labels)
    scale = scale_of(counted)
    wanted = np.percentile(scores[labels != IGNORE], (1, 99))
    np.testing.assert_allclose((scale.low, scale.high), wanted, rtol=2**-7)


def test_infinite_scores_set_no_scale() -> None:
    counted = ScoreCounts()
    values = np.array([[-math.inf, 1.0, 2.0, math.inf]], dtype=np.float32)
    counted.update(values, np.zeros((1, 4), dtype=np.uint8))
    assert scale_of(counted) == Scale(1.0, 2.0)
    only = ScoreCounts()
    only.update(np.full((2, 2), math.inf, dtype=np.float32), np.zeros((2, 2), dtype=np.uint8))
    assert scale_of(only) == Scale(0.0, 1.0)


def test_bright_is_high_nan_is_grey_and_the_ends_hold() -> None:
    scores = np.array([[-math.inf, 0, 0.5, 1, math.inf, 7, math.nan]], dtype=np.float32)
    [painted] = paint_heat(scores, Scale(0.0, 1.0))
    light = painted.astype(int).sum(axis=1)
    assert light[0] == light[1] < light[2] < light[3] == light[4] == light[5]
    assert painted[6].tolist() == [150, 150, 150]
    [one, other, nan] = paint_heat(np.array([[3.0, 4.0, math.nan]], dtype=np.float32), Scale(3.0, 3.0))[0].tolist()
    assert one == other, "a score that never changes is neither"
    assert nan == [150, 150, 150]


def test_labels_and_classes() -> None:
    labels = np.array([[IN, OOD, IGNORE]], dtype=np.uint8)
    assert len({tuple(colour) for colour in paint_labels(labels)[0].tolist()}) == 3
    painted = paint_classes(np.array([[0, 1, 20, IGNORE]], dtype=np.uint8))[0].tolist()
    assert painted[0] == painted[2] != painted[1]
    assert painted[3] == [150, 150, 150]
