"""Counts of each image on disk: written while an evaluation runs, read one image at a time.

An ``.npz`` whose member ``N.npy`` holds the bins of image N: (3, K) uint32, rows keys, IN pixels and OOD
pixels. ``names`` and ``ignored`` come last. So neither writing nor reading holds more than one image.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.atomic import complaining_of
from gmmbench.errors import InputError
from gmmbench.metrics import ImageCounts
from gmmbench.results.arrays import DAMAGE, write_member


class ImageCountsWriter(AbstractContextManager["ImageCountsWriter"]):
    """Appends images to a new file; closed by leaving the context.

    Raises:
        InputError: the file cannot be written, or its disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with complaining_of(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._zip = zipfile.ZipFile(path, "w")
        self._names: list[str] = []
        self._ignored: list[int] = []

    def add(self, name: str, counts: ImageCounts) -> None:
        """The next image."""
        bins = np.stack([counts.keys, counts.in_counts, counts.ood_counts]).astype(np.uint32)
        self._write(str(len(self._names)), bins)
        self._names.append(name)
        self._ignored.append(counts.ignored)

    def __exit__(self, *error: object) -> None:
        try:
            if error[0] is None:
                self._write("names", np.array(self._names, dtype=np.str_))
                self._write("ignored", np.array(self._ignored, dtype=np.int64))
        finally:
            with complaining_of(self._path):
                self._zip.close()

    def _write(self, member: str, array: NDArray[Any]) -> None:
        with complaining_of(self._path):
            write_member(self._zip, member, array)


@dataclass(frozen=True)
class SavedImages:
    """What an ``ImageCountsWriter`` wrote. Each iteration opens the file anew and holds one image at a time."""

    path: Path

    def __iter__(self) -> Iterator[ImageCounts]:
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                for number, ignored in enumerate(archive["ignored"].tolist()):
                    bins = archive[str(number)]
                    if bins.ndim != 2 or bins.dtype != np.uint32:
                        raise ValueError(f"image {number} is {bins.dtype} {bins.shape}, wanted (3, K) uint32")
                    keys, in_counts, ood_counts = bins
                    yield ImageCounts(keys, in_counts.astype(np.int64), ood_counts.astype(np.int64), ignored)
        except FileNotFoundError as error:
            raise InputError(f"missing {self.path}; evaluate again with the same --out") from error
        except DAMAGE as error:
            raise InputError(f"{self.path} is damaged ({error}); evaluate again with the same --out") from error

    def names(self) -> list[str]:
        """Of the images, in order."""
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                return [str(name) for name in archive["names"]]
        except DAMAGE as error:
            raise InputError(f"{self.path} is missing or damaged ({error}); evaluate again with --out") from error
