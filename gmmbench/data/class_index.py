"""Which image contains which class, found out once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmmbench.atomic import atomic_file
from gmmbench.data.faults import UncountedError, is_collecting, may_open
from gmmbench.data.pairs import PairedSet
from gmmbench.errors import InputError

_FORMAT = b"gmmbench class index 1"


class ClassIndex(NamedTuple):
    """Which image contains which class.

    Attributes:
        contains: (N, C) bool, whether image n has at least one pixel of class c.
        news: what a log should say of how it was come by, in one line.
        kept: False where the cache could not be written; ``news`` says why.
    """

    contains: NDArray[np.bool_]
    news: str
    kept: bool


def class_index(
    images: PairedSet, num_classes: int, folder: Path, tell: Callable[[int, int, str], None] | None = None
) -> ClassIndex:
    """The class index of a data set, from ``folder`` where it is kept there, or else from all label maps.

    A file in ``folder`` is named by a hash of all that decides its content: the bytes of every label file in
    order, what the label values mean, and C. It ends with a hash of that hash and its own bytes: what does not
    fit is counted and written anew. So a data set that moved, or lies at two places, is read once, and one whose
    labels changed is read again.

    Args:
        num_classes: C.
        folder: of the cache; made where it is missing.
        tell: told (label maps read, in all, a few words) after each.

    Raises:
        InputError: a label map that cannot be read; a cache that cannot be written is none.
    """
    key = hashlib.sha256(b"%s %d %d " % (_FORMAT, len(images), num_classes) + images.labels_sha256().encode())
    file = folder / f"classes_{key.hexdigest()}.bin"
    shape = (len(images), num_classes)
    contains = _read(file, key.digest(), shape)
    if contains is not None:
        return ClassIndex(contains, f"{images.name}: class index read from {file}", True)
    if not may_open():
        raise UncountedError(f"{images.name}: which images it has is not known before their label maps are read")
    contains, damaged = np.zeros(shape, dtype=bool), 0
    for number in range(len(images)):
        try:
            labels = images.labels(number)
        except InputError:
            if not is_collecting():
                raise
            contains[number], damaged = True, damaged + 1  # nothing is known of it: it stays in, to be complained of
            continue
        contains[number] = np.bincount(labels.ravel(), minlength=256)[:num_classes] > 0
        if tell is not None:
            tell(number + 1, len(images), "reading label maps")
    news = f"{images.name}: class index made of {len(images)} label maps"
    if damaged:
        return ClassIndex(contains, f"{news} but not kept, {damaged} of them are damaged", False)
    try:
        _write(file, key.digest(), contains)
    except InputError as error:
        # The index is at hand: a training need not end because the next one will have to count again.
        return ClassIndex(
            contains,
            f"{news} but not kept, {file} cannot be written ({error.__cause__});"
            " set GMMBENCH_CACHE to a folder that can, or every training reads them all again",
            False,
        )
    return ClassIndex(contains, f"{news}, kept as {file}", True)


def _read(file: Path, key: bytes, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """The bits in ``file``, if they and the key give the hash behind them; of a damaged or foreign file, ``None``."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    bits, seal = content[:-32], content[-32:]
    if seal != hashlib.sha256(key + bits).digest():
        return None
    number = shape[0] * shape[1]
    return np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=number).astype(bool).reshape(shape)


def _write(file: Path, key: bytes, contains: NDArray[np.bool_]) -> None:
    bits = np.packbits(contains).tobytes()
    with atomic_file(file) as out:
        out.write(bits + hashlib.sha256(key + bits).digest())
