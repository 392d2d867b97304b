"""Anomalies with round or ragged shapes: animal, ball, barrel, branch, cone, ladder, rock, tyre."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.light import Light
from gmmbench.data.street.odd_solids import FABRICS, Made
from gmmbench.data.street.solid import draw_solid, drum, turned
from gmmbench.data.street.texture import Rgb, pick, tone, vary, window

COATS: tuple[Rgb, ...] = ((120, 78, 46), (40, 36, 36), (206, 196, 180), (160, 120, 74), (96, 90, 86), (176, 98, 54))


def beast(rng: np.random.Generator) -> Made:
    """An animal seen from the side: cow, deer or dog, by its proportions."""
    height = float(rng.choice([0.65, 1.15, 1.4])) * rng.uniform(0.9, 1.1)
    cow, length = height > 1.1 and rng.random() < 0.6, height * rng.uniform(1.2, 1.5)
    coat, spots = vary(rng, pick(rng, COATS), 16), vary(rng, pick(rng, COATS), 16)
    way = -1.0 if rng.random() < 0.5 else 1.0
    steps = rng.uniform(-0.07, 0.07, 4)
    marks = rng.uniform(-1, 1, (5, 2))
    grazing = rng.random() < 0.25

    def paint(canvas: Canvas, camera: Camera, light: Light, x: float, z: float) -> None:
        column, row, scale = camera.foot(x, z)
        size, wide = scale * height, scale * length / 2
        bright = light.ambient * 0.95 + 0.4 * light.direct
        colour, dark = tone(coat, bright), tone(coat, bright * 0.7)

        def at(u: float, v: float) -> tuple[float, float]:
            return column + u * way * wide, row - v * size

        thick = size * (0.40 if cow else 0.30)
        for number, u in enumerate((-0.72, 0.5, -0.58, 0.64)):
            shade = dark if number < 2 else colour
            foot = at(u + steps[number], 0.0)
            knee = at(u + steps[number] * 0.4, 0.25)
            canvas.limb(at(u, 0.55), knee, size * 0.14, size * 0.08, shade)
            canvas.limb(knee, foot, size * 0.08, size * 0.06, shade)
        canvas.limb(at(-0.68, 0.66), at(0.55, 0.68), thick, thick * 0.95, colour)
        for u, v in marks:
            canvas.disc(*at(u * 0.6, 0.68 + v * 0.10), size * 0.10, tone(spots, bright), tall=0.8)
        canvas.limb(at(-0.84, 0.74), at(-0.98, 0.40), size * 0.06, size * 0.04, dark)
        head = at(1.12, 0.28) if grazing else at(1.02, 0.98)
        canvas.limb(at(0.58, 0.74), head, thick * 0.75, thick * 0.42, colour)
        nose = (head[0] + way * 0.24 * size, head[1] + 0.10 * size)
        canvas.limb(head, nose, size * 0.20, size * 0.12, colour)
        canvas.limb(head, (head[0] - way * 0.08 * size, head[1] - 0.13 * size), size * 0.07, size * 0.04, dark)

    return (length * 1.2, height * 1.1, 0.5), paint


def ball(rng: np.random.Generator) -> Made:
    """A large ball with panels."""
    radius = rng.uniform(0.24, 0.5)
    base, panel = vary(rng, pick(rng, FABRICS), 24), vary(rng, pick(rng, (*FABRICS, (236, 234, 228))), 20)
    turn = rng.uniform(0, np.pi)

    def paint(canvas: Canvas, camera: Camera, light: Light, x: float, z: float) -> None:
        column, row, scale = camera.foot(x, z)
        size, middle = scale * radius, row - scale * radius
        canvas.disc(column, middle, size, tone(base, 0.55 * light.ambient + 0.1 * light.direct))
        for share in np.linspace(0.94, 0.35, 6):
            up = (1 - share) * size * 0.5
            aside = (1 - share) * size * 0.4 * float(np.sign(light.sun[0]))
            level = light.ambient * (1.12 - 0.5 * share) + light.direct * (1.05 - share)
            canvas.disc(column + aside, middle - up, size * share, tone(base, level))
        for number in range(3):
            angle = turn + number * 2.1
            u, v = 0.55 * np.cos(angle), 0.55 * np.sin(angle)
            level = light.ambient * (0.9 - 0.25 * v)
            canvas.disc(column + u * size, middle + v * size, size * 0.26, tone(panel, level))

    return (2 * radius, 2 * radius, 2 * radius), paint


def barrel(rng: np.random.Generator) -> Made:
    """A drum with hoops, upright."""
    radius, height = rng.uniform(0.28, 0.4), rng.uniform(0.8, 1.05)
    steel, hoop = vary(rng, pick(rng, FABRICS), 24), vary(rng, (196, 190, 176), 30)

    def paint(canvas: Canvas, camera: Camera, light: Light, x: float, z: float) -> None:
        faces = [turned(face, x, z, 0.0) for face in drum(radius, height)]
        centre = np.array([x, height / 2, z])
        draw_solid(canvas, camera, light, [(face, steel) for face in faces], centre)
        for share in (0.3, 0.65):
            lift = np.array([0.0, share * height, 0.0])
            hoops = drum(radius * 1.03, height * 0.09)[:-1]
            band = [turned(face + lift, x, z, 0.0) for face in hoops]
            draw_solid(canvas, camera, light, [(face, hoop) for face in band], centre)

    return (2 * radius, height, 2 * radius), paint


def cone(rng: np.random.Generator) -> Made:
    """A traffic cone on its plate, with white bands."""
    height = rng.uniform(0.6, 1.0)
    orange = vary(rng, (232, 92, 30), 18)

    def paint(canvas: Canvas, camera: Camera, light: Light, x: float, z: float) -> None:
        wide = height * 0.26
        reach = wide * 1.25
        plate = np.array([(-reach, 0.03, -reach), (reach, 0.03, -reach), (reach, 0.03, reach), (-reach, 0.03, reach)])
        canvas.polygon(camera.project(turned(plate, x, z, 0.2)), tone(orange, 0.6 * light.ambient))
        centre = np.array([x, height / 3, z])
        cuts = (0.0, 0.28, 0.5, 0.66, 0.84, 1.0)
        for number, (low, high) in enumerate(pairwise(cuts)):
            lift = np.array([0.0, low * height, 0.0])
            part = drum(wide * (1 - 0.88 * low), (high - low) * height, top=wide * (1 - 0.88 * high), sides=12)
            colour = (236.0, 234.0, 228.0) if number % 2 else orange
            draw_solid(canvas, camera, light, [(turned(face + lift, x, z, 0.0), colour) for face in part], centre)

    return (height * 0.65, height, height * 0.65), paint


def rock(rng: np.random.Generator) -> Made:
    """A boulder: a blunt ragged dome, lit like a dome, broken into facets."""
    wide, high = rng.uniform(0.7, 1.3), rng.uniform(0.45, 0.9)
    stone = vary(rng, pick(rng, ((142, 136, 128), (160, 144, 120), (116, 118, 124), (140, 116, 100))), 18)
    blunt = rng.uniform(2.0, 3.0)
    own = np.random.default_rng(int(rng.integers(2**62)))

    def paint(canvas: Canvas, camera: Camera, light: Light, x: float, z: float) -> None:
        column, row, scale = camera.foot(x, z)
        rx, ry = max(2.0, scale * wide / 2), max(2.0, scale * high)
        left, right = max(0, int(column - 1.3 * rx)), min(camera.width, int(column + 1.3 * rx) + 1)
        top, bottom = max(0, int(row - 1.3 * ry)), min(camera.height, int(row + 0.12 * ry) + 1)
        if left >= right or top >= bottom:
            return
        u = ((np.arange(left, right) + 0.5 - column) / rx)[None, :]
        v = ((row - np.arange(top, bottom) - 0.5) / ry)[:, None]
        rough = window(own, "blotch", bottom - top, right - left, max(1.0, rx / 9))
        away = (np.abs(u) ** blunt + np.abs(np.maximum(v, 0)) ** blunt) ** (1 / blunt) + 0.09 * rough
        facets = np.floor(rough * 1.6) / 1.6
        sunny = np.clip(0.35 + 0.55 * v + 0.5 * u * float(light.sun[0]) + 0.28 * facets, 0.0, 1.0)
        bright = light.ambient * (0.62 + 0.38 * np.clip(v, 0, 1) + 0.12 * facets) + light.direct * sunny
        colours = np.clip(np.array(stone) * np.clip(bright, 0.1, 1.4)[..., None], 0, 255).astype(np.uint8)
        canvas.stamp(top, left, (away < 1.0) & (v > -0.06 - 0.04 * rough), colours)

    return (wide, high, wide * 0.8), paint


def tyre(rng: np.random.Generator) -> Made:
    """A tyre, flat on the road or standing; tread, wall and the hole one sees through it."""
    radius, thick = rng.uniform(0.34, 0.5), rng.uniform(0.2, 0.3)
    rubber = vary(rng, (42, 42, 44), 12)
    standing = rng.random() < 0.5
    yaw = rng.uniform(-0.8, 0.8)

    def paint(canvas: Canvas, camera: Camera, light: Light, x: float, z: float) -> None:
        angle = np.linspace(0, 2 * np.pi, 21)[:-1]

        def ring(size: float, at: float) -> np.ndarray:
            """A circle of ``size`` times the radius, ``at`` metres along the axle."""
            across, other, along = radius * size * np.cos(angle), radius * size * np.sin(angle), np.full(len(angle), at)
            axes = [across, radius + other, along] if standing else [across, along, other]
            return camera.project(turned(np.stack(axes, axis=1), x, z, yaw))

        near, far = (-thick / 2, thick / 2) if standing else (thick, 0.0)
        level = light.ambient + 0.3 * light.direct
        steps = np.linspace(far, near, 6)
        for number, at in enumerate(steps):
            canvas.polygon(ring(1.0, float(at)), tone(rubber, level * (0.7 if number % 2 else 1.0)))
        canvas.polygon(ring(0.95, near), tone(rubber, level * 1.5))
        canvas.polygon(ring(0.80, near), tone(rubber, level * 1.15))
        canvas.polygon(ring(0.58, near), tone((18, 18, 20), level))

    return (2 * radius, 2 * radius if standing else thick, 2 * radius), paint


def branch(rng: np.random.Generator) -> Made:
    """A fallen branch or log with stubs, and at times leaves."""
    length, thick = rng.uniform(1.6, 3.0), rng.uniform(0.18, 0.4)
    bark = vary(rng, pick(rng, ((98, 74, 54), (124, 104, 82), (74, 60, 50))), 12)
    yaw = rng.uniform(-0.6, 0.6)
    stubs = rng.uniform((-0.4, 0.2, -0.5), (0.4, 0.7, 0.5), (int(rng.integers(2, 6)), 3)).tolist()
    leafy = rng.random() < 0.35

    def paint(canvas: Canvas, camera: Camera, light: Light, x: float, z: float) -> None:
        scale = camera.foot(x, z)[2]
        level = light.ambient + 0.4 * light.direct

        def at(along: float, up: float, across: float = 0.0) -> tuple[float, float]:
            column, row = camera.project(turned(np.array([[along * length, up, across]]), x, z, yaw))[0]
            return float(column), float(row)

        width = scale * thick
        for along, up, lean in stubs:
            end = at(along + lean * 0.3, thick * 0.7 + up)
            stub = max(1.5, width * 0.35)
            canvas.limb(at(along, thick / 2), end, stub, max(1.0, width * 0.15), tone(bark, level * 0.85))
            if leafy:
                for shift in (-0.05, 0.04):
                    leaf = max(1.2, scale * 0.13)
                    canvas.disc(end[0] + shift * scale * 3, end[1], leaf, tone((92, 120, 56), level))
        canvas.limb(at(-0.5, thick / 2), at(0.5, thick * 0.42), width, width * 0.75, tone(bark, level * 0.72))
        canvas.limb(at(-0.49, thick * 0.66), at(0.49, thick * 0.55), width * 0.6, width * 0.4, tone(bark, level * 1.1))
        canvas.disc(*at(-0.5, thick / 2), width * 0.36, tone((196, 164, 116), level), tall=1.25)

    return (length, thick + 0.4, max(0.5, length * abs(float(np.sin(yaw))))), paint


def ladder(rng: np.random.Generator) -> Made:
    """A ladder set down on its trestle."""
    length, wide = rng.uniform(2.2, 3.2), rng.uniform(0.4, 0.55)
    metal = vary(rng, pick(rng, ((196, 196, 200), (214, 176, 70), (170, 120, 70))), 18)
    yaw = rng.uniform(-0.7, 0.7)
    rise = rng.uniform(0.5, 1.4)

    def paint(canvas: Canvas, camera: Camera, light: Light, x: float, z: float) -> None:
        level = light.ambient + 0.4 * light.direct
        thick = max(1.8, camera.foot(x, z)[2] * 0.085)
        foot, head, prop = (-length / 2, 0.03), (length / 2, rise), (length / 3, 0.0)
        ends = np.array([(x, y, side) for side in (-wide / 2, wide / 2) for x, y in (foot, head)])
        legs = np.array([(x, y, side) for side in (-wide / 2, wide / 2) for x, y in (head, prop)])
        for points, dim in ((legs, 0.7), (ends, 1.0)):
            a, b, c, d = camera.project(turned(points, x, z, yaw))
            for start, end in ((c, d), (a, b)):
                canvas.limb((start[0], start[1]), (end[0], end[1]), thick, thick, tone(metal, level * dim))
            for share in np.linspace(0.06, 0.94, 9 if dim == 1.0 else 2):
                p, q = a + (b - a) * share, c + (d - c) * share
                canvas.limb((p[0], p[1]), (q[0], q[1]), thick * 0.8, thick * 0.8, tone(metal, level * 0.85))

    return (length, rise, 0.2), paint  # a slim footprint: rails and rungs cast little shadow
