"""The pictures that objects are pasted into."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.data.pairs import read_image
from gmmbench.data.registry import closed_set, existing_root
from gmmbench.data.synth.cutouts import pictures
from gmmbench.errors import InputError, unknown_name

GROUND = ("road", "marking", "sidewalk", "pavement")
"""Classes that objects stand on, as far as a closed set has them and nobody says otherwise."""

THINGS = ("car", "truck", "bus", "person", "pedestrian")
"""Classes that known objects are cut from, likewise."""


@dataclass(frozen=True)
class Background:
    """One picture.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        labels: (H, W) uint8, the closed set's classes and IGNORE; ``None`` without labels.
    """

    name: str
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8] | None


@dataclass(frozen=True)
class Backgrounds:
    """A set of pictures, read when asked for.

    Attributes:
        origin: where they are from, for the record.
        names: of the pictures, in order; one may not stand twice.
        read: number to picture.
        ground: class numbers that objects stand on; without labels none, and the lower half is ground.
        things: class numbers that known objects are cut from.
        classes: names of the classes; without labels none.
    """

    origin: dict[str, Any]
    names: tuple[str, ...]
    read: Callable[[int], Background]
    ground: tuple[int, ...] = ()
    things: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As it is written beside the images."""
        said = {
            "number": len(self.names),
            "names_sha256": hashlib.sha256("\n".join(self.names).encode(errors="surrogateescape")).hexdigest(),
            "ground": [self.classes[number] for number in self.ground],
            "things": [self.classes[number] for number in self.things],
        }
        return self.origin | said


def of_closed_set(
    name: str, root: Path, split: str, ground: Sequence[str] | None = None, things: Sequence[str] | None = None
) -> Backgrounds:
    """A split of a registered closed set.

    Args:
        root: the data root.
        ground: names of classes that objects stand on; those of ``GROUND`` that the set has, if not given.
        things: names of classes that known objects are cut from; those of ``THINGS``, if not given.

    Raises:
        InputError: unknown set, split or class, files that are missing, or a set without any ground class.
    """
    known = closed_set(name)
    pairs = known.load(existing_root(root), split)

    def read(number: int) -> Background:
        sample = pairs[number]
        return Background(sample.name, sample.image, sample.labels)

    stands = _numbers(name, known.classes, ground, GROUND)
    if not stands:
        raise InputError(f"{name} has none of the classes {', '.join(GROUND)}; say with --ground what objects stand on")
    origin = {"set": name, "split": split}
    names = tuple(pair.name for pair in pairs.pairs)
    return Backgrounds(origin, names, read, stands, _numbers(name, known.classes, things, THINGS), known.classes)


def of_folder(folder: Path) -> Backgrounds:
    """All pictures directly in a folder, without labels: nothing in them is void, and the lower half is ground.

    Raises:
        InputError: no such folder, or no picture in it.
    """
    files = pictures(folder)
    if not files:
        raise InputError(f"no pictures in {folder}; wanted a folder of images, or a closed set with its split")

    def read(number: int) -> Background:
        return Background(files[number].stem, read_image(files[number]), None)

    return Backgrounds({"folder": str(folder)}, tuple(file.name for file in files), read)


def _numbers(
    name: str, classes: tuple[str, ...], asked: Sequence[str] | None, usual: tuple[str, ...]
) -> tuple[int, ...]:
    for word in asked or ():
        if word not in classes:
            raise unknown_name(f"class of {name}", word, classes)
    wanted = usual if asked is None else asked
    return tuple(number for number, word in enumerate(classes) if word in wanted)
