"""Cars, vans, lorries and buses: a side profile given width, seen from wherever the camera is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import NO_GLOW, Canvas
from gmmbench.data.street.classes import CAR
from gmmbench.data.street.light import Light
from gmmbench.data.street.solid import Points, facing, inset, turned
from gmmbench.data.street.texture import Rgb, blend, pick, tone, vary
from gmmbench.data.street.thing import Thing

PAINTS: tuple[Rgb, ...] = (
    (206, 208, 210),
    (236, 236, 234),
    (40, 42, 46),
    (96, 100, 106),
    (150, 154, 160),
    (168, 30, 34),
    (34, 62, 128),
    (70, 120, 170),
    (36, 84, 60),
    (196, 160, 60),
    (120, 66, 40),
    (214, 110, 40),
    (190, 180, 156),
)


@dataclass(frozen=True)
class Body:
    """A kind of vehicle.

    Attributes:
        profile: (share of the length from the rear, metres up), from the rear bumper over the top to the front.
        glass: which stretches of the profile are glass, by the number of their first point.
        belt: metres up; above it are the side windows and the sides lean in.
        size: width and length in metres.
        panes: shares of the length at which the side windows begin and end.
    """

    profile: tuple[tuple[float, float], ...]
    glass: tuple[int, ...]
    belt: float
    size: tuple[float, float]
    panes: tuple[tuple[float, float], ...]


BODIES: dict[str, Body] = {
    "hatchback": Body(
        ((0, 0.32), (0, 0.86), (0.04, 0.98), (0.13, 1.42), (0.52, 1.50), (0.74, 0.98), (0.97, 0.80), (1, 0.32)),
        (2, 4),
        0.97,
        (1.75, 4.0),
        ((0.16, 0.40), (0.43, 0.64)),
    ),
    "saloon": Body(
        ((0, 0.32), (0, 0.92), (0.16, 0.98), (0.30, 1.38), (0.54, 1.43), (0.71, 0.96), (0.98, 0.76), (1, 0.32)),
        (2, 4),
        0.96,
        (1.8, 4.6),
        ((0.29, 0.43), (0.45, 0.61)),
    ),
    "estate": Body(
        ((0, 0.34), (0, 0.95), (0.02, 1.02), (0.08, 1.55), (0.55, 1.62), (0.72, 1.04), (0.98, 0.92), (1, 0.34)),
        (2, 4),
        1.03,
        (1.88, 4.6),
        ((0.09, 0.26), (0.28, 0.44), (0.46, 0.63)),
    ),
    "van": Body(
        ((0, 0.34), (0, 1.15), (0.005, 1.25), (0.02, 2.10), (0.74, 2.14), (0.88, 1.22), (0.99, 1.0), (1, 0.34)),
        (2, 4),
        1.24,
        (1.98, 5.1),
        ((0.60, 0.78),),
    ),
    "lorry": Body(
        ((0, 0.55), (0, 1.3), (0, 2.9), (0.74, 2.95), (0.80, 2.4), (0.95, 2.35), (0.99, 1.3), (1, 0.5)),
        (5,),
        1.35,
        (2.35, 7.0),
        ((0.83, 0.94),),
    ),
    "bus": Body(
        ((0, 0.36), (0, 1.15), (0.004, 2.6), (0.01, 2.95), (0.985, 2.95), (0.99, 2.6), (1, 1.05), (1, 0.36)),
        (1, 5),
        1.25,
        (2.5, 10.5),
        ((0.04, 0.22), (0.24, 0.42), (0.44, 0.62), (0.64, 0.82), (0.84, 0.97)),
    ),
}
_WHEEL = np.linspace(0, 2 * np.pi, 15)[:-1]
_KINDS = ("hatchback", "saloon", "estate", "van", "lorry", "bus")
_SHARES = (0.30, 0.26, 0.22, 0.12, 0.06, 0.04)


def car(rng: np.random.Generator, x: float, z: float, yaw: float, *, parked: bool) -> Thing:
    """A vehicle whose front points ``yaw`` radians from straight ahead (0: we see its rear)."""
    body = BODIES[_KINDS[int(rng.choice(len(_KINDS), p=_SHARES))] if not parked else pick(rng, _KINDS[:4])]
    stretch = rng.uniform(0.93, 1.07)
    width, length = body.size[0] * rng.uniform(0.95, 1.05), body.size[1] * stretch
    rise = rng.uniform(0.94, 1.08)
    paint = vary(rng, pick(rng, PAINTS), 18)
    second = vary(rng, pick(rng, PAINTS), 18) if body in (BODIES["bus"], BODIES["lorry"]) else tone(paint, 0.8)
    lamps = not parked and rng.random() < 0.35
    braking = not parked and rng.random() < 0.35
    seed = int(rng.integers(2**62))
    turned_across = abs(np.sin(yaw)) > 0.7

    def draw(canvas: Canvas, camera: Camera, light: Light) -> None:
        maker = _Maker(canvas, camera, light, body, (width, length, rise), (x, z, yaw), (paint, second))
        maker.lights = lamps or (not parked and (light.night > 0 or light.rain > 0))
        maker.braking = braking
        maker.draw()
        canvas.grain(np.random.default_rng(seed), "blotch", 0.04, 1.5)

    return Thing(
        label=CAR,
        x=x,
        z=z,
        half_width=length / 2 if turned_across else width / 2,
        half_length=width / 2 if turned_across else length / 2,
        height=max(y for _, y in body.profile) * rise,
        paint=draw,
        behind=z,
    )


class _Maker:
    """One vehicle's geometry while it is drawn."""

    lights = False
    braking = False

    def __init__(
        self,
        canvas: Canvas,
        camera: Camera,
        light: Light,
        body: Body,
        size: tuple[float, float, float],
        pose: tuple[float, float, float],
        paints: tuple[Rgb, Rgb],
    ) -> None:
        self.canvas, self.camera, self.light, self.body = canvas, camera, light, body
        self.width, self.length, self.rise = size
        self.pose = pose
        self.paint, self.second = paints
        self.fine = camera.focal / pose[1] > camera.width / 32  # farther away its small parts are under a pixel
        self.top = max(y for _, y in body.profile)
        self.centre = self.place([(0.5, 0.0, self.top * 0.45)])[0]

    def place(self, points: list[tuple[float, float, float]]) -> Points:
        """(share of the length, share of the half width, metres up) to road coordinates."""
        taper = (0.20 if self.top < 2 else 0.05) / (self.top - self.body.belt)
        local = []
        for share, across, up in points:
            half = self.width / 2 * (1.0 - taper * max(0.0, up - self.body.belt))
            local.append((across * half, up * self.rise, (share - 0.5) * self.length))
        return turned(np.array(local), *self.pose)

    def fill(self, points: Points, colour: Rgb, glow: Rgb = NO_GLOW) -> None:
        self.canvas.polygon(self.camera.project(points), colour, glow)

    def draw(self) -> None:
        """Wheels, then the strips over the top, then the side that shows."""
        if not self.in_picture():
            return
        for share in (0.19, 0.81):
            for across in (-0.94, 0.78):
                inner, outer = (share, across), (share, across + 0.16)
                foot = [(*inner, 0.5), (*outer, 0.5), (*outer, 0.0), (*inner, 0.0)]
                self.fill(self.place(foot), (22, 22, 24))
        strips = []
        for number, ((s0, y0), (s1, y1)) in enumerate(pairwise(self.body.profile)):
            quad = self.place([(s1, -1, y1), (s1, 1, y1), (s0, 1, y0), (s0, -1, y0)])
            if y0 > y1:
                # The front half of the profile runs downwards: keep "top" the upper edge of each face.
                quad = quad[[3, 2, 1, 0]]
            outside, normal = facing(self.camera, quad, self.centre)
            if outside:
                strips.append((float(quad[:, 2].mean()), number, quad, normal))
        for _, number, quad, normal in sorted(strips, key=lambda strip: -strip[0]):
            self.strip(number, quad, normal)
        for across in (-1.0, 1.0):
            self.side(across)

    def in_picture(self) -> bool:
        """Whether any corner of its bounding box lies between the picture's left and right edges."""
        corners = self.place([(share, across, 0.5) for share in (0.0, 1.0) for across in (-1.0, 1.0)])
        columns = self.camera.project(corners)[:, 0]
        return bool(columns.max() > 0 and columns.min() < self.camera.width)

    def glass(self, normal: Points) -> Rgb:
        """What a pane reflects: the sky, more so where it faces up."""
        sky = blend(self.light.zenith, self.light.skyline, 0.6)
        return blend((26, 30, 36), sky, 0.12 + 0.38 * max(0.0, float(normal[1])))

    def strip(self, number: int, quad: Points, normal: Points) -> None:
        """One stretch of the profile across the car: paint or glass, and the lamps of both ends."""
        bright = self.light.shade(normal)
        last = len(self.body.profile) - 2
        base = self.second if number == 2 and self.top > 2.8 else self.paint
        shine = blend(tone(base, bright), self.light.skyline, 0.10 * max(0.0, float(normal[1])))
        self.fill(quad, shine)
        if number in self.body.glass:
            self.fill(inset(quad, 0.07, 0.10, 0.93, 0.92), self.glass(normal))
        if number == 0:
            self.rear(quad, bright)
        elif number == last:
            self.front(quad, bright)

    def rear(self, quad: Points, bright: float) -> None:
        red: Rgb = (255, 60, 50) if self.braking or self.lights else (150, 22, 24)
        glow: Rgb = (230, 30, 24) if self.braking or self.lights else NO_GLOW
        for left in (0.03, 0.79):
            self.fill(inset(quad, left, 0.10, left + 0.18, 0.36), tone(red, max(bright, 0.5)), glow)
        if not self.fine:
            return
        self.fill(inset(quad, 0.36, 0.34, 0.64, 0.54), tone((222, 216, 196), bright))
        self.fill(inset(quad, 0.02, 0.72, 0.98, 1.0), tone((46, 46, 50), bright))

    def front(self, quad: Points, bright: float) -> None:
        glow: Rgb = (250, 240, 205) if self.lights else NO_GLOW
        self.fill(inset(quad, 0.28, 0.24, 0.72, 0.60), tone((34, 34, 38), bright))
        for left in (0.04, 0.76):
            self.fill(inset(quad, left, 0.10, left + 0.20, 0.36), tone((236, 236, 226), bright), glow)
        if not self.fine:
            return
        self.fill(inset(quad, 0.36, 0.66, 0.64, 0.82), tone((232, 230, 216), bright))
        self.fill(inset(quad, 0.02, 0.84, 0.98, 1.0), tone((46, 46, 50), bright))

    def side(self, across: float) -> None:
        """One flank: paint, windows, a door line, wheels."""
        outline = self.place([(share, across, up) for share, up in self.body.profile])
        outside, normal = facing(self.camera, outline[[0, 2, 5]], self.centre)
        if not outside:
            return
        bright = self.light.shade(normal)
        self.fill(outline, tone(self.paint, bright))
        if self.top > 2.8:
            low, high = self.body.belt * 0.5, self.body.belt
            band = [(0.01, across, high), (0.76, across, high), (0.76, across, low), (0.01, across, low)]
            self.fill(self.place(band), tone(self.second, bright))
        sill = self.place([(0.01, across, 0.45), (0.99, across, 0.45), (0.99, across, 0.33), (0.01, across, 0.33)])
        self.fill(sill, tone((60, 60, 64), bright))
        for start, end in self.body.panes:
            low = self.body.belt + 0.03
            near, far = (max(self.height_at(share) - 0.09, low) for share in (start, end))
            pane = [(start, across, near), (end, across, far), (end, across, low), (start, across, low)]
            self.fill(self.place(pane), self.glass(normal))
        for share in (0.19, 0.81):
            self.wheel(share, across, bright)

    def height_at(self, share: float) -> float:
        """The height of the roof line there, metres."""
        shares, heights = zip(*self.body.profile[1:-1], strict=True)
        return min(float(np.interp(share, shares, heights)), 2.45)

    def wheel(self, share: float, across: float, bright: float) -> None:
        radius = 0.33 if self.top < 2.5 else 0.46
        rings = ((1.25, (20.0, 20.0, 22.0)), (1.0, (34.0, 34.0, 36.0)), (0.58, (150.0, 152.0, 156.0)))
        angle = _WHEEL if self.fine else _WHEEL[::2]
        for size, colour in rings if self.fine else rings[1:2]:
            ring = [
                (
                    share + size * radius / self.length * math.cos(a),
                    across,
                    max(0.0, radius + size * radius * math.sin(a)),
                )
                for a in angle.tolist()
            ]
            self.fill(self.place(ring), tone(colour, bright))
