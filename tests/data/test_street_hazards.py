"""StreetHazards: the publisher's two towns, and its label that is one higher than in its code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data.street_hazards import street_hazards
from gmmbench.errors import InputError
from gmmbench.labels import IN, OOD

FRAMES = ("t5/300", "t5/301", "t6/300")  # both towns have a 300
SIZE = (7, 12)


@pytest.fixture
def tree(data_root: Path, save: Callable[[Path, np.ndarray], None]) -> Path:
    """ROOT/StreetHazards as streethazards_test.tar unpacks there; every map holds 1 to 14."""
    random = np.random.default_rng(0)
    for frame in FRAMES:
        labels = random.permutation(np.resize(np.arange(1, 15), SIZE[0] * SIZE[1])).reshape(SIZE).astype(np.uint8)
        test = data_root / "StreetHazards" / "test"
        save(test / "images" / "test" / f"{frame}.png", np.repeat(labels[..., None], 3, axis=2))
        save(test / "annotations" / "test" / f"{frame}.png", labels)
    return data_root


def test_the_test_split(tree: Path, values_on_disk: Callable[[str], tuple[int, ...]]) -> None:
    images = street_hazards(tree)
    assert (images.name, images.known_values) == ("street_hazards", values_on_disk("street_hazards"))
    assert [sample.name for sample in images] == ["t5_300", "t5_301", "t6_300"]
    for sample, pair in zip(images, images.pairs, strict=True):
        shifted = np.asarray(Image.open(pair.labels)).astype(int) - 1  # as the publisher's dataset.py does
        np.testing.assert_array_equal(sample.labels, np.where(shifted == 13, OOD, IN))
        np.testing.assert_array_equal(sample.image, np.asarray(Image.open(pair.image)))
        assert pair.image.parent.name == pair.labels.parent.name


@pytest.mark.parametrize("folder", ["images", "annotations"])
def test_a_folder_that_is_not_there(tree: Path, folder: str, complaint: Callable[[Callable[[], object]], str]) -> None:
    (tree / "StreetHazards" / "test" / folder).rename(tree / "elsewhere")
    message = complaint(lambda: street_hazards(tree))
    assert f"no {tree / 'StreetHazards' / 'test' / folder / 'test'}" in message
    assert "--data-root" in message


def test_a_missing_mask(tree: Path, complaint: Callable[[Callable[[], object]], str]) -> None:
    lost = tree / "StreetHazards" / "test" / "annotations" / "test" / "t6" / "300.png"
    lost.unlink()
    assert f"1 of 6 files are missing, first {lost}" in complaint(lambda: street_hazards(tree))


@pytest.mark.parametrize("value", [0, 15, 255])
def test_an_unknown_label(tree: Path, save: Callable[[Path, np.ndarray], None], value: int) -> None:
    save(tree / "StreetHazards" / "test" / "annotations" / "test" / "t5" / "301.png", np.full(SIZE, value, np.uint8))
    with pytest.raises(InputError, match=f"label value {value} in 84 pixels"):
        street_hazards(tree)[1]
