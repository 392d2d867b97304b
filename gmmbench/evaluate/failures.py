"""What evaluation keeps of failures while the images go by: the regions where a score was most wrong."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.labels import IN, OOD, Sample
from gmmbench.results import Staging
from gmmbench.results.failures import HIGH_IN, KINDS, MISSED, Box, Failure

KEPT = 6
"""Of each kind and score."""

SMALLEST = 100
"""Pixels of an object that is worth a picture; what is smaller is often the annotator's brush."""

OBJECTS_AN_IMAGE = 2
CELLS = 3
BOXES = 20
"""The shorter side of an image holds so many boxes, and a box CELLS x CELLS cells: their means are what is compared."""

CROP = 128
CONTEXT = 2
LEAST_WINDOW = 1 / 4

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class _Found:
    """A region before anybody knows whether it is kept."""

    box: Box
    value: float
    pixels: int


class Failures:
    """Of each score the ``KEPT`` highest-scored IN regions and the ``KEPT`` OOD objects with the lowest scores.

    A region is the box, a twentieth of the image's shorter side, with the highest mean over its IN pixels: one an
    image, at least half IN, without an OOD pixel in it or a third of its side around it, where blurred borders would
    win. An object is an 8-connected component of at least ``SMALLEST`` OOD pixels; it is missed by its median score (of
    an even number of pixels the lower of the two in the middle), ``OBJECTS_AN_IMAGE`` an image.
    """

    def __init__(self, scores: Iterable[str]) -> None:
        self._kept = {name: {kind: _Top() for kind in KINDS} for name in scores}

    def offer(self, number: int, sample: Sample, maps: Mapping[str, Scores]) -> None:
        """Look at image ``number`` of the set, with the (H, W) float32 map of each score."""
        crops = _Crops(sample)
        grid, objects = _Grid(sample.labels), _objects(sample.labels)
        for name, tops in self._kept.items():
            found = grid.highest(maps[name])
            if found is not None:
                tops[HIGH_IN].offer(found.value, number, crops, HIGH_IN, found, maps[name])
            for missed in _lowest(objects, maps[name]):
                tops[MISSED].offer(-missed.value, number, crops, MISSED, missed, maps[name])

    def save(self, staging: Staging) -> None:
        """Write all that were kept, the worst of each kind first."""
        for name, tops in self._kept.items():
            staging.save_failures(name, [failure for top in tops.values() for failure in top.worst_first()])


class _Top:
    """The ``KEPT`` of the highest rank; of equals those seen first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, int, Failure]] = []
        self._seen = 0

    def offer(self, rank: float, number: int, crops: _Crops, kind: str, found: _Found, scores: Scores) -> None:
        self._seen += 1
        place = (rank, -number, -self._seen)
        if len(self._heap) == KEPT and place < self._heap[0][:3]:
            return
        entry = (*place, crops.failure(kind, found, scores))
        if len(self._heap) < KEPT:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heapreplace(self._heap, entry)

    def worst_first(self) -> Iterator[Failure]:
        for entry in sorted(self._heap, reverse=True, key=lambda entry: entry[:3]):
            yield entry[3]


class _Grid:
    """An image's labels in cells, and the means of a score in boxes of them."""

    def __init__(self, labels: NDArray[np.uint8]) -> None:
        height, width = labels.shape
        self._side = max(1, round(min(height, width) / (BOXES * CELLS)))
        self._size = (width // self._side, height // self._side)
        self._known = (labels == IN).astype(np.uint8)
        odd = self._in_cells((labels == OOD).astype(np.float32)) > 0
        near = cv2.dilate(odd.astype(np.uint8), np.ones((CELLS, CELLS), dtype=np.uint8))
        shares = _boxes(self._in_cells(self._known.astype(np.float32)))
        self._shares = np.where((_boxes(near) > 0) | (shares < CELLS * CELLS / 2), np.nan, shares)
        self._any = not np.isnan(self._shares).all()

    def highest(self, scores: Scores) -> _Found | None:
        """The box of the highest mean; ``None`` where no box is known enough."""
        if not self._any:
            return None
        known = cv2.copyTo(scores, self._known)  # 0 elsewhere, where a score may be NaN
        with np.errstate(invalid="ignore"):  # infinities of both signs in one box have no mean
            means = _boxes(self._in_cells(known)) / self._shares
        if np.isnan(means).all():
            return None
        row, column = divmod(int(np.nanargmax(means)), means.shape[1])
        left, top, wide = column * self._side, row * self._side, CELLS * self._side
        inside = int(np.count_nonzero(self._known[top : top + wide, left : left + wide]))
        return _Found((left, top, wide, wide), float(means[row, column]), inside)

    def _in_cells(self, values: Scores) -> Scores:
        """Means of whole cells; what is left over at the right and at the bottom is less than one."""
        width, height = self._size
        whole = values[: height * self._side, : width * self._side]
        return np.asarray(cv2.resize(whole, self._size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _boxes(cells: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sums of CELLS x CELLS cells. Not by cv2.boxFilter: an infinity would stay in its running sum."""
    height, width = (max(0, side - CELLS + 1) for side in cells.shape)
    sums = np.zeros((height, width))
    for row in range(CELLS):
        for column in range(CELLS):
            sums += cells[row : row + height, column : column + width]
    return sums


def _objects(labels: NDArray[np.uint8]) -> list[tuple[Box, NDArray[np.intp]]]:
    """The box of each OOD component of at least ``SMALLEST`` pixels, and their places in the flat image."""
    odd = (labels == OOD).astype(np.uint8)
    if np.count_nonzero(odd) < SMALLEST:
        return []
    _, components, stats, _ = cv2.connectedComponentsWithStats(odd, connectivity=8)
    places = np.flatnonzero(odd)
    numbers = components.ravel()[places]
    # Sorted by component once: each one's places are then a slice, however many there are.
    places = places[np.argsort(numbers, kind="stable")]
    ends = np.cumsum(stats[1:, cv2.CC_STAT_AREA])
    found = []
    for (left, top, width, height, area), end in zip(stats[1:].tolist(), ends.tolist(), strict=True):
        if area >= SMALLEST:
            found.append(((left, top, width, height), places[end - area : end]))
    return found


def _lowest(objects: list[tuple[Box, NDArray[np.intp]]], scores: Scores) -> list[_Found]:
    """The objects of the lowest median."""
    flat = scores.ravel()
    found = [_Found(box, _median(flat[places]), places.size) for box, places in objects]
    found = [one for one in found if not math.isnan(one.value)]
    return heapq.nsmallest(OBJECTS_AN_IMAGE, found, key=lambda one: one.value)


def _median(values: Scores) -> float:
    """The lower of the two in the middle: no mean, so that infinities stay what they are."""
    middle = (values.size - 1) // 2
    return float(np.partition(values, middle)[middle])


class _Crops:
    """Cuts regions out of one image; scores that keep the same region share its picture."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._cut: dict[Box, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}

    def failure(self, kind: str, found: _Found, scores: Scores) -> Failure:
        """What is kept of a region."""
        window = _window(found.box, self._sample.labels.shape)
        left, top, width, height = window
        inside = slice(top, top + height), slice(left, left + width)
        scale = min(1.0, CROP / max(width, height))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if window not in self._cut:
            self._cut[window] = (
                cv2.resize(self._sample.image[inside], size, interpolation=cv2.INTER_AREA),
                cv2.resize(self._sample.labels[inside], size, interpolation=cv2.INTER_NEAREST),
            )
        heat = cv2.resize(scores[inside], size, interpolation=cv2.INTER_AREA)
        return Failure(kind, self._sample.name, found.box, window, found.value, found.pixels, *self._cut[window], heat)


def _window(box: Box, shape: tuple[int, ...]) -> Box:
    """A square around ``box``, twice its longer side and no narrower than a quarter of the image, moved inside."""
    height, width = shape
    left, top, wide, tall = box
    side = max(CONTEXT * max(wide, tall), round(min(height, width) * LEAST_WINDOW))
    across, down = min(side, width), min(side, height)
    first = min(max(0, left + (wide - across) // 2), width - across)
    upper = min(max(0, top + (tall - down) // 2), height - down)
    return first, upper, across, down
