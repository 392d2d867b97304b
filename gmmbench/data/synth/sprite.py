"""A cut-out at the size in which it will show."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.data.synth.cutouts import Cutout

_FAINT = 0.01  # less than this of an object is none


@dataclass(frozen=True)
class Sprite:
    """An object ready to be pasted, with a margin for its soft edge.

    Attributes:
        colours: (H, W, 3) float32 in 0 to 255, continued outwards from the object's edge: nothing of the picture
            it was cut from is left.
        alpha: (H, W) float32, 0 to 1, exactly 0 where there is nothing of it.
    """

    colours: NDArray[np.float32]
    alpha: NDArray[np.float32]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W): at least half the object's. What the labels will say."""
        return self.alpha >= 0.5


def sprite(cutout: Cutout, scale: float, *, flipped: bool, feather: float, shrink: int) -> Sprite:
    """The cut-out ``scale`` times as large; shrinking first, as ``Recipe`` has them."""
    alpha = np.pad(cutout.alpha, 1)
    if shrink:
        smaller = np.asarray(cv2.erode(alpha, np.ones((3, 3), np.uint8), iterations=shrink), np.float32)
        alpha = smaller if (smaller >= 0.5).any() else alpha  # a hair of an object stays as it is
    colours = np.pad(cutout.colours, ((1, 1), (1, 1), (0, 0))).astype(np.float32)
    if flipped:
        alpha, colours = alpha[:, ::-1], colours[:, ::-1]
    height, width = (max(1, round(length * scale)) for length in alpha.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    weighed = cv2.resize(np.ascontiguousarray(colours * alpha[..., None]), (width, height), interpolation=how)
    alpha = np.asarray(cv2.resize(np.ascontiguousarray(alpha), (width, height), interpolation=how), np.float32)
    margin = math.ceil(4 * feather) + 2
    alpha = np.pad(alpha, margin)
    weighed = np.pad(np.asarray(weighed, np.float32), ((margin, margin), (margin, margin), (0, 0)))
    return Sprite(_outwards(weighed, alpha), soften(alpha, feather))


def soften(alpha: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """``alpha`` with its edge blurred by a Gaussian of ``sigma`` pixels; what is faint then becomes nothing."""
    if sigma > 0:
        alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT), np.float32)
    return np.where(alpha < _FAINT, np.float32(0), alpha)


def _outwards(weighed: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours less their weight where there is enough of it, and elsewhere those of the nearest such pixel."""
    sure = alpha >= min(0.5, float(alpha.max()))
    colours = weighed / np.where(sure, alpha, 1)[..., None]
    away = (~sure).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    source = np.zeros(int(nearest.max()) + 1, np.intp)
    source[nearest[sure]] = np.flatnonzero(sure)
    filled: NDArray[np.float32] = colours.reshape(-1, 3)[source[nearest]]
    return filled
