"""Class names written on the regions themselves: colours alone would leave colour-blind readers guessing."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gmmbench.predict.classes import Classes
from gmmbench.predict.text import INK, PAPER, font

_LOOKED_AT = 400
"""Pixels of the longer side at which a place is looked for."""


def with_names(page: NDArray[np.uint8], classes: NDArray[np.integer], named: Classes, size: int) -> NDArray[np.uint8]:
    """The page with the name of each class on it once, where there is a region of the class that holds it.

    Args:
        page: (H, W, 3) uint8 RGB.
        classes: (H, W) class numbers.
        size: of the text in pixels.
    """
    picture = Image.fromarray(page)
    draw = ImageDraw.Draw(picture)
    for index, (x, y) in _places(classes, named, np.unique(classes), size):
        # A rim of ink: the name shows on any colour.
        draw.text(
            (x, y), named.names[index], PAPER, font(size), anchor="mm", stroke_width=max(1, size // 8), stroke_fill=INK
        )
    return np.array(picture)


def _places(
    classes: NDArray[np.integer], named: Classes, present: Iterable[int], size: int
) -> Iterable[tuple[int, tuple[float, float]]]:
    """Where the names go: the pixel from which its region reaches farthest beyond the text."""
    height, width = classes.shape
    scale = min(1.0, _LOOKED_AT / max(height, width))
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    reduced = cv2.resize(classes.astype(np.int32), small, interpolation=cv2.INTER_NEAREST)
    for index in present:
        wide = int(scale * (font(size).getlength(named.names[index]) + size)) | 1
        high = int(scale * 1.8 * size) | 1
        mask = np.pad((reduced == index).astype(np.uint8), 1)
        room = cv2.erode(mask, np.ones((high, wide), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
        if room.any():
            reach = cv2.distanceTransform(room, cv2.DIST_L2, 3)
            y, x = np.unravel_index(int(reach.argmax()), reach.shape)
            yield int(index), ((int(x) - 0.5) / scale, (int(y) - 0.5) / scale)
