"""Any folder of images with any folder of masks, and the label map in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmmbench.data.faults import collecting
from gmmbench.data.folder import folder_set, parse_label_map
from gmmbench.labels import IGNORE, IN, OOD

MAP = "0=in,1=ood,255=ignore"
SIZE = (5, 7)
WORDS = {"in": IN, "ood": OOD, "ignore": IGNORE}
Complaint = Callable[[Callable[[], object]], str]
Save = Callable[[Path, np.ndarray], None]


def label_map() -> np.ndarray:
    labels = np.zeros(SIZE, dtype=np.uint8)
    labels[1:3, 1:4], labels[4] = 1, 255
    return labels


def picture() -> np.ndarray:
    return np.full((*SIZE, 3), 90, dtype=np.uint8)


@pytest.mark.parametrize("suffix", ["", "_mask", "_labels", "_labels_semantic"])
def test_images_of_all_kinds(tmp_path: Path, save: Save, suffix: str) -> None:
    kinds = ("jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "JPG")
    for kind in kinds:
        save(tmp_path / "images" / f"a_{kind}.{kind}", picture())
        save(tmp_path / "masks" / f"a_{kind}{suffix}.png", label_map())
    (tmp_path / "images" / "readme.txt").write_text("")
    images = folder_set(tmp_path / "images", tmp_path / "masks", MAP, mask_suffix=suffix)
    assert sorted(sample.name for sample in images) == sorted(f"a_{kind}" for kind in kinds)
    assert [pair.name for pair in images.pairs] == sorted(pair.name for pair in images.pairs)
    for sample in images:
        np.testing.assert_array_equal(sample.labels, label_map())
        assert sample.image.shape == (*SIZE, 3)


def test_the_label_map_decides(tmp_path: Path, save: Save) -> None:
    save(tmp_path / "images" / "a.png", picture())
    save(tmp_path / "masks" / "a.png", np.array([[0, 1, 2, 7, 200, 201, 255]] * 5, dtype=np.uint8))
    images = folder_set(tmp_path / "images", tmp_path / "masks", "0=ignore, 1=in, 2-200=OOD, 201-255=ignore")
    np.testing.assert_array_equal(images[0].labels[0], [IGNORE, IN, OOD, OOD, OOD, IGNORE, IGNORE])


def test_a_value_that_the_map_does_not_name_is_an_error(tmp_path: Path, save: Save, complaint: Complaint) -> None:
    save(tmp_path / "images" / "a.png", picture())
    save(tmp_path / "masks" / "a.png", label_map())
    images = folder_set(tmp_path / "images", tmp_path / "masks", "0=in,1=ood")
    assert "label value 255 in 7 pixels; known values: 0, 1" in complaint(lambda: images[0])


def test_masks_beside_images(tmp_path: Path, save: Save) -> None:
    for name in ("a", "b"):
        save(tmp_path / f"{name}.png", picture())
        save(tmp_path / f"{name}_mask.png", label_map())
    assert [sample.name for sample in folder_set(tmp_path, tmp_path, MAP, mask_suffix="_mask")] == ["a", "b"]


def test_masks_of_another_kind_are_left_alone(tmp_path: Path, save: Save) -> None:
    save(tmp_path / "images" / "a.jpg", picture())
    save(tmp_path / "masks" / "a_labels.png", label_map())
    save(tmp_path / "masks" / "a_colour.png", picture())
    assert len(folder_set(tmp_path / "images", tmp_path / "masks", MAP, mask_suffix="_labels")) == 1


def test_files_without_a_partner_are_named(tmp_path: Path, save: Save, complaint: Complaint) -> None:
    for name in "abcd":
        save(tmp_path / "images" / f"{name}.jpg", picture())
    for name in "cdefghi":
        save(tmp_path / "masks" / f"{name}_mask.png", label_map())

    def load() -> object:
        return folder_set(tmp_path / "images", tmp_path / "masks", MAP, mask_suffix="_mask")

    message = complaint(load)
    assert "7 files have no partner" in message
    assert f"{tmp_path / 'images' / 'a.jpg'} has no mask called a_mask.png" in message
    assert f"{tmp_path / 'masks' / 'e_mask.png'} has no image called e" in message
    assert "and 2 more" in message
    with collecting() as faults:
        images = folder_set(tmp_path / "images", tmp_path / "masks", MAP, mask_suffix="_mask")
    assert [pair.name for pair in images.pairs] == ["c", "d"]
    assert [fault.kind for fault in faults] == ["image without mask"] * 2 + ["mask without image"] * 5


def test_two_images_of_one_name_no_folder_and_no_image(tmp_path: Path, save: Save, complaint: Complaint) -> None:
    images, masks = tmp_path / "images", tmp_path / "masks"
    assert f"no folder {images}" in complaint(lambda: folder_set(images, masks, MAP))
    images.mkdir()
    assert f"no folder {masks}" in complaint(lambda: folder_set(images, masks, MAP))
    masks.mkdir()
    assert "folder: no images found" in complaint(lambda: folder_set(images, masks, MAP))
    save(images / "a.jpg", picture())
    save(images / "a.png", picture())
    save(masks / "a.png", label_map())
    message = complaint(lambda: folder_set(images, masks, MAP))
    assert f"{images / 'a.jpg'} and {images / 'a.png'} are two images of one name" in message


def test_two_masks_of_one_name(tmp_path: Path, save: Save, complaint: Complaint) -> None:
    save(tmp_path / "images" / "a.jpg", picture())
    save(tmp_path / "masks" / "a.png", label_map())
    (tmp_path / "masks" / "a.png").rename(tmp_path / "masks" / "a.PNG")
    save(tmp_path / "masks" / "a.png", np.zeros(SIZE, dtype=np.uint8))
    message = complaint(lambda: folder_set(tmp_path / "images", tmp_path / "masks", MAP))
    assert "a.png are two masks of one name; keep one" in message


def test_what_macos_lays_beside_is_passed_over(tmp_path: Path, save: Save) -> None:
    save(tmp_path / "images" / "a.jpg", picture())
    save(tmp_path / "masks" / "a.png", label_map())
    (tmp_path / "images" / "._a.jpg").write_bytes(b"Mac OS X")
    assert [sample.name for sample in folder_set(tmp_path / "images", tmp_path / "masks", MAP)] == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read ''"),
        ("0=in,", "cannot read ''"),
        ("0=in;1=ood", "cannot read '0=in;1=ood'"),
        ("in=0,1=ood", "cannot read 'in=0'"),
        ("-1=in,1=ood", "cannot read '-1=in'"),
        ("0=in,1=odd", "'odd'; did you mean 'ood'"),
        ("0=in,256=ood", "'256=ood' is no range"),
        ("0=in,9-2=ood", "'9-2=ood' is no range"),
        ("0=in,1=ood,1=in", "value 1 comes twice"),
        ("0-5=in,5-9=ood", "value 5 comes twice"),
        ("0=in,255=ignore", "calls no value ood"),
    ],
)
def test_a_bad_label_map(text: str, message: str, complaint: Complaint) -> None:
    assert message in complaint(lambda: parse_label_map(text))


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 255), st.sampled_from(sorted(WORDS)), min_size=1))
def test_any_map_survives_writing_and_reading(words: dict[int, str]) -> None:
    words = words | {7: "ood"}
    assert parse_label_map(",".join(f"{value}={word}" for value, word in words.items())) == {
        value: WORDS[word] for value, word in words.items()
    }
