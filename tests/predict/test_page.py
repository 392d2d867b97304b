"""Whole pictures: what stands where, and that it can be read."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gmmbench.predict.captions import heat_bar, height_of, in_lines, legend, present
from gmmbench.predict.classes import Classes, classes_of, colours
from gmmbench.predict.look import Look
from gmmbench.predict.names import with_names
from gmmbench.predict.overlay import CONTOUR, heat, over_classes, over_scores
from gmmbench.predict.page import GAP, LEGEND_LINES, NARROWEST, PANEL, Drawing, Reel, Seen
from gmmbench.predict.text import fitted, font, size_for

NAMES = ("sky", "road", "a car", "person")
CLASSES = Classes(NAMES, ((10, 20, 200), (90, 90, 90), (200, 0, 0), (0, 160, 0)))


def seen(height: int, width: int, seed: int = 0) -> Seen:
    """Two halves, sky and road, and a few pixels of a car."""
    rng = np.random.default_rng(seed)
    classes = np.zeros((height, width), np.int32)
    classes[height // 2 :] = 1
    classes[-2:, -2:] = 2
    scores = rng.random((height, width)).astype(np.float32)
    return Seen(rng.integers(0, 256, (height, width, 3)).astype(np.uint8), classes, scores)


def drawing(threshold: float | None = None, classes: Classes = CLASSES) -> Drawing:
    return Drawing(Look(0.5, threshold), (0.0, 1.0), classes, "msp@temperature=2")


def holds(page: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool((page == colour).all(axis=-1).any())


def test_the_overlay_has_the_images_size_and_lies_in_the_upper_left() -> None:
    for height, width in ((200, 400), (40, 30), (1, 1)):
        one = seen(height, width)
        page = drawing().anomaly(one)
        np.testing.assert_array_equal(page[:height, :width], over_scores(one.image, one.scores, (0, 1), 0.5))
        assert page.shape[1] == max(width, NARROWEST)
        assert page.shape[0] > height


def test_the_legend_names_what_occurs_the_largest_first() -> None:
    one = seen(200, 400)
    assert present(one.classes, 4) == [0, 1, 2]
    below = drawing().segmentation(one)[200:]
    found = [holds(below, colour) for colour in CLASSES.palette]
    assert found == [True, True, True, False]


def test_a_name_stands_on_its_region_where_there_is_room() -> None:
    one = seen(200, 400)
    plain = over_classes(one.image, one.classes, CLASSES.palette, 0.5)
    changed = (with_names(plain, one.classes, CLASSES, 12) != plain).any(axis=-1)
    for half in (changed[:100], changed[100:]):  # "sky" and "road", not "a car"
        rows, columns = np.nonzero(half)
        assert 5 < np.ptp(rows) < 25
        assert 10 < np.ptp(columns) < 60
    assert not changed[90:110].any()
    small = seen(12, 16)
    plain = over_classes(small.image, small.classes, CLASSES.palette, 0.5)
    np.testing.assert_array_equal(with_names(plain, small.classes, CLASSES, 12), plain)


def test_a_long_legend_takes_more_lines_and_loses_no_class() -> None:
    many = Classes(tuple(f"class number {index}" for index in range(150)), colours(150))
    lines = in_lines(range(150), many, 500, 14)
    assert [index for line in lines for index, _, _ in line] == list(range(150))
    for line in lines:
        _, name, left = line[-1]
        assert left + 1.6 * 14 + font(14).getlength(name) <= 500
    strip = legend(lines, many, 500, height_of(len(lines), 14), 14)
    assert set(many.palette) <= {tuple(pixel) for pixel in strip[::4, ::4].reshape(-1, 3).tolist()}


def test_names_that_are_too_long_or_no_text() -> None:
    for text in ("x" * 500, "Straße", "\udcff\n\tfile", "", "😀"):
        short = fitted(text, 14, 100)
        assert font(14).getlength(short) <= 100 or len(short) == 1
        assert "\n" not in short
    assert fitted("x" * 500, 14, 100).endswith("…")
    assert fitted("road", 14, 100) == "road"
    assert in_lines([0], Classes(("x" * 500,), ((0, 0, 0),)), NARROWEST, 14)[0][0][1].endswith("…")


def test_text_grows_with_the_picture_between_bounds() -> None:
    sizes = [size_for(*shape) for shape in ((10, 10), (360, 480), (720, 1280), (1080, 1920), (9000, 9000))]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (12, 40)


def test_the_bar_shows_the_scale_and_the_threshold() -> None:
    plain, marked = (heat_bar("energy", (-4.0, 8.0), value, 400, 80, 14) for value in (None, 5.0))
    expected = heat(np.linspace(-4, 8, 400 - 28), (-4, 8))
    assert any((row[14:-14] == expected).all() for row in plain)
    assert not holds(plain, CONTOUR)
    columns = np.nonzero((marked == CONTOUR).all(axis=-1).any(axis=0))[0]
    assert columns.mean() == pytest.approx(14 + (400 - 28) * 9 / 12, abs=2)
    for value in (-1e9, 1e9):
        assert holds(heat_bar("energy", (-4.0, 8.0), value, 400, 80, 14), CONTOUR)


def test_frames_are_three_panels_of_one_even_size() -> None:
    for height, width in ((200, 400), (201, 401), (31, 17)):
        reel = Reel(drawing(0.9), "drive.mp4", (height, width), 10)
        first, second = (reel.frame(seen(height, width, seed), seed) for seed in (0, 1))
        assert first.shape == second.shape
        assert first.shape[0] % 2 == first.shape[1] % 2 == 0
        one, panel = seen(height, width, 0), max(width, NARROWEST) + GAP
        np.testing.assert_array_equal(first[:height, :width], one.image)
        np.testing.assert_array_equal(
            first[:height, panel : panel + width], over_classes(one.image, one.classes, CLASSES.palette, 0.5)
        )
        assert holds(first[:height, 2 * panel : 2 * panel + width], CONTOUR)
        assert (first[height:, :panel] != second[height:, :panel]).any()  # the frame's number
        np.testing.assert_array_equal(first[height:, panel:], second[height:, panel:])  # legend and bar stand still


def test_large_frames_become_smaller() -> None:
    reel = Reel(drawing(), "drive.mp4", (60, 2 * PANEL), 10)
    page = reel.frame(seen(60, 2 * PANEL), 0)
    assert page.shape[1] == 3 * PANEL + 2 * GAP
    small = page[:30, :PANEL].astype(float)
    whole = seen(60, 2 * PANEL).image.reshape(30, 2, PANEL, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - whole).max() <= 1


def test_of_many_classes_a_frame_shows_its_largest_and_keeps_its_height() -> None:
    many = Classes(tuple(f"class number {index}" for index in range(150)), colours(150))
    reel = Reel(drawing(classes=many), "drive.mp4", (100, 320), 10)
    one = seen(100, 320)
    few, all_of_them = reel.frame(one, 0), Seen(one.image, np.arange(32000).reshape(100, 320) % 150, one.scores)
    full = reel.frame(all_of_them, 1)
    assert few.shape == full.shape
    size = size_for(100, 320)
    assert few.shape[0] == 100 + height_of(LEGEND_LINES, size) + (height_of(LEGEND_LINES, size) % 2)
    assert holds(few[100:], many.palette[0])
    assert not holds(few[100:], many.palette[77])


@pytest.mark.parametrize(("number", "apart"), [(1, 0), (8, 60), (20, 36), (150, 13)])
def test_colours_of_classes_that_have_none_are_told_apart(number: int, apart: float) -> None:
    found = colours(number)
    assert found == colours(number + 1)[:-1]  # another class changes no colour
    lab = cv2.cvtColor(np.array([found], np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 1000 * np.eye(number)
    assert distances.min() > apart  # about 2 can just be seen
    assert lab[:, 0].min() > 24


class _Loaded:
    def __init__(self, closed_set: str | None, classes: tuple[str, ...] | None = None) -> None:
        self.closed_set = closed_set
        self.bare = type("Bare", (), {"classes": classes})()


def test_what_classes_are_called() -> None:
    street = classes_of(_Loaded("street"), 8)  # type: ignore[arg-type]
    assert street.names[2] == "road"
    assert street.palette[2] == (92, 84, 104)
    own = classes_of(_Loaded(None, ("a", "b")), 2)  # type: ignore[arg-type]
    assert own.names == ("a", "b")
    unknown = classes_of(_Loaded("street"), 3)  # type: ignore[arg-type]
    assert unknown.names == ("class 0", "class 1", "class 2")
    assert len(unknown.palette) == 3
