"""An object takes on the light and the sharpness of the place where it stands."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.float32]
Mask = NDArray[np.bool_]

_STRETCH = (0.6, 1.4)  # how far contrast may change: texture on a bare wall is not to vanish, nor noise to shout
_BLURS = tuple(step / 4 for step in range(13))  # 0 to 3 pixels


def match_colours(colours: Colours, mask: Mask, around: Colours, beside: Mask, strength: float) -> Colours:
    """Move mean and deviation of CIE Lab's three channels towards those around (Reinhard et al., "Color transfer
    between images", 2001, who use another space).

    Args:
        colours: (H, W, 3) in 0 to 255, the object; all of it is moved.
        mask: (H, W), which pixels of it count.
        around: (h, w, 3), the place.
        beside: (h, w), which pixels of the place count; with none, nothing changes.
        strength: 0 to 1.
    """
    if strength == 0 or not beside.any():
        return colours
    own, place = _lab(colours), _lab(around)
    mean, deviation = own[mask].mean(axis=0), own[mask].std(axis=0)
    mean_there, deviation_there = place[beside].mean(axis=0), place[beside].std(axis=0)
    stretch = np.clip(deviation_there / np.maximum(deviation, 1e-3), *_STRETCH)
    moved = (own - mean) * (1 + strength * (stretch - 1)) + mean + strength * (mean_there - mean)
    back = cv2.cvtColor(moved.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.clip(np.asarray(back, np.float32), 0, 1) * np.float32(255)


def blur_to_match(colours: Colours, mask: Mask, around: Colours, beside: Mask) -> float:
    """The smallest of a few sigmas, in pixels, whose Gaussian makes the object no finer than the place.

    An object that is coarser already is left so: nothing is sharpened. Arguments as ``match_colours``.
    """
    if not beside.any():
        return 0.0
    wanted = fineness(around, beside)
    for sigma in _BLURS:
        if fineness(blurred(colours, sigma), mask) <= wanted:
            return sigma
    return _BLURS[-1]


def blurred(colours: Colours, sigma: float) -> Colours:
    """``colours`` under a Gaussian of ``sigma`` pixels."""
    return np.asarray(cv2.GaussianBlur(colours, (0, 0), sigma), np.float32) if sigma > 0 else colours


def fineness(colours: Colours, mask: Mask) -> float:
    """Energy of detail below about one pixel over that of about two, in grey; contrast cancels out."""
    grey = np.asarray(cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY), np.float32)
    one, two = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (1.0, 2.0))
    fine, coarse = ((grey - one)[mask] ** 2).mean(), ((one - two)[mask] ** 2).mean()
    return float(fine / max(coarse, 1e-6))


def _lab(colours: Colours) -> Colours:
    return np.asarray(cv2.cvtColor(colours / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)
