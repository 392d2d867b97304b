"""Pairs of an image file and a label file, read with suspicion."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from gmmbench.data.faults import Fault, complain
from gmmbench.errors import InputError
from gmmbench.labels import Sample

UNREADABLE = (UnidentifiedImageError, OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError)
"""What Pillow raises of a file that is no image, a damaged one, or one that claims to be larger than any."""


@dataclass(frozen=True)
class Pair:
    """One image and its label map on disk. ``name`` is unique in the set."""

    name: str
    image: Path
    labels: Path


class PairedSet:
    """A data set of image and label files; ``set[i]`` reads and checks one ``Sample``.

    Args:
        name: the registry's name, for messages.
        pairs: which files; all must exist.
        meaning: label value on disk -> value in ``Sample.labels``. A value that is not listed is an
            error, not background: a guess here would silently change every metric.

    A subclass whose files hold something else overrides ``image`` or ``raw_labels``.

    Raises:
        InputError: no pair at all, a name twice, or files missing; says how many and which is the first. (Inside
            ``faults.collecting`` each is noted, and the set is made all the same.)
    """

    def __init__(self, name: str, pairs: Sequence[Pair], meaning: Mapping[int, int]) -> None:
        self.name = name
        self.pairs = tuple(pairs)
        self._meaning = np.zeros(256, dtype=np.uint8)
        self._known = np.zeros(256, dtype=bool)
        for value, label in meaning.items():
            self._meaning[value], self._known[value] = label, True
        missing = [file for pair in self.pairs for file in (pair.image, pair.labels) if not file.is_file()]
        if missing:
            complain(
                "pair without files",
                f"{name}: {len(missing)} of {2 * len(self.pairs)} files are missing, first {missing[0]};"
                " every image needs its label map and the other way round; unpack the data set again",
                _unpaired(self.pairs, set(missing)),
            )
        twice = [name for name, times in Counter(pair.name for pair in self.pairs).items() if times > 1]
        if twice:
            complain(
                "listed twice",
                f"{name}: {len(twice)} images are listed twice, first '{twice[0]}'; mend the list",
                (Fault("listed twice", f"image '{image}' is listed more than once") for image in twice),
            )
        if not self.pairs:
            complain("no images", f"{name}: no images found; unpack the data set again")

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        """Read one pair.

        Raises:
            InputError: a damaged file, sizes that differ, a label map with several channels, or a
                label value without a meaning. Names the file.
        """
        pair = self.pairs[index]
        image, labels = self.image(index), self.labels(index)
        if image.shape[:2] != labels.shape:
            raise InputError(
                f"{self.name}: {pair.labels} is {labels.shape[1]}x{labels.shape[0]} pixels but its image"
                f" {pair.image.name} is {image.shape[1]}x{image.shape[0]}; wanted equal sizes"
            )
        return Sample(pair.name, image, labels)

    def labels(self, index: int) -> NDArray[np.uint8]:
        """The label map of one pair alone, as in ``Sample.labels``; the image is not opened.

        Raises:
            InputError: as indexing does, for what concerns the label map.
        """
        path = self.pairs[index].labels
        raw = self.raw_labels(index)
        strange = self.unknown_values(raw)
        if strange:
            value = min(strange)
            known = ", ".join(str(value) for value in self.known_values)
            raise InputError(
                f"{self.name}: {path} has label value {value} in {strange[value]} pixels;"
                f" known values: {known}; is this the right label folder?"
            )
        return self.mapped(raw)

    def image(self, index: int) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, the image of one pair alone. Raises InputError where it cannot be read."""
        return read_image(self.pairs[index].image)

    def raw_labels(self, index: int) -> NDArray[np.uint8]:
        """(H, W) uint8, the label values of one pair as they are on disk. Raises InputError as ``read_labels``."""
        return read_labels(self.pairs[index].labels)

    def mapped(self, raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W) uint8, values on disk as in ``Sample.labels``; those without a meaning become 0."""
        labels: NDArray[np.uint8] = self._meaning[raw]
        return labels

    @property
    def known_values(self) -> tuple[int, ...]:
        """The label values on disk that have a meaning, ascending."""
        return tuple(int(value) for value in np.flatnonzero(self._known))

    def unknown_values(self, raw: NDArray[np.uint8]) -> dict[int, int]:
        """Label value without a meaning -> pixels of it, of a label map as it is on disk."""
        present = np.bincount(raw.ravel(), minlength=256)
        return {int(value): int(present[value]) for value in np.flatnonzero((present > 0) & ~self._known)}

    def labels_sha256(self) -> str:
        """Hex SHA-256 of all that decides the label maps: their files' bytes in order, and what the values mean.

        The files are read but not decoded: of Cityscapes' maps, tens of kilobytes instead of two million
        pixels each. Names and the images do not enter.

        Raises:
            InputError: a file that cannot be read.
        """
        digest = hashlib.sha256(self._meaning.tobytes() + self._known.tobytes())
        for pair in self.pairs:
            try:
                content = pair.labels.read_bytes()
            except OSError as error:
                raise InputError(f"{pair.labels} cannot be read ({error}); copy it again") from error
            digest.update(hashlib.sha256(content).digest())
        return digest.hexdigest()


def _unpaired(pairs: Sequence[Pair], missing: set[Path]) -> Iterator[Fault]:
    """A fault for each pair that lacks a file."""
    for pair in dict.fromkeys(pairs):
        if pair.image in missing and pair.labels in missing:
            yield Fault("pair without files", f"'{pair.name}': neither {pair.image} nor {pair.labels} is there")
        elif pair.labels in missing:
            yield Fault("image without mask", f"{pair.image} has no label map: no {pair.labels}")
        elif pair.image in missing:
            yield Fault("mask without image", f"{pair.labels} has no image: no {pair.image}")


def read_image(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB. Raises InputError on a missing, truncated or unknown file, and on one channel that is wider
    than 8 bits: which of its values is white nobody knows, and Pillow would make all beyond 255 so.
    """
    image = _open(path)
    if image.mode.startswith(("I", "F")):
        raise InputError(
            f"{path} has pixel format {image.mode}; wanted 8 bits a channel: convert it, with its own range"
        )
    return np.asarray(image.convert("RGB"))


def read_labels(path: Path) -> NDArray[np.uint8]:
    """(H, W) uint8 label values, palette images by index. Raises InputError on anything else."""
    image = _open(path)
    if image.mode not in ("L", "P"):
        raise InputError(f"{path} has pixel format {image.mode}; wanted one 8-bit channel of label values")
    return np.asarray(image)


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:  # closes the file of a damaged image too
            image.load()
    except FileNotFoundError as error:
        raise InputError(f"no image at {path}") from error
    except UNREADABLE as error:
        raise InputError(f"{path} cannot be read as an image ({error}); it may be truncated, copy it again") from error
    return image
