"""ADE-OoD: the publisher's file names and labels, and what is wrong with a bad tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gmmbench.data.ade_ood import ade_ood
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD

FRAMES = {"0a1b2c3d4e5f6071": (9, 14), "ADE_val_00000012": (12, 10)}  # mixed sizes


@pytest.fixture
def tree(data_root: Path, save: Callable[[Path, np.ndarray], None]) -> Path:
    """ROOT/ADE-OoD with images and annotations."""
    for name, size in FRAMES.items():
        labels = np.zeros(size, dtype=np.uint8)
        labels[2:5, 3:7], labels[8] = 1, 255
        save(data_root / "ADE-OoD" / "images" / f"{name}.jpg", np.repeat(labels[..., None], 3, axis=2))
        save(data_root / "ADE-OoD" / "annotations" / f"{name}_mask.png", labels)
    return data_root


def test_the_set(tree: Path, values_on_disk: Callable[[str], tuple[int, ...]]) -> None:
    images = ade_ood(tree)
    assert (images.name, images.known_values) == ("ade_ood", values_on_disk("ade_ood"))
    assert {sample.name: sample.labels.shape for sample in images} == FRAMES
    for sample in images:
        assert (sample.labels[2:5, 3:7] == OOD).all()
        assert (sample.labels[8] == IGNORE).all()
        assert np.count_nonzero(sample.labels == IN) == sample.labels.size - 12 - sample.labels.shape[1]


@pytest.mark.parametrize("folder", ["images", "annotations"])
def test_a_folder_that_is_not_there(tree: Path, folder: str, complaint: Callable[[Callable[[], object]], str]) -> None:
    (tree / "ADE-OoD" / folder).rename(tree / "elsewhere")
    assert f"no {tree / 'ADE-OoD' / folder}" in complaint(lambda: ade_ood(tree))


def test_a_missing_mask_and_an_unknown_label(
    tree: Path, save: Callable[[Path, np.ndarray], None], complaint: Callable[[Callable[[], object]], str]
) -> None:
    save(tree / "ADE-OoD" / "annotations" / "ADE_val_00000012_mask.png", np.full((12, 10), 2, dtype=np.uint8))
    with pytest.raises(InputError, match="label value 2 in 120 pixels"):
        ade_ood(tree)[1]
    lost = tree / "ADE-OoD" / "annotations" / "0a1b2c3d4e5f6071_mask.png"
    lost.unlink()
    assert f"1 of 4 files are missing, first {lost}" in complaint(lambda: ade_ood(tree))
