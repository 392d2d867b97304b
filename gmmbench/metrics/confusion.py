"""The confusion matrix of closed-set segmentation, pooled over all images, and its readings.

The readings are those of Long, Shelhamer & Darrell 2015, "Fully convolutional networks for semantic
segmentation", section 5, and of the Cityscapes and PASCAL VOC benchmarks: IoU from pixels pooled over
the whole set, never averaged over images. Values are fractions in [0, 1]; undefined is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE
from gmmbench.metrics.readings import Reading


class ConfusionMatrix:
    """Pixels by true and predicted class: (C, C) int64, rows = ground truth, columns = prediction.

    ``update`` adds an image, ``merge`` and ``+`` add another matrix of as many classes.
    """

    def __init__(self, num_classes: int) -> None:
        if not 1 <= num_classes <= IGNORE:
            raise InputError(
                f"num_classes is {num_classes}; wanted 1 to {IGNORE}: labels are uint8, and {IGNORE} means IGNORE"
            )
        self._matrix: NDArray[np.int64] = np.zeros((num_classes, num_classes), dtype=np.int64)
        self._ignored = 0

    @property
    def num_classes(self) -> int:
        """C, the number of classes."""
        return len(self._matrix)

    @property
    def matrix(self) -> NDArray[np.int64]:
        """(C, C) int64, a copy: rows = ground truth, columns = prediction."""
        return np.array(self._matrix)

    @property
    def pixels(self) -> int:
        """Pixels counted."""
        return int(self._matrix.sum())

    @property
    def pixels_ignored(self) -> int:
        """IGNORE pixels seen; they are not in the matrix."""
        return self._ignored

    def update(self, prediction: NDArray[np.integer[Any]], labels: NDArray[np.uint8], name: str = "") -> None:
        """Count the pixels of one image.

        Args:
            prediction: any integer dtype and shape, usually (H, W): the predicted class, 0 to C - 1.
            labels: uint8, the same shape: the true class, 0 to C - 1, or IGNORE. IGNORE pixels are
                dropped before anything else: what is predicted there does not matter.
            name: of the image, for the error messages.

        Raises:
            InputError: wrong type, dtype or shape, or a class outside 0 to C - 1, in the labels or in the
                prediction. After an error the matrix is as it was before the call.
        """
        where = f"image '{name}': " if name else ""
        _check_arrays(prediction, labels, where)
        valid = labels != IGNORE
        true, predicted = labels[valid], prediction[valid]
        self._check_classes(true, f"{where}labels", "map the publisher's values in the loader, void to IGNORE")
        self._check_classes(predicted, f"{where}prediction", "check that the model has the data set's classes")
        cells = true.astype(np.intp) * self.num_classes + predicted.astype(np.intp)
        self._matrix += np.bincount(cells, minlength=self._matrix.size).reshape(self._matrix.shape)
        self._ignored += labels.size - true.size

    def merge(self, other: ConfusionMatrix) -> None:
        """Add the counts of ``other``, of as many classes, to these, in place."""
        if other.num_classes != self.num_classes:
            raise InputError(
                f"confusion matrices of {self.num_classes} and of {other.num_classes} classes do not add; "
                "wanted the same classes in both"
            )
        self._matrix += other._matrix
        self._ignored += other._ignored

    def __add__(self, other: ConfusionMatrix) -> ConfusionMatrix:
        if not isinstance(other, ConfusionMatrix):
            return NotImplemented
        total = ConfusionMatrix(self.num_classes)
        total.merge(self)
        total.merge(other)
        return total

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ConfusionMatrix):
            return NotImplemented
        return np.array_equal(self._matrix, other._matrix) and self._ignored == other._ignored

    def __repr__(self) -> str:
        return f"ConfusionMatrix({self.num_classes} classes, {self.pixels:,} pixels, {self.pixels_ignored:,} ignored)"

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """``matrix`` (C, C) int64 and ``ignored`` () int64, for ``np.savez``; ``from_arrays`` reads them back."""
        return {"matrix": self.matrix, "ignored": np.array(self._ignored, dtype=np.int64)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ConfusionMatrix:
        """The matrix that ``to_arrays`` wrote; raises InputError on anything else."""
        missing = {"matrix", "ignored"} - set(arrays)
        matrix: NDArray[Any] = np.empty(0) if missing else arrays["matrix"]
        square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
        if missing or not square or matrix.dtype != np.int64 or (matrix < 0).any() or int(arrays["ignored"]) < 0:
            came = f"no array {', '.join(sorted(missing))}" if missing else f"a matrix {matrix.shape} {matrix.dtype}"
            raise InputError(
                f"saved confusion matrix holds {came}; wanted the square int64 matrix without negative counts "
                "that ConfusionMatrix.to_arrays wrote; evaluate again"
            )
        confusion = cls(len(matrix))
        confusion._matrix += matrix
        confusion._ignored = int(arrays["ignored"])
        return confusion

    def _check_classes(self, values: NDArray[Any], what: str, advice: str) -> None:
        if values.size == 0 or (int(values.min()) >= 0 and int(values.max()) < self.num_classes):
            return
        wrong = [value for value in np.unique(values).tolist() if not 0 <= value < self.num_classes]
        shown = ", ".join(str(value) for value in wrong[:5]) + (", ..." if len(wrong) > 5 else "")
        raise InputError(f"{what} hold class {shown}; wanted 0 to {self.num_classes - 1}; {advice}")


def iou(confusion: ConfusionMatrix) -> NDArray[np.float64]:
    """(C,) intersection over union of each class: TP / (TP + FP + FN) of the pooled pixels.

    NaN where that sum is 0: a class that is neither in the ground truth nor predicted. A class that is
    only predicted has IoU 0.
    """
    matrix = confusion.matrix
    hits = np.diag(matrix)
    return _divide(hits, matrix.sum(axis=0) + matrix.sum(axis=1) - hits)


def mean_iou(confusion: ConfusionMatrix) -> float:
    """Mean of ``iou`` over the classes where it is defined; NaN when it is defined for none."""
    return _mean_of_defined(iou(confusion))


def pixel_accuracy(confusion: ConfusionMatrix) -> float:
    """Pixels predicted right over pixels counted; NaN when none was counted."""
    return int(confusion.matrix.trace()) / confusion.pixels if confusion.pixels else math.nan


def class_accuracy(confusion: ConfusionMatrix) -> NDArray[np.float64]:
    """(C,) recall of each class: TP / (TP + FN). NaN for a class that is not in the ground truth."""
    matrix = confusion.matrix
    return _divide(np.diag(matrix), matrix.sum(axis=1))


def mean_accuracy(confusion: ConfusionMatrix) -> float:
    """Mean of ``class_accuracy`` over the classes in the ground truth; NaN when there is none."""
    return _mean_of_defined(class_accuracy(confusion))


CONFUSION_READINGS: dict[str, Reading[ConfusionMatrix, float]] = {
    "mIoU": Reading("mIoU", mean_iou, True, "mean IoU over the classes in ground truth or prediction; pixels pooled"),
    "mAcc": Reading("mAcc", mean_accuracy, True, "mean recall over the classes in the ground truth; pixels pooled"),
    "aAcc": Reading("aAcc", pixel_accuracy, True, "share of all labelled pixels predicted right"),
}
"""One number for the set, by name, in the order a report shows them (mmseg's names)."""

CLASS_READINGS: dict[str, Reading[ConfusionMatrix, NDArray[np.float64]]] = {
    "IoU": Reading("IoU", iou, True, "TP / (TP + FP + FN) of a class, pixels of all images pooled"),
    "Acc": Reading("Acc", class_accuracy, True, "recall of a class, TP / (TP + FN), pixels of all images pooled"),
}
"""One number for each class, by name."""


def _divide(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    """The quotient, NaN where the denominator is 0."""
    quotient = np.full(numerator.shape, math.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def _mean_of_defined(values: NDArray[np.float64]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else math.nan


def _check_arrays(prediction: object, labels: object, where: str) -> None:
    if not isinstance(prediction, np.ndarray) or not isinstance(labels, np.ndarray):
        kinds = f"{type(prediction).__name__} and {type(labels).__name__}"
        raise InputError(
            f"{where}prediction and labels are {kinds}; wanted numpy arrays; of a tensor pass .cpu().numpy()"
        )
    if not np.issubdtype(prediction.dtype, np.integer):
        raise InputError(f"{where}prediction is {prediction.dtype}; wanted integers; take the argmax of the logits")
    if labels.dtype != np.uint8:
        raise InputError(f"{where}labels are {labels.dtype}; wanted uint8 class numbers or IGNORE = {IGNORE}")
    if prediction.shape != labels.shape:
        raise InputError(
            f"{where}prediction is {prediction.shape} but labels {labels.shape}; wanted one shape; "
            "resize the logits to the labels, never the labels to the logits"
        )
