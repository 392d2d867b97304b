"""ImageCounts: one image's pixels in coarser bins, as ``update`` returns them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics import READINGS, ImageCounts, NaNScoreError, ScoreCounts

any_score = st.floats(width=32, allow_nan=False)
pixels = st.lists(st.tuples(any_score, st.sampled_from([IN, OOD, IGNORE])), max_size=60)
modest = settings(deadline=None, max_examples=60)


def as_arrays(pairs: list[tuple[float, int]]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    return np.array([s for s, _ in pairs], dtype=np.float32), np.array([y for _, y in pairs], dtype=np.uint8)


def coarse(pairs: list[tuple[float, int]]) -> ImageCounts:
    return ScoreCounts().update(*as_arrays(pairs))


@modest
@given(pixels)
def test_bins_are_the_scores_in_their_order(pairs: list[tuple[float, int]]) -> None:
    image = coarse(pairs)
    scores, labels = as_arrays(pairs)
    lower_edges, in_counts, ood_counts = image.sorted_counts()
    assert (np.diff(lower_edges) > 0).all()
    assert ((in_counts + ood_counts) > 0).all()
    for label, side in ((IN, in_counts), (OOD, ood_counts)):
        at_or_above = [int((scores[labels == label] >= edge).sum()) for edge in lower_edges]
        assert at_or_above == np.cumsum(side[::-1])[::-1].tolist()
    counted = (image.pixels_in, image.pixels_ood, image.pixels_ignored)
    assert counted == tuple(int((labels == label).sum()) for label in (IN, OOD, IGNORE))


@modest
@given(any_score)
def test_a_score_lies_in_its_bin(score: float) -> None:
    image = coarse([(score, IN)])
    ((edge,), _, _) = image.sorted_counts()
    assert image.keys.dtype == np.uint32
    assert edge <= np.float32(score)
    if np.isfinite(score):
        assert score - float(edge) <= max(2**-9 * abs(score), 2**-135)
    else:
        assert edge == score


@modest
@given(pixels, pixels)
def test_an_image_is_its_own_whatever_was_counted_before(
    before: list[tuple[float, int]], pairs: list[tuple[float, int]]
) -> None:
    counts = ScoreCounts()
    counts.update(*as_arrays(before))
    assert counts.update(*as_arrays(pairs)) == coarse(pairs)


def test_pages_made_midway_and_scattered_void_lose_nothing() -> None:
    rng = np.random.default_rng(0)
    scores = (rng.standard_normal(200_000) * 2.0 ** np.linspace(-40, 40, 200_000)).astype(np.float32)
    labels = rng.choice(np.array([IN, OOD, IGNORE], dtype=np.uint8), scores.shape, p=[0.6, 0.1, 0.3])
    scores[labels == IGNORE] = np.nan
    labels[70_000:140_000] = IGNORE
    image = ScoreCounts().update(scores, labels)
    order = rng.permutation(scores.size)
    assert image == ScoreCounts().update(scores[order].reshape(400, 500), labels[order].reshape(400, 500))
    edges, in_counts, ood_counts = image.sorted_counts()
    for label, side in ((IN, in_counts), (OOD, ood_counts)):
        mine = np.searchsorted(edges, scores[labels == label], side="right") - 1
        np.testing.assert_array_equal(np.bincount(mine, minlength=edges.size), side)


def test_readings_are_near_those_of_the_fine_bins() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random(200_000) < 0.05).astype(np.uint8)
    scores = rng.normal(-80.0 + 40 * (labels == OOD), 25).astype(np.float32)
    counts = ScoreCounts()
    image = counts.update(scores, labels)
    for name, reading in READINGS.items():
        if reading.unit == "share":
            assert reading.read(image) == pytest.approx(reading.read(counts), abs=5e-3 if name == "FPR95" else 1e-3)


def test_an_error_returns_and_counts_nothing() -> None:
    counts = ScoreCounts()
    with pytest.raises(NaNScoreError):
        counts.update(np.array([1, np.nan], np.float32), np.array([IN, OOD], np.uint8))
    assert counts == ScoreCounts()


@modest
@given(pixels)
def test_arrays_round_trip(pairs: list[tuple[float, int]]) -> None:
    image = coarse(pairs)
    arrays = image.to_arrays()
    assert [arrays[name].dtype for name in ("keys", "in", "ood")] == [np.uint32] * 3
    assert ImageCounts.from_arrays(arrays) == image


def test_file_round_trip(tmp_path: Path) -> None:
    image = coarse([(1.0, IN), (-np.inf, OOD), (2.0, IGNORE)])
    np.savez(tmp_path / "image.npz", **image.to_arrays())  # type: ignore[arg-type]
    with np.load(tmp_path / "image.npz", allow_pickle=False) as saved:
        loaded = ImageCounts.from_arrays(saved)
    assert loaded == image
    assert loaded.in_counts.dtype == np.int64
    assert repr(loaded) == "ImageCounts(in=1, ood=1, ignored=1)"


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("key_bits", np.array(24), "24 key bits"),
        ("keys", np.array([3.0, 4.0]), "float64"),
        ("in", np.array([1, 1]), "int64"),
        ("keys", np.array([140_000], dtype=np.uint32), "shapes"),
        ("keys", np.array([140_000, 140_000], dtype=np.uint32), "ascending"),
        ("keys", np.array([1, 140_000], dtype=np.uint32), "ascending"),  # a bin of NaNs
        ("ignored", np.array(-1), "negative"),
    ],
)
def test_refuses_arrays_of_another_make(name: str, array: NDArray[np.generic], said: str) -> None:
    arrays = coarse([(1.0, IN), (2.0, OOD)]).to_arrays()
    with pytest.raises(InputError, match=f"{said}.*wanted what ImageCounts.to_arrays wrote"):
        ImageCounts.from_arrays({**arrays, name: array})
    del arrays[name]
    with pytest.raises(InputError, match=f"no array {name}"):
        ImageCounts.from_arrays(arrays)


def test_refuses_to_save_what_is_no_image() -> None:
    image = coarse([(1.0, IN)])
    with pytest.raises(InputError, match="image by image"):
        ImageCounts(image.keys, image.in_counts * 2**32, image.ood_counts, 0).to_arrays()


def test_differ_by_side_and_by_ignored() -> None:
    assert coarse([(1.0, IN)]) != coarse([(1.0, OOD)])
    assert coarse([(1.0, IN)]) != coarse([(1.0, IN), (1.0, IGNORE)])
    assert coarse([(1.0, IN)]) != "counts"
