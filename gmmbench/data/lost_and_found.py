"""Lost and Found: lost cargo and other small obstacles on the road, labelled on the drivable area."""

from __future__ import annotations

from pathlib import Path

from gmmbench.data.folders import matching_pairs
from gmmbench.data.pairs import PairedSet
from gmmbench.data.showing import pairs_showing
from gmmbench.labels import IGNORE, IN, OOD

MEANING = {0: IGNORE, 1: IN} | dict.fromkeys(range(2, 201), OOD)
"""As road-anomaly-benchmark reads labelIds: 0 background, 1 free road, 2 to 200 obstacles. The publisher's own list
ends at 43; all its obstacles count, also those it calls no hazard (31, 33, 34, 36 to 39)."""

KNOWN_OBJECTS = (
    "15_Rechbergstr_Deckenpfronn",
    "01_Hanns_Klemm_Str_45_000006",
    "01_Hanns_Klemm_Str_45_000007",
    "10_Schlossberg_9_000004",
)
"""How names of frames begin that show children or bicycles, which no model of Cityscapes calls unknown."""


def lost_and_found(root: Path) -> PairedSet:
    """Pinggera et al., "Lost and Found", IROS 2016, arXiv 1609.04653: the 1203 test frames of 2048x1024.

    ``ROOT/lost_and_found/leftImg8bit/test/SEQUENCE/FRAME_leftImg8bit.png`` with
    ``gtCoarse/test/SEQUENCE/FRAME_gtCoarse_labelIds.png``. Only the road and what lies on it counts.
    """
    images, labels = (root / "lost_and_found" / kind / "test" for kind in ("leftImg8bit", "gtCoarse"))
    pairs = matching_pairs(images, labels, "_leftImg8bit.png", "_gtCoarse_labelIds.png")
    return PairedSet("lost_and_found", pairs, MEANING)


def lost_and_found_noknown(root: Path) -> PairedSet:
    """LostAndFound-NoKnown of Chan et al., arXiv 2104.14812: 1043 of the test frames.

    Left out are the sequences of ``KNOWN_OBJECTS`` and the frames on which nothing is labelled. The benchmark's
    code names those by their places in its list of files; here the label maps are asked, all of them once, and
    the answer is kept in the cache folder.

    Raises:
        InputError: as ``lost_and_found``; a label map that cannot be read.
    """
    every = lost_and_found(root)
    pairs = [pair for pair in every.pairs if not pair.name.startswith(KNOWN_OBJECTS)]
    unknown = PairedSet("lost_and_found_noknown", pairs, MEANING)
    return PairedSet(unknown.name, pairs_showing(unknown, (IN, OOD)), MEANING)
