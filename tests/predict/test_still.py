"""Every kind of image file becomes upright 8-bit RGB, or an error that says what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data.pairs import read_image
from gmmbench.errors import InputError
from gmmbench.predict.still import Still

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)


def read(image: Image.Image, suffix: str = "png", **options: object) -> np.ndarray:
    image.save(f"image.{suffix}", **options)
    return Still("image", Path(f"image.{suffix}")).read()


@pytest.mark.parametrize("suffix", ["png", "bmp", "ppm", "tif", "jpg", "webp"])
def test_an_image_is_read_as_evaluation_reads_it(suffix: str) -> None:
    found = read(Image.fromarray(RGB), suffix)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, read_image(Path(f"image.{suffix}")))


def test_grey_transparent_and_palette_images() -> None:
    grey = RGB[..., 0]
    np.testing.assert_array_equal(read(Image.fromarray(grey)), np.stack([grey] * 3, axis=-1))
    alpha = np.dstack([RGB, grey])
    np.testing.assert_array_equal(read(Image.fromarray(alpha)), RGB)
    few = Image.fromarray(RGB // 128 * 255).quantize(8)
    np.testing.assert_array_equal(read(few, transparency=bytes([0, 100, 255])), RGB // 128 * 255)
    np.testing.assert_array_equal(read(Image.fromarray(grey > 99)), np.stack([(grey > 99) * 255] * 3, axis=-1))
    assert read(Image.fromarray(RGB).convert("CMYK"), "tif").shape == (6, 9, 3)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_of_16_bits_the_upper_8(suffix: str) -> None:
    values = np.array([[0, 255, 256, 511], [32768, 65279, 65280, 65535]], dtype=np.uint16)
    found = read(Image.fromarray(values), suffix)
    expected = np.array([[0, 0, 1, 1], [128, 254, 255, 255]])
    np.testing.assert_array_equal(found, np.stack([expected] * 3, axis=-1))


def test_a_photo_is_turned_as_its_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    np.testing.assert_array_equal(read(Image.fromarray(RGB), exif=exif), np.rot90(RGB, -1))


def test_what_is_refused() -> None:
    Image.fromarray(RGB.repeat(20, axis=0)).save("whole.jpg")
    Path("cut.jpg").write_bytes(Path("whole.jpg").read_bytes()[:-300])
    Path("no.png").write_bytes(b"no image")
    Path("empty.png").touch()
    Image.fromarray(RGB[..., 0].astype(np.float32)).save("float.tif")
    for name, said in (
        ("cut.jpg", r"cut.jpg cannot be read as an image \(.*truncated.*copy it again or leave it out"),
        ("no.png", "no.png cannot be read as an image"),
        ("empty.png", "empty.png cannot be read as an image"),
        ("gone.png", "no image at gone.png"),
        ("float.tif", "float.tif has pixel format F, 32 bits a pixel; wanted 8 or 16 bits a channel"),
    ):
        with pytest.raises(InputError, match=said):
            Still("x", Path(name)).read()
