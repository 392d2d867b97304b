"""Classes and scores blended over an image: pixels alone, no text."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
"""RGB, 0 to 255."""

UNDEFINED: Colour = (150, 150, 150)
"""Where the score is NaN."""

CONTOUR: Colour = (0, 229, 255)
"""Cyan: no colour of the heat map comes near it, whatever kind of cones one lacks."""

STEPS = 256
# Inferno rises in lightness all the way, so it orders scores for colour-blind readers and in grey print.
_INFERNO: NDArray[np.uint8] = cv2.applyColorMap(
    np.arange(STEPS, dtype=np.uint8)[:, None], cv2.COLORMAP_INFERNO
)[:, 0, ::-1].copy()  # fmt: skip


def over_classes(
    image: NDArray[np.uint8], classes: NDArray[np.integer], palette: Sequence[Colour], alpha: float
) -> NDArray[np.uint8]:
    """The image without its own colours, each pixel's class colour over it: all hue means class.

    Args:
        image: (H, W, 3) uint8 RGB.
        classes: (H, W) class numbers, each with a colour in ``palette``.
        alpha: share of the colour.
    """
    return _blend(_grey(image), np.array(palette, dtype=np.uint8)[classes], alpha)


def over_scores(
    image: NDArray[np.uint8], scores: NDArray[np.floating], limits: tuple[float, float], alpha: float
) -> NDArray[np.uint8]:
    """The image without its own colours, the heat of each pixel's score over it: all hue means score.

    Args:
        image: (H, W, 3) uint8 RGB.
        scores: (H, W), higher = more anomalous; infinities have the colours of the ends, NaN is grey.
        limits: the scores at the two ends of the heat; what lies beyond has the end's colour.
        alpha: share of the heat.
    """
    return _blend(_grey(image), heat(scores, limits), alpha)


def heat(scores: NDArray[np.floating], limits: tuple[float, float]) -> NDArray[np.uint8]:
    """(..., 3) uint8 RGB for scores of any shape: inferno in 256 steps from the lower to the upper limit."""
    low, high = limits
    undefined = np.isnan(scores)
    share = (np.clip(np.where(undefined, low, scores), low, high) - low) / (high - low)
    colours: NDArray[np.uint8] = _INFERNO[np.round(share * (STEPS - 1)).astype(np.intp)]
    colours[undefined] = UNDEFINED
    return colours


def draw_contour(page: NDArray[np.uint8], scores: NDArray[np.floating], threshold: float) -> None:
    """Draw into (H, W, 3) uint8 RGB the outline of the pixels whose score is at or above the threshold.

    As in evaluation, a pixel at the threshold counts as anomalous.
    """
    mask = (scores >= threshold).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    thickness = max(1, round(min(mask.shape) / 300))
    for colour, extra in (((0, 0, 0), 2), (CONTOUR, 0)):  # a dark rim: the line shows on bright heat too
        cv2.drawContours(page, outlines, -1, colour, thickness + extra)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey: NDArray[np.uint8] = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return grey


def _blend(under: NDArray[np.uint8], over: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
    blended: NDArray[np.uint8] = cv2.addWeighted(over, alpha, under, 1 - alpha, 0)
    return blended
