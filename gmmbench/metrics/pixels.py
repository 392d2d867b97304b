"""What a scored image must be before its pixels are counted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD


class NaNScoreError(InputError):
    """A scored pixel, one whose label is not IGNORE, is NaN: it has no rank."""


def check_pixels(scores: NDArray[np.float32], labels: NDArray[np.uint8], name: str) -> int:
    """The number of IGNORE pixels of a scored image, or of any part of one.

    Args:
        scores: float32, any shape; not NaN but under IGNORE.
        labels: uint8, the same shape: IN, OOD or IGNORE.
        name: of the image, for the error messages.

    Raises:
        NaNScoreError: a pixel labelled IN or OOD has score NaN.
        InputError: wrong type, dtype or shape, or an unknown label value.
    """
    where = f"image '{name}': " if name else ""
    _check_arrays(scores, labels, where)
    ignored = int(np.count_nonzero(labels == IGNORE))
    scored = int(np.count_nonzero(labels == IN) + np.count_nonzero(labels == OOD))
    if scored + ignored != labels.size:
        unknown = sorted(set(np.unique(labels).tolist()) - {IN, OOD, IGNORE})
        raise InputError(
            f"{where}unknown label values {unknown}; wanted IN = {IN}, OOD = {OOD} or IGNORE = {IGNORE}; "
            "map the publisher's values to these in the data set's loader"
        )
    is_nan = np.isnan(scores)
    nans = int(np.count_nonzero(is_nan & (labels != IGNORE))) if is_nan.any() else 0
    if nans:
        raise NaNScoreError(
            f"{where}{nans:,} of {scored:,} scored pixels are NaN, and NaN has no rank; wanted numbers or "
            "infinities; look in the score and the model for 0/0, inf - inf or a float16 overflow"
        )
    return ignored


def _check_arrays(scores: Any, labels: Any, where: str) -> None:
    if not isinstance(scores, np.ndarray) or not isinstance(labels, np.ndarray):
        kinds = f"{type(scores).__name__} and {type(labels).__name__}"
        raise InputError(f"{where}scores and labels are {kinds}; wanted numpy arrays; of a tensor pass .cpu().numpy()")
    if scores.dtype != np.float32:
        raise InputError(
            f"{where}scores are {scores.dtype}; wanted float32, so that no rounding is hidden here; "
            "cast with .astype(np.float32) where the score is made"
        )
    if labels.dtype != np.uint8:
        raise InputError(f"{where}labels are {labels.dtype}; wanted uint8: IN = {IN}, OOD = {OOD}, IGNORE = {IGNORE}")
    if scores.shape != labels.shape:
        raise InputError(
            f"{where}scores are {scores.shape} but labels {labels.shape}; wanted one shape; "
            "resize the scores to the labels, never the labels to the scores"
        )
