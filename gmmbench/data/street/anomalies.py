"""The objects of the OOD test, none of which is ever in a closed set: twelve kinds.

They are drawn by the same strokes, shaded by the same light and roughened by the same grain as
cars and people, before weather, blur and noise: nothing but what they are gives them away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.classes import OOD_LABEL
from gmmbench.data.street.light import Light
from gmmbench.data.street.odd_shapes import ball, barrel, beast, branch, cone, ladder, rock, tyre
from gmmbench.data.street.odd_solids import carton, sofa, suitcase, tent
from gmmbench.data.street.thing import Thing

Maker = Callable[[np.random.Generator], tuple[tuple[float, float, float], Callable[..., None]]]
"""Draws an object's looks: gives its (width, height, length) in metres and what paints it."""


@dataclass(frozen=True)
class Kind:
    """A kind of anomaly: how it is made, and the range of its larger extent in metres, for placing it."""

    make: Maker
    extent: float


KINDS = MappingProxyType(
    {
        "animal": Kind(beast, 1.7),
        "ball": Kind(ball, 0.6),
        "barrel": Kind(barrel, 0.9),
        "branch": Kind(branch, 2.2),
        "carton": Kind(carton, 0.8),
        "cone": Kind(cone, 0.75),
        "ladder": Kind(ladder, 2.4),
        "rock": Kind(rock, 0.9),
        "sofa": Kind(sofa, 1.7),
        "suitcase": Kind(suitcase, 0.75),
        "tent": Kind(tent, 2.0),
        "tyre": Kind(tyre, 0.75),
    }
)


def anomaly(rng: np.random.Generator, name: str, x: float, z: float) -> Thing:
    """One anomaly of the kind ``name`` at (x, z)."""
    size, draw = KINDS[name].make(rng)
    own = np.random.default_rng(int(rng.integers(2**62)))

    def paint(canvas: Canvas, camera: Camera, light: Light) -> None:
        draw(canvas, camera, light, x, z)
        canvas.grain(own, "blotch", float(own.uniform(0.05, 0.12)), 1.5)

    return Thing(OOD_LABEL, x, z, size[0] / 2, size[2] / 2, size[1], paint, behind=z)
