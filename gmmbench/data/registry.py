"""Which data sets there are: one line an entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gmmbench.data import (
    ade20k,
    ade_ood,
    bdd_anomaly,
    camvid,
    cityscapes,
    coco_stuff10k,
    fishyscapes,
    lost_and_found,
    muad,
    polito,
    road_anomaly,
    smiyc,
    street_hazards,
    street_sets,
)
from gmmbench.data.pairs import PairedSet
from gmmbench.data.unlabelled import ImageFolder
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
    "ade_ood": ade_ood.ade_ood,
    "bdd_anomaly": bdd_anomaly.bdd_anomaly,
    "camvid_ood": camvid.camvid_ood,
    "fishyscapes_lost_and_found": fishyscapes.fishyscapes_lost_and_found,
    **fishyscapes.STATIC,
    "lost_and_found": lost_and_found.lost_and_found,
    "lost_and_found_noknown": lost_and_found.lost_and_found_noknown,
    "muad": muad.muad,
    **polito.SETS,
    "road_anomaly": road_anomaly.road_anomaly,
    "road_anomaly21": smiyc.road_anomaly21,
    "road_obstacle21": smiyc.road_obstacle21,
    "street_hazards": street_hazards.street_hazards,
    "street_ood": street_sets.street_ood,
}
"""OOD test sets by name: a function of the data root. A card in ``datasets/`` describes each."""

UNLABELLED: dict[str, Callable[[Path], ImageFolder]] = {
    "road_anomaly21_test": smiyc.road_anomaly21_test,
    "road_obstacle21_test": smiyc.road_obstacle21_test,
}
"""OOD test sets without public labels, by name: a function of the data root. Scores of them can only be exported."""


def closed_set(name: str) -> ClosedSet:
    """The closed set of that name; an unknown one raises InputError with the known ones."""
    if name not in CLOSED_SETS:
        raise unknown_name("closed set", name, CLOSED_SETS)
    return CLOSED_SETS[name]


def ood_set(name: str, root: Path) -> PairedSet:
    """The OOD set of that name under the data root.

    Raises:
        InputError: an unknown name (lists the known ones), one of ``UNLABELLED``, or what its loader finds wrong.
    """
    if name in UNLABELLED:
        raise InputError(
            f"{name} has no public labels and cannot be evaluated here; export score maps and hand them to its"
            f" publisher instead: gmmbench export-scores ... --datasets {name}"
        )
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    return DATASETS[name](existing_root(root))


def unlabelled_set(name: str, root: Path) -> ImageFolder:
    """The images of that name under the data root; an unknown one raises InputError with the known ones."""
    if name not in UNLABELLED:
        raise unknown_name("data set without labels", name, UNLABELLED)
    return UNLABELLED[name](existing_root(root))


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
