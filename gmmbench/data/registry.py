"""Which data sets there are: one line an entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gmmbench.data import ade20k, camvid, cityscapes, coco_stuff10k, road_anomaly, street_sets
from gmmbench.data.pairs import PairedSet
from gmmbench.errors import InputError, unknown_name


@dataclass(frozen=True)
class ClosedSet:
    """A data set with a fixed list of classes, to train on and to measure mIoU on.

    Attributes:
        load: (data root, split) to the pairs; splits are "train", "val" and "test". One without public labels
            is an InputError that says so.
        palette: RGB per class, for pictures.
    """

    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    load: Callable[[Path, str], PairedSet]


CLOSED_SETS: dict[str, ClosedSet] = {
    "ade20k": ClosedSet(ade20k.CLASSES, ade20k.PALETTE, ade20k.ade20k),
    "camvid": ClosedSet(camvid.CLASSES, camvid.PALETTE, camvid.camvid),
    "cityscapes": ClosedSet(cityscapes.CLASSES, cityscapes.PALETTE, cityscapes.cityscapes),
    "coco_stuff10k": ClosedSet(coco_stuff10k.CLASSES, coco_stuff10k.PALETTE, coco_stuff10k.coco_stuff10k),
    "street": ClosedSet(street_sets.CLASSES, street_sets.PALETTE, street_sets.street),
}
"""Closed sets by name; a card in ``datasets/`` describes each."""

DATASETS: dict[str, Callable[[Path], PairedSet]] = {
    "camvid_ood": camvid.camvid_ood,
    "road_anomaly": road_anomaly.road_anomaly,
    "street_ood": street_sets.street_ood,
}
"""OOD test sets by name: a function of the data root. A card in ``datasets/`` describes each."""


def closed_set(name: str) -> ClosedSet:
    """The closed set of that name; an unknown one raises InputError with the known ones."""
    if name not in CLOSED_SETS:
        raise unknown_name("closed set", name, CLOSED_SETS)
    return CLOSED_SETS[name]


def ood_set(name: str, root: Path) -> PairedSet:
    """The OOD set of that name under the data root; an unknown one raises InputError with the known ones."""
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    return DATASETS[name](existing_root(root))


def existing_root(root: Path) -> Path:
    """``root`` itself where it is a folder.

    Raises:
        InputError: it is none.
    """
    if not root.is_dir():
        raise InputError(
            f"no data root at {root}; pass --data-root or set GMMBENCH_DATA to the folder of the data sets"
        )
    return root
