"""What each number would be on resampled images: kept, so that a report can compare any two of one data set, paired.

An ``.npz``: of each metric (R,) float64, NaN where a resample does not define it, and ``images``, the SHA-256 of the
images' names in order. The draws depend on the number of images alone (``gmmbench.metrics.resampling``): resamples of
the same images may be subtracted one by one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.results.arrays import load_arrays, save_arrays

_IMAGES = "images"


@dataclass(frozen=True)
class Resamples:
    """Of one score, or of a closed set.

    Attributes:
        images: of which images; equal where the same ones were evaluated in the same order.
        values: (R,) float64 by metric.
    """

    images: str
    values: Mapping[str, NDArray[np.float64]]


def digest_of(names: Sequence[str]) -> str:
    """Hex SHA-256 of the images' names, in order."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def write_resamples(path: Path, names: Sequence[str], values: Mapping[str, NDArray[np.float64]]) -> None:
    """Store what ``read_resamples`` reads. Raises InputError where the file cannot be written."""
    arrays: dict[str, NDArray[Any]] = {_IMAGES: np.array(digest_of(names))}
    save_arrays(path, arrays | {f"metric/{name}": drawn for name, drawn in values.items()})


def read_resamples(path: Path) -> Resamples | None:
    """What was stored; ``None`` where an older gmmbench stored none. Raises InputError on a damaged file."""
    if not path.is_file():
        return None
    arrays = load_arrays(path)
    values = {key.removeprefix("metric/"): drawn for key, drawn in arrays.items() if key != _IMAGES}
    lengths = {drawn.shape for drawn in values.values()}
    if _IMAGES not in arrays or len(lengths) > 1 or any(drawn.dtype != np.float64 for drawn in values.values()):
        raise InputError(f"{path} holds no resamples as gmmbench writes them; evaluate again with the same --out")
    return Resamples(str(arrays[_IMAGES]), values)
