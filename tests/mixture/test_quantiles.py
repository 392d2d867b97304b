"""Quantiles in bins against sorted values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE
from gmmbench.metrics import ScoreCounts
from gmmbench.mixture import LEVELS, below, counted, quantiles


def test_against_sorted_values() -> None:
    rng = np.random.default_rng(0)
    train, test, kept = ScoreCounts(), ScoreCounts(), []
    for counts, shift in ((train, 0), (test, -3)):
        values = []
        for n in range(3):
            density = (70 + shift + 6 * rng.normal(size=(40, 50))).astype(np.float32)
            labels = rng.integers(0, 12, (40, 50)).astype(np.uint8)
            labels[labels == 11] = IGNORE
            counted(counts, torch.from_numpy(-density), labels, f"image {n}")
            values.append(density[labels != IGNORE])
        kept.append(np.concatenate(values))
    found = quantiles(train, LEVELS)
    assert train.pixels_in == len(kept[0])
    for level, quantile in zip(LEVELS, found, strict=True):
        exact = np.sort(kept[0])[int(np.ceil(level * len(kept[0]))) - 1]
        assert quantile == pytest.approx(exact, rel=2**-14)
        assert np.mean(kept[0] <= quantile) >= level
    # A quantile is an edge of bins: what lies at or below it is exact, in any counts of the same score.
    assert below(test, found) == pytest.approx([np.mean(kept[1] <= quantile) for quantile in found], abs=1e-12)
    assert (below(test, found) > LEVELS).all()


def test_of_few_pixels() -> None:
    counts = ScoreCounts()
    counted(counts, torch.tensor([[1.0, 2.0, 3.0, 4.0]]), np.zeros((1, 4), dtype=np.uint8), "image")
    assert quantiles(counts, (0.001, 0.25, 0.26, 0.5, 1.0)).tolist() == [-4, -4, -3, -3, -1]
    assert below(counts, np.array([-5.0, -4.0, -2.5, 0.0])).tolist() == [0, 0.25, 0.5, 1]


def test_nan_is_refused() -> None:
    with pytest.raises(InputError, match="street 7"):
        counted(ScoreCounts(), torch.tensor([[float("nan")]]), np.zeros((1, 1), dtype=np.uint8), "street 7")
