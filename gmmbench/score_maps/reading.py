"""Score maps that other code computed: found by the names of images, read with suspicion."""

from __future__ import annotations

import hashlib
import tokenize
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gmmbench.errors import InputError
from gmmbench.score_maps.hdf5 import h5py_for

KEYS = ("value", "score", "scores", "anomaly")
"""Which array of a file with several is the score map; "value" is SegmentMeIfYouCan's."""


class ScoreMaps:
    """A folder of score maps, one file an image.

    A file's name is its image's name and one of ``SUFFIXES``: .npy; .npz; .tif or .tiff with one float channel;
    .hdf5 or .h5, among them those of SegmentMeIfYouCan's ``anomaly_p/METHOD/DATASET/FID.hdf5`` (any folder above
    the files may be named, if no other method or data set lies below it).

    Higher is taken to mean more anomalous; nothing in a file could tell.

    Args:
        folder: searched with the folders in it; files whose names begin with a dot are passed over.
        negated: the maps are confidences, where lower means more anomalous: they are read with their sign changed.

    Raises:
        InputError: no such folder, or no score map in it.
    """

    def __init__(self, folder: Path, *, negated: bool = False) -> None:
        self.folder, self.negated = folder, negated
        if not folder.is_dir():
            raise InputError(f"no folder {folder}; --score-maps wants one with a file for each image: {_wanted()}")
        self._files: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file():
                inside = path.relative_to(folder).with_suffix("").as_posix()
                for name in {inside, path.stem}:
                    self._files[name].append(path)
        if not self._files:
            raise InputError(f"no score map in {folder}; wanted a file for each image: {_wanted()}")
        self._kinds: dict[str, str] = {}

    def missing(self, names: Iterable[str]) -> list[str]:
        """Which of these images have no map, in order."""
        return [name for name in names if name not in self._files]

    def extra(self, names: Iterable[str]) -> list[Path]:
        """The files that belong to none of these images, in order; not an error, but worth telling."""
        used = {path for name in names for path in self._files.get(name, ())}
        return sorted({path for paths in self._files.values() for path in paths} - used)

    def check(self, names: Sequence[str]) -> None:
        """See that each image has exactly one map, before any is read.

        Raises:
            InputError: images without a map (how many, the first), or with several (the first's files).
        """
        missing = self.missing(names)
        if missing:
            raise InputError(
                f"{len(missing)} of {len(names)} images have no score map in {self.folder}, first '{missing[0]}';"
                f" wanted {missing[0]} with one of the endings {', '.join(SUFFIXES)}"
            )
        for name in names:
            self.path(name)

    def path(self, name: str) -> Path:
        """The file of one image.

        Raises:
            InputError: there is none, or there are several.
        """
        paths = self._files.get(name, [])
        if not paths:
            raise InputError(f"no score map for '{name}' in {self.folder}; wanted one of {_wanted(name)}")
        if len(paths) > 1:
            raise InputError(
                f"{len(paths)} score maps for '{name}': {', '.join(map(str, paths))};"
                " keep one, or name the folder of one method and data set"
            )
        return paths[0]

    def read(self, name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
        """One image's map, (H, W) float32, higher = more anomalous. Infinities are legal.

        float64 is rounded to float32, float16 is widened; ``precision`` tells. Integers are refused: scores in 256
        steps change FPR95 by tens of points, because whole steps share one threshold. Of .hdf5 alone, axes
        of length 1 are dropped, as SegmentMeIfYouCan's own reader does.

        Args:
            shape: (H, W) of the image's labels.

        Raises:
            InputError: the file cannot be read, or its array is of another shape or type, holds NaN, or has a
                finite value that float32 has not.
        """
        path = self.path(name)
        array = _READERS[path.suffix.lower()](path)
        _check(array, path, shape)
        with np.errstate(over="ignore"):
            scores: NDArray[np.float32] = array.astype(np.float32)
        if array.dtype.itemsize > 4 and (np.isinf(scores) & ~np.isinf(array)).any():
            raise InputError(f"{path} has values beyond float32's {np.finfo(np.float32).max:.3g}; save their logarithm")
        self._kinds[name] = array.dtype.newbyteorder("=").name
        return np.negative(scores, out=scores) if self.negated else scores

    @property
    def precision(self) -> str:
        """What the maps read so far were stored as, in words for the result's footnote."""
        counts = Counter(self._kinds.values())
        words = [f"{kind} ({_PRECISION.get(kind, 'rounded to float32')}): {counts[kind]} maps" for kind in counts]
        return "; ".join(sorted(words)) or "none read"

    def sha256(self, names: Iterable[str]) -> str:
        """Hex SHA-256 of these images' names and files, for provenance.

        Raises:
            InputError: an image without a map or with several, or a file that cannot be read.
        """
        digest = hashlib.sha256(b"negated\n" if self.negated else b"")
        for name in sorted(names):
            path = self.path(name)
            try:
                inner = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError as error:
                raise InputError(f"{path} cannot be read ({error}); copy it again") from error
            digest.update(f"{name}\n{inner}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()


_PRECISION = {
    "float16": "11 bits: near values have become equal, which moves FPR95 and AP",
    "float32": "as evaluated",
}


def _wanted(name: str = "NAME") -> str:
    return ", ".join(f"{name}{suffix}" for suffix in SUFFIXES)


def _check(array: NDArray[Any], path: Path, shape: tuple[int, int]) -> None:
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(
            f"{path} has values of type {array.dtype}; wanted float32: scores rounded to integers share thresholds,"
            " which changes FPR95; save the scores before any rounding"
        )
    if array.ndim != 2:
        raise InputError(
            f"{path} has an array of shape {array.shape}; wanted {shape}, one score a pixel:"
            " reduce classes to a score, take a batch apart, drop axes of length 1"
        )
    if array.shape != shape:
        turned = " (height and width are exchanged: transpose it)" if array.shape == shape[::-1] else ""
        raise InputError(
            f"{path} is {array.shape[0]} rows by {array.shape[1]} columns, its labels are {shape[0]} by {shape[1]};"
            f" scores are evaluated at the labels' resolution: resize them bilinearly (align_corners=False){turned}"
        )
    undefined = int(np.isnan(array).sum())
    if undefined:
        raise InputError(f"{path} is NaN at {undefined} of {array.size} pixels; a score must order every pixel")


_DAMAGED = (
    OSError, EOFError, KeyError, MemoryError, RuntimeError, SyntaxError, TypeError, ValueError, tokenize.TokenError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy, zipfile, Pillow and h5py raise of flipped bits; MemoryError is of a header that claims terabytes."""


def _numpy(path: Path) -> NDArray[Any]:
    """What .npy or .npz holds; objects, which only pickle could read, are refused."""
    try:
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return content
            with content:
                return np.asarray(content[_choose(content.files, path)])
    except InputError:
        raise
    except _DAMAGED as error:
        raise InputError(f"{path} cannot be read as {path.suffix} ({error}); write it again with numpy.save") from error


def _tiff(path: Path) -> NDArray[Any]:
    try:
        with Image.open(path, formats=["TIFF"]) as image:
            if getattr(image, "n_frames", 1) != 1:
                raise InputError(f"{path} has several pages; wanted one score map a file")
            if image.mode != "F":
                raise InputError(
                    f"{path} has pixel format {image.mode}; wanted one channel of 32-bit floats: scores rounded to"
                    " integers share thresholds, which changes FPR95; save the scores before any rounding"
                )
            return np.asarray(image)
    except InputError:
        raise
    except (*_DAMAGED, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as float32 TIFF ({error}); write it again, or as .npy") from error


def _hdf5(path: Path) -> NDArray[Any]:
    """As ``ChannelLoaderHDF5`` of SegmentMeIfYouCan's road-anomaly-benchmark: data set "value", axes of 1 dropped."""
    h5py = h5py_for(path)
    try:
        with h5py.File(path, "r") as file:
            names = [name for name, content in file.items() if isinstance(content, h5py.Dataset)]
            return np.squeeze(np.asarray(file[_choose(names, path)]))
    except InputError:
        raise
    except _DAMAGED as error:
        raise InputError(f"{path} cannot be read as HDF5 ({error}); copy it again") from error


def _choose(names: Sequence[str], path: Path) -> str:
    """Which of the arrays in a file is the map: the only one, or the only one that is named like one."""
    named = [name for name in names if name in KEYS]
    found = names if len(names) == 1 else named
    if len(found) != 1:
        raise InputError(
            f"{path} has {len(names)} arrays ({', '.join(names) or 'none'}); wanted a single one,"
            f" or one of them named {', '.join(KEYS[:-1])} or {KEYS[-1]}"
        )
    return found[0]


_READERS: Mapping[str, Callable[[Path], NDArray[Any]]] = {
    ".npy": _numpy,
    ".npz": _numpy,
    ".tif": _tiff,
    ".tiff": _tiff,
    ".hdf5": _hdf5,
    ".h5": _hdf5,
}

SUFFIXES = tuple(_READERS)
"""Endings of files that are read; upper case is the same."""
