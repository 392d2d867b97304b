"""COCO-Stuff 10k, 80 things and 91 kinds of stuff, as MMSegmentation's converter lays it out."""

from __future__ import annotations

from pathlib import Path

from gmmbench.data.cards import card
from gmmbench.data.folders import matching_pairs, split_folder
from gmmbench.data.pairs import PairedSet
from gmmbench.labels import IGNORE


def bit_colours(number: int) -> tuple[tuple[int, int, int], ...]:
    """Colours 1 to ``number`` of Pascal VOC's map, all different: a number's bits, dealt to red, green and blue.

    The three lowest bits become the highest of each colour, so that neighbours in number differ most.
    """
    colours = []
    for value in range(1, number + 1):
        red, green, blue = (
            sum((value >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(8)) for channel in range(3)
        )
        colours.append((red, green, blue))
    return tuple(colours)


CLASSES = tuple(card("coco_stuff10k")["classes"])
PALETTE = bit_colours(len(CLASSES))
"""Not MMSegmentation's, where nine classes have another's colour."""


def coco_stuff10k(root: Path, split: str) -> PairedSet:
    """Caesar, Uijlings, Ferrari, "COCO-Stuff: Thing and Stuff Classes in Context", CVPR 2018, arXiv 1612.03716.

    ``ROOT/coco_stuff10k/{images,annotations}/{train2014,test2014}``: 9000 and 1000 images, made of the
    publisher's .mat files by MMSegmentation's ``tools/dataset_converters/coco_stuff10k.py``. Label 0 is void,
    1 to 171 are the classes. (Not the 164k encoding, 0 to 170 and 255: a map with its void is an error.)

    Raises:
        InputError: "val" (there is none), or the folders are not there.
    """
    folders = {"train": "train2014", "test": "test2014"}
    folder = split_folder("coco_stuff10k", split, folders, "the publisher has no such split")
    images, labels = (root / "coco_stuff10k" / kind / folder for kind in ("images", "annotations"))
    meaning = {0: IGNORE} | {place + 1: place for place in range(len(CLASSES))}
    return PairedSet(f"coco_stuff10k {split}", matching_pairs(images, labels, ".jpg", "_labelTrainIds.png"), meaning)
