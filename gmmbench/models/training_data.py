"""Closed sets as MMSegmentation training data, in an order that only the seed decides."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.dataset import BaseDataset
from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS
from mmseg.registry import DATASETS, TRANSFORMS
from torch.utils.data import Sampler

from gmmbench.data import closed_set
from gmmbench.data.registry import existing_root
from gmmbench.labels import IGNORE


class Draw(NamedTuple):
    """Which image comes next, and the seed of its augmentation."""

    image: int
    seed: int


@DATA_SAMPLERS.register_module()
class SeededSampler(Sampler[Draw]):
    """An endless shuffle in which draw number t depends on (seed, t) and nothing else.

    So the order and every crop and flip are the same for a model and its twin, for any number of
    loader workers, and for a training that was interrupted and resumed.

    Args:
        dataset: sized.
        seed: of the run; MMEngine passes it.
    """

    def __init__(self, dataset: Any, seed: int | None = None) -> None:
        self.size = len(dataset)
        self.seed = seed or 0
        self.rank, self.world = get_dist_info()
        self.done = 0
        self._epoch, self._order = -1, np.arange(0)  # of the last draw, kept because a shuffle is slow

    def skip(self, draws: int) -> None:
        """Leave out the next ``draws`` draws of this rank; MMEngine calls it on resume."""
        self.done += draws

    def __iter__(self) -> Iterator[Draw]:
        number = self.rank + self.done * self.world
        while True:
            noise = np.random.SeedSequence((self.seed, number)).generate_state(1)[0]
            yield Draw(self.image(number), int(noise))
            number += self.world

    def image(self, number: int) -> int:
        """Which image draw ``number`` takes: every epoch of as many draws as images is a permutation of them."""
        epoch, place = divmod(number, self.size)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, np.random.default_rng((self.seed, epoch)).permutation(self.size)
        return int(self._order[place])

    def __len__(self) -> int:
        return self.size

    def set_epoch(self, epoch: int) -> None:
        """Nothing: the draws go on across epochs."""


@DATASETS.register_module()
class ClosedSetDataset(BaseDataset):
    """A closed set of ``gmmbench.data`` for MMEngine's runner.

    Args:
        name: a key of ``CLOSED_SETS``.
        root: the data root.
        split: "train", "val" or "test".
        pipeline: MMSegmentation transforms; begins with ``LoadSample``.
        void: a pixel that the set labels as no class is of one more class, number C (Blum et al. 2019, arXiv
            1904.03215). What augmentation and padding add stays ``IGNORE``. The classes that the data set lists
            are its own.
    """

    def __init__(self, name: str, root: str, split: str, pipeline: list[dict[str, Any]], void: bool = False) -> None:
        closed = closed_set(name)
        self.void_class = len(closed.classes) if void else IGNORE
        self.samples = closed.load(existing_root(Path(root)), split)
        super().__init__(
            metainfo={"classes": closed.classes, "palette": [list(colour) for colour in closed.palette]},
            pipeline=[TRANSFORMS.build(step) for step in pipeline],
            serialize_data=False,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry an image; ``LoadSample`` reads it."""
        shared = {"samples": self.samples, "void_class": self.void_class}
        return [shared | {"number": number} for number in range(len(self.samples))]

    def __getitem__(self, draw: Draw) -> Any:
        """The image of a draw, augmented with the draw's own random numbers."""
        # MMCV's transforms draw from the global generators.
        random.seed(draw.seed)
        np.random.seed(draw.seed)
        return super().__getitem__(draw.image)


@TRANSFORMS.register_module()
class LoadSample(BaseTransform):
    """Reads and checks a ``Sample`` as evaluation does, in MMSegmentation's keys and channel order (BGR)."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Adds img (H, W, 3) uint8 BGR and gt_seg_map (H, W) uint8."""
        sample = results["samples"][results["number"]]
        labels = np.where(sample.labels == IGNORE, results["void_class"], sample.labels).astype(np.uint8)
        return {
            "img": np.ascontiguousarray(sample.image[..., ::-1]),
            "gt_seg_map": labels,
            "seg_fields": ["gt_seg_map"],
            "img_path": sample.name,
            "img_shape": sample.labels.shape,
            "ori_shape": sample.labels.shape,
            "reduce_zero_label": False,
        }
