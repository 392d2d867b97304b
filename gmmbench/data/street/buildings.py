"""Buildings: boxes whose walls are flat pictures of facades, stretched into perspective."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.classes import BUILDING
from gmmbench.data.street.facade import Style, draw_style, facade
from gmmbench.data.street.light import Light
from gmmbench.data.street.texture import tone
from gmmbench.data.street.thing import Thing

_DEPTH = 9.0  # metres from the street wall to the back of a building


def building(rng: np.random.Generator, side: int, line: float, start: float, end: float, light: Light) -> Thing:
    """A building on the right (``side`` 1) or left (-1), from ``start`` to ``end`` along the road."""
    style = draw_style(rng)
    seed = int(rng.integers(2**62))
    lit = light.night * rng.uniform(0.25, 0.6)

    def paint(canvas: Canvas, camera: Camera, light: Light) -> None:
        own = np.random.default_rng(seed)
        inner, outer = side * line, side * (line + _DEPTH)
        height = style.height
        if side > 0:
            end_wall = _corners(inner, outer, start, start, height)
            street_wall = _corners(inner, inner, end, start, height)
        else:
            end_wall = _corners(outer, inner, start, start, height)
            street_wall = _corners(inner, inner, start, end, height)
        if style.roof > 0:
            _roof(canvas, camera, light, style, side, inner, start, end)
        if start > 2:
            _wall(canvas, camera, light, style, own, end_wall, _DEPTH, start, lit, np.array([0.0, 0.0, -1.0]))
        near = max(start, 3.0)
        _wall(
            canvas, camera, light, style, own, street_wall, end - start, near, lit, np.array([-float(side), 0.0, 0.0])
        )

    return Thing(
        label=BUILDING,
        x=side * (line + _DEPTH / 2),
        z=(start + end) / 2,
        half_width=_DEPTH / 2,
        half_length=(end - start) / 2,
        height=style.height,
        paint=paint,
        behind=end,
    )


def _corners(x_left: float, x_right: float, z_left: float, z_right: float, height: float) -> NDArray[np.float64]:
    """A wall's corners from the top left clockwise, as seen from the street."""
    return np.array(
        [[x_left, height, z_left], [x_right, height, z_right], [x_right, 0.0, z_right], [x_left, 0.0, z_left]]
    )


def _wall(
    canvas: Canvas,
    camera: Camera,
    light: Light,
    style: Style,
    rng: np.random.Generator,
    corners: NDArray[np.float64],
    length: float,
    near: float,
    lit: float,
    normal: NDArray[np.float64],
) -> None:
    seen = camera.project(corners)
    left, right = np.clip([seen[:, 0].min(), seen[:, 0].max()], 0, camera.width)
    if right - left < 1:
        return
    # As many texels as the near end has pixels, at most; fewer far away, or the windows would flicker.
    density = float(np.clip(camera.focal / near * 0.7, 3.0, 12.0))
    picture, glow = facade(rng, style, length, density, lit)
    columns = int(np.clip(1.5 * (right - left), 4, picture.shape[1]))
    if seen[:, 0].min() >= 0 and seen[:, 0].max() <= camera.width and columns < picture.shape[1]:
        # A wall seen at a glancing angle: average its windows rather than miss every other one.
        shape = (columns, picture.shape[0])
        picture = np.asarray(cv2.resize(picture, shape, interpolation=cv2.INTER_AREA), np.uint8)
        glow = np.asarray(cv2.resize(glow, shape, interpolation=cv2.INTER_AREA), np.uint8)
    shaded = cv2.convertScaleAbs(picture, alpha=light.shade(normal))
    canvas.wall(seen, np.asarray(shaded, np.uint8), glow)


def _roof(
    canvas: Canvas, camera: Camera, light: Light, style: Style, side: int, inner: float, start: float, end: float
) -> None:
    """The slope towards the street, the gable before it, and a chimney."""
    eaves, ridge = style.height, style.height + style.roof
    middle = inner + side * _DEPTH / 2
    slope = np.array([[inner, eaves, start], [middle, ridge, start], [middle, ridge, end], [inner, eaves, end]])
    gable = np.array([[inner, eaves, start], [middle, ridge, start], [inner + side * _DEPTH, eaves, start]])
    lean = np.array([-side * style.roof, _DEPTH / 2, 0.0]) / np.hypot(style.roof, _DEPTH / 2)
    if style.chimney:
        at = start + 0.4 * (end - start)
        stack = np.array([[0, -0.6, 0], [0.7, -0.6, 0], [0.7, 1.3, 0], [0, 1.3, 0]]) + np.array([middle, ridge, at])
        canvas.polygon(camera.project(stack), tone(style.wall, 0.7 * light.ambient))
    canvas.polygon(camera.project(slope), tone(style.roof_colour, light.shade(lean)))
    canvas.polygon(camera.project(gable), tone(style.wall, light.shade(np.array([0.0, 0.0, -1.0]))))
