"""What stands under a picture: the legend of classes, the bar of heat, the name of a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gmmbench.predict.classes import Classes
from gmmbench.predict.overlay import CONTOUR, heat
from gmmbench.predict.scale import number_text
from gmmbench.predict.text import FAINT, INK, PAPER, fitted, font

BAR_LINES = 3
"""Lines of text that the bar of heat is high: what it shows, the bar, the numbers."""


def line_height(size: int) -> int:
    """From one line of text to the next, in pixels."""
    return round(1.7 * size)


def height_of(lines: int, size: int) -> int:
    """Of a caption of so many lines, in pixels."""
    return lines * line_height(size) + size


def present(classes: NDArray[np.integer], number: int) -> list[int]:
    """The classes that occur, the largest first."""
    areas = np.bincount(classes.ravel(), minlength=number)
    return [int(index) for index in np.argsort(-areas, kind="stable") if areas[index]]


def in_lines(chosen: Sequence[int], classes: Classes, width: int, size: int) -> list[list[tuple[int, str, int]]]:
    """Entries of a legend, as many in a line as there is room: (class, its name, where it begins in pixels)."""
    lines: list[list[tuple[int, str, int]]] = [[]]
    left = size
    for index in chosen:
        name = fitted(classes.names[index], size, width - 4 * size)
        wide = round(1.6 * size + font(size).getlength(name) + 1.2 * size)
        if lines[-1] and left + wide > width:
            lines.append([])
            left = size
        lines[-1].append((index, name, left))
        left += wide
    return lines


def legend(
    lines: Sequence[Sequence[tuple[int, str, int]]], classes: Classes, width: int, height: int, size: int
) -> NDArray[np.uint8]:
    """(height, width, 3): a square of each class's colour and its name."""
    strip, draw = _paper(width, height)
    for row, entries in enumerate(lines):
        top = size // 2 + row * line_height(size)
        for index, name, left in entries:
            box = (left, top + round(0.35 * size), left + size, top + round(1.35 * size))
            draw.rectangle(box, fill=classes.palette[index], outline=INK)
            _write(draw, (left + round(1.6 * size), top + round(0.85 * size)), name, size, "lm")
    return np.array(strip)


def heat_bar(
    title: str, limits: tuple[float, float], threshold: float | None, width: int, height: int, size: int
) -> NDArray[np.uint8]:
    """(height, width, 3): what the heat means, the colours with the scores at their ends, and the threshold's mark."""
    strip, draw = _paper(width, height)
    line, top = line_height(size), size // 2
    _write(
        draw, (size, top + line // 2), fitted(f"{title}, higher = more anomalous", size, width - 2 * size), size, "lm"
    )
    left, right = size, width - size
    above, below = top + line, top + 2 * line - round(0.3 * size)
    colours = heat(np.linspace(*limits, num=right - left), limits)
    strip.paste(Image.fromarray(np.repeat(colours[None], below - above, axis=0)), (left, above))
    draw.rectangle((left - 1, above - 1, right, below), outline=INK)
    middle = top + round(2.5 * line)
    ends = [f"≤ {number_text(limits[0], limits)}", f"≥ {number_text(limits[1], limits)}"]
    _write(draw, (left, middle), ends[0], size, "lm")
    _write(draw, (right, middle), ends[1], size, "rm")
    if threshold is not None:
        share = min(max((threshold - limits[0]) / (limits[1] - limits[0]), 0.0), 1.0)
        at = left + round(share * (right - left - 1))
        wide = max(1, size // 8)
        draw.rectangle((at - wide - 1, above - 3, at + wide + 1, below + 3), fill=INK)
        draw.rectangle((at - wide, above - 2, at + wide, below + 2), fill=CONTOUR)
        _between(draw, f"contour {number_text(threshold, limits)}", at, middle, ends, (left, right), size)
    return np.array(strip)


def words(lines: Sequence[str], width: int, height: int, size: int) -> NDArray[np.uint8]:
    """(height, width, 3): lines of text, the first one strong."""
    strip, draw = _paper(width, height)
    for row, text in enumerate(lines):
        middle = size // 2 + round((row + 0.5) * line_height(size))
        _write(draw, (size, middle), fitted(text, size, width - 2 * size), size, "lm", INK if row == 0 else FAINT)
    return np.array(strip)


def _between(
    draw: ImageDraw.ImageDraw, text: str, at: int, middle: int, ends: Sequence[str], sides: tuple[int, int], size: int
) -> None:
    """The threshold's number under its mark, if it fits between the numbers of the ends."""
    wide = font(size).getlength(text)
    first = sides[0] + font(size).getlength(ends[0]) + size
    last = sides[1] - font(size).getlength(ends[1]) - size - wide
    if first <= last:
        _write(draw, (round(min(max(at - wide / 2, first), last)), middle), text, size, "lm")


def _paper(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    strip = Image.new("RGB", (width, height), PAPER)
    return strip, ImageDraw.Draw(strip)


def _write(
    draw: ImageDraw.ImageDraw,
    where: tuple[int, int],
    text: str,
    size: int,
    anchor: str,
    colour: tuple[int, int, int] = INK,
) -> None:
    draw.text(where, text, fill=colour, font=font(size), anchor=anchor)
