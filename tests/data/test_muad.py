"""MUAD: the OOD test split, its ids, and what is wrong with a bad tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data.muad import muad
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD

TRAIN_IDS = {  # torch-uncertainty's MUAD.classes: id on disk -> train id; from 15 on they are OOD
    **{value: value for value in range(12)}, 13: 12, 14: 13, 15: 14, 12: 15, 16: 16, 17: 17, 18: 18, 19: 19, 20: 20,
    21: 255, 255: 255,
}  # fmt: skip
SIZE = (8, 16)


@pytest.fixture
def tree(data_root: Path, save: Callable[[Path, np.ndarray], None]) -> Path:
    """ROOT/MUAD as test_ood.zip unpacks there; every map holds all ids."""
    random = np.random.default_rng(0)
    folder = data_root / "MUAD" / "test_ood"
    for number in (1, 2, 3506):
        labels = random.permutation(np.resize(sorted(TRAIN_IDS), SIZE[0] * SIZE[1])).reshape(SIZE).astype(np.uint8)
        save(folder / "leftLabel" / f"{number:06d}_leftLabel.png", labels)
        save(folder / "leftImg8bit" / f"{number:06d}_leftImg8bit.png", np.repeat(labels[..., None], 3, axis=2))
    return data_root


def test_the_ood_split(tree: Path, values_on_disk: Callable[[str], tuple[int, ...]]) -> None:
    images = muad(tree)
    assert (images.name, images.known_values) == ("muad", values_on_disk("muad"))
    assert [sample.name for sample in images] == ["000001", "000002", "003506"]
    for sample, pair in zip(images, images.pairs, strict=True):
        trained = np.vectorize(TRAIN_IDS.__getitem__)(np.asarray(Image.open(pair.labels)).astype(int))
        expected = np.select([trained == 255, trained >= 15], [IGNORE, OOD], IN)
        np.testing.assert_array_equal(sample.labels, expected)


@pytest.mark.parametrize("folder", ["leftImg8bit", "leftLabel"])
def test_a_folder_that_is_not_there(tree: Path, folder: str, complaint: Callable[[Callable[[], object]], str]) -> None:
    (tree / "MUAD" / "test_ood" / folder).rename(tree / "elsewhere")
    assert f"no {tree / 'MUAD' / 'test_ood' / folder}" in complaint(lambda: muad(tree))


def test_a_missing_image_and_an_unknown_label(
    tree: Path, save: Callable[[Path, np.ndarray], None], complaint: Callable[[Callable[[], object]], str]
) -> None:
    save(tree / "MUAD" / "test_ood" / "leftLabel" / "000002_leftLabel.png", np.full(SIZE, 22, dtype=np.uint8))
    with pytest.raises(InputError, match="label value 22 in 128 pixels"):
        muad(tree)[1]
    lost = tree / "MUAD" / "test_ood" / "leftImg8bit" / "000001_leftImg8bit.png"
    lost.unlink()
    assert f"1 of 6 files are missing, first {lost}" in complaint(lambda: muad(tree))
