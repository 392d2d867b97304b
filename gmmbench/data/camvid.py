"""CamVid, 11 classes, as the SegNet tutorial lays it out; and CamVid-OOD on its test frames."""

from __future__ import annotations

from pathlib import Path

from gmmbench.data.faults import complain
from gmmbench.data.folders import complain_of_unlisted, matching_pairs
from gmmbench.data.pairs import Pair, PairedSet
from gmmbench.labels import IGNORE, IN, OOD

CLASSES = (
    "sky", "building", "pole", "road", "sidewalk", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip
PALETTE = (
    (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0),
    (192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
)  # fmt: skip
VOID = 11
ANOMALY = 12


def camvid(root: Path, split: str) -> PairedSet:
    """Brostow et al. 2009 in the split of the SegNet tutorial (Badrinarayanan et al. 2017).

    ``ROOT/CamVid/{train,val,test}.txt`` list the pairs: 367, 101 and 233 frames of 480x360. Label 11 is void.
    """
    meaning = {value: value for value in range(len(CLASSES))} | {VOID: IGNORE}
    return PairedSet(f"camvid {split}", listed_pairs(root / "CamVid", split), meaning)


def camvid_ood(root: Path) -> PairedSet:
    """117 CamVid test frames with a pasted animal, label 12 (Besnier et al., ICCV 2021, arXiv 2108.01634).

    ``ROOT/CamVid/test_ood.txt`` lists the pairs. Void is ignored, every other class is IN.
    """
    meaning = dict.fromkeys(range(len(CLASSES)), IN) | {VOID: IGNORE, ANOMALY: OOD}
    return PairedSet("camvid_ood", listed_pairs(root / "CamVid", "test_ood"), meaning)


def listed_pairs(folder: Path, split: str) -> list[Pair]:
    """The pairs of ``folder/SPLIT.txt``: an image path and a label path a line, relative to ``folder``.

    The tutorial's own lists begin every path with ``/SegNet/CamVid/``, which is read as ``folder``. Where faults
    are collected, a lost list is made up for by the names of the files.

    Raises:
        InputError: no such folder or list, or a list that is no text or has a line that is not two paths.
    """
    file = folder / f"{split}.txt"
    lists = sorted(path.stem for path in folder.glob("*.txt"))
    if lists and split not in lists:
        complain("layout", f"no {file}; lists there: {', '.join(lists)}")
        return _pairs_by_name(folder, split)
    if not file.is_file():
        complain(
            "layout",
            f"no {file}; wanted the data set '{folder.name}' under the data root,"
            " which --data-root or the variable GMMBENCH_DATA names (now: " + str(folder.parent) + ")",
        )
        return _pairs_by_name(folder, split)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        complain("bad list", f"{file} is no text ({error}); unpack the data set again", cause=error)
        return _pairs_by_name(folder, split)
    pairs = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        paths = [part.split("/SegNet/CamVid/", 1)[-1] for part in line.split()]
        if len(paths) != 2:
            complain("bad list", f"{file}:{number}: wanted an image path and a label path, got {len(paths)} words")
            continue
        image, labels = (folder / path for path in paths)
        pairs.append(Pair(image.stem, image, labels))
    kinds = {(path.parent, path.suffix) for pair in pairs for path in (pair.image, pair.labels)}
    complain_of_unlisted(pairs, file, (path for parent, suffix in kinds for path in parent.glob(f"*{suffix}")))
    return pairs


def _pairs_by_name(folder: Path, split: str) -> list[Pair]:
    """The pairs that a lost list may have held: ``test`` with ``testannot``, ``test_ood`` with ``testannot_ood``."""
    head, _, tail = split.partition("_")
    for masks in (folder / f"{head}annot_{tail}".rstrip("_"), folder / f"{split}annot"):
        if masks.is_dir():
            return matching_pairs(folder / split, masks, ".png", ".png")
    return []
