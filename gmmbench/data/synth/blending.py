"""How an object is joined to a background."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.float32]
Alpha = NDArray[np.float32]

_REACH = 0.1


def alpha_blend(background: NDArray[np.uint8], colours: Colours, alpha: Alpha) -> NDArray[np.uint8]:
    """``alpha`` of the object and the rest of the background; where ``alpha`` is 0 nothing changes.

    Args:
        background: (H, W, 3).
        colours: (H, W, 3) in 0 to 255; must be defined wherever ``alpha`` is above 0.
        alpha: (H, W) in 0 to 1.
    """
    mixed = background + (colours - background) * alpha[..., None]
    return np.where(alpha[..., None] > 0, _to_bytes(mixed), background)


def poisson_blend(background: NDArray[np.uint8], colours: Colours, alpha: Alpha) -> NDArray[np.uint8]:
    """The object's gradients in the background's colours at its edge, and less and less so inside.

    A membrane is added to the object that equals background less object just outside, so that no seam is left:
    Pérez, Gangnet, Blake, "Poisson image editing", 2003, in the screened form of Bhat et al., "Fourier analysis of the
    2D screened Poisson equation for gradient domain problems", ECCV 2008. Unscreened, the contrast along a tight edge
    would run through the whole object, which has nothing of its own surroundings around it to take it up. The membrane
    fades over a tenth of the object's extent (the root of its pixels), and over less where the object is thin: a leg
    that took on the road's colours throughout would be an anomaly in the labels alone.

    Solved where ``alpha`` is at least .5, and nothing else changes. Where the image ends, the membrane is free.
    Arguments as ``alpha_blend``; ``colours`` must be defined one pixel further.
    """
    inside = alpha >= 0.5
    gap = background.astype(np.float64) - colours
    mixed = colours + membrane(gap, inside, 1 / _reach(inside) ** 2)
    return np.where(inside[..., None], _to_bytes(mixed), background)


BLENDS: Mapping[str, Callable[[NDArray[np.uint8], Colours, Alpha], NDArray[np.uint8]]] = {
    "alpha": alpha_blend,
    "poisson": poisson_blend,
}
"""Ways to join; each changes no pixel where ``alpha`` is 0."""


def _reach(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(H, W): over how many pixels the membrane fades; a third of half the object's local width, within limits."""
    most = max(1.0, _REACH * float(np.sqrt(inside.sum())))
    depth = cv2.distanceTransform(np.pad(inside, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    size = 2 * round(most) + 1
    half_width = cv2.dilate(depth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    return np.asarray(np.clip(half_width / 3, 0.5, most), np.float64)


def membrane(
    gap: NDArray[np.float64],
    inside: NDArray[np.bool_],
    screen: float | NDArray[np.float64] = 0.0,
    tolerance: float = 0.01,
) -> NDArray[np.float64]:
    """(H, W, C): ``gap`` outside; inside the h with div grad h = ``screen`` h and ``gap`` as its boundary.

    Conjugate gradients on the five-point stencil, started from the solution at half the size.

    Args:
        screen: one over the square of the pixels over which h fades, one number or (H, W); with 0, Laplace's
            equation, it does not.
        tolerance: where it ends, the largest residual in grey values of any pixel.
    """
    if not inside.any() or inside.all():
        return np.where(inside[..., None], 0.0, gap)
    screen = np.broadcast_to(screen, inside.shape)
    start = _coarse(gap, inside, screen)
    within = inside[..., None].astype(np.float64)
    degree = _neighbours(np.ones_like(within)) + screen[..., None]
    solution = np.where(inside[..., None], start, gap)
    residual = (_neighbours(solution) - degree * solution) * within
    direction = residual.copy()
    power = np.einsum("ijk,ijk->k", residual, residual)
    for _ in range(20 * max(inside.shape)):
        if np.abs(residual).max() <= tolerance:
            break
        turned = (degree * direction - _neighbours(direction)) * within
        curve = np.einsum("ijk,ijk->k", direction, turned)
        step = np.divide(power, curve, out=np.zeros_like(power), where=curve > 0)
        solution += step * direction
        residual -= step * turned
        before, power = power, np.einsum("ijk,ijk->k", residual, residual)
        direction = residual + np.divide(power, before, out=np.zeros_like(power), where=before > 0) * direction
    return solution


def _coarse(gap: NDArray[np.float64], inside: NDArray[np.bool_], screen: NDArray[np.float64]) -> NDArray[np.float64]:
    """A first guess: every second pixel's membrane, each four times; of small ones the mean around."""
    if max(inside.shape) <= 16:
        return np.broadcast_to(gap[~inside].mean(axis=0), gap.shape)
    small = membrane(gap[::2, ::2], inside[::2, ::2], 4 * screen[::2, ::2])
    return small.repeat(2, axis=0).repeat(2, axis=1)[: inside.shape[0], : inside.shape[1]]


def _neighbours(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum over the up to four neighbours that exist."""
    total = np.zeros_like(values)
    total[1:] += values[:-1]
    total[:-1] += values[1:]
    total[:, 1:] += values[:, :-1]
    total[:, :-1] += values[:, 1:]
    return total


def _to_bytes(colours: NDArray[np.floating]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    return rounded
