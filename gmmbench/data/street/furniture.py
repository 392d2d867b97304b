"""Lamp posts and signs, which are void, and the skyline that ends the street."""

from __future__ import annotations

import numpy as np

from gmmbench.data.street.camera import FAR, Camera
from gmmbench.data.street.canvas import NO_GLOW, Canvas
from gmmbench.data.street.classes import BUILDING, VEGETATION
from gmmbench.data.street.facade import WALLS
from gmmbench.data.street.light import Light
from gmmbench.data.street.texture import Rgb, blend, look_up, pick, tone, vary
from gmmbench.data.street.thing import Thing
from gmmbench.labels import IGNORE

SIGNS: tuple[Rgb, ...] = ((190, 30, 36), (30, 70, 160), (228, 226, 220), (226, 180, 40))


def lamp_post(rng: np.random.Generator, x: float, z: float) -> Thing:
    """A street lamp whose arm reaches over the road."""
    height = rng.uniform(4.5, 7.5)
    metal = vary(rng, (104, 108, 110), 30)
    reach = -np.sign(x) * rng.uniform(0.3, 1.6)

    def paint(canvas: Canvas, camera: Camera, light: Light) -> None:
        column, row, scale = camera.foot(x, z)
        thick, top = max(1.2, 0.13 * scale), row - scale * height
        colour = tone(metal, light.ambient + 0.4 * light.direct)
        canvas.limb((column, row), (column, top), thick, thick * 0.7, colour)
        canvas.limb((column, top), (column + reach * scale, top - 0.2 * scale), thick * 0.6, thick * 0.6, colour)
        glow: Rgb = (255, 214, 150) if light.night > 0.2 else NO_GLOW
        lamp = max(1.0, 0.26 * scale)
        canvas.disc(column + reach * scale, top - 0.12 * scale, lamp, (214, 210, 196), tall=0.5, glow=glow)

    return Thing(IGNORE, x, z, 0.15, 0.15, height, paint, behind=z)


def sign(rng: np.random.Generator, x: float, z: float) -> Thing:
    """A traffic sign: round, triangular or square, with a rim."""
    height = rng.uniform(2.1, 2.8)
    face, rim = vary(rng, pick(rng, SIGNS), 12), vary(rng, pick(rng, SIGNS), 12)
    sides, turn = ((16, 0.0), (3, np.pi / 2), (4, np.pi / 4))[int(rng.integers(3))]
    radius = rng.uniform(0.3, 0.42)

    def paint(canvas: Canvas, camera: Camera, light: Light) -> None:
        column, row, scale = camera.foot(x, z)
        bright = light.ambient + 0.4 * light.direct
        thick = max(1.0, 0.07 * scale)
        canvas.limb((column, row), (column, row - scale * height), thick, thick, tone((122, 124, 126), bright))
        angle = np.arange(sides) * 2 * np.pi / sides + turn
        ring = np.stack([np.cos(angle), -np.sin(angle)], axis=1) * scale * radius
        middle = np.array([column, row - scale * height])
        canvas.polygon(middle + ring, tone(rim, bright))
        canvas.polygon(middle + ring * 0.72, tone(face, bright))

    return Thing(IGNORE, x, z, 0.12, 0.12, height, paint, behind=z)


def skyline(rng: np.random.Generator, kind: str) -> Thing:
    """What closes the view at the end of the street: ``kind`` is houses, or woods."""
    far = FAR * rng.uniform(0.6, 0.95)
    own = np.random.default_rng(int(rng.integers(2**62)))

    def houses(canvas: Canvas, camera: Camera, light: Light) -> None:
        left = -110.0
        while left < 110.0:
            right, top = left + own.uniform(6, 16), own.uniform(5, 17)
            wall = blend(vary(own, pick(own, WALLS), 14), light.skyline, 0.25)
            block = np.array([[left, top, far], [right, top, far], [right, 0, far], [left, 0, far]], np.float64)
            canvas.polygon(camera.project(block), tone(wall, light.ambient))
            for up in np.arange(2.0, top - 1.5, 3.2):
                a, b = left + 1, right - 1
                panes = np.array([[a, up, far], [b, up, far], [b, up + 1.5, far], [a, up + 1.5, far]])
                canvas.polygon(camera.project(panes), tone(wall, 0.66 * light.ambient))
            left = right

    def woods(canvas: Canvas, camera: Camera, light: Light) -> None:
        _, row, scale = camera.foot(0.0, far)
        across = np.arange(-2.0, camera.width + 3.0)
        bumps = look_up("blotch", (across[None] / scale * 1.7), np.full((1, across.size), own.uniform(0, 256)))[0]
        tops = row - scale * np.clip(8.0 + 2.4 * bumps, 3, 18)
        ends = np.array([[across[-1], row], [across[0], row]])
        leaf = blend(vary(own, (74, 104, 66), 16), light.skyline, 0.25)
        canvas.polygon(np.concatenate([np.stack([across, tops], axis=1), ends]), tone(leaf, light.ambient))
        canvas.grain(own, "grain", 0.14)

    label, paint = (BUILDING, houses) if kind == "houses" else (VEGETATION, woods)
    return Thing(label, 0.0, far, 140.0, 0.5, 10.0, paint, behind=far + 20.0, solid=False)
