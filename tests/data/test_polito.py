"""The course projects' zip: its five folders, and the label maps of the code that goes with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data.polito import SETS
from gmmbench.errors import InputError
from gmmbench.labels import OOD

FOLDERS = {  # name: folder, kind of image, values that lie in the masks
    "polito_road_anomaly21": ("RoadAnomaly21", "png", (0, 1, 255)),
    "polito_road_obstacle21": ("RoadObsticle21", "webp", (0, 1, 255)),
    "polito_fs_lost_and_found": ("FS_LostFound_full", "png", (0, 1, 255)),
    "polito_fs_static": ("fs_static", "jpg", (0, 1, 255)),
    "polito_road_anomaly": ("RoadAnomaly", "jpg", (0, 2)),
}
SIZE = (6, 8)


@pytest.fixture
def tree(data_root: Path, save: Callable[[Path, np.ndarray], None]) -> Path:
    random = np.random.default_rng(0)
    for folder, kind, values in FOLDERS.values():
        place = data_root / "Validation_Dataset" / folder
        for number in range(3):
            labels = random.permutation(np.resize(values, SIZE[0] * SIZE[1])).reshape(SIZE).astype(np.uint8)
            if number == 2:
                labels[:] = 0  # without an anomaly, and kept
            save(place / "labels_masks" / f"{number}.png", labels)
            save(place / "images" / f"{number}.{kind}", np.repeat(labels[..., None], 3, axis=2))
    return data_root


def as_the_projects_do(raw: np.ndarray, path: str) -> np.ndarray:
    """The remapping of their evalAnomaly.py; 1 is then the anomaly, 0 is not, the rest does not count."""
    labels = raw.astype(int)
    if "RoadAnomaly" in path:
        labels = np.where(labels == 2, 1, labels)
    if "LostAndFound" in path:
        labels = np.where(labels == 0, 255, labels)
        labels = np.where(labels == 1, 0, labels)
        labels = np.where((labels > 1) & (labels < 201), 1, labels)
    return labels


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder(tree: Path, name: str, values_on_disk: Callable[[str], tuple[int, ...]]) -> None:
    images = SETS[name](tree)
    assert (images.name, images.known_values) == (name, values_on_disk(name))
    assert [sample.name for sample in images] == ["0", "1", "2"]
    for sample, pair in zip(images, images.pairs, strict=True):
        raw = np.asarray(Image.open(pair.labels))
        np.testing.assert_array_equal(sample.labels, as_the_projects_do(raw, str(pair.labels)))
    assert [bool((sample.labels == OOD).any()) for sample in images] == [True, True, False]


@pytest.mark.parametrize("name", FOLDERS)
def test_what_is_missing(tree: Path, name: str, complaint: Callable[[Callable[[], object]], str]) -> None:
    folder = tree / "Validation_Dataset" / FOLDERS[name][0]
    (folder / "labels_masks" / "1.png").unlink()
    assert f"1 of 6 files are missing, first {folder / 'labels_masks' / '1.png'}" in complaint(lambda: SETS[name](tree))
    (folder / "images").rename(tree / "elsewhere")
    assert f"no {folder / 'images'}; wanted" in complaint(lambda: SETS[name](tree))


def test_an_unknown_label(tree: Path, save: Callable[[Path, np.ndarray], None]) -> None:
    save(tree / "Validation_Dataset" / "fs_static" / "labels_masks" / "0.png", np.full(SIZE, 2, dtype=np.uint8))
    with pytest.raises(InputError, match="label value 2 in 48 pixels; known values: 0, 1, 255"):
        SETS["polito_fs_static"](tree)[0]
