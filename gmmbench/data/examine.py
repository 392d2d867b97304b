"""What one pair of files holds, and everything that is wrong with it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gmmbench.data.faults import Fault
from gmmbench.data.pairs import UNREADABLE, PairedSet
from gmmbench.data.unlabelled import ImageFolder
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, OOD


@dataclass(frozen=True)
class Contents:
    """What label maps hold, in integers; two of them add up. Pixels of unknown values count nowhere.

    Attributes:
        images: whose label map could be read.
        clean: of these, images without an anomalous pixel.
        sizes: (height, width) -> images.
        valid, anomalous, ignored: pixels that count, those of them whose label is ``OOD``, and ``IGNORE`` pixels.
            (In a closed set 1 is a class: only ``ignored`` has a meaning beside ``valid`` there.)
    """

    images: int = 0
    clean: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    valid: int = 0
    anomalous: int = 0
    ignored: int = 0

    def __add__(self, other: Contents) -> Contents:
        return Contents(
            self.images + other.images,
            self.clean + other.clean,
            self.sizes + other.sizes,
            self.valid + other.valid,
            self.anomalous + other.anomalous,
            self.ignored + other.ignored,
        )

    @property
    def prevalence(self) -> float:
        """Share of anomalous pixels among those that count, of all images together; NaN where none counts."""
        return self.anomalous / self.valid if self.valid else math.nan

    @property
    def ignore_share(self) -> float:
        """Share of ignored pixels among all; NaN where there is none."""
        return self.ignored / (self.valid + self.ignored) if self.valid + self.ignored else math.nan


@dataclass(frozen=True)
class Finding:
    """What ``examine`` found in one pair."""

    faults: tuple[Fault, ...]
    contents: Contents


def examine(images: PairedSet, index: int) -> Finding:
    """Read both files of a pair, each on its own, so that a damaged one does not hide what the other lacks.

    A file that is not there is the data set's fault, not one of these.
    """
    pair = images.pairs[index]
    faults: list[Fault] = []
    image = _read(images.image, index, pair.image, faults)
    raw = _read(images.raw_labels, index, pair.labels, faults)
    sizes = [
        _header_size(file) if pixels is None else (pixels.shape[0], pixels.shape[1])
        for file, pixels in ((pair.image, image), (pair.labels, raw))
    ]
    if None not in sizes and sizes[0] != sizes[1]:
        (image_height, image_width), (height, width) = (size or (0, 0) for size in sizes)
        faults.append(
            Fault(
                "sizes differ",
                f"{pair.labels} is {width}x{height} pixels but its image {pair.image.name} is"
                f" {image_width}x{image_height}",
            )
        )
    if raw is None:
        return Finding(tuple(faults), Contents())
    known = ", ".join(str(value) for value in images.known_values)
    faults += [
        Fault("unknown label value", f"{pair.labels} has label value {value} in {pixels} pixels; known: {known}")
        for value, pixels in images.unknown_values(raw).items()
    ]
    return Finding(tuple(faults), _contents(images, raw))


def examine_frame(images: ImageFolder, index: int) -> Finding:
    """As ``examine``, of an image without labels: only whether it can be read, and its size."""
    faults: list[Fault] = []
    image = _read(lambda place: images[place].image, index, images.files[index], faults)
    if image is None:
        return Finding(tuple(faults), Contents())
    return Finding(tuple(faults), Contents(1, sizes=Counter({(image.shape[0], image.shape[1]): 1})))


def _read(
    read: Callable[[int], NDArray[np.uint8]], index: int, file: Path, faults: list[Fault]
) -> NDArray[np.uint8] | None:
    if not file.is_file():
        return None
    if file.stat().st_size == 0:
        faults.append(Fault("empty file", f"{file} has no bytes"))
        return None
    try:
        return read(index)
    except InputError as error:
        faults.append(Fault("unreadable file", str(error)))
        return None


def _header_size(file: Path) -> tuple[int, int] | None:
    """(height, width) as the file's first bytes say, which the rest of a damaged file may still bear out."""
    try:
        with Image.open(file) as image:
            return image.height, image.width
    except UNREADABLE:
        return None


def _contents(images: PairedSet, raw: NDArray[np.uint8]) -> Contents:
    values = np.array(images.known_values, dtype=np.uint8)
    pixels = np.bincount(raw.ravel(), minlength=256)[values]
    labels = images.mapped(values)
    ignored = int(pixels[labels == IGNORE].sum())
    anomalous = int(pixels[labels == OOD].sum())
    height, width = raw.shape
    return Contents(
        1, int(anomalous == 0), Counter({(height, width): 1}), int(pixels.sum()) - ignored, anomalous, ignored
    )
