"""BDD-Anomaly: the BDD100K frames that show a train, a motorcycle or a bicycle."""

from __future__ import annotations

from pathlib import Path

from gmmbench.data.folders import matching_pairs
from gmmbench.data.pairs import PairedSet
from gmmbench.data.showing import pairs_showing
from gmmbench.labels import IGNORE, IN, OOD

CLASSES = 19
ANOMALIES = (16, 17, 18)
"""Train, motorcycle, bicycle among the 19 classes of BDD100K, which are those of Cityscapes."""

ENCODINGS = {
    "labels": {value: value for value in range(CLASSES)} | {IGNORE: IGNORE},
    "train_labels": {value + 2: value for value in range(CLASSES)} | {1: IGNORE},
}
"""What the values mean, by folder: BDD100K's own maps, and those that the publisher's script makes (plus 2)."""


def bdd_anomaly(root: Path) -> PairedSet:
    """Hendrycks et al., "Scaling Out-of-Distribution Detection for Real-World Settings", ICML 2022, arXiv 1911.11132.

    ``ROOT/bdd100k/seg/images/{train,val}/ID.jpg`` with ``seg/labels/{train,val}/ID_train_id.png`` (where that folder
    is not there, ``seg/train_labels``): 810 of the 8000 frames have an anomaly and are the test set, as
    ``create_bdd_dataset.py`` of anomaly-seg sorts them out. All label maps are read once to find them; the answer is
    kept in the cache folder.

    Raises:
        InputError: folders or files that are missing; a label map that cannot be read.
    """
    folder = root / "bdd100k" / "seg"
    kind = next((name for name in ENCODINGS if (folder / name).is_dir()), next(iter(ENCODINGS)))
    pairs = [
        pair
        for split in ("train", "val")
        for pair in matching_pairs(folder / "images" / split, folder / kind / split, ".jpg", "_train_id.png")
    ]
    closed = ENCODINGS[kind]
    meaning = {
        value: IGNORE if label == IGNORE else OOD if label in ANOMALIES else IN for value, label in closed.items()
    }
    return PairedSet("bdd_anomaly", pairs_showing(PairedSet("bdd100k", pairs, closed), ANOMALIES), meaning)
