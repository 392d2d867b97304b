"""What a model's classes are called, and the colours that show them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gmmbench.data import closed_set
from gmmbench.predict.overlay import Colour
from gmmbench.verbs.subject import Loaded

_LEVELS = 12
"""Of red, green and blue, from which colours are chosen."""

_FIRST = (0.0, 0.45, 0.7)
"""Blue, which all eyes see."""


@dataclass(frozen=True)
class Classes:
    """Names and colours in the order of the logits."""

    names: tuple[str, ...]
    palette: tuple[Colour, ...]


def classes_of(loaded: Loaded, number: int) -> Classes:
    """Those of the closed set that the model was trained on, where they are as many as its logits.

    A model from outside may name its own classes; of the others only numbers are known.

    Args:
        number: of logits.
    """
    if loaded.closed_set is not None:
        closed = closed_set(loaded.closed_set)
        if len(closed.classes) == number:
            return Classes(closed.classes, closed.palette)
    names = getattr(loaded.bare, "classes", None) or tuple(f"class {index}" for index in range(number))
    return Classes(tuple(names), colours(number))


def colours(number: int) -> tuple[Colour, ...]:
    """So many colours, each as far as can be from all before it, in CIELAB, where distance is what the eye sees.

    Black, white and what is near them are left out: nothing of an image shows through them.
    """
    levels = np.linspace(0, 1, _LEVELS, dtype=np.float32)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    lab = cv2.cvtColor(grid, cv2.COLOR_RGB2LAB)[:, 0]
    fit = (lab[:, 0] > 25) & (lab[:, 0] < 90)
    candidates, lab = grid[fit, 0], lab[fit]
    chosen = [int(np.abs(candidates - _FIRST).sum(axis=1).argmin())]
    nearest = np.full(len(lab), np.inf)
    while len(chosen) < number:
        nearest = np.minimum(nearest, np.linalg.norm(lab - lab[chosen[-1]], axis=1))
        chosen.append(int(nearest.argmax()))
    red, green, blue = np.round(255 * candidates[chosen[:number]]).astype(int).T.tolist()
    return tuple(zip(red, green, blue, strict=True))
