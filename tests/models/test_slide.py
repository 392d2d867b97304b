"""Sliding windows against a naive loop, and what must not depend on them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.models.slide import Outputs, Window, covers, places, slide, window_of

CASES = [
    # image, window, stride
    ((16, 24), (8, 8), (8, 8)),
    ((16, 24), (8, 12), (4, 8)),
    ((17, 23), (8, 12), (5, 7)),
    ((9, 40), (16, 16), (12, 12)),
    ((31, 31), (8, 16), (8, 16)),
    ((8, 9), (8, 8), (1, 1)),
]


def network(stride: int = 4):
    """A stand-in: pixel-wise maps at a coarser resolution, and one that depends on the window's place."""

    def forward(window: torch.Tensor) -> Outputs:
        cells = [-(-side // stride) for side in window.shape[2:]]
        coarse = F.interpolate(window, size=cells, mode="bilinear", align_corners=False)[0]
        place = torch.linspace(0, 1, cells[1]).expand(1, *cells)
        return Outputs(coarse, torch.cat([coarse, place]) - 3, torch.cat([coarse, coarse, place]))

    return forward


def picture(height: int, width: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, height, width)).astype(np.float32))


def naive_places(length: int, size: int, stride: int) -> list[tuple[int, int]]:
    """Windows from the start, one stride after another until the end is reached, moved back into the image."""
    found, start = [], 0
    while True:
        stop = min(start + size, length)
        found.append((max(stop - size, 0), stop))
        if stop == length:
            return found
        start += stride


@pytest.mark.parametrize(("image", "size", "stride"), CASES)
def test_places(image, size, stride):
    rows, columns = (naive_places(image[axis], size[axis], stride[axis]) for axis in (0, 1))
    found = [((tall.start, tall.stop), (wide.start, wide.stop)) for tall, wide in places(Window(size, stride), *image)]
    assert found == [(tall, wide) for tall in rows for wide in columns]


def test_cityscapes_takes_eight_windows():
    found = list(places(Window((768, 768), (512, 512)), 1024, 2048))
    assert [rows.start for rows, _ in found[::4]] == [0, 256]
    assert [columns.start for _, columns in found[:4]] == [0, 512, 1024, 1280]
    assert len(found) == 8


@pytest.mark.parametrize(("image", "size", "stride"), CASES)
def test_logits_and_density_against_a_naive_loop(image, size, stride):
    pixels, forward = picture(*image), network()
    got = slide(forward, pixels, Window(size, stride))
    for name in ("logits", "density"):
        values: dict[tuple[int, int], list[np.ndarray]] = {}
        for top, bottom in naive_places(image[0], size[0], stride[0]):
            for left, right in naive_places(image[1], size[1], stride[1]):
                tile = getattr(forward(pixels[:, :, top:bottom, left:right]), name)
                full = F.interpolate(tile[None], size=(bottom - top, right - left), mode="bilinear")[0].numpy()
                for y in range(top, bottom):
                    for x in range(left, right):
                        values.setdefault((y, x), []).append(full[:, y - top, x - left])
        expected = np.array([[np.mean(values[y, x], axis=0) for x in range(image[1])] for y in range(image[0])])
        np.testing.assert_allclose(getattr(got, name).numpy(), np.moveaxis(expected, -1, 0), atol=1e-5)


def test_features_against_a_naive_loop():
    """Windows on whole cells: every cell is the mean of the windows that see it."""
    pixels, forward = picture(24, 40), network()
    got = slide(forward, pixels, Window((16, 16), (8, 12))).features
    assert got.shape == (7, 6, 10)
    total, number = np.zeros((7, 6, 10)), np.zeros((6, 10))
    for top in (0, 8):
        for left in (0, 12, 24):
            tile = forward(pixels[:, :, top : top + 16, left : left + 16]).features.numpy()
            total[:, top // 4 : top // 4 + 4, left // 4 : left // 4 + 4] += tile
            number[top // 4 : top // 4 + 4, left // 4 : left // 4 + 4] += 1
    np.testing.assert_allclose(got.numpy(), total / number, atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8])
@pytest.mark.parametrize(("image", "size", "step"), CASES)
def test_every_cell_of_the_features_is_filled(image, size, step, stride):
    """Wherever the windows fall, no cell is 0 / 0, and a constant stays that constant."""
    got = slide(network(stride), torch.ones(1, 3, *image), Window(size, step))
    torch.testing.assert_close(got.features[:6], torch.ones_like(got.features[:6]))
    torch.testing.assert_close(got.logits, torch.ones(3, *image))


def test_a_feature_is_displaced_by_half_a_cell_at_most():
    """Features that say where they are: each cell's mean is the place of its centre within half a cell."""
    stride, image, window = 4, (37, 61), Window((16, 24), (11, 13))
    ys, xs = torch.meshgrid(torch.arange(37.0), torch.arange(61.0), indexing="ij")
    where = torch.stack([ys, xs, ys])[None]

    def forward(piece: torch.Tensor) -> Outputs:
        mean = F.avg_pool2d(piece, stride)[0]
        return Outputs(mean, None, mean)

    got = slide(forward, where, window)
    assert got.density is None
    assert got.features.shape == (3, 9, 15)
    for axis, length in ((0, 9), (1, 15)):
        centres = torch.arange(length) * stride + (stride - 1) / 2
        centres = centres[:, None] if axis == 0 else centres[None]
        assert (got.features[axis] - centres).abs().max() <= stride / 2
    assert image == tuple(where.shape[2:])


def test_a_window_as_large_as_the_image_changes_nothing():
    pixels, forward = picture(16, 24), network(1)
    for size in ((16, 24), (99, 99)):
        got, expected = slide(forward, pixels, Window(size, (8, 8))), forward(pixels)
        assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))
        assert covers(Window(size, (8, 8)), 16, 24)
    assert not covers(Window((16, 23), (8, 8)), 16, 24)
    assert not covers(Window((15, 24), (8, 8)), 16, 24)


def test_the_network_sees_one_window_at_a_time():
    seen = []
    forward = network()
    slide(lambda window: seen.append(tuple(window.shape)) or forward(window), picture(30, 50), Window((8, 12), (6, 7)))
    assert set(seen) == {(1, 3, 8, 12)}


def test_the_image_stays_as_it_is():
    pixels = picture(17, 23)
    before = pixels.clone()
    slide(network(), pixels, Window((8, 8), (4, 4)))
    assert torch.equal(pixels, before)


def test_what_a_config_asks_for():
    assert window_of({}) is window_of({"mode": "whole"}) is None
    asked = {"mode": "slide", "crop_size": [768, 512], "stride": (512, 256)}
    assert window_of(asked) == Window((768, 512), (512, 256))


@pytest.mark.parametrize(
    ("test_cfg", "message"),
    [
        ({"mode": "slides"}, "mode is 'slides'; wanted 'whole' or 'slide'"),
        ({"mode": "slide"}, "crop_size=None and stride=None"),
        ({"mode": "slide", "crop_size": 768, "stride": 512}, "crop_size=768 and stride=512"),
        ({"mode": "slide", "crop_size": (8, 8, 8), "stride": (4, 4)}, r"crop_size=\(8, 8, 8\)"),
        ({"mode": "slide", "crop_size": (8, 8), "stride": (0, 4)}, r"stride=\(0, 4\)"),
        ({"mode": "slide", "crop_size": (8.0, 8), "stride": (4, 4)}, r"crop_size=\(8.0, 8\)"),
        ({"mode": "slide", "crop_size": (8, 8), "stride": (4, 9)}, "the stride at most the crop"),
    ],
)
def test_what_no_config_may_ask_for(test_cfg, message):
    with pytest.raises(InputError, match=message):
        window_of(test_cfg)
