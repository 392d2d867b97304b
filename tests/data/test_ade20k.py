"""ADE20K: the challenge's layout, its labels from 1, and what is wrong with a bad tree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data.ade20k import CLASSES, PALETTE, ade20k
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE

FOLDERS = {"train": ("training", "ADE_train_", 3), "val": ("validation", "ADE_val_", 2)}
SIZE = (12, 14)


@pytest.fixture
def tree(data_root: Path) -> Path:
    """ROOT/ADEChallengeData2016 as its zip unpacks; every label map holds 0 to 150."""
    random = np.random.default_rng(0)
    folder = data_root / "ADEChallengeData2016"
    for place, stem, number in FOLDERS.values():
        for index in range(1, number + 1):
            labels = random.permutation(np.resize(np.arange(151), SIZE[0] * SIZE[1])).reshape(SIZE).astype(np.uint8)
            save(folder / "images" / place / f"{stem}{index:08d}.jpg", np.repeat(labels[..., None], 3, axis=2))
            save(folder / "annotations" / place / f"{stem}{index:08d}.png", labels)
    (folder / "objectInfo150.txt").write_text("Idx\tRatio\tTrain\tVal\tStuff\tName\n")
    return data_root


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split(tree: Path, split: str) -> None:
    place, stem, number = FOLDERS[split]
    images = ade20k(tree, split)
    assert (images.name, len(images)) == (f"ade20k {split}", number)
    assert [sample.name for sample in images] == [f"{stem}{index:08d}" for index in range(1, number + 1)]
    for sample in images:
        file = tree / "ADEChallengeData2016" / "annotations" / place / f"{sample.name}.png"
        raw = np.asarray(Image.open(file)).astype(int)
        np.testing.assert_array_equal(sample.labels, np.where(raw == 0, IGNORE, raw - 1))
        assert set(np.unique(sample.labels)) == {*range(150), IGNORE}


def test_classes_and_palette() -> None:
    assert len(CLASSES) == len(set(CLASSES)) == len(PALETTE) == 150
    assert (CLASSES[0], CLASSES[7], CLASSES[149]) == ("wall", "bed", "flag")
    assert PALETTE[2] == (6, 230, 230)


def test_there_is_no_test_to_evaluate_on(tree: Path) -> None:
    with pytest.raises(
        InputError, match=r"'test': the test labels are not public; wanted train or val; .* --split val"
    ):
        ade20k(tree, "test")


def test_a_folder_that_is_not_there(data_root: Path) -> None:
    with pytest.raises(InputError, match=r"no .*ADEChallengeData2016/images/training; .*--data-root"):
        ade20k(data_root, "train")


def test_an_empty_folder(tree: Path) -> None:
    for file in (tree / "ADEChallengeData2016").rglob("ADE_val_*"):
        file.unlink()
    with pytest.raises(InputError, match="ade20k val: no images found"):
        ade20k(tree, "val")


@pytest.mark.parametrize(
    "kind", ["images/validation/ADE_val_00000002.jpg", "annotations/validation/ADE_val_00000002.png"]
)
def test_an_image_without_mask_or_a_mask_without_image(tree: Path, kind: str) -> None:
    (tree / "ADEChallengeData2016" / kind).unlink()
    with pytest.raises(InputError, match=f"1 of 4 files are missing, first .*{kind}"):
        ade20k(tree, "val")


def test_an_unknown_label(tree: Path) -> None:
    file = tree / "ADEChallengeData2016" / "annotations" / "validation" / "ADE_val_00000001.png"
    save(file, np.full(SIZE, 151, dtype=np.uint8))
    with pytest.raises(InputError, match="label value 151 in 168 pixels"):
        ade20k(tree, "val")[0]
