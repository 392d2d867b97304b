"""ADE-OoD: scenes of all kinds with objects that are none of the 150 classes of ADE20K."""

from __future__ import annotations

from pathlib import Path

from gmmbench.data.folders import matching_pairs
from gmmbench.data.pairs import PairedSet
from gmmbench.labels import IGNORE, IN, OOD


def ade_ood(root: Path) -> PairedSet:
    """Galesso et al., "Diffusion for Out-of-Distribution Detection on Road Scenes and Beyond", ECCV 2024, 2407.15739.

    ``ROOT/ADE-OoD/images/NAME.jpg`` with ``annotations/NAME_mask.png``; 0 IN, 1 OOD, 255 void.
    """
    folder = root / "ADE-OoD"
    pairs = matching_pairs(folder / "images", folder / "annotations", ".jpg", "_mask.png")
    return PairedSet("ade_ood", pairs, {0: IN, 1: OOD, IGNORE: IGNORE})
