"""Noise that repeats without a seam, and small helpers for colour."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = tuple[float, float, float]
Floats = NDArray[np.floating]
T = TypeVar("T")

TILE = 256
SLOPES = {"grain": 0.35, "blotch": 1.15, "cloud": 1.75}
"""How fast the amplitude falls with frequency: the larger, the softer the noise."""


@cache
def tile(kind: str) -> NDArray[np.float32]:
    """A (256, 256) float32 tile of noise, mean 0, variance 1, whose opposite edges fit.

    The tiles are the same for every image (an image takes its own window, scale and
    rotation of them), which is what makes noise cheap; they come from a generator of
    their own, so that no image's numbers depend on who asked first.
    """
    rng = np.random.default_rng([1963, sorted(SLOPES).index(kind)])
    rows = np.fft.fftfreq(TILE)[:, None]
    columns = np.fft.rfftfreq(TILE)[None, :]
    frequency = np.sqrt(rows**2 + columns**2)
    frequency[0, 0] = 1.0
    amplitude = frequency ** -SLOPES[kind]
    amplitude[0, 0] = 0.0
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((TILE, TILE))) * amplitude, s=(TILE, TILE))
    return np.asarray((field - field.mean()) / field.std(), np.float32)


@lru_cache(maxsize=64)
def _repeated(kind: str, down: int, across: int) -> NDArray[np.float32]:
    """The tile laid out that many times; a window of it is then a slice."""
    return np.tile(tile(kind), (down, across))


def look_up(kind: str, across: Floats, along: Floats) -> NDArray[np.float32]:
    """The noise at positions in tile pixels, any size and sign, that broadcast to (H, W); (H, W) float32."""
    # remap keeps positions in 16 bits: wrap them first.
    x, y = (
        (position - TILE * np.floor(position * (1.0 / TILE))).astype(np.float32, copy=False)
        for position in (across, along)
    )
    x, y = (np.ascontiguousarray(position) for position in np.broadcast_arrays(x, y))
    return np.asarray(cv2.remap(tile(kind), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32)


def window(rng: np.random.Generator, kind: str, height: int, width: int, scale: float = 1.0) -> NDArray[np.float32]:
    """A (height, width) window of noise from a random place; ``scale`` pixels to one of the tile's."""
    rows, columns = int(height / scale) + 2, int(width / scale) + 2
    top, left = int(rng.integers(TILE)), int(rng.integers(TILE))
    repeated = _repeated(kind, (rows - 1) // TILE + 2, (columns - 1) // TILE + 2)
    cut = repeated[top : top + rows, left : left + columns]
    if scale == 1.0:
        return cut[:height, :width]
    grown = cv2.resize(cut, (int(columns * scale) + 1, int(rows * scale) + 1), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown[:height, :width], np.float32)


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of ``options``, all as likely."""
    return options[int(rng.integers(len(options)))]


def vary(rng: np.random.Generator, colour: Rgb, amount: float) -> Rgb:
    """``colour`` moved by up to ``amount`` in brightness and a third of it in each channel."""
    shift = rng.uniform(-amount, amount)
    tints = rng.uniform(-amount / 3, amount / 3, 3).tolist()
    red, green, blue = (min(255.0, max(0.0, c + shift + tint)) for c, tint in zip(colour, tints, strict=True))
    return red, green, blue


def tone(colour: Rgb, factor: float) -> Rgb:
    """``colour`` times ``factor``, at most 255."""
    return min(255.0, colour[0] * factor), min(255.0, colour[1] * factor), min(255.0, colour[2] * factor)


def blend(first: Rgb, second: Rgb, share: float) -> Rgb:
    """``first`` and ``second`` mixed, ``share`` of the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue
