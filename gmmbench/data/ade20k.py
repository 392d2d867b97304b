"""ADE20K, the 150 classes of the MIT scene parsing benchmark."""

from __future__ import annotations

from pathlib import Path

from gmmbench.data.cards import card
from gmmbench.data.folders import matching_pairs, split_folder
from gmmbench.data.pairs import PairedSet
from gmmbench.labels import IGNORE

CLASSES = tuple(card("ade20k")["classes"])
_COLOURS = """
    787878 b47878 06e6e6 503232 04c803 787850 8c8c8c cc05ff e6e6e6 04fa07 e005ff ebff07 96053d 787846 08ff33
    ff0652 8fff8c ccff04 ff3307 cc4603 0066c8 3de6fa ff0633 0b66ff ff0747 ff09e0 0907e6 dcdcdc ff095c 7009ff
    08ffd6 07ffe0 ffb806 0aff47 ff290a 07ffff e0ff08 6608ff ff3d06 ffc207 ff7a08 00ff14 ff0829 ff0599 0633ff
    eb0cff a09614 00a3ff 8c8c8c fa0a0f 14ff00 1fff00 ff1f00 ffe000 99ff00 0000ff ff4700 00ebff 00adff 1f00ff
    0bc8c8 ff5200 00fff5 003dff 00ff70 00ff85 ff0000 ffa300 ff6600 c2ff00 008fff 33ff00 0052ff 00ff29 00ffad
    0a00ff adff00 00ff99 ff5c00 ff00ff ff00f5 ff0066 ffad00 ff0014 ffb8b8 001fff 00ff3d 0047ff ff00cc 00ffc2
    00ff52 000aff 0070ff 3300ff 00c2ff 007aff 00ffa3 ff9900 00ff0a ff7000 8fff00 5200ff a3ff00 ffeb00 08b8aa
    8500ff 00ff5c b800ff ff001f 00b8ff 00d6ff ff0070 5cff00 00e0ff 70e0ff 46b8a0 a300ff 9900ff 47ff00 ff00a3
    ffcc00 ff008f 00ffeb 85ff00 ff00eb f500ff ff007a fff500 0abed4 d6ff00 00ccff 1400ff ffff00 0099ff 0029ff
    00ffcc 2900ff 29ff00 ad00ff 00f5ff 4700ff 7a00ff 00ffb8 005cff b8ff00 0085ff ffd600 19c2c2 66ff00 5c00ff
"""
PALETTE = tuple((red, green, blue) for red, green, blue in map(bytes.fromhex, _COLOURS.split()))
"""The customary colours; road and skyscraper share theirs."""


def ade20k(root: Path, split: str) -> PairedSet:
    """Zhou et al., "Scene Parsing through ADE20K Dataset", CVPR 2017, as the 2016 challenge lays it out.

    ``ROOT/ADEChallengeData2016/{images,annotations}/{training,validation}``: 20210 and 2000 images. Label 0
    (other objects) is void, 1 to 150 are the classes.

    Raises:
        InputError: "test" (its labels are not public), or the folders are not there.
    """
    folders = {"train": "training", "val": "validation"}
    folder = split_folder("ade20k", split, folders, "the test labels are not public")
    images, labels = (root / "ADEChallengeData2016" / kind / folder for kind in ("images", "annotations"))
    meaning = {0: IGNORE} | {place + 1: place for place in range(len(CLASSES))}
    return PairedSet(f"ade20k {split}", matching_pairs(images, labels, ".jpg", ".png"), meaning)
