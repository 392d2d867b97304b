"""COCO-Stuff 10k: MMSegmentation's layout, its labels from 1, and what is wrong with a bad tree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data.coco_stuff10k import CLASSES, PALETTE, bit_colours, coco_stuff10k
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE

NAMES = {  # images of either split come from COCO's train2014
    "train": ["COCO_train2014_000000000077", "COCO_train2014_000000000086", "COCO_train2014_000000000110"],
    "test": ["COCO_train2014_000000000009", "COCO_train2014_000000000030"],
}
SIZE = (12, 16)


@pytest.fixture
def tree(data_root: Path) -> Path:
    """ROOT/coco_stuff10k as the converter leaves it: the publisher's files stay where they were."""
    random = np.random.default_rng(0)
    folder = data_root / "coco_stuff10k"
    for split, names in NAMES.items():
        for name in names:
            labels = random.permutation(np.resize(np.arange(172), SIZE[0] * SIZE[1])).reshape(SIZE).astype(np.uint8)
            image = np.repeat(labels[..., None], 3, axis=2)
            save(folder / "images" / f"{split}2014" / f"{name}.jpg", image)
            save(folder / "images" / f"{name}.jpg", image)
            save(folder / "annotations" / f"{split}2014" / f"{name}_labelTrainIds.png", labels)
            (folder / "annotations" / f"{name}.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    return data_root


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split(tree: Path, split: str) -> None:
    images = coco_stuff10k(tree, split)
    assert images.name == f"coco_stuff10k {split}"
    assert [sample.name for sample in images] == NAMES[split]
    for sample in images:
        file = tree / "coco_stuff10k" / "annotations" / f"{split}2014" / f"{sample.name}_labelTrainIds.png"
        raw = np.asarray(Image.open(file)).astype(int)
        np.testing.assert_array_equal(sample.labels, np.where(raw == 0, IGNORE, raw - 1))


def test_classes_and_palette() -> None:
    assert len(CLASSES) == len(set(CLASSES)) == len(PALETTE) == len(set(PALETTE)) == 171
    assert (CLASSES[0], CLASSES[80], CLASSES[170]) == ("person", "banner", "wood")


def test_the_colours_are_those_of_pascal_voc() -> None:
    published = (
        (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128), (128, 128, 128), (64, 0, 0),
        (192, 0, 0), (64, 128, 0), (192, 128, 0), (64, 0, 128), (192, 0, 128), (64, 128, 128), (192, 128, 128),
        (0, 64, 0), (128, 64, 0), (0, 192, 0), (128, 192, 0), (0, 64, 128),
    )  # fmt: skip
    assert bit_colours(20) == published


def test_there_is_no_val(tree: Path) -> None:
    with pytest.raises(InputError, match=r"no labelled split 'val': .*; wanted train or test"):
        coco_stuff10k(tree, "val")


def test_a_folder_that_is_not_there(data_root: Path) -> None:
    with pytest.raises(InputError, match=r"no .*coco_stuff10k/images/test2014; .*--data-root"):
        coco_stuff10k(data_root, "test")


def test_an_unconverted_set(tree: Path) -> None:
    for file in (tree / "coco_stuff10k" / "annotations" / "test2014").iterdir():
        file.unlink()
    with pytest.raises(InputError, match=r"2 of 4 files are missing, first .*_labelTrainIds.png"):
        coco_stuff10k(tree, "test")


def test_the_void_of_the_164k_encoding(tree: Path) -> None:
    file = tree / "coco_stuff10k" / "annotations" / "test2014" / f"{NAMES['test'][0]}_labelTrainIds.png"
    save(file, np.full(SIZE, 255, dtype=np.uint8))
    with pytest.raises(InputError, match="label value 255 in 192 pixels"):
        coco_stuff10k(tree, "test")[0]
