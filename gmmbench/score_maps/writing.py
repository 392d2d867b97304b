"""Our score maps as files: in plain forms, and as SegmentMeIfYouCan wants them submitted."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gmmbench.atomic import atomic_file
from gmmbench.errors import InputError, unknown_name
from gmmbench.score_maps.hdf5 import h5py_for

FLOAT16_MAX = float(np.finfo(np.float16).max)

SMIYC_FOLDERS = {
    "road_anomaly21": "AnomalyTrack-all",
    "road_anomaly21_test": "AnomalyTrack-all",
    "road_obstacle21": "ObstacleTrack-all",
    "road_obstacle21_test": "ObstacleTrack-all",
}
"""Our names of SegmentMeIfYouCan's data sets, and the folder that its tools look in: validation and test images
together, because they take their splits from these."""


def write_map(folder: Path, name: str, scores: NDArray[np.floating[Any]], form: str) -> Path:
    """Write one image's score map, whole or not at all; the path it got.

    Args:
        name: the image's; may hold ``/``, which makes folders.
        scores: (H, W), higher = more anomalous; stored as float32. Infinities are legal.
        form: one of ``FORMS``; all hold every bit, and equal scores make equal files.

    Raises:
        InputError: an unknown form, a name that leads out of the folder, scores that are not a map or are NaN
            somewhere, or a file that cannot be written.
    """
    if form not in FORMS:
        raise unknown_name("form of score maps", form, FORMS)
    path = folder / f"{_inside(name)}.{form}"
    exact = _exact(name, scores)
    with atomic_file(path) as file:
        FORMS[form](file, exact)
    return path


def smiyc_file(folder: Path, method: str, dataset: str, name: str, scores: NDArray[np.floating[Any]]) -> Path:
    """Write one image's map where SegmentMeIfYouCan's tools look for it and as they store it; the path it got.

    ``FOLDER/anomaly_p/METHOD/DATASET/NAME.hdf5`` with one data set "value", (H, W) float16, gzip level 9, as
    ``Evaluation.save_output`` of github.com/SegmentMeIfYouCan/road-anomaly-benchmark (read at 1c7804e) writes it.
    Their tools find it with DIR_OUTPUTS set to ``folder``.

    float16 has 11 bits and ends at 65504. Clipping there would make the highest scores equal and ruin AP, so what
    does not fit is refused. Scores near 0 keep the most: 1 - max softmax, not max softmax.

    Args:
        method: what tables will call it; a plain folder name.
        dataset: a folder of ``SMIYC_FOLDERS``, or one of their other sets.
        name: the image's without its ending, their "fid".
        scores: (H, W), higher = more anomalous.

    Raises:
        InputError: as ``write_map``; an infinity, from which their percentile bins cannot be made, or a value
            beyond float16; or h5py is not installed.
    """
    for what, word in (("method", method), ("data set", dataset)):
        if "/" in word:
            raise InputError(f"{what} '{word}' is to be a folder's name; leave out the '/'")
        _inside(word)
    exact = _exact(name, scores)
    beyond = int((~(np.abs(exact) <= FLOAT16_MAX)).sum())
    if beyond:
        raise InputError(
            f"{beyond} of {exact.size} scores of '{name}' do not fit float16 (largest {np.abs(exact).max():.6g},"
            f" limit {FLOAT16_MAX:.0f}), in which SMIYC stores them, and clipping would ruin AP; submit a bounded score"
            " (msp, entropy), or a monotone map of this one, the same for all images, such as its arcsinh"
        )
    h5py = h5py_for(f"SMIYC's .hdf5 of '{name}'")
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("value", data=exact.astype(np.float16), compression=9)
    path = folder / "anomaly_p" / method / dataset / f"{_inside(name)}.hdf5"
    with atomic_file(path) as out:
        out.write(content.getvalue())
    return path


def _inside(name: str) -> str:
    """``name`` itself, if a file of that name stays in its folder and would be found there again."""
    parts = PurePosixPath(name).parts
    if not parts or name.endswith("/") or parts[0] == "/" or any(part.startswith(".") for part in parts):
        raise InputError(f"'{name}' makes no file name; wanted an image's name, without leading dots, '..' or '/'")
    return name


def _exact(name: str, scores: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    if scores.ndim != 2 or not np.issubdtype(scores.dtype, np.floating):
        raise InputError(f"scores of '{name}' are {scores.dtype} of shape {scores.shape}; wanted floats of (H, W)")
    undefined = int(np.isnan(scores).sum())
    if undefined:
        raise InputError(f"scores of '{name}' are NaN at {undefined} of {scores.size} pixels; nothing was written")
    with np.errstate(over="ignore"):
        exact = np.ascontiguousarray(scores, dtype=np.float32)
    if (np.isinf(exact) & ~np.isinf(scores)).any():
        raise InputError(f"scores of '{name}' go beyond float32's {np.finfo(np.float32).max:.3g}; take their logarithm")
    return exact


def _npy(file: IO[Any], scores: NDArray[np.float32]) -> None:
    np.save(file, scores, allow_pickle=False)


def _npz(file: IO[Any], scores: NDArray[np.float32]) -> None:
    np.savez_compressed(file, score=scores)


def _tif(file: IO[Any], scores: NDArray[np.float32]) -> None:
    content = io.BytesIO()  # libtiff wants to read what it wrote
    Image.fromarray(scores).save(content, format="TIFF", compression="tiff_adobe_deflate")
    file.write(content.getvalue())


FORMS: Mapping[str, Callable[[IO[Any], NDArray[np.float32]], None]] = {"npy": _npy, "npz": _npz, "tif": _tif}
"""Forms of score maps by their ending; each writes (H, W) float32 without loss."""
