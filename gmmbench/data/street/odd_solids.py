"""Anomalies with flat faces: carton, suitcase, sofa, tent."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.light import Light
from gmmbench.data.street.solid import Face, Points, box, draw_solid, facing, inset, turned
from gmmbench.data.street.texture import Rgb, pick, tone, vary

Painter = Callable[[Canvas, Camera, Light, float, float], None]
Made = tuple[tuple[float, float, float], Painter]

FABRICS: tuple[Rgb, ...] = (
    (176, 40, 48),
    (40, 90, 130),
    (60, 130, 96),
    (190, 150, 60),
    (120, 70, 120),
    (150, 120, 96),
    (220, 120, 40),
    (70, 74, 84),
)


def _panel(canvas: Canvas, camera: Camera, light: Light, quad: Points, centre: Points, colour: Rgb) -> None:
    """Something painted on a face, if the face shows."""
    outside, normal = facing(camera, quad, centre)
    if outside:
        canvas.polygon(camera.project(quad), tone(colour, light.shade(normal)))


def carton(rng: np.random.Generator) -> Made:
    """A cardboard box with tape, a label, often with open flaps."""
    width, height, length = rng.uniform(0.5, 1.0), rng.uniform(0.4, 0.85), rng.uniform(0.5, 0.9)
    brown = vary(rng, (186, 142, 92), 24)
    yaw, is_open = rng.uniform(0, np.pi), rng.random() < 0.5
    tape = vary(rng, (206, 186, 140), 14)

    def paint(canvas: Canvas, camera: Camera, light: Light, x: float, z: float) -> None:
        faces = [turned(face, x, z, yaw) for face in box(width, height, length)]
        centre = np.array([x, height / 2, z])
        if is_open:
            for face in faces[:4]:
                lip = np.array([face[0], face[1], face[1], face[0]])
                outward = (face[:2].mean(axis=0) - np.array([x, height, z])) * 0.7
                lip[:2] += outward + np.array([0.0, 0.12, 0.0])
                canvas.polygon(camera.project(lip), tone(brown, 0.9 * light.ambient + 0.2 * light.direct))
        draw_solid(canvas, camera, light, [(face, brown) for face in faces], centre)
        for face in faces[:4]:
            _panel(canvas, camera, light, inset(face, 0.44, 0.0, 0.56, 0.45), centre, tape)
            _panel(canvas, camera, light, inset(face, 0.1, 0.55, 0.38, 0.85), centre, (226, 222, 210))
            _panel(canvas, camera, light, inset(face, 0.0, 0.97, 1.0, 1.0), centre, tone(brown, 0.6))
        if is_open:
            _panel(canvas, camera, light, inset(faces[4], 0.06, 0.06, 0.94, 0.94), centre, tone(brown, 0.4))

    return (max(width, length), height, max(width, length)), paint


def suitcase(rng: np.random.Generator) -> Made:
    """A suitcase on its wheels, ribbed, its handle up."""
    width, height, length = rng.uniform(0.45, 0.6), rng.uniform(0.65, 0.85), rng.uniform(0.26, 0.34)
    shell = vary(rng, pick(rng, FABRICS), 20)
    yaw = rng.uniform(-0.9, 0.9)

    def paint(canvas: Canvas, camera: Camera, light: Light, x: float, z: float) -> None:
        faces = [turned(face, x, z, yaw) for face in box(width, height - 0.06, length, lift=0.06)]
        centre = np.array([x, height / 2, z])
        grip = np.array([[-0.12, height, 0], [-0.12, height + 0.32, 0], [0.12, height + 0.32, 0], [0.12, height, 0]])
        points = camera.project(turned(grip, x, z, yaw))
        thick = max(1.2, camera.foot(x, z)[2] * 0.035)
        metal = tone((150, 152, 156), light.ambient)
        for a, b in pairwise(points):
            canvas.limb((a[0], a[1]), (b[0], b[1]), thick, thick, metal)
        wheels = np.array([[dx, 0.04, dz] for dx in (-width / 2.4, width / 2.4) for dz in (-length / 3, length / 3)])
        for column, row in camera.project(turned(wheels, x, z, yaw)):
            canvas.disc(column, row, max(1.0, 1.6 * thick), (24, 24, 26))
        draw_solid(canvas, camera, light, [(face, shell) for face in faces], centre)
        for face in faces[:4]:
            for left in (0.18, 0.42, 0.66):
                _panel(canvas, camera, light, inset(face, left, 0.08, left + 0.1, 0.92), centre, tone(shell, 0.72))

    return (width, height + 0.3, max(length, 0.4)), paint


def sofa(rng: np.random.Generator) -> Made:
    """A sofa or an armchair: seat, back, arms and cushions."""
    width, depth = rng.uniform(1.0, 2.1), rng.uniform(0.75, 0.95)
    cloth = vary(rng, pick(rng, FABRICS), 24)
    yaw = (np.pi if rng.random() < 0.15 else 0.0) + rng.uniform(-0.8, 0.8)
    back, seat, arm = rng.uniform(0.8, 1.0), rng.uniform(0.38, 0.46), rng.uniform(0.55, 0.68)

    def part(w: float, h: float, d: float, dx: float, dz: float, x: float, z: float) -> tuple[list[Face], Points]:
        shift = np.array([dx, 0.0, dz])
        faces = [(turned(face + shift, x, z, yaw), cloth) for face in box(w, h, d, taper=0.95)]
        return faces, turned(np.array([[dx, h / 2, dz]]), x, z, yaw)[0]

    def paint(canvas: Canvas, camera: Camera, light: Light, x: float, z: float) -> None:
        parts = [
            part(width, back, 0.24, 0.0, depth / 2 - 0.12, x, z),
            part(width - 0.36, seat, depth - 0.24, 0.0, -0.12, x, z),
            part(0.2, arm, depth, -width / 2 + 0.1, 0.0, x, z),
            part(0.2, arm, depth, width / 2 - 0.1, 0.0, x, z),
        ]
        for faces, centre in sorted(parts, key=lambda one: -float(one[1][2])):
            draw_solid(canvas, camera, light, faces, centre)
            if centre is parts[1][1]:
                for left in (0.03, 0.52):
                    cushion = inset(faces[4][0], left, 0.05, left + 0.45, 0.95)
                    _panel(canvas, camera, light, cushion, centre, tone(cloth, 1.2))

    return (width, back, max(depth, width * 0.6)), paint


def tent(rng: np.random.Generator) -> Made:
    """A ridge tent with a dark door."""
    width, height, length = rng.uniform(1.4, 2.0), rng.uniform(1.0, 1.4), rng.uniform(1.8, 2.4)
    cloth = vary(rng, pick(rng, FABRICS), 24)
    yaw = rng.uniform(-1.2, 1.2)

    def paint(canvas: Canvas, camera: Camera, light: Light, x: float, z: float) -> None:
        w, d = width / 2, length / 2
        a, b, c = (-w, 0.0, -d), (w, 0.0, -d), (0.0, height, -d)
        e, f, g = (-w, 0.0, d), (w, 0.0, d), (0.0, height, d)
        faces = [np.array(face, np.float64) for face in ((c, b, a), (g, f, e), (c, g, e, a), (c, g, f, b))]
        placed = [turned(face, x, z, yaw) for face in faces]
        centre = np.array([x, height * 0.35, z])
        colours = (cloth, cloth, tone(cloth, 1.06), tone(cloth, 0.95))
        draw_solid(canvas, camera, light, list(zip(placed, colours, strict=True)), centre)
        for face in placed[2:]:
            _panel(canvas, camera, light, inset(face, 0.0, 0.72, 1.0, 0.80), centre, tone(cloth, 0.7))
        door = turned(np.array([(0.0, height * 0.8, -d), (w * 0.34, 0.0, -d), (-w * 0.34, 0.0, -d)]), x, z, yaw)
        _panel(canvas, camera, light, door, centre, tone(cloth, 0.3))

    return (width, height, length), paint
