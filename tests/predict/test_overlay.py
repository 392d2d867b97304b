"""Blends and contours against naive loops."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray

from gmmbench.predict.overlay import CONTOUR, UNDEFINED, draw_contour, heat, over_classes, over_scores

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (7, 9, 3)).astype(np.uint8)


def naive(image: NDArray[np.uint8], colours: NDArray[np.uint8], alpha: float) -> NDArray[np.float64]:
    """Grey by the luma of ITU-R BT.601, colour by colour."""
    out = np.zeros(image.shape)
    for y, row in enumerate(image):
        for x, (red, green, blue) in enumerate(row):
            grey = 0.299 * red + 0.587 * green + 0.114 * blue
            for channel in range(3):
                out[y, x, channel] = (1 - alpha) * grey + alpha * colours[y, x, channel]
    return out


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_classes_against_a_naive_blend(alpha: float) -> None:
    classes = RNG.integers(0, 4, (7, 9))
    palette = ((0, 0, 0), (255, 255, 255), (128, 64, 1), (3, 200, 99))
    colours = np.array([[palette[index] for index in row] for row in classes], dtype=np.uint8)
    found = over_classes(IMAGE, classes, palette, alpha)
    assert found.dtype == np.uint8
    assert np.abs(found - naive(IMAGE, colours, alpha)).max() <= 1.01


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_scores_against_a_naive_blend_with_matplotlibs_inferno(alpha: float) -> None:
    scores = RNG.normal(0, 5, (7, 9)).astype(np.float32)
    share = np.clip((scores + 4) / 10, 0, 1)
    colours = mpl.colormaps["inferno"](np.round(share * 255).astype(int), bytes=True)[..., :3]
    found = over_scores(IMAGE, scores, (-4, 6), alpha)
    assert np.abs(found - naive(IMAGE, colours, alpha)).max() <= 3  # OpenCV's table differs from it by rounding


def test_heat_rises_in_lightness_and_knows_infinities_and_nan() -> None:
    luma = heat(np.linspace(0, 1, 256), (0, 1)) @ [0.299, 0.587, 0.114]
    assert (np.diff(luma) >= -1).all()
    assert luma[-1] - luma[0] > 200
    low, high, beyond, nothing = heat(np.array([-np.inf, np.inf, 7, np.nan]), (-1, 2))
    np.testing.assert_array_equal(low, heat(np.array([-1.0]), (-1, 2))[0])
    np.testing.assert_array_equal(high, heat(np.array([2.0]), (-1, 2))[0])
    np.testing.assert_array_equal(beyond, high)
    assert tuple(nothing) == UNDEFINED


def test_one_scale_means_one_colour_in_every_image() -> None:
    calm, wild = np.full((4, 4), 1.0), np.array([[1.0, 9.0]])
    np.testing.assert_array_equal(heat(calm, (0, 10))[0, 0], heat(wild, (0, 10))[0, 0])


def test_the_contour_goes_around_what_is_at_or_above_the_threshold() -> None:
    scores = np.zeros((60, 80), np.float32)
    scores[20:40, 30:50] = 2.5
    scores[28:32, 38:42] = -1  # a hole
    page = np.full((60, 80, 3), 100, np.uint8)
    draw_contour(page, scores, 2.5)
    line = (page == CONTOUR).all(axis=-1)
    mask = scores >= 2.5
    edge = np.zeros_like(mask)
    for y in range(1, 59):
        for x in range(1, 79):
            four = [mask[y - 1, x], mask[y + 1, x], mask[y, x - 1], mask[y, x + 1]]
            edge[y, x] = mask[y, x] and not all(four)
    outer = edge.copy()
    outer[27:33, 37:43] = False
    assert line[outer].all()
    near = np.zeros_like(mask)
    for y, x in np.argwhere(edge):
        near[y - 2 : y + 3, x - 2 : x + 3] = True
    assert not line[~near].any()
    assert line[26:34, 36:44].any()  # around the hole too
    assert (page[~near] == 100).all()


def test_no_pixel_reaches_the_threshold() -> None:
    page = IMAGE.copy()
    draw_contour(page, np.full((7, 9), 2.0, np.float32), np.nextafter(np.float32(2), np.float32(3)))
    draw_contour(page, np.full((7, 9), np.nan, np.float32), 0.0)
    np.testing.assert_array_equal(page, IMAGE)
