"""CamVid and CamVid-OOD: the publisher's layout, what labels become, and what is wrong with a bad tree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data.camvid import CLASSES, PALETTE, camvid, camvid_ood, listed_pairs
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD


def labels_on_disk(root: Path, folder: str) -> np.ndarray:
    return np.stack([np.asarray(Image.open(file)) for file in sorted((root / "CamVid" / folder).iterdir())])


@pytest.mark.parametrize(("split", "number"), [("train", 4), ("val", 2), ("test", 3)])
def test_a_split_of_camvid(camvid_tree: Path, split: str, number: int) -> None:
    images = camvid(camvid_tree, split)
    assert (images.name, len(images)) == (f"camvid {split}", number)
    samples = list(images)
    assert [sample.name for sample in samples] == [f"0001TP_{8550 + 30 * index:06d}" for index in range(number)]
    raw = labels_on_disk(camvid_tree, f"{split}annot")
    np.testing.assert_array_equal(np.stack([sample.labels for sample in samples]), np.where(raw == 11, IGNORE, raw))
    assert {sample.image.shape for sample in samples} == {(12, 16, 3)}
    first = sorted((camvid_tree / "CamVid" / split).iterdir())[0]
    np.testing.assert_array_equal(samples[0].image, np.asarray(Image.open(first)))


def test_camvid_ood(camvid_tree: Path) -> None:
    images = camvid_ood(camvid_tree)
    assert (images.name, len(images)) == ("camvid_ood", 3)
    raw = labels_on_disk(camvid_tree, "testannot_ood")
    expected = np.select([raw == 12, raw == 11], [OOD, IGNORE], IN)
    np.testing.assert_array_equal(np.stack([sample.labels for sample in images]), expected)
    assert set(np.unique(expected)) == {IN, OOD, IGNORE}


def test_an_anomaly_is_no_class_of_the_closed_set(camvid_tree: Path) -> None:
    with pytest.raises(InputError, match="label value 12 in 16 pixels"):
        camvid(camvid_tree, "test_ood")[0]


def test_the_tutorials_own_list(camvid_tree: Path) -> None:
    plain = listed_pairs(camvid_tree / "CamVid", "train")
    file = camvid_tree / "CamVid" / "train.txt"
    words = file.read_text().split()
    lines = [f"/SegNet/CamVid/{image} /SegNet/CamVid/{labels}" for image, labels in zip(words[::2], words[1::2])]  # noqa: B905
    file.write_text("\r\n".join(lines) + "\r\n\r\n")
    assert listed_pairs(camvid_tree / "CamVid", "train") == plain
    assert len(camvid(camvid_tree, "train")) == 4


def test_classes_and_palette_belong_together() -> None:
    assert len(CLASSES) == len(PALETTE) == len(set(PALETTE)) == 11


def complaint(root: Path, split: str = "train") -> str:
    with pytest.raises(InputError) as caught:
        camvid(root, split)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_no_such_data_set(data_root: Path) -> None:
    message = complaint(data_root)
    assert str(data_root / "CamVid" / "train.txt") in message
    assert "--data-root" in message
    assert "GMMBENCH_DATA" in message


def test_a_list_that_is_not_there(camvid_tree: Path) -> None:
    (camvid_tree / "CamVid" / "train.txt").unlink()
    message = complaint(camvid_tree)
    assert str(camvid_tree / "CamVid" / "train.txt") in message
    assert "lists there: test, test_ood, val" in message


def test_an_unknown_split(camvid_tree: Path) -> None:
    assert "lists there: test, test_ood, train, val" in complaint(camvid_tree, "tset")


@pytest.mark.parametrize(("line", "words"), [("train/a.png", 1), ("train/a b.png trainannot/a b.png", 4), ("a b c", 3)])
def test_a_bad_line_in_a_list(camvid_tree: Path, line: str, words: int) -> None:
    file = camvid_tree / "CamVid" / "train.txt"
    file.write_text(f"{file.read_text()}{line}\n")
    assert f"{file}:5: wanted an image path and a label path, got {words} words" in complaint(camvid_tree)


def test_a_list_that_is_no_text(camvid_tree: Path) -> None:
    file = camvid_tree / "CamVid" / "train.txt"
    file.write_bytes(b"\xff\xfe\x00train")
    assert f"{file} is no text" in complaint(camvid_tree)


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_list(camvid_tree: Path, content: str) -> None:
    (camvid_tree / "CamVid" / "train.txt").write_text(content)
    assert "camvid train: no images found" in complaint(camvid_tree)


@pytest.mark.parametrize("folder", ["train", "trainannot"])
def test_an_image_without_mask_or_a_mask_without_image(camvid_tree: Path, folder: str) -> None:
    lost = camvid_tree / "CamVid" / folder / "0001TP_008580.png"
    lost.unlink()
    assert f"1 of 8 files are missing, first {lost}" in complaint(camvid_tree)


def test_the_published_camvid(real_data: Path) -> None:
    for split, number in {"train": 367, "val": 101, "test": 233}.items():
        images = camvid(real_data, split)
        assert len(images) == number
        assert len({pair.name for pair in images.pairs}) == number
        for index in (0, number // 2, number - 1):
            sample = images[index]
            assert sample.labels.shape == (360, 480)
            assert set(np.unique(sample.labels)) <= {*range(11), IGNORE}


def test_the_published_camvid_ood(real_data: Path) -> None:
    images = camvid_ood(real_data)
    assert len(images) == 117
    counts = np.zeros(256, dtype=np.int64)
    for pair in images.pairs:
        counts += np.bincount(np.asarray(Image.open(pair.labels)).ravel(), minlength=256)
    assert set(np.flatnonzero(counts)) == set(range(13))
    share = counts[12] / counts[[*range(11), 12]].sum()
    assert 0.03 < share < 0.05
    assert set(np.unique(images[58].labels)) == {IN, OOD, IGNORE}
