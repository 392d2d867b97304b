"""Road markings: lines, dashes, zebra crossings, stop lines, arrows, parking bays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.plan import Plan
from gmmbench.data.street.texture import Rgb, vary

Grid = NDArray[np.float32]
Mark = tuple[NDArray[np.bool_], Rgb, float]

WHITE: Rgb = (226, 226, 220)
YELLOW: Rgb = (222, 178, 62)


def markings(x: Grid, z: Grid, camera: Camera, plan: Plan, rng: np.random.Generator) -> Iterator[Mark]:
    """Yield where each kind of marking lies, (rows, width) bool, its colour and how fresh it is, 0 to 1.

    ``x`` is (rows, width), ``z`` (rows, 1).
    """
    # Lines thinner than half a pixel are not painted: the label would be a lottery.
    shown = z < camera.focal * 0.12 / 0.5
    fresh = float(rng.uniform(0.55, 0.95))
    white = vary(rng, WHITE, 16)
    yellow = vary(rng, YELLOW, 16)
    broad = rng.uniform(0.12, 0.2)
    clear = shown & ~_between(z, plan.side_street) if plan.side_street is not None else shown
    if plan.zebra is not None:
        clear = clear & ~((z > plan.zebra - 1.6) & (z < plan.zebra + 3.3))

    centre = yellow if rng.random() < 0.25 else white
    style = rng.random()
    if style < 0.55:
        yield clear & (np.abs(x) < broad / 2) & _dashes(z, rng), centre, fresh
    elif style < 0.75:
        yield clear & (np.abs(x) < broad / 2), centre, fresh
    elif style < 0.90:
        yield clear & (np.abs(np.abs(x) - 0.16) < broad / 2), centre, fresh
    for number in range(1, plan.lanes):
        yield clear & (np.abs(np.abs(x) - number * plan.lane) < broad / 2) & _dashes(z, rng), white, fresh
    if rng.random() < 0.5:
        edge = plan.lane * plan.lanes - (0.25 if plan.parking == 0 else 0.0)
        yield clear & (np.abs(np.abs(x) - edge) < broad / 2), white, fresh
    if plan.parking > 0 and rng.random() < 0.6:
        bay = (np.abs(x) > plan.lane * plan.lanes) & (np.mod(z, 5.6) < 0.14)
        yield clear & bay, white, fresh * 0.9
    if plan.zebra is not None:
        yield from _zebra(x, z, plan, white, fresh, rng)
    if rng.random() < 0.3:
        yield clear & _arrow(x - plan.lane / 2, z - rng.uniform(6, 16), rng), white, fresh


def _between(z: Grid, span: tuple[float, float]) -> NDArray[np.bool_]:
    return (z > span[0] - 0.3) & (z < span[1] + 0.3)


def _dashes(z: Grid, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Where a dashed line is painted."""
    period = rng.uniform(4.0, 9.0)
    return np.asarray(np.mod(z + rng.uniform(0, 9), period) < period * rng.uniform(0.35, 0.6))


def _zebra(
    x: Grid, z: Grid, plan: Plan, white: Rgb, fresh: float, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.bool_], Rgb, float]]:
    """A crossing 3 m deep, and often a stop line before it."""
    assert plan.zebra is not None
    bar = rng.uniform(0.45, 0.6)
    depth = (z > plan.zebra) & (z < plan.zebra + 3.0)
    yield depth & (np.mod(x, 2 * bar) < bar) & (np.abs(x) < plan.kerb - 0.3), white, fresh
    if rng.random() < 0.6:
        stop = (z > plan.zebra - 1.5) & (z < plan.zebra - 1.1) & (x > 0.15) & (x < plan.kerb - 0.3)
        yield stop, white, fresh


def _arrow(x: Grid, z: Grid, rng: np.random.Generator) -> NDArray[np.bool_]:
    """An arrow ahead whose tail is at the origin, 4 m long; at times it turns off."""
    turn = float(rng.choice([-1.0, 0.0, 1.0]))
    shaft = (np.abs(x) < 0.10) & (z > 0) & (z < 2.9)
    if turn == 0.0:
        return shaft | ((z >= 2.6) & (z < 4.0) & (np.abs(x) < (4.0 - z) * 0.32))
    elbow = (z > 2.6) & (z < 3.0) & (x * turn > -0.1) & (x * turn < 0.5)
    head = (x * turn >= 0.4) & (x * turn < 1.1) & (np.abs(z - 2.8) < (1.1 - x * turn) * 1.3)
    return np.asarray(shaft | elbow | head)
