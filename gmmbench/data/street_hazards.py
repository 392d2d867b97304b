"""StreetHazards: objects from elsewhere in rendered streets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gmmbench.data.folders import matching_pairs
from gmmbench.data.pairs import PairedSet
from gmmbench.labels import IN, OOD

ANOMALY = 14
"""On disk; the publisher's code subtracts 1 and calls it 13."""


def street_hazards(root: Path) -> PairedSet:
    """Hendrycks et al., "Scaling Out-of-Distribution Detection for Real-World Settings", ICML 2022, arXiv 1911.11132.

    ``ROOT/StreetHazards/test/images/test/{t5,t6}/*.png`` with ``annotations`` in the place of the first
    ``images``: 1500 frames of 1280x720. 1 to 13 are the classes of the training set ("unlabeled" is the first of
    them and counts as IN, as in the publisher's code), 14 is the anomaly; nothing is ignored.
    A frame is called by its town too, for the two towns may number theirs alike.
    """
    images, labels = (root / "StreetHazards" / "test" / kind / "test" for kind in ("images", "annotations"))
    pairs = [
        replace(pair, name="_".join(pair.image.relative_to(images).with_suffix("").parts))
        for pair in matching_pairs(images, labels, ".png", ".png")
    ]
    return PairedSet("street_hazards", pairs, dict.fromkeys(range(1, ANOMALY), IN) | {ANOMALY: OOD})
