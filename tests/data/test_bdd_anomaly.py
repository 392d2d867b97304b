"""BDD-Anomaly: which frames of BDD100K have an anomaly, in both encodings of the labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data.bdd_anomaly import bdd_anomaly
from gmmbench.data.faults import UncountedError, collecting
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD

FRAMES = {  # split and image as published: the classes that it shows beside all known ones and void
    "train/0004a4c0-d4dff0ad": (),
    "train/00054602-3bf57337": (17,),
    "train/00067cfb-e535423e": (16, 18),
    "val/7d06fefd-f7be05a6": (18,),
    "val/7d128593-0ccfea4c": (),
}
ANOMALOUS = ["00054602-3bf57337", "00067cfb-e535423e", "7d06fefd-f7be05a6"]
SIZE = (9, 16)


@pytest.fixture
def tree(data_root: Path, save: Callable[[Path, np.ndarray], None], monkeypatch: pytest.MonkeyPatch) -> Path:
    """ROOT/bdd100k/seg with images, and labels as anomaly-seg has them; a test image without labels lies there too."""
    monkeypatch.setenv("GMMBENCH_CACHE", str(data_root / "cache"))
    random = np.random.default_rng(0)
    folder = data_root / "bdd100k" / "seg"
    for frame, anomalies in FRAMES.items():
        values = np.resize([*range(16), 255, *anomalies], SIZE[0] * SIZE[1])
        save(folder / "labels" / f"{frame}_train_id.png", random.permutation(values).reshape(SIZE).astype(np.uint8))
        save(folder / "color_labels" / f"{frame}_train_color.png", np.zeros((*SIZE, 3), dtype=np.uint8))
        save(folder / "images" / f"{frame}.jpg", random.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    save(folder / "images" / "test" / "ffff0000-00000000.jpg", np.zeros((*SIZE, 3), dtype=np.uint8))
    return data_root


def test_the_frames_with_an_anomaly(tree: Path, values_on_disk: Callable[[str], tuple[int, ...]]) -> None:
    images = bdd_anomaly(tree)
    assert (images.name, images.known_values) == ("bdd_anomaly", values_on_disk("bdd_anomaly"))
    assert [sample.name for sample in images] == ANOMALOUS
    for sample, pair in zip(images, images.pairs, strict=True):
        raw = np.asarray(Image.open(pair.labels)).astype(int)
        np.testing.assert_array_equal(sample.labels, np.select([raw == 255, raw >= 16], [IGNORE, OOD], IN))
        assert set(np.unique(sample.labels)) == {IN, OOD, IGNORE}


def test_the_publishers_own_encoding_says_the_same(tree: Path, save: Callable[[Path, np.ndarray], None]) -> None:
    plain = [(sample.name, sample.labels) for sample in bdd_anomaly(tree)]
    folder = tree / "bdd100k" / "seg"
    for file in (folder / "labels").rglob("*.png"):
        raw = np.asarray(Image.open(file)).astype(int)
        raw[raw == 255] = -1  # as create_bdd_dataset.py does, then adds 2
        save(folder / "train_labels" / file.relative_to(folder / "labels"), (raw + 2).astype(np.uint8))
    (folder / "labels").rename(tree / "elsewhere")
    shifted = [(sample.name, sample.labels) for sample in bdd_anomaly(tree)]
    assert [name for name, _ in shifted] == [name for name, _ in plain] == ANOMALOUS
    np.testing.assert_array_equal([labels for _, labels in shifted], [labels for _, labels in plain])


@pytest.mark.parametrize("folder", ["images/val", "labels/train"])
def test_a_folder_that_is_not_there(tree: Path, folder: str, complaint: Callable[[Callable[[], object]], str]) -> None:
    (tree / "bdd100k" / "seg" / folder).rename(tree / "elsewhere")
    message = complaint(lambda: bdd_anomaly(tree))
    assert f"no {tree / 'bdd100k' / 'seg' / folder}" in message
    assert "--data-root" in message


def test_nothing_is_there(data_root: Path, complaint: Callable[[Callable[[], object]], str]) -> None:
    assert f"no {data_root / 'bdd100k' / 'seg' / 'images' / 'train'}" in complaint(lambda: bdd_anomaly(data_root))


def test_an_image_that_is_missing_and_a_label_without_meaning(
    tree: Path, save: Callable[[Path, np.ndarray], None], complaint: Callable[[Callable[[], object]], str]
) -> None:
    save(tree / "bdd100k" / "seg" / "labels" / "val" / "7d128593-0ccfea4c_train_id.png", np.full(SIZE, 19, np.uint8))
    with pytest.raises(InputError, match="label value 19 in 144 pixels"):
        bdd_anomaly(tree)
    with collecting() as faults:
        names = [pair.name for pair in bdd_anomaly(tree).pairs]
    assert names == [*ANOMALOUS, "7d128593-0ccfea4c"]  # the damaged one too, for it to be looked at
    assert faults == []
    lost = tree / "bdd100k" / "seg" / "images" / "train" / "00054602-3bf57337.jpg"
    lost.unlink()
    assert f"1 of 10 files are missing, first {lost}" in complaint(lambda: bdd_anomaly(tree))
    (tree / "bdd100k" / "seg" / "labels" / "train" / "0004a4c0-d4dff0ad_train_id.png").unlink()
    with collecting() as faults:
        assert len(bdd_anomaly(tree)) == 5
    assert {fault.kind for fault in faults} == {"image without mask", "mask without image"}


def test_nobody_wants_label_maps_opened(tree: Path) -> None:
    with collecting(opening=False), pytest.raises(UncountedError, match="bdd100k: which images it has is not known"):
        bdd_anomaly(tree)
    bdd_anomaly(tree)  # kept now
    with collecting(opening=False):
        assert len(bdd_anomaly(tree)) == 3
