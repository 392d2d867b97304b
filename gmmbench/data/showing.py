"""The part of a data set whose label maps show certain classes."""

from __future__ import annotations

from collections.abc import Sequence

from gmmbench.data.class_index import class_index
from gmmbench.data.faults import UncountedError, is_collecting
from gmmbench.data.pairs import Pair, PairedSet
from gmmbench.errors import InputError
from gmmbench.resources import cache_folder


def pairs_showing(images: PairedSet, classes: Sequence[int]) -> list[Pair]:
    """The pairs with at least one pixel of one of the classes, in order.

    All label maps are read once; which shows what is then kept in the cache folder. Where faults are collected, a
    damaged label map stays in, and where label files are missing all pairs do, for each of them to be looked at.

    Args:
        classes: values as in ``Sample.labels``.

    Raises:
        InputError: a label map that cannot be read.
        UncountedError: it is not known, and nobody wants label maps opened.
    """
    if not images.pairs:  # collected as a fault already
        return []
    try:
        contains = class_index(images, max(classes) + 1, cache_folder()).contains
    except UncountedError:
        raise
    except InputError:
        if is_collecting():
            return list(images.pairs)
        raise
    return [pair for pair, shown in zip(images.pairs, contains, strict=True) if shown[list(classes)].any()]
