"""Lost and Found: what counts on the road, and which frames NoKnown leaves out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gmmbench.data.faults import collecting
from gmmbench.data.lost_and_found import lost_and_found, lost_and_found_noknown
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD

FRAMES = {  # as published: the highest label of the frame
    "01_Hanns_Klemm_Str_45_000006_000080": 23,  # a bicycle
    "02_Hanns_Klemm_Str_44_000000_000020": 2,
    "02_Hanns_Klemm_Str_44_000001_000010": 0,  # nothing labelled
    "04_Maurener_Weg_8_000002_000120": 43,
    "04_Maurener_Weg_8_000003_000030": 1,  # a free road
    "10_Schlossberg_9_000004_000080": 23,
    "15_Rechbergstr_Deckenpfronn_000000_000100": 40,  # a child
}
KEPT = (
    "02_Hanns_Klemm_Str_44_000000_000020",
    "04_Maurener_Weg_8_000002_000120",
    "04_Maurener_Weg_8_000003_000030",
)
SIZE = (10, 20)
Complaint = Callable[[Callable[[], object]], str]


def label_map(highest: int) -> np.ndarray:
    labels = np.zeros(SIZE, dtype=np.uint8)
    if highest:
        labels[4:] = 1
        labels[5:8, 4:6] = highest
    return labels


def files(root: Path, frame: str, split: str = "test") -> tuple[Path, Path]:
    folder, sequence = root / "lost_and_found", frame.rsplit("_", 2)[0]
    return (
        folder / "leftImg8bit" / split / sequence / f"{frame}_leftImg8bit.png",
        folder / "gtCoarse" / split / sequence / f"{frame}_gtCoarse_labelIds.png",
    )


@pytest.fixture
def tree(data_root: Path, save: Callable[[Path, np.ndarray], None], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both zips, unpacked, with the other kinds of files that lie beside the labels."""
    monkeypatch.setenv("GMMBENCH_CACHE", str(data_root / "cache"))
    random = np.random.default_rng(0)
    for frame, highest in FRAMES.items():
        image, labels = files(data_root, frame)
        save(image, random.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
        save(labels, label_map(highest))
        save(labels.with_name(f"{frame}_gtCoarse_labelTrainIds.png"), np.full(SIZE, 99, dtype=np.uint8))
        save(labels.with_name(f"{frame}_gtCoarse_color.png"), np.zeros((*SIZE, 3), dtype=np.uint8))
    train, train_labels = files(data_root, "03_Hanns_Klemm_Str_19_000000_000040", "train")
    save(train, np.zeros((*SIZE, 3), dtype=np.uint8))
    save(train_labels, label_map(2))
    return data_root


def test_the_test_split(tree: Path, values_on_disk: Callable[[str], tuple[int, ...]]) -> None:
    images = lost_and_found(tree)
    assert [sample.name for sample in images] == list(FRAMES)
    assert images.known_values == values_on_disk("lost_and_found") == values_on_disk("lost_and_found_noknown")
    for sample, highest in zip(images, FRAMES.values(), strict=True):
        raw = label_map(highest).astype(int)
        np.testing.assert_array_equal(sample.labels, np.select([raw == 0, raw == 1], [IGNORE, IN], OOD))


def test_noknown_leaves_out_known_objects_and_frames_without_labels(tree: Path) -> None:
    images = lost_and_found_noknown(tree)
    assert images.name == "lost_and_found_noknown"
    assert tuple(sample.name for sample in images) == KEPT
    everything = {sample.name: sample.labels for sample in lost_and_found(tree)}
    for sample in images:
        np.testing.assert_array_equal(sample.labels, everything[sample.name])


def test_noknown_follows_labels_that_change(tree: Path, save: Callable[[Path, np.ndarray], None]) -> None:
    assert len(lost_and_found_noknown(tree)) == 3
    save(files(tree, KEPT[2])[1], label_map(0))
    assert [pair.name for pair in lost_and_found_noknown(tree).pairs] == list(KEPT[:2])


@pytest.mark.parametrize("load", [lost_and_found, lost_and_found_noknown])
@pytest.mark.parametrize("folder", ["leftImg8bit", "gtCoarse"])
def test_a_folder_that_is_not_there(
    tree: Path, load: Callable[[Path], object], folder: str, complaint: Complaint
) -> None:
    (tree / "lost_and_found" / folder).rename(tree / "elsewhere")
    message = complaint(lambda: load(tree))
    assert f"no {tree / 'lost_and_found' / folder / 'test'}" in message
    assert "--data-root" in message


@pytest.mark.parametrize("which", [0, 1])
def test_an_image_without_mask_or_a_mask_without_image(tree: Path, which: int, complaint: Complaint) -> None:
    lost = files(tree, KEPT[1])[which]
    lost.unlink()
    assert f"1 of 14 files are missing, first {lost}" in complaint(lambda: lost_and_found_noknown(tree))
    with collecting() as faults:
        images = lost_and_found_noknown(tree)
    assert len(images) >= 3
    assert len(set(faults)) == 1


def test_an_unknown_label(tree: Path, save: Callable[[Path, np.ndarray], None]) -> None:
    save(files(tree, KEPT[0])[1], np.full(SIZE, 201, dtype=np.uint8))
    with pytest.raises(InputError, match="label value 201 in 200 pixels"):
        lost_and_found(tree)[1]
    with pytest.raises(InputError, match="label value 201 in 200 pixels"):
        lost_and_found_noknown(tree)
    with collecting():  # the pairs come back, for each to be looked at
        assert files(tree, KEPT[0])[1] in {pair.labels for pair in lost_and_found_noknown(tree).pairs}
