"""Cityscapes: the publisher's layout and ids, and what is wrong with a bad tree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data.cityscapes import CLASSES, PALETTE, cityscapes
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE

FRAMES = {  # split: frames, named as published
    "train": ["aachen/aachen_000000_000019", "aachen/aachen_000001_000019", "bochum/bochum_000000_000313"],
    "val": ["frankfurt/frankfurt_000000_000294", "munster/munster_000173_000019"],
    "test": ["berlin/berlin_000000_000019"],
}
SIZE = (10, 20)
TRAIN_IDS = [  # as in cityscapesscripts/helpers/labels.py, by labelId from 0 to 33
    255, 255, 255, 255, 255, 255, 255, 0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 255, 255, 16, 17, 18,
]  # fmt: skip


@pytest.fixture
def tree(data_root: Path) -> Path:
    """ROOT/cityscapes with all the kinds of files that lie in the two downloads."""
    random = np.random.default_rng(0)
    for split, frames in FRAMES.items():
        for frame in frames:
            image, labels = (data_root / "cityscapes" / kind / split / frame for kind in ("leftImg8bit", "gtFine"))
            for file in (image, labels):
                file.parent.mkdir(parents=True, exist_ok=True)
            pixels = random.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(f"{image}_leftImg8bit.png")
            # Every id, in another order in each frame.
            ids = random.permutation(np.resize(np.arange(34), SIZE[0] * SIZE[1])).reshape(SIZE).astype(np.uint8)
            Image.fromarray(ids).save(f"{labels}_gtFine_labelIds.png")
            Image.fromarray(pixels).save(f"{labels}_gtFine_color.png")
            Image.fromarray(1000 * ids.astype(np.uint16)).save(f"{labels}_gtFine_instanceIds.png")
            Path(f"{labels}_gtFine_polygons.json").write_text("{}")
    return data_root


def label_files(root: Path, split: str, suffix: str) -> list[Path]:
    return sorted((root / "cityscapes" / "gtFine" / split).rglob(f"*{suffix}"))


@pytest.mark.parametrize(("split", "number"), [("train", 3), ("val", 2)])
def test_a_split(tree: Path, split: str, number: int) -> None:
    images = cityscapes(tree, split)
    assert (images.name, len(images)) == (f"cityscapes {split}", number)
    assert [sample.name for sample in images] == [Path(frame).name for frame in FRAMES[split]]
    for sample, file in zip(images, label_files(tree, split, "_labelIds.png"), strict=True):
        np.testing.assert_array_equal(sample.labels, np.array(TRAIN_IDS)[np.asarray(Image.open(file))])
        picture = str(file).replace("gtFine_labelIds", "leftImg8bit").replace("gtFine", "leftImg8bit")
        np.testing.assert_array_equal(sample.image, np.asarray(Image.open(picture)))


def test_train_ids_are_read_where_no_label_ids_are(tree: Path) -> None:
    expected = [sample.labels for sample in cityscapes(tree, "val")]
    for file in label_files(tree, "val", "_labelIds.png"):
        mapped = np.array(TRAIN_IDS, dtype=np.uint8)[np.asarray(Image.open(file))]
        Image.fromarray(mapped).save(str(file).replace("labelIds", "labelTrainIds"))
    for sample, labels in zip(cityscapes(tree, "val"), expected, strict=True):  # both are there: labelIds
        np.testing.assert_array_equal(sample.labels, labels)
    for file in label_files(tree, "val", "_labelIds.png"):
        file.unlink()
    found = [sample.labels for sample in cityscapes(tree, "val")]
    np.testing.assert_array_equal(found, expected)


def test_all_classes_occur_in_all_frames(tree: Path) -> None:
    assert set(np.unique(cityscapes(tree, "train")[0].labels)) == {*range(len(CLASSES)), IGNORE}


def test_classes_and_palette_belong_together() -> None:
    assert len(CLASSES) == len(PALETTE) == len(set(PALETTE)) == 19


def complaint(root: Path, split: str) -> str:
    with pytest.raises(InputError) as caught:
        cityscapes(root, split)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_there_is_no_test_to_evaluate_on(tree: Path) -> None:
    message = complaint(tree, "test")
    assert "no labelled split 'test': the test labels are not public; wanted train or val" in message
    assert "--split val" in message


@pytest.mark.parametrize("folder", ["leftImg8bit", "gtFine"])
def test_a_folder_that_is_not_there(tree: Path, folder: str) -> None:
    (tree / "cityscapes" / folder).rename(tree / "elsewhere")
    message = complaint(tree, "val")
    assert f"no {tree / 'cityscapes' / folder / 'val'}" in message
    assert "--data-root" in message


@pytest.mark.parametrize(
    "file",
    [
        "leftImg8bit/val/munster/munster_000173_000019_leftImg8bit.png",
        "gtFine/val/munster/munster_000173_000019_gtFine_labelIds.png",
    ],
)
def test_an_image_without_mask_or_a_mask_without_image(tree: Path, file: str) -> None:
    (tree / "cityscapes" / file).unlink()
    assert f"cityscapes val: 1 of 4 files are missing, first {tree / 'cityscapes' / file}" in complaint(tree, "val")


def test_an_unknown_label(tree: Path) -> None:
    [file, _] = label_files(tree, "val", "_labelIds.png")
    labels = np.asarray(Image.open(file)).copy()
    labels[0, :3] = 34
    Image.fromarray(labels).save(file)
    with pytest.raises(InputError, match="label value 34 in 3 pixels"):
        cityscapes(tree, "val")[0]
