"""Pairs of files: what comes out of good ones, and one line that names the file for each kind of bad one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data.examine import examine
from gmmbench.data.pairs import Pair, PairedSet, read_image, read_labels
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD

MEANING = {0: IN, 1: OOD, 9: IGNORE}
IMAGE = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
LABELS = np.array([[0, 1, 9, 0, 0, 1, 1, 9]] * 6, dtype=np.uint8)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    found = Pair("street", tmp_path / "images" / "street.png", tmp_path / "masks" / "street.png")
    Image.fromarray(IMAGE).save(found.image)
    Image.fromarray(LABELS).save(found.labels)
    return found


def complaint(pair: Pair) -> str:
    """What reading the pair complains of: always one line."""
    with pytest.raises(InputError) as caught:
        PairedSet("streets", [pair], MEANING)[0]
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_good_pair(pair: Pair) -> None:
    images = PairedSet("streets", [pair], MEANING)
    assert len(images) == 1
    [sample] = images
    assert sample.name == "street"
    assert sample.image.dtype == sample.labels.dtype == np.uint8
    np.testing.assert_array_equal(sample.image, IMAGE)
    np.testing.assert_array_equal(sample.labels, np.where(LABELS == 9, IGNORE, LABELS))


def test_a_palette_is_read_by_index(pair: Pair) -> None:
    coloured = Image.fromarray(LABELS).convert("P")
    coloured.putdata(LABELS.ravel().tolist())
    coloured.putpalette([200, 100, 50] * 256)
    coloured.save(pair.labels)
    np.testing.assert_array_equal(read_labels(pair.labels), LABELS)


def test_an_image_of_any_pixel_format_becomes_rgb(pair: Pair) -> None:
    for mode in ("L", "RGBA", "P"):
        Image.fromarray(IMAGE).convert(mode).save(pair.image)
        assert read_image(pair.image).shape == IMAGE.shape


@pytest.mark.parametrize(("dtype", "ending"), [("<u2", "png"), (">u2", "tif"), ("<i4", "tif"), ("<f4", "tif")])
def test_a_grey_image_of_more_than_8_bits_is_not_made_white(tmp_path: Path, dtype: str, ending: str) -> None:
    file = tmp_path / f"wide.{ending}"
    Image.fromarray(np.arange(0, 48000, 1000).reshape(6, 8).astype(dtype)).save(file)
    with pytest.raises(InputError, match=r"wide\.\w+ has pixel format (I|F).*; wanted 8 bits a channel"):
        read_image(file)


def test_an_image_that_claims_to_be_larger_than_any(pair: Pair) -> None:
    Image.fromarray(IMAGE).save(pair.image, "BMP")
    content = bytearray(pair.image.read_bytes())
    content[18:22] = content[22:26] = (40_000).to_bytes(4, "little")
    pair.image.write_bytes(content)
    assert f"{pair.image} cannot be read as an image" in complaint(pair)
    found = examine(PairedSet("streets", [pair], MEANING), 0)
    assert [fault.kind for fault in found.faults] == ["unreadable file"]


def test_no_pairs() -> None:
    with pytest.raises(InputError, match="streets: no images found"):
        PairedSet("streets", [], MEANING)


@pytest.mark.parametrize("which", ["image", "labels"])
def test_an_image_without_mask_or_a_mask_without_image(pair: Pair, which: str) -> None:
    lost: Path = getattr(pair, which)
    lost.unlink()
    message = complaint(pair)
    assert str(lost) in message
    assert "1 of 2 files are missing" in message


def test_a_file_that_goes_after_the_start(pair: Pair) -> None:
    images = PairedSet("streets", [pair], MEANING)
    pair.image.unlink()
    with pytest.raises(InputError, match=str(pair.image)):
        images[0]


def test_a_label_value_without_a_meaning(pair: Pair) -> None:
    strange = LABELS.copy()
    strange[0, :3] = 7
    Image.fromarray(strange).save(pair.labels)
    message = complaint(pair)
    assert f"{pair.labels} has label value 7 in 3 pixels" in message
    assert "known values: 0, 1, 9" in message


def test_sizes_that_differ(pair: Pair) -> None:
    Image.fromarray(LABELS[:5, :4]).save(pair.labels)
    message = complaint(pair)
    assert f"{pair.labels} is 4x5 pixels" in message
    assert "8x6" in message


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "1", "I;16"])
def test_a_label_map_that_is_not_one_channel_of_bytes(pair: Pair, mode: str) -> None:
    Image.fromarray(LABELS).convert(mode).save(pair.labels)
    message = complaint(pair)
    assert str(pair.labels) in message
    assert f"pixel format {mode}" in message


@pytest.mark.parametrize("which", ["image", "labels"])
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5])
def test_a_truncated_png(pair: Pair, which: str, kept: float) -> None:
    file: Path = getattr(pair, which)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(kept * len(whole))])
    assert f"{file} cannot be read as an image" in complaint(pair)


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_jpeg(pair: Pair, kept: float) -> None:
    file = pair.image.with_suffix(".jpg")
    Image.fromarray(np.tile(IMAGE, (20, 20, 1))).save(file)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(kept * len(whole))])
    assert f"{file} cannot be read as an image" in complaint(Pair("street", file, pair.labels))


def test_a_page_that_was_saved_as_an_image(pair: Pair) -> None:
    pair.image.write_text("<html>404 not found</html>")
    assert f"{pair.image} cannot be read as an image" in complaint(pair)


def test_an_image_that_is_listed_twice(pair: Pair) -> None:
    with pytest.raises(InputError, match="1 images are listed twice, first 'street'"):
        PairedSet("streets", [pair, pair], {0: 0})
