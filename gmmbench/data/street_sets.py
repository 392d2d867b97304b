"""The generated ``street`` scenes as a closed set and as an OOD test set."""

from __future__ import annotations

from pathlib import Path

from gmmbench.data.camvid import listed_pairs
from gmmbench.data.pairs import PairedSet
from gmmbench.data.street import CLASSES, OOD_LABEL, PALETTE
from gmmbench.labels import IGNORE, IN, OOD

__all__ = ["CLASSES", "PALETTE", "street", "street_ood"]


def street(root: Path, split: str) -> PairedSet:
    """A split of ``ROOT/Street``, which ``gmmbench.data.street.write_street`` makes."""
    meaning = {value: value for value in range(len(CLASSES))} | {IGNORE: IGNORE}
    return PairedSet(f"street {split}", listed_pairs(root / "Street", split), meaning)


def street_ood(root: Path) -> PairedSet:
    """The test scenes with objects that are in no training scene; some scenes have none."""
    meaning = dict.fromkeys(range(len(CLASSES)), IN) | {IGNORE: IGNORE, OOD_LABEL: OOD}
    return PairedSet("street_ood", listed_pairs(root / "Street", "test_ood"), meaning)
