"""The five folders of ``Validation_Dataset.zip``, of Mask2Anomaly and of the course projects after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from gmmbench.data.folders import matching_pairs
from gmmbench.data.pairs import PairedSet
from gmmbench.labels import IGNORE, IN, OOD

PLAIN = {0: IN, 1: OOD, IGNORE: IGNORE}
ROAD_ANOMALY = PLAIN | {2: OOD}
"""The projects' code turns 2 into 1 where the path has "RoadAnomaly" in it, so in two of the folders."""


def polito(name: str, folder: str, suffix: str, meaning: Mapping[int, int], root: Path) -> PairedSet:
    """``ROOT/Validation_Dataset/FOLDER/images/N.SUFFIX`` with ``labels_masks/N.png``, N from 0 on.

    The masks have the values of the sets that they were copied from. What the projects' code does to a path with
    "LostAndFound" in it, the map of the original Lost and Found, does not touch ``FS_LostFound_full``.
    The projects' code drops images without an anomaly; here all are kept.
    """
    place = root / "Validation_Dataset" / folder
    return PairedSet(name, matching_pairs(place / "images", place / "labels_masks", suffix, ".png"), meaning)


SETS: dict[str, Callable[[Path], PairedSet]] = {
    name: partial(polito, name, *layout)
    for name, layout in {
        "polito_road_anomaly21": ("RoadAnomaly21", ".png", ROAD_ANOMALY),
        "polito_road_obstacle21": ("RoadObsticle21", ".webp", PLAIN),
        "polito_fs_lost_and_found": ("FS_LostFound_full", ".png", PLAIN),
        "polito_fs_static": ("fs_static", ".jpg", PLAIN),
        "polito_road_anomaly": ("RoadAnomaly", ".jpg", ROAD_ANOMALY),
    }.items()
}
"""Functions of the data root; "RoadObsticle21" is the zip's own spelling."""
