"""What lies on and in the road without being an object: so that not all that is odd on it is an anomaly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmbench.data.street.light import Light
from gmmbench.data.street.plan import Plan
from gmmbench.data.street.texture import look_up

Grid = NDArray[np.float32]


def wear(
    colours: Grid, on_road: NDArray[np.bool_], x: Grid, z: Grid, plan: Plan, light: Light, rng: np.random.Generator
) -> None:
    """Patches, cracks, manholes, stains, tyre tracks, leaves and puddles, into ``colours`` (rows, width, 3).

    ``x`` and ``on_road`` are (rows, width), ``z`` (rows, 1).
    """
    tone = np.ones(x.shape, np.float32)
    tone *= 1.0 - rng.uniform(0.0, 0.13) * _tracks(x, plan)
    for _ in range(int(rng.integers(0, 5))):
        tone *= _patch(x, z, plan, rng)
    for _ in range(int(rng.integers(0, 4))):
        tone *= _crack(x, z, plan, rng)
    for _ in range(int(rng.integers(0, 4))):
        tone *= _manhole(x, z, plan, rng)
    for _ in range(int(rng.integers(0, 3))):
        tone *= _stain(x, z, plan, rng)
    colours *= np.where(on_road, tone, 1.0)[..., None]
    if rng.random() < 0.3:
        _leaves(colours, x, z, plan, rng)
    if light.wet > 0:
        _puddles(colours, on_road, x, z, light, rng)


def _tracks(x: Grid, plan: Plan) -> Grid:
    """1 where wheels run, 0 between."""
    within = np.mod(np.abs(x), plan.lane) - plan.lane / 2
    return np.exp(-((np.abs(within) - 0.75) ** 2) / 0.06)


def _place(plan: Plan, rng: np.random.Generator, far: float = 28.0) -> tuple[float, float]:
    """A point of the road, more often near than far."""
    return float(rng.uniform(-plan.kerb, plan.kerb)), float(4.0 + (far - 4.0) * rng.random() ** 1.6)


def _patch(x: Grid, z: Grid, plan: Plan, rng: np.random.Generator) -> Grid:
    """A repair: a rectangle of other asphalt with a dark seam."""
    at_x, at_z = _place(plan, rng)
    inside = np.maximum(np.abs(x - at_x) / rng.uniform(0.3, 1.7), np.abs(z - at_z) / rng.uniform(0.5, 4.0))
    inside = inside + 0.03 * look_up("blotch", x * 30, z * 30)
    return np.where(inside < 0.93, rng.uniform(0.62, 1.28), np.where(inside < 1.0, 0.62, 1.0))


def _crack(x: Grid, z: Grid, plan: Plan, rng: np.random.Generator) -> Grid:
    """A wandering dark line along or across the road."""
    at_x, at_z = _place(plan, rng)
    length, lane = rng.uniform(1.5, 7), rng.uniform(0, 256)
    if rng.random() < 0.6:
        wander = 0.35 * look_up("blotch", np.full_like(z, lane), z * 12)
        line = (np.abs(x - at_x - wander) < 0.035) & (np.abs(z - at_z) < length)
    else:
        wander = 0.30 * look_up("blotch", x * 12, np.full_like(z, lane))
        line = (np.abs(z - at_z - wander) < 0.07) & (np.abs(x - at_x) < length)
    return np.where(line, rng.uniform(0.4, 0.65), 1.0)


def _manhole(x: Grid, z: Grid, plan: Plan, rng: np.random.Generator) -> Grid:
    """A round cover or a square drain, with a rim and a pattern."""
    at_x, at_z = _place(plan, rng, 20.0)
    radius = rng.uniform(0.30, 0.48)
    if rng.random() < 0.35:
        at_x = float(np.sign(at_x)) * (plan.kerb - 0.35)
        away = np.maximum(np.abs(x - at_x), np.abs(z - at_z)) / (radius * 0.8)
    else:
        away = np.hypot(x - at_x, z - at_z) / radius
    pattern = np.where(np.mod(z * 9, 1.0) < 0.4, 0.52, rng.uniform(0.66, 1.1))
    return np.where(away < 0.84, pattern, np.where(away < 1.0, 0.42, 1.0))


def _stain(x: Grid, z: Grid, plan: Plan, rng: np.random.Generator) -> Grid:
    """Oil or damp: a soft dark blot."""
    at_x, at_z = _place(plan, rng)
    ragged = np.hypot((x - at_x) / rng.uniform(0.2, 0.9), (z - at_z) / rng.uniform(0.4, 2.2))
    ragged = ragged + 0.25 * look_up("blotch", x * 20, z * 20)
    return np.asarray(1.0 - rng.uniform(0.15, 0.5) * np.clip(1.4 - ragged, 0, 1), np.float32)


def _leaves(colours: Grid, x: Grid, z: Grid, plan: Plan, rng: np.random.Generator) -> None:
    """Fallen leaves and litter, most of them in the gutter."""
    dense = 2.5 - 1.1 * np.exp(-((np.abs(x) - plan.kerb) ** 2) / 0.8) + z / 22
    fallen = look_up("grain", x * 13 + rng.uniform(0, 256), z * 13) > dense
    colours[fallen] = np.array([rng.uniform(120, 190), rng.uniform(84, 130), rng.uniform(30, 60)])


def _puddles(
    colours: Grid, on_road: NDArray[np.bool_], x: Grid, z: Grid, light: Light, rng: np.random.Generator
) -> None:
    """A wet road is darker and shines like the sky towards the horizon; puddles do so everywhere."""
    shine = np.array(light.skyline) / max(light.ambient, 0.3)
    if light.night > 0.5:
        shine = shine * 0.8
    colours *= 1.0 - 0.30 * light.wet
    share = light.wet * np.clip(0.05 + 0.012 * z, 0, 0.38) * on_road
    depth = look_up("cloud", x * 7 + rng.uniform(0, 256), z * 5 + rng.uniform(0, 256))
    pool = (depth > rng.uniform(1.5, 2.3)) & on_road
    share = np.where(pool, 0.35 + 0.2 * light.wet, share)
    colours += (shine - colours) * share[..., None]
