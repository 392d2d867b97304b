"""Failures on disk."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from gmmbench.errors import InputError
from gmmbench.results import RunFolder
from gmmbench.results.failures import HIGH_IN, MISSED, Failure, from_arrays, to_arrays


def failure(value: float, kind: str = MISSED) -> Failure:
    rng = np.random.default_rng(0)
    crop = rng.integers(0, 256, (8, 10, 3)).astype(np.uint8)
    labels = rng.integers(0, 2, (8, 10)).astype(np.uint8)
    scores = (rng.normal(0, 1, (8, 10)) + (value if math.isfinite(value) else 0)).astype(np.float32)
    return Failure(kind, "a | name/<b>", (5, 6, 7, 8), (0, 2, 20, 16), value, 56, crop, labels, scores)


@pytest.mark.parametrize("value", [0.5, -123456.0, math.inf, -math.inf])
def test_what_is_read_is_what_was_stored(tmp_path: Path, value: float) -> None:
    stored = [failure(value), failure(1.0, HIGH_IN)]
    RunFolder(tmp_path).save_failures("streets", "msp@temperature=2", stored)
    read = RunFolder(tmp_path).failures("streets", "msp@temperature=2")
    for mine, theirs in zip(read, stored, strict=True):
        for name in ("kind", "image", "box", "window", "value", "pixels"):
            assert getattr(mine, name) == getattr(theirs, name), name
        np.testing.assert_array_equal(mine.crop, theirs.crop)
        np.testing.assert_array_equal(mine.labels, theirs.labels)
        np.testing.assert_allclose(mine.scores, theirs.scores, rtol=0, atol=0.02)
        assert mine.scores.dtype == np.float32


def test_nan_is_kept_and_infinity_is_as_far_as_it_goes() -> None:
    strange = failure(7.0)
    strange.scores[0, :3] = (math.nan, math.inf, -math.inf)
    [read] = from_arrays(to_arrays([strange]))
    np.testing.assert_array_equal(read.scores[0, :3], np.array([math.nan, 7 + 65504, 7 - 65504], dtype=np.float32))


def test_where_the_box_is_in_the_crop() -> None:
    assert failure(1.0).box_in_crop == (2.5, 2.0, 3.5, 4.0), "half the size, from the window's corner"


def test_none_were_kept_or_they_are_damaged(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.failures("streets", "msp") == []
    folder.save_failures("streets", "msp", [])
    assert folder.failures("streets", "msp") == []
    file = tmp_path / "failures" / "streets" / "msp.npz"
    for arrays in ({"boxes": np.zeros(4)}, to_arrays([failure(1.0)]) | {"0/crop": np.zeros((2, 2, 3))}):
        np.savez(file, **arrays)
        with pytest.raises(InputError, match=r"msp\.npz is damaged .*; evaluate again with the same --out"):
            folder.failures("streets", "msp")
    file.write_bytes(b"garbage")
    with pytest.raises(InputError, match=r"msp\.npz is damaged"):
        folder.failures("streets", "msp")
