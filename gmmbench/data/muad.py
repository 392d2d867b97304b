"""MUAD: rendered streets with animals and other objects that its training images do not have."""

from __future__ import annotations

from pathlib import Path

from gmmbench.data.folders import matching_pairs
from gmmbench.data.pairs import PairedSet
from gmmbench.labels import IGNORE, IN, OOD

ANOMALIES = (12, 16, 17, 18, 19, 20)
"""Rider, train, motorcycle, bicycle, animals, and bags with stands and bins: ids on disk, which torch-uncertainty
renumbers to 15 to 20."""

UNLABELLED = (21, 255)


def muad(root: Path) -> PairedSet:
    """Franchi et al., "MUAD", BMVC 2022, arXiv 2203.01437: the 1668 frames of ``test_ood``, 2048x1024.

    ``ROOT/MUAD/test_ood/leftImg8bit/000001_leftImg8bit.png`` with ``leftLabel/000001_leftLabel.png``.
    """
    images, labels = (root / "MUAD" / "test_ood" / kind for kind in ("leftImg8bit", "leftLabel"))
    meaning = dict.fromkeys(range(21), IN) | dict.fromkeys(ANOMALIES, OOD) | dict.fromkeys(UNLABELLED, IGNORE)
    return PairedSet("muad", matching_pairs(images, labels, "_leftImg8bit.png", "_leftLabel.png"), meaning)
