"""SegmentMeIfYouCan: what has labels and what has none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data.cards import card
from gmmbench.data.folders import matching_pairs
from gmmbench.data.registry import UNLABELLED, ood_set, unlabelled_set
from gmmbench.data.smiyc import road_anomaly21, road_anomaly21_test, road_obstacle21, road_obstacle21_test
from gmmbench.data.unlabelled import ImageFolder
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD

SIZE = (12, 20)
ANOMALY = {"validation0000": True, "validation0007": True, "airplane0000": False, "zebra0001": False}
OBSTACLE = {
    "validation_1": True, "validation_18": True, "validation_20": True, "validation_19": False, "validation_25": False,
    "greyasphalt_basket_3": False, "curvy-street_bottle_1": False, "motorway_boot_6_and_bird": False,
    "snowstorm1_00_16_02.578": False, "driveway_1": False,
}  # fmt: skip
Complaint = Callable[[Callable[[], object]], str]


def label_map() -> np.ndarray:
    labels = np.full(SIZE, 255, dtype=np.uint8)
    labels[4:], labels[6:9, 5:8] = 0, 1
    return labels


@pytest.fixture
def tree(data_root: Path, save: Callable[[Path, np.ndarray], None]) -> Path:
    """Both zips, unpacked: images of all splits in one folder, labels of the validation images alone."""
    random = np.random.default_rng(0)
    for folder, suffix, frames in (
        ("dataset_AnomalyTrack", "jpg", ANOMALY),
        ("dataset_ObstacleTrack", "webp", OBSTACLE),
    ):
        for name, labelled in frames.items():
            image = random.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
            save(data_root / folder / "images" / f"{name}.{suffix}", image)
            if labelled:
                masks = data_root / folder / "labels_masks"
                save(masks / f"{name}_labels_semantic.png", label_map())
                save(masks / f"{name}_labels_semantic_color.png", image)
    return data_root


@pytest.mark.parametrize(
    ("load", "names"),
    [
        (road_anomaly21, ["validation0000", "validation0007"]),
        (road_obstacle21, ["validation_1", "validation_18", "validation_20"]),
    ],
)
def test_validation(
    tree: Path, load: Callable[[Path], object], names: list[str], values_on_disk: Callable[[str], tuple[int, ...]]
) -> None:
    images = ood_set(load.__name__, tree)
    assert images.known_values == values_on_disk(images.name)
    assert [sample.name for sample in images] == names
    for sample, pair in zip(images, images.pairs, strict=True):
        np.testing.assert_array_equal(sample.labels, label_map())
        np.testing.assert_array_equal(sample.image, np.asarray(Image.open(pair.image).convert("RGB")))
    assert set(np.unique(images[0].labels)) == {IN, OOD, IGNORE}


def test_the_test_images(tree: Path) -> None:
    images = road_anomaly21_test(tree)
    assert (images.name, len(images)) == ("road_anomaly21_test", 2)
    assert [frame.name for frame in images] == ["airplane0000", "zebra0001"]
    assert images[0].image.shape == (*SIZE, 3)
    # The stem is what the benchmark calls the frame, dots and all; snow and night are splits of their own.
    assert [frame.name for frame in road_obstacle21_test(tree)] == [
        "curvy-street_bottle_1",
        "greyasphalt_basket_3",
        "motorway_boot_6_and_bird",
    ]


def test_what_macos_lays_beside_is_passed_over(tree: Path) -> None:
    for file in ("images/._zebra0001.jpg", "images/._validation0000.jpg", "labels_masks/._b_labels_semantic.png"):
        (tree / "dataset_AnomalyTrack" / file).write_bytes(b"Mac OS X")
    assert [frame.name for frame in road_anomaly21_test(tree)] == ["airplane0000", "zebra0001"]
    images, masks = (tree / "dataset_AnomalyTrack" / kind for kind in ("images", "labels_masks"))
    pairs = matching_pairs(images, masks, ".jpg", "_labels_semantic.png")
    assert not [pair.name for pair in pairs if pair.name.startswith(".")]


def test_a_stem_with_a_dot(tmp_path: Path, save: Callable[[Path, np.ndarray], None]) -> None:
    file = tmp_path / "snowstorm1_00_16_02.578.webp"
    save(file, np.zeros((4, 4, 3), dtype=np.uint8))
    assert ImageFolder("x", [file])[0].name == "snowstorm1_00_16_02.578"


@pytest.mark.parametrize("name", UNLABELLED)
def test_what_has_no_labels_cannot_be_evaluated(tree: Path, name: str, complaint: Complaint) -> None:
    message = complaint(lambda: ood_set(name, tree))
    assert f"{name} has no public labels" in message
    assert f"gmmbench export-scores ... --datasets {name}" in message
    assert len(unlabelled_set(name, tree)) > 0
    assert "unlabelled" in card(name)["task"]


def test_an_unknown_name_without_labels(tree: Path) -> None:
    with pytest.raises(InputError, match="unknown data set without labels 'road_anomaly21'; did you mean"):
        unlabelled_set("road_anomaly21", tree)


@pytest.mark.parametrize("load", [road_anomaly21, road_obstacle21, road_anomaly21_test, road_obstacle21_test])
def test_a_folder_that_is_not_there(data_root: Path, load: Callable[[Path], object], complaint: Complaint) -> None:
    track = "dataset_AnomalyTrack" if "anomaly" in load.__name__ else "dataset_ObstacleTrack"
    message = complaint(lambda: load(data_root))
    assert f"no {data_root / track / 'images'}" in message
    assert "--data-root" in message


@pytest.mark.parametrize("lost", ["images/validation_1.webp", "labels_masks/validation_1_labels_semantic.png"])
def test_an_image_without_mask_or_a_mask_without_image(tree: Path, lost: str, complaint: Complaint) -> None:
    file = tree / "dataset_ObstacleTrack" / lost
    file.unlink()
    assert f"1 of 6 files are missing, first {file}" in complaint(lambda: road_obstacle21(tree))


def test_an_unknown_label(tree: Path, save: Callable[[Path, np.ndarray], None]) -> None:
    file = tree / "dataset_AnomalyTrack" / "labels_masks" / "validation0000_labels_semantic.png"
    save(file, np.full(SIZE, 2, dtype=np.uint8))
    with pytest.raises(InputError, match="label value 2 in 240 pixels; known values: 0, 1, 255"):
        road_anomaly21(tree)[0]


def test_a_damaged_test_image_two_of_a_name_and_none(tree: Path, complaint: Complaint) -> None:
    folder = tree / "dataset_AnomalyTrack" / "images"
    (folder / "airplane0000.jpg").write_bytes(b"\xff\xd8\xff")
    images = road_anomaly21_test(tree)
    assert "airplane0000.jpg cannot be read as an image" in complaint(lambda: images[0])
    twice = [folder / "a.jpg", folder / "a.png", folder / "b.png"]
    assert "1 names are there twice, first 'a'" in complaint(lambda: ImageFolder("x", twice))
    for file in folder.glob("[az]*"):
        file.unlink()
    assert "road_anomaly21_test: no images found" in complaint(lambda: road_anomaly21_test(tree))
