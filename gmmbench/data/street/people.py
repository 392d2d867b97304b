"""People: flat figures in a walking pose, facing any way, dressed as they like."""

from __future__ import annotations

import numpy as np

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.classes import PERSON
from gmmbench.data.street.light import Light
from gmmbench.data.street.texture import Rgb, pick, tone, vary
from gmmbench.data.street.thing import Thing

SKINS: tuple[Rgb, ...] = ((236, 196, 168), (214, 164, 130), (168, 116, 84), (116, 76, 54), (82, 54, 40))
HAIRS: tuple[Rgb, ...] = ((30, 24, 22), (84, 56, 36), (150, 110, 62), (196, 170, 120), (150, 150, 150), (130, 60, 34))
CLOTHES: tuple[Rgb, ...] = (
    (40, 44, 56),
    (150, 36, 40),
    (46, 84, 140),
    (220, 214, 204),
    (210, 160, 50),
    (60, 110, 74),
    (128, 128, 132),
    (110, 64, 120),
    (216, 120, 150),
    (96, 74, 52),
    (76, 150, 160),
    (226, 110, 50),
)
TROUSERS: tuple[Rgb, ...] = ((36, 46, 76), (44, 44, 48), (96, 88, 76), (120, 120, 122), (70, 60, 50), (178, 166, 140))


def person(rng: np.random.Generator, x: float, z: float) -> Thing:
    """Someone standing or walking at (x, z)."""
    height = rng.uniform(1.5, 1.92) if rng.random() < 0.88 else rng.uniform(0.95, 1.35)
    look = np.random.default_rng(int(rng.integers(2**62)))

    def paint(canvas: Canvas, camera: Camera, light: Light) -> None:
        _Figure(canvas, camera, light, look, x, z, height).draw()
        canvas.grain(look, "blotch", 0.07, 1.2)

    return Thing(PERSON, x, z, 0.32, 0.3, height, paint, behind=z)


class _Figure:
    """One person's strokes; lengths are shares of the height, y up from the ground."""

    def __init__(
        self, canvas: Canvas, camera: Camera, light: Light, rng: np.random.Generator, x: float, z: float, height: float
    ) -> None:
        self.canvas, self.rng = canvas, rng
        self.column, self.row, scale = camera.foot(x, z)
        self.size = scale * height
        self.bright = light.ambient * 0.92 + light.direct * 0.5 * (1.0 - 0.6 * float(light.sun[2]))
        self.way = -1.0 if rng.random() < 0.5 else 1.0

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.column + x * self.way * self.size, self.row - y * self.size

    def limb(self, a: tuple[float, float], b: tuple[float, float], wide: float, thin: float, colour: Rgb) -> None:
        # A limb thinner than a pixel would vanish from the picture but not from the mask.
        self.canvas.limb(
            self.at(*a), self.at(*b), max(1.0, wide * self.size), max(1.0, thin * self.size), tone(colour, self.bright)
        )

    def draw(self) -> None:
        """Far arm, legs or skirt, torso, bag, near arm, head."""
        rng = self.rng
        skin, hair = vary(rng, pick(rng, SKINS), 10), vary(rng, pick(rng, HAIRS), 10)
        shirt, legs = vary(rng, pick(rng, CLOTHES), 20), vary(rng, pick(rng, TROUSERS), 16)
        shoes = vary(rng, pick(rng, HAIRS), 14)
        side = rng.random() < 0.55
        stride = rng.uniform(0.04, 0.17) if side else rng.uniform(0.03, 0.06)
        stout = rng.uniform(0.9, 1.25)
        shoulder = (0.085 if side else 0.125) * stout
        lean = rng.uniform(0.0, 0.03) if side else 0.0
        coat = rng.random() < 0.3
        skirt = not coat and rng.random() < 0.2
        bare = rng.random() < 0.25

        self.arm(-shoulder, -stride, tone(shirt, 0.8), skin, bare)
        for sign, dim in ((-1, 0.78), (1, 1.0)):
            knee = (sign * stride * 0.55 + 0.01, 0.27)
            foot = (sign * stride, 0.03 if sign > 0 else 0.045)
            calf = skin if skirt else legs
            self.limb((sign * 0.028 * stout, 0.50), knee, 0.098 * stout, 0.072, tone(calf, dim))
            self.limb(knee, foot, 0.07, 0.05, tone(calf, dim))
            toe = foot[0] + (0.055 if side else 0.01)
            self.limb((foot[0] - 0.01, 0.018), (toe, 0.018), 0.04, 0.036, tone(shoes, dim))
        if skirt:
            self.limb((lean, 0.54), (0, 0.34), 0.15 * stout, 0.24 * stout, legs)
        self.limb((lean, 0.80), (0, 0.50), 2 * shoulder, 1.6 * shoulder + 0.02, shirt)
        if coat:
            self.limb((lean, 0.60), (0, 0.30), 1.9 * shoulder, 2.3 * shoulder, tone(shirt, 0.93))
        if rng.random() < 0.3:
            bag = vary(rng, pick(rng, CLOTHES), 20)
            self.limb((-shoulder * 0.9, 0.76), (-shoulder * 0.9, 0.60), 0.11, 0.12, bag)
        self.arm(shoulder * (0.2 if side else 1.0), stride, shirt, skin, bare)
        self.limb((lean, 0.84), (lean, 0.88), 0.05, 0.05, skin)
        self.head(lean, skin, hair)

    def arm(self, x: float, swing: float, sleeve: Rgb, skin: Rgb, bare: bool) -> None:
        elbow = (x + swing * 0.35, 0.62)
        self.limb((x, 0.785), elbow, 0.062, 0.052, sleeve)
        self.limb(elbow, (x + swing * 0.9 + 0.02, 0.49), 0.05, 0.04, skin if bare else sleeve)

    def head(self, lean: float, skin: Rgb, hair: Rgb) -> None:
        x, y = self.at(lean + 0.005, 0.925)
        radius = max(1.0, 0.052 * self.size)
        self.canvas.disc(x, y, radius, tone(skin, self.bright), tall=1.3)
        roll = self.rng.random()
        top = vary(self.rng, pick(self.rng, CLOTHES), 20) if roll < 0.25 else hair
        cap = np.linspace(np.pi * 0.98, np.pi * 2.02, 8)
        if roll > 0.7:  # from behind, or long hair
            cap = np.linspace(np.pi * 0.75, np.pi * 2.25, 10)
        arc = np.stack([x + radius * 1.1 * np.cos(cap), y + radius * 1.38 * np.sin(cap)], axis=1)
        self.canvas.polygon(arc, tone(top, self.bright))
