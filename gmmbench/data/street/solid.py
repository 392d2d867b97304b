"""Solids: faces in road coordinates, hidden ones dropped, the rest shaded and drawn far to near."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.light import Light
from gmmbench.data.street.texture import Rgb, tone

Points = NDArray[np.float64]
Face = tuple[Points, Rgb]


def turned(points: Points, x: float, z: float, yaw: float) -> Points:
    """(N, 3) a thing's own coordinates to road coordinates: turned about the upright, then moved to (x, z)."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    placed = np.empty((len(points), 3))
    placed[:, 0] = x + cos * points[:, 0] + sin * points[:, 2]
    placed[:, 1] = points[:, 1]
    placed[:, 2] = z - sin * points[:, 0] + cos * points[:, 2]
    return placed


def box(width: float, height: float, length: float, *, lift: float = 0.0, taper: float = 1.0) -> list[Points]:
    """Six faces, front (-z), back, left, right, top, bottom, each (4, 3) from its top left clockwise.

    In the thing's own coordinates, centred on its foot; the top is ``taper`` times the base.
    """
    w, d, t = width / 2, length / 2, taper
    low = [(-w, lift, -d), (w, lift, -d), (w, lift, d), (-w, lift, d)]
    high = [(x * t, lift + height, z * t) for x, _, z in low]
    rows = (
        (high[0], high[1], low[1], low[0]),
        (high[2], high[3], low[3], low[2]),
        (high[3], high[0], low[0], low[3]),
        (high[1], high[2], low[2], low[1]),
        (high[3], high[2], high[1], high[0]),
        (low[0], low[1], low[2], low[3]),
    )
    return [np.array(face, np.float64) for face in rows]


def drum(radius: float, height: float, *, top: float | None = None, sides: int = 14) -> list[Points]:
    """The faces of an upright cylinder, or cone where ``top`` (its upper radius) is smaller; the lid is last."""
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    upper = radius if top is None else top
    low = np.stack([radius * np.cos(angle), np.zeros(sides + 1), radius * np.sin(angle)], axis=1)
    high = np.stack([upper * np.cos(angle), np.full(sides + 1, height), upper * np.sin(angle)], axis=1)
    faces = [np.array([high[i], high[i + 1], low[i + 1], low[i]]) for i in range(sides)]
    return [*faces, high[:-1]]


def inset(quad: Points, left: float, top: float, right: float, bottom: float) -> Points:
    """The part of a (4, 3) face between these shares of its width and height."""
    a, b, c, d = quad
    return np.array(
        [
            (a * (1 - u) + b * u) * (1 - v) + (d * (1 - u) + c * u) * v
            for u, v in ((left, top), (right, top), (right, bottom), (left, bottom))
        ]
    )


def facing(camera: Camera, face: Points, centre: Points) -> tuple[bool, Points]:
    """Whether the camera sees the outside of ``face``, and its outward unit normal."""
    edge = face[1] - face[0]
    other = face[2] - face[0]
    normal = np.array(
        [
            edge[1] * other[2] - edge[2] * other[1],
            edge[2] * other[0] - edge[0] * other[2],
            edge[0] * other[1] - edge[1] * other[0],
        ]
    )
    normal /= max(float(np.sqrt(normal @ normal)), 1e-9)
    middle = face.mean(axis=0)
    if normal @ (middle - centre) < 0:
        normal = -normal
    return bool(normal @ camera.seen(middle[None])[0] < 0), normal


def draw_solid(canvas: Canvas, camera: Camera, light: Light, faces: Sequence[Face], centre: Points) -> None:
    """Draw the faces of a solid that is nearly convex about ``centre``, far ones first."""
    visible = []
    for points, colour in faces:
        outside, normal = facing(camera, points, centre)
        if outside:
            visible.append((float(points[:, 2].mean()), points, tone(colour, light.shade(normal))))
    for _, points, colour in sorted(visible, key=lambda face: -face[0]):
        canvas.polygon(camera.project(points), colour)
