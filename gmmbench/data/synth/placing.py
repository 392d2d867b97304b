"""Where an object can stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmbench.data.synth.cutouts import Cutout
from gmmbench.data.synth.perspective import View
from gmmbench.data.synth.recipe import Recipe
from gmmbench.data.synth.sprite import Sprite, sprite

_TRIES = 30
_FEET = 0.06  # the lowest share of an object's rows is what it stands on
_SUPPORTED = 0.8  # of its feet are on the ground
_HIDDEN = 0.02  # of it may cover what stands nearer: labels of edges are not exact
_GAP = 0.04  # ground nearer to the horizon than this share of the height holds no object: its size would be a guess

Size = Callable[[int], float]
"""The row of an object's feet to the scale of its cut-out there."""


@dataclass(frozen=True)
class Place:
    """An object at its place.

    Attributes:
        top, left: of the sprite's first pixel in the picture; below 0 where its soft margin sticks out.
        foot: the row of its lowest pixel.
        scale: of the cut-out.
    """

    sprite: Sprite
    top: int
    left: int
    foot: int
    scale: float
    flipped: bool

    def windows(self, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Where picture and sprite overlap: the slices of the picture, and those of the sprite."""
        height, width = self.sprite.alpha.shape
        top, left = max(self.top, 0), max(self.left, 0)
        bottom, right = min(self.top + height, shape[0]), min(self.left + width, shape[1])
        inner = slice(top - self.top, bottom - self.top), slice(left - self.left, right - self.left)
        return (slice(top, bottom), slice(left, right)), inner


def ground_rows(sight: View) -> NDArray[np.intp]:
    """The rows with ground far enough below the horizon, from the top."""
    height = len(sight.ground)
    rows = np.flatnonzero(sight.ground.any(axis=1))
    return rows[rows >= sight.horizon + _GAP * height]


def find_place(
    cutout: Cutout, size: Size, sight: View, taken: NDArray[np.bool_], recipe: Recipe, rng: np.random.Generator
) -> Place | None:
    """A place that fits, after some tries; ``None`` if there was none.

    The row is drawn evenly from the rows with ground, the column from the ground in it. An object fits if it lies
    in the picture as a whole, its pixels are neither too few nor too many, its feet are on ground, it covers
    nothing that stands nearer, and no object that is there already.

    Args:
        taken: (H, W), where objects are already.
    """
    rows = ground_rows(sight)
    if not len(rows):
        return None
    for _ in range(_TRIES):
        row = int(rng.choice(rows))
        column = int(rng.choice(np.flatnonzero(sight.ground[row])))
        flipped, scale = bool(rng.random() < 0.5), size(row)
        if not 0 < scale <= recipe.enlarge or not _in_limits(scale**2 * float(cutout.alpha.sum()), taken.size, recipe):
            continue
        drawn = sprite(cutout, scale, flipped=flipped, feather=recipe.feather, shrink=recipe.shrink)
        place = _standing(drawn, row, column, scale, flipped)
        if place is not None and _fits(place, sight, taken, recipe):
            return place
    return None


def _in_limits(pixels: float, size: int, recipe: Recipe) -> bool:
    return recipe.smallest <= pixels <= recipe.largest * size


def feet(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(rows, columns) of an object's lowest pixels."""
    rows, columns = np.nonzero(mask)
    low = rows >= rows.max() - max(1, round(_FEET * (rows.max() - rows.min())))
    return rows[low], columns[low]


def _standing(drawn: Sprite, row: int, column: int, scale: float, flipped: bool) -> Place | None:
    """The sprite with its lowest pixel in ``row`` and the middle of its feet in ``column``."""
    if not drawn.mask.any():
        return None
    rows, columns = feet(drawn.mask)
    return Place(drawn, row - int(rows.max()), column - round(float(columns.mean())), row, scale, flipped)


def _fits(place: Place, sight: View, taken: NDArray[np.bool_], recipe: Recipe) -> bool:
    mask = place.sprite.mask
    if not _in_limits(int(mask.sum()), taken.size, recipe):
        return False
    rows, columns = np.nonzero(mask)
    rows, columns = rows + place.top, columns + place.left
    if min(rows.min(), columns.min()) < 0 or rows.max() >= taken.shape[0] or columns.max() >= taken.shape[1]:
        return False
    low_rows, low_columns = feet(mask)
    if sight.ground[low_rows + place.top, low_columns + place.left].mean() < _SUPPORTED:
        return False
    whole = np.zeros(taken.shape, bool)
    whole[rows, columns] = True
    return not taken[rows, columns].any() and sight.hides(whole, place.foot) <= _HIDDEN
