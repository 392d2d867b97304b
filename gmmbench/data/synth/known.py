"""Objects of known classes, cut from a closed set by its own labels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.data.synth.backgrounds import Background
from gmmbench.data.synth.cutouts import Cutout, crop
from gmmbench.data.synth.perspective import View
from gmmbench.data.synth.placing import feet

_MARGIN = 2  # pixels: an object that near to the picture's edge may be cut off by it
_BEHIND = 0.15  # of the pixels around an object may belong to what stands nearer, and so may hide a part of it
_FAR = 0.08  # of the height below the horizon at least, or an error in the horizon is an error in size
_STANDING = 0.5  # of its feet have ground below


@dataclass(frozen=True)
class KnownObject:
    """One connected component of a thing class.

    Attributes:
        category: class number.
        foot: its lowest row in its own picture.
        below: how far below its own horizon that is, in pixels; above 0.
    """

    cutout: Cutout
    category: int
    foot: int
    below: float


def known_objects(picture: Background, sight: View, things: tuple[int, ...], smallest: int) -> list[KnownObject]:
    """The objects in a labelled picture that seem to be whole, stand on ground, and have ``smallest`` pixels.

    A component may still be two cars, or a car behind a post: labels of classes do not tell. Such are known
    to the model all the same.
    """
    if picture.labels is None:
        return []
    found = []
    first_row = sight.horizon + _FAR * len(picture.labels)
    for category in things:
        _, numbers, boxes, _ = cv2.connectedComponentsWithStats((picture.labels == category).astype(np.uint8))
        for number in range(1, len(boxes)):
            left, top, width, height, area = (int(value) for value in boxes[number])
            foot = top + height - 1
            if area >= smallest and foot >= first_row and _inside(left, top, width, height, picture.labels.shape):
                mask = numbers == number
                if _whole(mask, sight, foot):
                    name = f"{picture.name} {left},{top}"
                    cutout = crop(name, picture.image, mask.astype(np.float32))
                    found.append(KnownObject(cutout, category, foot, foot - sight.horizon))
    return found


def _inside(left: int, top: int, width: int, height: int, shape: tuple[int, ...]) -> bool:
    right, bottom = left + width, top + height
    return min(left, top) >= _MARGIN and right <= shape[1] - _MARGIN and bottom <= shape[0] - _MARGIN


def _whole(mask: NDArray[np.bool_], sight: View, foot: int) -> bool:
    """Little of what touches the object stands nearer, and below its feet is ground."""
    ring = (cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0) & ~mask
    if (sight.nearest[ring] > foot + 1).mean() > _BEHIND:
        return False
    rows, columns = feet(mask)
    low = np.minimum(rows.max() + 2, len(mask) - 1)
    return bool(sight.ground[low, columns].mean() >= _STANDING)
