"""The canvas: colour, who owns each pixel, and its own light, all drawn by the same strokes."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.data.street.texture import Rgb, window

_SHIFT = 4  # strokes are placed to 1/16 of a pixel
_STEPS = 1 << _SHIFT
_LIMIT = 20000.0  # pixels: beyond it OpenCV's fixed-point numbers overflow
NO_GLOW: Rgb = (0.0, 0.0, 0.0)
_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 17)[:-1]), np.sin(np.linspace(0, 2 * np.pi, 17)[:-1])], axis=1)


class Canvas:
    """A picture under way.

    Every stroke fills the same pixels of three buffers, so a mask is exact by construction.

    Attributes:
        image: (H, W, 3) uint8 RGB, colour under full white light.
        glow: (H, W, 3) uint8 RGB, light that the pixel gives of its own.
        owner: (H, W) uint16, 0 for backdrop (sky and ground), else the thing that shows there.
        backdrop: (H, W) uint8, label of the backdrop.
        depth: (H, W) float32, metres to the backdrop.
    """

    def __init__(self, height: int, width: int) -> None:
        self.image = np.zeros((height, width, 3), np.uint8)
        self.glow = np.zeros((height, width, 3), np.uint8)
        self.owner = np.zeros((height, width), np.uint16)
        self.backdrop = np.zeros((height, width), np.uint8)
        self.depth = np.full((height, width), 1e3, np.float32)
        self._labels = [0]
        self._depths = [0.0]
        self._box = (0, 0, 0, 0)
        self._glowing = False  # nothing glows yet, so nothing can cover a glow

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.owner.shape[0], self.owner.shape[1]

    def begin(self, label: int, depth: float) -> None:
        """The strokes from here on belong to a new thing of this label, ``depth`` metres away."""
        self._labels.append(label)
        self._depths.append(depth)
        height, width = self.shape
        self._box = (height, width, 0, 0)

    def labels(self) -> NDArray[np.uint8]:
        """(H, W) uint8: the label of what shows at each pixel."""
        of_thing = np.array(self._labels, np.uint8)[self.owner]
        return np.where(self.owner == 0, self.backdrop, of_thing)

    def depths(self) -> NDArray[np.float32]:
        """(H, W) float32: metres to what shows at each pixel."""
        of_thing = np.array(self._depths, np.float32)[self.owner]
        return np.where(self.owner == 0, self.depth, of_thing)

    def polygon(self, points: NDArray[np.float64], colour: Rgb, glow: Rgb = NO_GLOW) -> None:
        """Fill a polygon, (N, 2) column and row."""
        # A pixel's centre is at half a pixel here, at a whole one in OpenCV.
        placed = points * _STEPS - (_STEPS - 1) / 2
        outline = np.minimum(np.maximum(placed, -_LIMIT * _STEPS), _LIMIT * _STEPS).astype(np.int32)
        left, top, width, height = cv2.boundingRect(outline)
        right, bottom = left + width, top + height
        if self._outside(top // _STEPS - 1, left // _STEPS - 1, bottom // _STEPS + 2, right // _STEPS + 2):
            return
        fixed = [outline]
        cv2.fillPoly(self.image, fixed, colour, lineType=cv2.LINE_8, shift=_SHIFT)
        cv2.fillPoly(self.owner, fixed, (float(len(self._labels) - 1),), lineType=cv2.LINE_8, shift=_SHIFT)
        if glow != NO_GLOW or self._glowing:
            self._glowing = True
            cv2.fillPoly(self.glow, fixed, glow, lineType=cv2.LINE_8, shift=_SHIFT)

    def disc(self, x: float, y: float, radius: float, colour: Rgb, *, tall: float = 1.0, glow: Rgb = NO_GLOW) -> None:
        """Fill an ellipse, ``tall`` times as high as wide."""
        self.polygon(np.array([x, y]) + _CIRCLE * np.array([radius, radius * tall]), colour, glow)

    def limb(self, start: tuple[float, float], end: tuple[float, float], wide: float, thin: float, colour: Rgb) -> None:
        """Fill a tapered stroke with round ends, ``wide`` at the start and ``thin`` at the end (diameters)."""
        (ax, ay), (bx, by) = start, end
        length = max(math.hypot(bx - ax, by - ay), 1e-6)
        u, v = (ay - by) / length / 2, (bx - ax) / length / 2  # half a unit to the side of the stroke
        sides = (
            (ax + u * wide, ay + v * wide),
            (bx + u * thin, by + v * thin),
            (bx - u * thin, by - v * thin),
            (ax - u * wide, ay - v * wide),
        )
        self.polygon(np.array(sides), colour)
        for (x, y), size in ((start, wide), (end, thin)):
            if size > 2.5:
                self.disc(x, y, size / 2, colour)

    def stamp(self, top: int, left: int, mask: NDArray[np.bool_], colours: NDArray[np.uint8]) -> None:
        """Lay ``colours`` (h, w, 3) down where ``mask`` (h, w) holds; must lie within the picture."""
        bottom, right = top + mask.shape[0], left + mask.shape[1]
        if self._outside(top, left, bottom, right):
            return
        part = (slice(top, bottom), slice(left, right))
        np.copyto(self.image[part], colours, where=mask[..., None])
        self.owner[part][mask] = len(self._labels) - 1
        if self._glowing:
            self.glow[part][mask] = 0

    def wall(self, corners: NDArray[np.float64], picture: NDArray[np.uint8], glow: NDArray[np.uint8]) -> None:
        """Stretch a (h, w, 3) picture over the quadrilateral, (4, 2) from the top left clockwise."""
        height, width = self.shape
        left, top = np.floor(corners.min(axis=0)).astype(int)
        right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 1
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if left >= right or top >= bottom or self._outside(top, left, bottom, right):
            return
        rows, columns = picture.shape[:2]
        source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
        target = (corners - np.array([left, top])).astype(np.float32)
        if abs(float(cv2.contourArea(target))) < 1.0:
            return
        warp = cv2.getPerspectiveTransform(source, target)
        size = (int(right - left), int(bottom - top))
        mask = np.zeros((size[1], size[0]), np.uint8)
        cv2.fillPoly(mask, [np.round(np.clip(target - 0.5, -_LIMIT, _LIMIT) * 16).astype(np.int32)], (1,), shift=4)
        part = (slice(top, bottom), slice(left, right))
        layers = [(self.image, picture)]
        if self._glowing or glow.any():
            self._glowing = True
            layers.append((self.glow, glow))
        for buffer, texture in layers:
            bent = cv2.warpPerspective(texture, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            np.copyto(buffer[part], np.asarray(bent, np.uint8), where=mask[..., None] > 0)
        self.owner[part][mask > 0] = len(self._labels) - 1

    def grain(self, rng: np.random.Generator, kind: str, amount: float, scale: float = 1.0) -> None:
        """Roughen what the thing under way has drawn: ``amount`` is the relative deviation."""
        top, left, bottom, right = self._box
        if top >= bottom or left >= right:
            return
        part = (slice(top, bottom), slice(left, right))
        noise = window(rng, kind, bottom - top, right - left, max(1.0, scale))
        mine = self.owner[part] == len(self._labels) - 1
        factor = np.where(mine, 1 + np.float32(amount) * noise, np.float32(1))
        self.image[part] = cv2.multiply(self.image[part], cv2.merge([factor] * 3), dtype=cv2.CV_8U)

    def _outside(self, top: int, left: int, bottom: int, right: int) -> bool:
        """True where a stroke misses the picture; else the thing's bounding box grows by it."""
        height, width = self.shape
        top, left, bottom, right = max(top, 0), max(left, 0), min(bottom, height), min(right, width)
        if top >= bottom or left >= right:
            return True
        box = self._box
        self._box = (min(box[0], top), min(box[1], left), max(box[2], bottom), max(box[3], right))
        return False
