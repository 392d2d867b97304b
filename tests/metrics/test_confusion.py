"""The confusion matrix against a loop over pixels, its readings against scikit-learn."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, jaccard_score, recall_score

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE
from gmmbench.metrics.confusion import (
    CLASS_READINGS,
    CONFUSION_READINGS,
    ConfusionMatrix,
    class_accuracy,
    iou,
    mean_accuracy,
    mean_iou,
    pixel_accuracy,
)

CLASSES = 5
modest = settings(deadline=None, max_examples=60)
pixels = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.one_of(st.integers(0, CLASSES - 1), st.just(IGNORE))), max_size=60
)


def as_arrays(pairs: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    return np.array([p for p, _ in pairs], dtype=np.int64), np.array([y for _, y in pairs], dtype=np.uint8)


def count(pairs: list[tuple[int, int]]) -> ConfusionMatrix:
    confusion = ConfusionMatrix(CLASSES)
    confusion.update(*as_arrays(pairs))
    return confusion


@modest
@given(pixels)
def test_equal_to_a_loop_over_pixels(pairs: list[tuple[int, int]]) -> None:
    matrix = [[0] * CLASSES for _ in range(CLASSES)]
    for predicted, true in pairs:
        if true != IGNORE:
            matrix[true][predicted] += 1
    confusion = count(pairs)
    assert confusion.matrix.tolist() == matrix
    assert confusion.pixels + confusion.pixels_ignored == len(pairs)
    for c in range(CLASSES):
        union = sum(matrix[c]) + sum(row[c] for row in matrix) - matrix[c][c]
        expected = matrix[c][c] / union if union else math.nan
        np.testing.assert_equal(iou(confusion)[c], expected)


@modest
@given(pixels)
def test_readings_are_sklearns(pairs: list[tuple[int, int]]) -> None:
    valid = [(p, y) for p, y in pairs if y != IGNORE]
    assume(valid)
    predicted, true = zip(*valid, strict=True)
    confusion = count(pairs)
    seen, in_truth = sorted(set(predicted) | set(true)), sorted(set(true))
    assert mean_iou(confusion) == pytest.approx(jaccard_score(true, predicted, average="macro", labels=seen))
    assert mean_accuracy(confusion) == pytest.approx(recall_score(true, predicted, average="macro", labels=in_truth))
    assert pixel_accuracy(confusion) == pytest.approx(accuracy_score(true, predicted))


@modest
@given(pixels, pixels)
def test_order_and_split_change_nothing(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    left, right = count(first), count(second)
    assert count(first + second) == left + right == right + left == count((first + second)[::-1])
    assert left == count(first)
    left.merge(right)
    assert left == count(first + second)


def test_absent_classes_are_nan_and_left_out_of_means() -> None:
    # True: 0 0 1 1; predicted: 0 2 1 1. Class 2 only predicted, classes 3 and 4 nowhere.
    confusion = count([(0, 0), (2, 0), (1, 1), (1, 1), (3, IGNORE)])
    np.testing.assert_array_equal(iou(confusion), [0.5, 1.0, 0.0, math.nan, math.nan])
    np.testing.assert_array_equal(class_accuracy(confusion), [0.5, 1.0, math.nan, math.nan, math.nan])
    assert mean_iou(confusion) == 0.5
    assert mean_accuracy(confusion) == 0.75
    assert pixel_accuracy(confusion) == 0.75


def test_nothing_counted_is_nan() -> None:
    for confusion in (ConfusionMatrix(3), count([(0, IGNORE)])):
        assert all(math.isnan(reading.read(confusion)) for reading in CONFUSION_READINGS.values())
        assert all(np.isnan(reading.read(confusion)).all() for reading in CLASS_READINGS.values())


def test_registries_say_what_a_report_needs() -> None:
    for readings in (CONFUSION_READINGS, CLASS_READINGS):
        for name, reading in readings.items():
            assert reading.name == name
            assert reading.definition
            assert reading.higher_is_better


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_images_of_any_shape_and_integer_dtype(dtype: type[np.integer]) -> None:
    rng = np.random.default_rng(0)
    prediction, labels = rng.integers(0, 19, (40, 60)), rng.integers(0, 19, (40, 60)).astype(np.uint8)
    labels[:5] = IGNORE
    prediction[:5] = IGNORE  # what is predicted there does not matter
    grid, flat = ConfusionMatrix(19), ConfusionMatrix(19)
    grid.update(prediction.astype(dtype), labels)
    flat.update(prediction.T.ravel(), labels.T.ravel())
    assert grid == flat
    assert grid.pixels_ignored == 300


def test_the_most_classes_that_uint8_labels_allow() -> None:
    confusion = ConfusionMatrix(IGNORE)
    last = np.array([IGNORE - 1], np.uint8)
    confusion.update(last, last)
    assert confusion.matrix[-1, -1] == 1
    for wrong in (0, -1, IGNORE + 1):
        with pytest.raises(InputError, match="num_classes"):
            ConfusionMatrix(wrong)


@pytest.mark.parametrize(
    ("prediction", "labels", "said"),
    [
        (np.array([0, 1]), np.array([0, 5], np.uint8), "labels hold class 5; wanted 0 to 4"),
        (np.array([0, 7]), np.array([0, 1], np.uint8), "prediction hold class 7"),
        (np.array([-1, 0]), np.array([0, 1], np.uint8), "prediction hold class -1"),
        (np.arange(5, 25), np.zeros(20, np.uint8), "class 5, 6, 7, 8, 9, ...; wanted"),
        (np.array([0.0, 1.0]), np.array([0, 1], np.uint8), "float64; wanted integers"),
        (np.array([0, 1]), np.array([0, 1]), "int64; wanted uint8"),
        (np.array([0, 1]), np.array([[0, 1]], np.uint8), r"\(2,\) but labels \(1, 2\)"),
        ([0], np.array([0], np.uint8), "list and ndarray; wanted numpy arrays"),
    ],
)
def test_refuses_what_it_cannot_count(prediction: NDArray[np.int64], labels: NDArray[np.uint8], said: str) -> None:
    confusion = ConfusionMatrix(CLASSES)
    with pytest.raises(InputError, match="image 'street 7': .*" + said):
        confusion.update(prediction, labels, name="street 7")
    with pytest.raises(InputError, match=r"^(?!image)"):
        confusion.update(prediction, labels)
    assert confusion == ConfusionMatrix(CLASSES)


def test_different_classes_do_not_add() -> None:
    with pytest.raises(InputError, match="2 and of 3 classes"):
        ConfusionMatrix(2) + ConfusionMatrix(3)
    assert ConfusionMatrix(2) != ConfusionMatrix(3)
    assert ConfusionMatrix(2) != "matrix"


def test_matrix_is_a_copy() -> None:
    confusion = count([(0, 0)])
    confusion.matrix[0, 0] = 9
    assert confusion == count([(0, 0)])


def test_file_round_trip(tmp_path: Path) -> None:
    confusion = count([(0, 0), (2, 0), (1, IGNORE)])
    np.savez(tmp_path / "confusion.npz", **confusion.to_arrays())  # type: ignore[arg-type]
    with np.load(tmp_path / "confusion.npz", allow_pickle=False) as saved:
        loaded = ConfusionMatrix.from_arrays(saved)
    assert loaded == confusion
    assert repr(loaded) == "ConfusionMatrix(5 classes, 2 pixels, 1 ignored)"


@pytest.mark.parametrize("matrix", [np.zeros((2, 3), np.int64), np.zeros((2, 2)), np.full((2, 2), -1)])
def test_refuses_arrays_of_another_make(matrix: NDArray[np.generic]) -> None:
    with pytest.raises(InputError, match="square int64"):
        ConfusionMatrix.from_arrays({"matrix": matrix, "ignored": np.array(0)})
    with pytest.raises(InputError, match="no array ignored"):
        ConfusionMatrix.from_arrays({"matrix": np.zeros((2, 2), np.int64)})
