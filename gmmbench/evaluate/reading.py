"""Images in order, the next ones read while the present one is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from gmmbench.errors import InputError
from gmmbench.labels import Sample

Progress = Callable[[int, int], None]
"""Told (images done, images in all) after each image."""

AHEAD = 2
"""Images read beforehand: enough to hide the disk, few enough to hold."""


class ImageSet(Protocol):
    """A sized sequence of ``Sample``s; ``gmmbench.data.pairs.PairedSet`` is one."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Sample: ...


def number_of(images: ImageSet, limit: int | None) -> int:
    """How many images an evaluation looks at. Raises InputError where that is none."""
    if limit is not None and limit < 1:
        raise InputError(f"--limit {limit}: wanted at least one image")
    return len(images) if limit is None else min(limit, len(images))


def read_ahead(images: ImageSet, count: int, progress: Progress | None = None) -> Iterator[Sample]:
    """The first ``count`` samples, decoded in another thread.

    ``progress`` is told of a sample when the next one is asked for. An error in reading a sample comes up
    where that sample would have.
    """
    with ThreadPoolExecutor(1, "reading images") as reader:
        waiting: deque[Future[Sample]] = deque()
        try:
            for index in range(count):
                while len(waiting) <= AHEAD and index + len(waiting) < count:
                    waiting.append(reader.submit(images.__getitem__, index + len(waiting)))
                yield waiting.popleft().result()
                if progress is not None:
                    progress(index + 1, count)
        finally:
            for future in waiting:
                future.cancel()
