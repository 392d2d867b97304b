"""Class-balanced drawing of training images: a uniform prior over classes, as the publication realises it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from mmengine.dist import broadcast_object_list
from mmengine.logging import print_log
from mmengine.registry import DATA_SAMPLERS
from numpy.typing import NDArray

from gmmbench.data.class_index import class_index
from gmmbench.errors import InputError
from gmmbench.models.training_data import ClosedSetDataset, SeededSampler
from gmmbench.resources import cache_folder

Tell = Callable[[int, int, str], None]
_listener: ContextVar[Tell | None] = ContextVar("listener", default=None)


@contextmanager
def telling(tell: Tell | None) -> Iterator[None]:
    """Inside the block ``tell`` hears (label maps read, in all, a few words) while a sampler reads them.

    MMEngine builds samplers from a config, which is written to disk and can carry no function.
    """
    before = _listener.set(tell)
    try:
        yield
    finally:
        _listener.reset(before)


@DATA_SAMPLERS.register_module()
class ClassBalancedSampler(SeededSampler):
    """An endless sequence: a class, all equally likely, then one of the images that contain it, likewise.

    This is how GMMSeg's published training makes p(class) uniform (Liang et al. 2022, arXiv 2210.02025;
    ``BatchBalanceClassSampler`` in the authors' code). It changes which images a model sees, so both twins
    need it. As in ``SeededSampler``, draw number t depends on (seed, t) and nothing else.

    An image contains a class where its label map has one pixel of it; a crop of that image may have none. A
    class that no image contains is never drawn, and a warning names it.

    Args:
        dataset: a ``ClosedSetDataset``. Its label maps are read once; see ``gmmbench.data.class_index``.
        seed: of the run; MMEngine passes it.

    Raises:
        InputError: another kind of data set, labels that cannot be read, or no label of any class.
    """

    def __init__(self, dataset: Any, seed: int | None = None) -> None:
        if not isinstance(dataset, ClosedSetDataset):
            raise InputError(
                f"ClassBalancedSampler got a {type(dataset).__name__}; it reads label maps, so it wants"
                " train_dataloader.dataset.type='ClosedSetDataset', or use sampler=dict(type='SeededSampler')"
            )
        super().__init__(dataset, seed)
        names, images_of = dataset.metainfo["classes"], [np.flatnonzero(column) for column in self._index(dataset).T]
        self._images_of = [images for images in images_of if len(images)]
        absent = [name for name, images in zip(names, images_of, strict=True) if not len(images)]
        where = dataset.samples.name
        if not self._images_of:
            raise InputError(f"{where}: no image contains any of the {len(names)} classes; is this the label folder?")
        if absent:
            print_log(
                f"{where}: ClassBalancedSampler never draws {', '.join(absent)}; no image contains it",
                logger="current",
                level=logging.WARNING,
            )

    def image(self, number: int) -> int:
        """Which image draw ``number`` takes."""
        # A child of the sequence that the draw's augmentation comes from, hence independent of it.
        generator = np.random.default_rng(np.random.SeedSequence((self.seed, number), spawn_key=(0,)))
        images = self._images_of[generator.integers(len(self._images_of))]
        return int(images[generator.integers(len(images))])

    def _index(self, dataset: ClosedSetDataset) -> NDArray[np.bool_]:
        """(N, C) bool, found out by the first rank; the broadcast is what the others wait in.

        A failure is broadcast too: each rank must leave, or the others would wait for ever.
        """
        message: list[Any] = [None, None]
        if self.rank == 0:
            try:
                index = class_index(dataset.samples, len(dataset.metainfo["classes"]), cache_folder(), _listener.get())
            except Exception as error:
                broadcast_object_list([None, str(error)])
                raise
            print_log(index.news, logger="current", level=logging.INFO if index.kept else logging.WARNING)
            message = [index.contains, None]
        broadcast_object_list(message)
        contains, failure = message
        if failure is not None:
            raise InputError(f"the first process found no class index: {failure}")
        found: NDArray[np.bool_] = contains
        return found
