"""ScoreCounts: what is counted, what is refused, and that order, split and a round trip change nothing."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics.counts import BINS_PER_PAGE, NaNScoreError, ScoreCounts

any_score = st.floats(width=32, allow_nan=False)
pixels = st.lists(st.tuples(any_score, st.sampled_from([IN, OOD, IGNORE])), max_size=60)
modest = settings(deadline=None, max_examples=60)


def f32(*values: float) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def u8(*values: int) -> NDArray[np.uint8]:
    return np.array(values, dtype=np.uint8)


def count(scores: NDArray[np.float32], labels: NDArray[np.uint8]) -> ScoreCounts:
    counts = ScoreCounts()
    counts.update(scores, labels)
    return counts


def count_pixels(pairs: list[tuple[float, int]]) -> ScoreCounts:
    return count(f32(*(score for score, _ in pairs)), u8(*(label for _, label in pairs)))


def random_image(seed: int, size: int = 200_000) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    scores = (rng.standard_normal(size) * 10.0 ** rng.integers(-6, 6, size)).astype(np.float32)
    labels = rng.choice(np.array([IN, OOD, IGNORE], dtype=np.uint8), size, p=[0.85, 0.05, 0.1])
    return scores, labels


def test_empty() -> None:
    counts = ScoreCounts()
    assert (counts.pixels_in, counts.pixels_ood, counts.pixels_ignored) == (0, 0, 0)
    assert all(len(column) == 0 for column in counts.sorted_counts())
    assert counts == count(f32(), u8())


def test_counts_each_side_in_ascending_score() -> None:
    scores = f32(np.inf, 2.0, -1.5, 0.0, -0.0, -np.inf, 2.0, 7.0).reshape(2, 4)
    labels = u8(OOD, IN, IN, OOD, IN, IN, OOD, IGNORE).reshape(2, 4)
    counts = count(scores, labels)
    lower_edges, in_counts, ood_counts = counts.sorted_counts()
    assert (counts.pixels_in, counts.pixels_ood, counts.pixels_ignored) == (4, 3, 1)
    assert lower_edges.dtype == np.float32
    assert in_counts.dtype == ood_counts.dtype == np.int64
    np.testing.assert_allclose(lower_edges, [-np.inf, -1.5, 0.0, 2.0, np.inf], rtol=2**-15)
    assert in_counts.tolist() == [1, 1, 1, 1, 0]
    assert ood_counts.tolist() == [0, 0, 1, 1, 1]
    assert repr(counts) == "ScoreCounts(in=4, ood=3, ignored=1)"


@modest
@given(any_score)
def test_a_score_lies_in_its_bin(score: float) -> None:
    (edge,), _, _ = count(f32(score), u8(IN)).sorted_counts()
    assert edge <= np.float32(score)
    if np.isfinite(score):
        assert score - float(edge) <= max(2**-15 * abs(score), 2**-141)
    else:
        assert edge == score


@modest
@given(pixels)
def test_bins_are_the_scores_in_their_order(pairs: list[tuple[float, int]]) -> None:
    lower_edges, in_counts, ood_counts = count_pixels(pairs).sorted_counts()
    assert (np.diff(lower_edges) > 0).all()
    for label, side in ((IN, in_counts), (OOD, ood_counts)):
        scores = f32(*(score for score, its_label in pairs if its_label == label))
        at_or_above = [int((scores >= edge).sum()) for edge in lower_edges]
        assert at_or_above == np.cumsum(side[::-1])[::-1].tolist()


@modest
@given(pixels, pixels, st.randoms(use_true_random=False))
def test_order_and_split_change_nothing(
    first: list[tuple[float, int]], second: list[tuple[float, int]], random: Random
) -> None:
    whole = count_pixels(first + second)
    shuffled = list(first + second)
    random.shuffle(shuffled)
    left, right = count_pixels(first), count_pixels(second)
    assert count_pixels(shuffled) == whole == left + right == right + left
    assert left == count_pixels(first)  # + left its terms alone
    left.merge(right)
    assert left == whole


def test_chunks_merge_to_the_whole() -> None:
    scores, labels = random_image(0)
    whole, streamed, halves = count(scores, labels), ScoreCounts(), ScoreCounts()
    for part in np.array_split(np.random.default_rng(1).permutation(len(scores)), 7):
        streamed.update(scores[part], labels[part])
    for part in np.array_split(np.arange(len(scores)), 2):
        halves = halves + count(scores[part], labels[part])
    assert whole == streamed == halves
    assert whole.pixels_in + whole.pixels_ood + whole.pixels_ignored == len(scores)


def test_shape_and_strides_do_not_matter() -> None:
    scores, labels = random_image(2, 6000)
    grid = count(scores.reshape(60, 100), labels.reshape(60, 100))
    assert grid == count(scores.reshape(60, 100).T, labels.reshape(60, 100).T) == count(scores[::-1], labels[::-1])


def test_differ_by_side_and_by_ignored() -> None:
    assert count(f32(1.0), u8(IN)) != count(f32(1.0), u8(OOD))
    assert count(f32(1.0, 2.0), u8(IN, IGNORE)) != count(f32(1.0), u8(IN))
    assert count(f32(1.0), u8(IN)) != "counts"


@modest
@given(pixels)
def test_arrays_round_trip(pairs: list[tuple[float, int]]) -> None:
    counts = count_pixels(pairs)
    assert ScoreCounts.from_arrays(counts.to_arrays()) == counts


def test_file_round_trip(tmp_path: Path) -> None:
    counts = count(*random_image(3))
    counts.update(f32(-np.inf, np.inf, -0.0), u8(IN, OOD, IN))
    np.savez(tmp_path / "counts.npz", **counts.to_arrays())  # type: ignore[arg-type]
    with np.load(tmp_path / "counts.npz", allow_pickle=False) as saved:
        loaded = ScoreCounts.from_arrays(saved)
    assert loaded == counts
    loaded.update(f32(3.0), u8(IN))
    assert loaded.pixels_in == counts.pixels_in + 1


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("key_bits", np.array(20), "20 key bits"),
        ("keys", np.array([3.0, 4.0]), "float64"),
        ("keys", np.array([9_000_000], dtype=np.uint32), "shapes"),
        ("keys", np.array([9_000_000, 9_000_000], dtype=np.uint32), "ascending"),
        ("keys", np.array([1, 9_000_000], dtype=np.uint32), "ascending"),  # a bin of NaNs
        ("in", np.array([1, -1]), "negative"),
        ("ignored", np.array(-1), "negative"),
    ],
)
def test_refuses_arrays_of_another_make(name: str, array: NDArray[np.generic], said: str) -> None:
    arrays = count(f32(1.0, 2.0), u8(IN, OOD)).to_arrays()
    with pytest.raises(InputError, match=said):
        ScoreCounts.from_arrays({**arrays, name: array})
    del arrays[name]
    with pytest.raises(InputError, match=f"no array {name}"):
        ScoreCounts.from_arrays(arrays)


def test_nan_is_named_and_counts_nothing() -> None:
    counts = count(f32(1.0), u8(IN))
    said = re.escape("image 'x': 2 of 3 scored pixels are NaN")
    with pytest.raises(NaNScoreError, match=said):
        counts.update(f32(np.nan, np.nan, 1.0, np.nan), u8(IN, OOD, IN, IGNORE), name="x")
    assert counts == count(f32(1.0), u8(IN))
    assert issubclass(NaNScoreError, InputError)


def test_nan_under_ignore_is_no_error() -> None:
    counts = count(f32(np.nan, 1.0), u8(IGNORE, IN))
    assert (counts.pixels_in, counts.pixels_ignored) == (1, 1)


@pytest.mark.parametrize(
    ("scores", "labels", "said"),
    [
        (np.zeros(3), u8(0, 0, 1), "float64; wanted float32"),
        (np.zeros(3, np.float16), u8(0, 0, 1), "float16; wanted float32"),
        (f32(0, 0, 0), np.zeros(3, np.int64), "int64; wanted uint8"),
        (f32(0, 0, 0), u8(0, 1), r"\(3,\) but labels \(2,\)"),
        (np.zeros((2, 3), np.float32), np.zeros((3, 2), np.uint8), r"\(2, 3\) but labels \(3, 2\)"),
        (f32(0, 0, 0, 0), u8(0, 2, 7, 2), r"unknown label values \[2, 7\]"),
        ([0.0], u8(0), "list and ndarray; wanted numpy arrays"),
    ],
)
def test_refuses_what_it_cannot_count(scores: NDArray[np.float32], labels: NDArray[np.uint8], said: str) -> None:
    counts = ScoreCounts()
    with pytest.raises(InputError, match="image 'street 7': .*" + said):
        counts.update(scores, labels, name="street 7")
    with pytest.raises(InputError, match=r"^(?!image)"):
        counts.update(scores, labels)
    assert counts == ScoreCounts()


def test_memory_is_pages_not_pixels() -> None:
    rng = np.random.default_rng(4)
    counts = ScoreCounts()
    for _ in range(5):
        counts.update(rng.normal(-80, 25, 100_000).astype(np.float32), np.zeros(100_000, np.uint8))
    assert counts.nbytes < 60 * 2 * 8 * BINS_PER_PAGE
    everything = np.arange(1 << 16, dtype=np.uint32) << np.uint32(16)
    scores = everything.view(np.float32)
    counts.update(scores, np.where(np.isnan(scores), IGNORE, IN).astype(np.uint8))
    assert counts.nbytes <= 512 * 2 * 8 * BINS_PER_PAGE
