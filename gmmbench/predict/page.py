"""Whole pictures: an overlay with what explains it underneath; three of them side by side for a frame of a video."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.predict.captions import BAR_LINES, heat_bar, height_of, in_lines, legend, present, words
from gmmbench.predict.classes import Classes
from gmmbench.predict.look import Look
from gmmbench.predict.names import with_names
from gmmbench.predict.overlay import draw_contour, over_classes, over_scores
from gmmbench.predict.text import PAPER, size_for

NARROWEST = 300
"""A caption needs so many pixels."""

PANEL = 1280
"""Frames of videos are shown at most so wide: three abreast are then a 4K picture, which players and the codec take."""

GAP = 4
"""Pixels between the panels."""

LEGEND_LINES = 6
"""At most, under a frame, where the legend may not change its height."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Seen:
    """An image and what the model says of it.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        classes: (H, W) integers, the arg-max of the logits.
        scores: (H, W) float32, higher = more anomalous.
    """

    image: Pixels
    classes: NDArray[np.integer]
    scores: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return self.image.nbytes + self.classes.nbytes + self.scores.nbytes


@dataclass(frozen=True)
class Drawing:
    """How a run's pictures are drawn.

    Attributes:
        look: what was asked for.
        limits: the scores at the ends of the heat, for all pictures.
        classes: names and colours.
        score: what the heat shows.
    """

    look: Look
    limits: tuple[float, float]
    classes: Classes
    score: str

    def segmentation(self, seen: Seen) -> Pixels:
        """(H', W', 3): the overlay at the image's size in the upper left, a legend of the classes that occur below."""
        size = size_for(*seen.classes.shape)
        over = with_names(self._classes(seen), seen.classes, self.classes, size)
        width = max(over.shape[1], NARROWEST)
        lines = in_lines(present(seen.classes, len(self.classes.names)), self.classes, width, size)
        return _stack(over, legend(lines, self.classes, width, height_of(len(lines), size), size))

    def anomaly(self, seen: Seen) -> Pixels:
        """(H', W', 3): the overlay at the image's size in the upper left, the bar of heat below."""
        size, over = size_for(*seen.classes.shape), self._scores(seen)
        width = max(over.shape[1], NARROWEST)
        bar = heat_bar(self.score, self.limits, self.look.threshold, width, height_of(BAR_LINES, size), size)
        return _stack(over, bar)

    def _classes(self, seen: Seen) -> Pixels:
        return over_classes(seen.image, seen.classes, self.classes.palette, self.look.alpha)

    def _scores(self, seen: Seen) -> Pixels:
        over = over_scores(seen.image, seen.scores, self.limits, self.look.alpha)
        if self.look.threshold is not None:
            draw_contour(over, seen.scores, self.look.threshold)
        return over


@dataclass(frozen=True)
class Reel:
    """Draws the frames of one video, all of one even size: image, classes and anomaly abreast, captions below.

    Attributes:
        drawing: how.
        title: what stands under the image.
        shape: (H, W) of the video's frames.
        fps: frames per second.
    """

    drawing: Drawing
    title: str
    shape: tuple[int, int]
    fps: float

    def frame(self, seen: Seen, number: int) -> Pixels:
        """(H', W', 3) uint8 RGB of frame ``number``, counted from 0."""
        small = self._small(seen)
        panels = [small.image, self.drawing._classes(small), self.drawing._scores(small)]
        below = words([self.title, f"frame {number}, {number / self.fps:.2f} s"], self._width, self._below, self._size)
        strips = [below, self._legend(small), self._bar]
        columns = [_stack(over, strip) for over, strip in zip(panels, strips, strict=True)]
        apart = [np.pad(column, [(0, 0), (0, GAP), (0, 0)], constant_values=PAPER[0]) for column in columns[:-1]]
        page = np.concatenate([*apart, columns[-1]], axis=1)
        # The codec wants even sides.
        return np.pad(page, [(0, page.shape[0] % 2), (0, page.shape[1] % 2), (0, 0)], constant_values=PAPER[0])

    def _small(self, seen: Seen) -> Seen:
        """At the size that is shown: averaged where values mix, nearest where they must not."""
        height, width = self._shown
        if (height, width) == seen.classes.shape:
            return seen
        return Seen(
            cv2.resize(seen.image, (width, height), interpolation=cv2.INTER_AREA),
            cv2.resize(seen.classes.astype(np.int32), (width, height), interpolation=cv2.INTER_NEAREST),
            cv2.resize(seen.scores, (width, height), interpolation=cv2.INTER_AREA),
        )

    def _legend(self, seen: Seen) -> Pixels:
        """All classes where there is room, so that it stands still; else the largest of the frame."""
        named, lines = self.drawing.classes, self._all_classes
        if len(lines) > LEGEND_LINES:
            occurring = present(seen.classes, len(named.names))
            lines = in_lines(occurring, named, self._width, self._size)[:LEGEND_LINES]
        return legend(lines, named, self._width, self._below, self._size)

    @cached_property
    def _shown(self) -> tuple[int, int]:
        height, width = self.shape
        scale = min(1.0, PANEL / width)
        return max(1, round(height * scale)), max(1, round(width * scale))

    @cached_property
    def _size(self) -> int:
        return size_for(*self._shown)

    @cached_property
    def _width(self) -> int:
        """Of a panel with its caption."""
        return max(self._shown[1], NARROWEST)

    @cached_property
    def _all_classes(self) -> list[list[tuple[int, str, int]]]:
        named = self.drawing.classes
        return in_lines(range(len(named.names)), named, self._width, self._size)

    @cached_property
    def _below(self) -> int:
        """Height of the captions."""
        return height_of(max(BAR_LINES, min(len(self._all_classes), LEGEND_LINES)), self._size)

    @cached_property
    def _bar(self) -> Pixels:
        drawing = self.drawing
        return heat_bar(drawing.score, drawing.limits, drawing.look.threshold, self._width, self._below, self._size)


def _stack(over: Pixels, below: Pixels) -> Pixels:
    """One above the other, as wide as the wider one."""
    missing = below.shape[1] - over.shape[1]
    padded = np.pad(over, [(0, 0), (0, missing), (0, 0)], constant_values=PAPER[0])
    return np.concatenate([padded, below])
