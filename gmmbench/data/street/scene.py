"""A scene: a plan, things on it that do not run into each other, and its picture and labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmbench.data.street.camera import Camera, set_up
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.ground import draw_ground
from gmmbench.data.street.light import Light, draw_light
from gmmbench.data.street.placing import anomalies, buildings, traffic
from gmmbench.data.street.plan import draw_plan
from gmmbench.data.street.shadows import draw_shadows
from gmmbench.data.street.sky import draw_sky
from gmmbench.data.street.thing import Thing
from gmmbench.data.street.weather import photograph
from gmmbench.errors import InputError

SMALLEST = (48, 64)
"""Height and width in pixels below which a street is no longer one."""

_FINER = 2  # the scene is drawn this many times larger, then averaged down


def render(seed: int, size: tuple[int, int], anomaly: bool) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw one street scene.

    Args:
        seed: at least 0; the same seed and size give the same picture.
        size: height and width in pixels, at least 48 and 64.
        anomaly: whether one to three anomalies stand in it; at least one pixel of one shows.

    Returns:
        The image, (H, W, 3) uint8 RGB, and its labels, (H, W) uint8: positions in ``CLASSES``,
        ``IGNORE`` on lamp posts and signs, ``OOD_LABEL`` on anomalies and only on them.

    Raises:
        InputError: the seed is negative or the size too small.
    """
    check(seed, size)
    # One generator a concern, so that with or without an anomaly street, light and noise are the same.
    laying, lighting, surface, filling, placing, taking = (
        np.random.default_rng(part) for part in np.random.SeedSequence(seed).spawn(6)
    )
    plan, light = draw_plan(laying), draw_light(lighting)
    camera = set_up(laying, size[0] * _FINER, size[1] * _FINER, plan.lane)
    odd = anomalies(placing, plan, camera) if anomaly else []
    things = [*buildings(filling, plan, light), *traffic(filling, plan, camera, odd)]
    canvas = Canvas(camera.height, camera.width)
    draw_sky(canvas, camera, light, surface)
    draw_ground(canvas, camera, plan, light, surface)
    draw_shadows(canvas, camera, light, things, surface)
    _draw(canvas, camera, light, things)
    return photograph(canvas, camera, light, size, taking), _majority(canvas.labels())


def check(seed: int, size: tuple[int, int]) -> None:
    """Refuse, with InputError, a seed or a size (height, width) of which no scene can be made."""
    if seed < 0:
        raise InputError(f"street: seed {seed} is negative; give 0 or more")
    if size[0] < SMALLEST[0] or size[1] < SMALLEST[1]:
        least = f"{SMALLEST[0]} x {SMALLEST[1]}"
        raise InputError(f"street: size {size[0]} x {size[1]} is too small; give at least {least} (height x width)")


def _draw(canvas: Canvas, camera: Camera, light: Light, things: list[Thing]) -> None:
    for thing in sorted(things, key=lambda one: -one.behind):
        canvas.begin(thing.label, thing.z)
        thing.paint(canvas, camera, light)


def _majority(fine: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(2H, 2W) labels to (H, W): the value that most of the four pixels have; of two pairs, one of them."""
    a, b, c, d = fine[::2, ::2], fine[::2, 1::2], fine[1::2, ::2], fine[1::2, 1::2]
    return np.where((b == c) | (b == d), b, np.where(c == d, c, a))
