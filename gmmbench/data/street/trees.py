"""Trees, bushes and hedges: crowns whose ragged edge is noise."""

from __future__ import annotations

import numpy as np

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.classes import VEGETATION
from gmmbench.data.street.light import Light
from gmmbench.data.street.texture import Rgb, pick, tone, vary, window
from gmmbench.data.street.thing import Thing

LEAVES: tuple[Rgb, ...] = ((74, 118, 48), (96, 132, 58), (56, 98, 52), (120, 140, 60), (48, 84, 46), (104, 120, 76))
AUTUMN: tuple[Rgb, ...] = ((196, 140, 44), (178, 96, 40), (150, 60, 44), (206, 176, 70))
BARK: tuple[Rgb, ...] = ((84, 66, 52), (108, 94, 80), (62, 54, 48), (140, 134, 124))
SHAPES = ("round", "round", "tall", "conifer", "bare")


def tree(rng: np.random.Generator, x: float, z: float, shape: str, *, autumn: bool) -> Thing:
    """A tree at (x, z); ``shape`` is one of ``SHAPES``."""
    height = rng.uniform(4.5, 10.0) if shape != "bare" else rng.uniform(4.0, 7.5)
    spread = height * {"round": 0.32, "tall": 0.17, "conifer": 0.22, "bare": 0.28}[shape] * rng.uniform(0.85, 1.2)
    leaf = vary(rng, pick(rng, AUTUMN if autumn and shape != "conifer" else LEAVES), 14)
    if shape == "conifer":
        leaf = tone(leaf, 0.7)
    bark = vary(rng, pick(rng, BARK), 10)
    own = np.random.default_rng(int(rng.integers(2**62)))

    def paint(canvas: Canvas, camera: Camera, light: Light) -> None:
        column, row, scale = camera.foot(x, z)
        bright = light.ambient + 0.45 * light.direct
        trunk_top = row - scale * height * (0.62 if shape != "conifer" else 0.2)
        thick = max(1.2, scale * height * 0.035)
        lean = own.normal(0, 0.03) * scale * height
        canvas.limb((column, row), (column + lean, trunk_top), thick * 1.3, thick * 0.7, tone(bark, bright))
        reach = scale * height
        wood = tone(bark, bright)
        if shape == "bare":
            _branches(canvas, own, (column + lean * 0.5, row - reach * 0.35), -np.pi / 2, reach * 0.3, thick, wood)
        else:
            for _ in range(3):
                aside = own.uniform(-0.7, 0.7) * spread * scale
                fork = (column + lean * 0.6, row - 0.4 * reach)
                canvas.limb(fork, (column + aside, row - 0.62 * reach), thick * 0.6, 1.0, wood)
            middle = row - reach * (0.66 if shape != "conifer" else 0.55)
            half = reach * {"round": 0.34, "tall": 0.38, "conifer": 0.46}[shape]
            _crown(canvas, own, light, (column + lean, middle), (spread * scale, half), leaf, shape == "conifer")
        canvas.grain(own, "grain", 0.06)

    return Thing(VEGETATION, x, z, max(0.25, height * 0.03), 0.25, height, paint, behind=z)


def bush(rng: np.random.Generator, x: float, z: float, size: float) -> Thing:
    """A bush ``size`` metres wide."""
    leaf = vary(rng, pick(rng, LEAVES), 16)
    height = size * rng.uniform(0.5, 0.9)
    own = np.random.default_rng(int(rng.integers(2**62)))

    def paint(canvas: Canvas, camera: Camera, light: Light) -> None:
        column, row, scale = camera.foot(x, z)
        half = scale * height * 0.56
        _crown(canvas, own, light, (column, row - half * 0.86), (scale * size / 2, half), leaf, False)

    return Thing(VEGETATION, x, z, size / 2, size / 3, height, paint, behind=z)


def _crown(
    canvas: Canvas,
    rng: np.random.Generator,
    light: Light,
    middle: tuple[float, float],
    radii: tuple[float, float],
    leaf: Rgb,
    pointed: bool,
) -> None:
    """A ragged blob, lit from above and from the sun's side; pixels, centre and half axes."""
    height, width = canvas.shape
    rx, ry = max(radii[0], 2.0), max(radii[1], 2.0)
    left, right = max(0, int(middle[0] - 1.4 * rx)), min(width, int(middle[0] + 1.4 * rx) + 1)
    top, bottom = max(0, int(middle[1] - 1.35 * ry)), min(height, int(middle[1] + 1.35 * ry) + 1)
    if left >= right or top >= bottom:
        return
    x = ((np.arange(left, right) - middle[0]) / rx).astype(np.float32)[None, :]
    y = ((np.arange(top, bottom) - middle[1]) / ry).astype(np.float32)[:, None]
    shape = (bottom - top, right - left)
    clumps = window(rng, "blotch", *shape, scale=max(1.0, rx / 26))
    twigs = window(rng, "grain", *shape, scale=max(1.0, rx / 40))
    if pointed:
        away = np.abs(x) / np.clip((y + 1.05) / 2.0, 0.02, 1.0) + 0.12 * np.mod(y * 5, 1.0)
        away = np.where(y > 1.0, 9.0, away)
    else:
        away = np.sqrt(x * x + y * y)
    mask = away + 0.17 * clumps + 0.07 * twigs < 1.0
    sunny = 1.0 - 0.28 * y - 0.16 * np.clip(light.sun[0], -1, 1) * -x * (light.direct > 0.2)
    bright = (light.ambient * 0.9 + light.direct * 0.55) * sunny * (1.0 - 0.24 * clumps + 0.16 * twigs)
    # Deep gaps in the leaves are dark, not holes: a hole would need the label of what is behind.
    bright = np.where(clumps > 1.3, bright * 0.6, bright)
    colours = np.minimum(np.array(leaf, np.float32) * np.clip(bright, 0.15, 1.7)[..., None], 255).astype(np.uint8)
    canvas.stamp(top, left, mask, colours)


def _branches(
    canvas: Canvas,
    rng: np.random.Generator,
    start: tuple[float, float],
    angle: float,
    length: float,
    thick: float,
    colour: Rgb,
    left: int = 3,
) -> None:
    """A fork of twigs, ``left`` generations deep."""
    end = (start[0] + length * float(np.cos(angle)), start[1] + length * float(np.sin(angle)))
    canvas.limb(start, end, max(thick, 1.0), max(thick * 0.7, 1.0), colour)
    if left == 0 or length < 3.5:
        return
    for turn in (-rng.uniform(0.3, 0.7), rng.uniform(-0.15, 0.15), rng.uniform(0.3, 0.7)):
        _branches(canvas, rng, end, angle + turn, length * rng.uniform(0.55, 0.8), thick * 0.65, colour, left - 1)
