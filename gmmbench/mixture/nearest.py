"""The pixels that a component finds likeliest, and the pieces of image around them."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gmmbench.labels import Sample

SIDE = 64
"""Pixels along a side of a stored patch."""

VIEW = 0.2
"""Side of what a patch shows, as a share of the image's shorter side: the same surroundings at every resolution."""

OUTSIDE = np.where((np.add.outer(np.arange(SIDE), np.arange(SIDE)) // 3) % 2, 150, 215).astype(np.uint8)
"""(SIDE, SIDE) grey stripes, which no street shows: what lies beyond the image's border."""


@dataclass(frozen=True, eq=False)
class Near:
    """A pixel of a component.

    Attributes:
        log_prob: under the component alone, nats.
        image: its name.
        place: row and column in the image, from 0.
        patch: (SIDE, SIDE, 3) uint8 RGB, the pixel in its middle.
    """

    log_prob: float
    image: str
    place: tuple[int, int]
    patch: NDArray[np.uint8]


class NearestPixels:
    """Of each component the ``most`` pixels of its class with the highest log-density, at most one an image.

    Under one Gaussian they are those nearest to its mean by Mahalanobis' distance. Neighbours in an image look alike,
    so an image shows its best pixel alone; of images of one name too.

    Args:
        started: (C, M) bool, which components there are.
        most: K.
    """

    def __init__(self, started: Tensor, most: int) -> None:
        self._started, self._most = started.cpu(), most
        self._kept: dict[tuple[int, int], list[Near]] = {}

    def add(self, sample: Sample, components: Tensor, labels: Tensor, places: Tensor) -> None:
        """Look at an image's labelled pixels.

        Args:
            components: (N, C, M) log-densities in nats.
            labels: (N,) int64, 0 to C - 1.
            places: (N, 2) int64, row and column of each in the image.
        """
        for c in torch.unique(labels).tolist():
            rows = (labels == c).nonzero().squeeze(1)
            best, at = components[rows, c].max(dim=0)
            found = zip(best.tolist(), places[rows[at]].tolist(), strict=True)
            for m, (value, (row, column)) in enumerate(found):
                if self._started[c, m]:
                    self._offer((c, m), value, sample, (row, column))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Names as in ``gmmbench.results.mixture``."""
        shape = (*self._started.shape, self._most)
        values, places = np.full(shape, np.nan), np.full((*shape, 2), -1, dtype=np.int64)
        patches = np.zeros((*shape, SIDE, SIDE, 3), dtype=np.uint8)
        names: dict[tuple[int, int, int], str] = {}
        for (c, m), kept in self._kept.items():
            for k, near in enumerate(kept):
                values[c, m, k], places[c, m, k], patches[c, m, k] = near.log_prob, near.place, near.patch
                names[c, m, k] = near.image
        images = np.full(shape, "", dtype=f"<U{max(map(len, names.values()), default=1)}")
        for place, name in names.items():
            images[place] = name
        return {
            "patch_log_prob": values, "patch_images": images, "patch_places": places, "patches": patches,
        }  # fmt: skip

    def _offer(self, component: tuple[int, int], value: float, sample: Sample, place: tuple[int, int]) -> None:
        kept = self._kept.setdefault(component, [])
        full = len(kept) == self._most
        if full and value <= kept[-1].log_prob:
            return
        twin = next((near for near in kept if near.image == sample.name), None)
        if twin is not None and twin.log_prob >= value:
            return
        if twin is not None or full:
            kept.remove(twin if twin is not None else kept[-1])
        kept.append(Near(value, sample.name, place, patch_around(sample.image, place)))
        kept.sort(key=attrgetter("log_prob"), reverse=True)


def patch_around(image: NDArray[np.uint8], place: tuple[int, int]) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3) uint8 of an (H, W, 3) image around a (row, column), brought to size by area or linearly."""
    half = max(1, round(VIEW * min(image.shape[:2]) / 2))
    row, column = place
    piece = image[max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1]
    above, left = max(0, half - row), max(0, half - column)
    below, right = 2 * half + 1 - above - piece.shape[0], 2 * half + 1 - left - piece.shape[1]
    # The nearest pixel beyond the border, so that resizing blends nothing foreign into the image's edge.
    padded = cv2.copyMakeBorder(piece, above, below, left, right, cv2.BORDER_REPLICATE)
    shrinks = len(padded) > SIDE
    resized = cv2.resize(padded, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    middles = (np.arange(SIDE) + 0.5) / SIDE * len(padded)
    rows = (middles > above) & (middles < above + piece.shape[0])
    columns = (middles > left) & (middles < left + piece.shape[1])
    inside = rows[:, None] & columns[None, :]
    return np.where(inside[:, :, None], resized, OUTSIDE[:, :, None]).astype(np.uint8)
