"""Cityscapes, the 19 classes that its benchmark evaluates."""

from __future__ import annotations

from pathlib import Path

from gmmbench.data.folders import matching_pairs, split_folder
from gmmbench.data.pairs import PairedSet
from gmmbench.labels import IGNORE

CLASSES = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation", "terrain",
    "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)  # fmt: skip
PALETTE = (
    (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153), (250, 170, 30),
    (220, 220, 0), (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142),
    (0, 0, 70), (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32),
)  # fmt: skip
LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""Position = class, value = the publisher's labelId; the other ids from 0 to 33 are not evaluated."""

ENCODINGS = {
    "_gtFine_labelIds.png": dict.fromkeys(range(34), IGNORE) | {value: place for place, value in enumerate(LABEL_IDS)},
    "_gtFine_labelTrainIds.png": {value: value for value in range(len(CLASSES))} | {IGNORE: IGNORE},
}
"""What the values mean, by the name of the file: the publisher's own maps, and those its scripts make of them."""


def cityscapes(root: Path, split: str) -> PairedSet:
    """Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR 2016.

    ``ROOT/cityscapes/{leftImg8bit,gtFine}/{train,val}/CITY/``: 2975 and 500 frames of 2048x1024. The labelIds
    of the download are read; where they are not there at all, labelTrainIds.

    Raises:
        InputError: "test" (its labels are not public), or the folders are not there.
    """
    folder = split_folder("cityscapes", split, {"train": "train", "val": "val"}, "the test labels are not public")
    images, labels = (root / "cityscapes" / kind / folder for kind in ("leftImg8bit", "gtFine"))
    found = [suffix for suffix in ENCODINGS if next(labels.rglob(f"*{suffix}"), None)]
    suffix = next(iter(found or ENCODINGS))
    pairs = matching_pairs(images, labels, "_leftImg8bit.png", suffix)
    return PairedSet(f"cityscapes {split}", pairs, ENCODINGS[suffix])
