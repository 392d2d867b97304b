"""Fishyscapes: the publisher's file names, overlays that are added, versions that are compared with their archive."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data import fishyscapes
from gmmbench.data.cards import card
from gmmbench.data.faults import collecting
from gmmbench.data.fishyscapes import STATIC, FishyscapesStatic, fishyscapes_lost_and_found, read_overlay
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD

LAF = {  # number and frame as published: split of Lost and Found that the image lies in
    "0000_04_Maurener_Weg_8_000000_000030": "test",
    "0001_01_Hanns_Klemm_Str_45_000001_000240": "train",
}
STATIC_FRAMES = ("0000_frankfurt_000001_046504", "0001_munster_000173_000019")
SIZE = (10, 20)
Complaint = Callable[[Callable[[], object]], str]


def label_map() -> np.ndarray:
    labels = np.zeros(SIZE, dtype=np.uint8)
    labels[2:5, 3:9], labels[7:] = 1, 255
    return labels


@pytest.fixture
def laf(data_root: Path, save: Callable[[Path, np.ndarray], None]) -> Path:
    """The two archives, unpacked; gtCoarse is not needed."""
    random = np.random.default_rng(0)
    for name, split in LAF.items():
        frame = name.split("_", 1)[1]
        sequence = frame.rsplit("_", 2)[0]
        save(data_root / "fishyscapes" / "fishyscapes_lostandfound" / f"{name}_labels.png", label_map())
        image = data_root / "lost_and_found" / "leftImg8bit" / split / sequence / f"{frame}_leftImg8bit.png"
        save(image, random.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    return data_root


def test_lost_and_found(laf: Path, values_on_disk: Callable[[str], tuple[int, ...]]) -> None:
    images = fishyscapes_lost_and_found(laf)
    assert [sample.name for sample in images] == [
        "04_Maurener_Weg_8_000000_000030",
        "01_Hanns_Klemm_Str_45_000001_000240",
    ]
    assert images.known_values == values_on_disk(images.name)
    for sample, pair in zip(images, images.pairs, strict=True):
        np.testing.assert_array_equal(sample.labels, label_map())
        np.testing.assert_array_equal(sample.image, np.asarray(Image.open(pair.image)))
    assert {IN, OOD, IGNORE} == set(np.unique(images[0].labels))


def test_lost_and_found_without_a_folder(laf: Path, complaint: Complaint) -> None:
    for folder in (laf / "lost_and_found" / "leftImg8bit", laf / "fishyscapes" / "fishyscapes_lostandfound"):
        folder.rename(laf / "elsewhere")
        message = complaint(lambda: fishyscapes_lost_and_found(laf))
        assert f"no {folder}; wanted" in message
        assert "--data-root" in message
        (laf / "elsewhere").rename(folder)


def test_lost_and_found_without_an_image_or_with_a_strange_name(
    laf: Path, complaint: Complaint, save: Callable[[Path, np.ndarray], None]
) -> None:
    lost = next((laf / "lost_and_found").rglob("04_*_leftImg8bit.png"))
    lost.unlink()
    assert f"1 of 4 files are missing, first {lost}" in complaint(lambda: fishyscapes_lost_and_found(laf))
    save(laf / "fishyscapes" / "fishyscapes_lostandfound" / "colour_labels.png", label_map())
    assert "colour_labels.png is not called NUMBER_FRAME_labels.png" in complaint(
        lambda: fishyscapes_lost_and_found(laf)
    )


def overlay(index: int) -> np.ndarray:
    """Signed: darkens, brightens, beyond both ends, and pastes something that the labels call IN."""
    values = np.zeros((*SIZE, 3), dtype=np.int16)
    values[2:5, 3:9] = (-300, 90, 300) if index == 0 else (7, -7, 0)
    values[6, 12:15] = 40
    return values


def write_static(root: Path, version: int, save: Callable[[Path, np.ndarray], None], shift: int = 0) -> Path:
    """Unpacked, and the archive beside the data; the Cityscapes images too."""
    random = np.random.default_rng(1)
    folder = root / "fishyscapes" / f"fs_val_v{version}"
    for index, name in enumerate(STATIC_FRAMES):
        frame = name.split("_", 1)[1]
        save(folder / f"{name}_labels.png", label_map())
        np.savez_compressed(folder / f"{name}_rgb.npz", rgb=overlay(index) + np.int16(shift))
        image = root / "cityscapes" / "leftImg8bit" / "val" / frame.split("_")[0] / f"{frame}_leftImg8bit.png"
        save(image, random.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    archive = root / "downloads" / f"fs_val_v{version}.zip"
    archive.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(archive, "w") as content:
        for file in sorted(folder.iterdir()):
            content.write(file, file.name)
    return archive


@pytest.fixture(params=[1, 2, 3])
def static(
    data_root: Path,
    save: Callable[[Path, np.ndarray], None],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> tuple[str, Path]:
    """(name, data root); the card's checksum is that of the tiny archive."""
    archive = write_static(data_root, request.param, save)
    name = f"fishyscapes_static_v{request.param}"
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()

    def tiny(asked: str) -> dict[str, object]:
        about = card(asked)
        assert (asked, about["download"][0]["archive"]) == (name, archive.name)
        about["download"][0]["checksum"] = f"sha256:{digest}"
        return about

    monkeypatch.setattr(fishyscapes, "card", tiny)
    return name, data_root


def load(static: tuple[str, Path]) -> FishyscapesStatic:
    images = STATIC[static[0]](static[1])
    assert isinstance(images, FishyscapesStatic)
    return images


def test_static_adds_the_overlay_and_reads_the_labels(
    static: tuple[str, Path], values_on_disk: Callable[[str], tuple[int, ...]]
) -> None:
    images = load(static)
    assert (images.name, images.verified) == (static[0], True)
    assert images.known_values == values_on_disk(images.name)
    assert [sample.name for sample in images] == list(STATIC_FRAMES)
    for index, (sample, pair) in enumerate(zip(images, images.pairs, strict=True)):
        plain = np.asarray(Image.open(pair.image)).astype(int)
        expected = plain + overlay(index)
        expected[expected < 0], expected[expected > 255] = 0, 255
        np.testing.assert_array_equal(sample.image, expected)
        assert sample.image.dtype == np.uint8
        # What is pasted in row 6 is no anomaly: masks are not made of overlays.
        np.testing.assert_array_equal(sample.labels, label_map())
        np.testing.assert_array_equal(images.labels(index), sample.labels)
    assert (images[0].image[3, 4] == (0, min(255, 90 + int(plain_at(images, 0)[1])), 255)).all()


def plain_at(images: FishyscapesStatic, index: int) -> np.ndarray:
    pixel: np.ndarray = np.asarray(Image.open(images.pairs[index].image))[3, 4]
    return pixel


def test_static_of_another_version_is_found(static: tuple[str, Path], complaint: Complaint) -> None:
    name, root = static
    folder = root / "fishyscapes" / f"fs_val_v{name[-1]}"
    np.savez_compressed(folder / f"{STATIC_FRAMES[1]}_rgb.npz", rgb=overlay(1) + np.int16(1))
    message = complaint(lambda: load(static))
    assert f"{name}: 1 files are not those of {root / 'downloads'}" in message
    assert "holds another version" in message
    with collecting() as faults:
        assert not load(static).verified
    assert [fault.kind for fault in faults] == ["wrong checksum"]


def test_static_with_a_wrong_archive(static: tuple[str, Path], complaint: Complaint) -> None:
    name, root = static
    archive = root / "downloads" / f"fs_val_v{name[-1]}.zip"
    archive.write_bytes(archive.read_bytes() + b"x")
    assert f"{archive} is not the published fs_val_v{name[-1]}.zip" in complaint(lambda: load(static))
    with collecting() as faults:  # `data check` looks at all archives itself
        assert not load(static).verified
    assert faults == []
    archive.unlink()
    assert not load(static).verified


def test_static_keeps_the_cards_checksums() -> None:
    """bdl-benchmark's url_checksums: size and SHA-256 of the three archives differ."""
    entries = [card(name)["download"][0] for name in STATIC]
    assert [entry["size"] for entry in entries] == [4417983, 4107857, 8046056]
    assert len({entry["checksum"] for entry in entries}) == 3


def test_static_without_a_folder(static: tuple[str, Path], complaint: Complaint) -> None:
    name, root = static
    for folder in (root / "cityscapes" / "leftImg8bit" / "val", root / "fishyscapes" / f"fs_val_v{name[-1]}"):
        folder.rename(root / "elsewhere")
        assert f"no {folder}; wanted" in complaint(lambda: load(static))
        (root / "elsewhere").rename(folder)


def test_static_without_a_file(static: tuple[str, Path], complaint: Complaint) -> None:
    name, root = static
    (root / "downloads" / f"fs_val_v{name[-1]}.zip").unlink()
    lost = root / "fishyscapes" / f"fs_val_v{name[-1]}" / f"{STATIC_FRAMES[0]}_rgb.npz"
    lost.unlink()
    assert f"no overlay {lost}" in complaint(lambda: load(static))
    with collecting() as faults:
        images = load(static)
    assert len(images) == 2
    assert [fault.kind for fault in faults] == ["pair without files"]


def test_static_on_images_of_another_size(
    static: tuple[str, Path], complaint: Complaint, save: Callable[[Path, np.ndarray], None]
) -> None:
    images = load(static)
    save(images.pairs[1].image, np.zeros((5, 10, 3), dtype=np.uint8))
    assert "wanted the full-size Cityscapes image" in complaint(lambda: images[1])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"bgr": np.zeros((2, 2, 3), dtype=np.int16)}, "no readable array 'rgb'"),
        ({"rgb": np.array([{"a": 1}], dtype=object)}, "no readable array 'rgb'"),
        ({"rgb": np.zeros((2, 2), dtype=np.int16)}, "wanted numbers, .H, W, 3."),
        ({"rgb": np.zeros((2, 2, 3), dtype=bool)}, "'rgb' is bool"),
        ({"rgb": np.full((2, 2, 3), np.nan)}, "not finite"),
    ],
)
def test_an_overlay_that_is_none(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "a_rgb.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        read_overlay(tmp_path / "a_rgb.npz")


def test_a_damaged_overlay(tmp_path: Path) -> None:
    file = tmp_path / "a_rgb.npz"
    np.savez_compressed(file, rgb=np.random.default_rng(0).integers(-99, 99, (40, 40, 3), dtype=np.int16))
    whole = file.read_bytes()
    flags = whole.rindex(b"PK\1\2") + 8  # of the zip's directory: bit 6 is strong encryption, which zipfile has not
    encrypted = whole[:flags] + b"\x41" + whole[flags + 1 :]
    for damaged in (b"", b"PK", whole[: len(whole) // 2], whole[:200] + bytes(300) + whole[500:], encrypted):
        file.write_bytes(damaged)
        with pytest.raises(InputError, match="no readable array 'rgb'"):
            read_overlay(file)
    with file.open("wb") as stream:
        np.save(stream, np.zeros((2, 2, 3)))  # one array, and no archive of them
    with pytest.raises(InputError, match="no readable array 'rgb'"):
        read_overlay(file)
    with pytest.raises(InputError, match="no overlay at"):
        read_overlay(tmp_path / "b_rgb.npz")


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint8, np.float32])
def test_overlays_of_any_numbers(tmp_path: Path, dtype: type) -> None:
    values: np.ndarray = np.arange(27).reshape(3, 3, 3).astype(dtype)
    np.savez(tmp_path / "a_rgb.npz", rgb=values)
    np.testing.assert_array_equal(read_overlay(tmp_path / "a_rgb.npz"), values)
