"""Who stands where: buildings in rows, cars in lanes, people on sidewalks, anomalies on the road."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gmmbench.data.street.anomalies import KINDS, anomaly
from gmmbench.data.street.buildings import building
from gmmbench.data.street.camera import Camera
from gmmbench.data.street.cars import car
from gmmbench.data.street.furniture import lamp_post, sign, skyline
from gmmbench.data.street.light import Light
from gmmbench.data.street.people import person
from gmmbench.data.street.plan import Plan
from gmmbench.data.street.texture import pick
from gmmbench.data.street.thing import Thing
from gmmbench.data.street.trees import SHAPES, bush, tree

_END = 70.0  # metres: no building begins beyond


def buildings(rng: np.random.Generator, plan: Plan, light: Light) -> list[Thing]:
    """Both rows of buildings, with gaps, gardens in some of them, and the skyline."""
    things = [skyline(rng, "houses" if rng.random() < 0.5 else "woods")]
    for side in (-1, 1):
        park = rng.random() < 0.16
        start = rng.uniform(-8.0, 0.0)
        while start < _END:
            end = start + rng.uniform(7.0, 19.0)
            if plan.side_street is not None and start < plan.side_street[1] + 1.5 and end > plan.side_street[0] - 1.5:
                end = plan.side_street[0] - 1.5
                if end - start < 4.0:
                    start = plan.side_street[1] + 1.5
                    continue
            if end < 2.0:
                start = end
                continue
            line = plan.building_line + (rng.uniform(0.0, 1.2) if plan.yard > 0.5 else 0.0)
            if park or rng.random() < 0.1:
                things += _garden(rng, side, line, start, end)
            else:
                things.append(building(rng, side, line, start, end, light))
            start = end + (rng.uniform(1.5, 7.0) if rng.random() < 0.3 else 0.0)
    return things


def _garden(rng: np.random.Generator, side: int, line: float, start: float, end: float) -> Iterator[Thing]:
    """Trees and bushes where a building could be."""
    for z in np.arange(max(start, 4.0), min(end, 55.0), rng.uniform(3.5, 6.5)):
        x = side * (line + rng.uniform(1.0, 6.0))
        yield tree(rng, x, float(z), pick(rng, SHAPES), autumn=False)
        yield bush(rng, side * (line + rng.uniform(0.6, 1.5)), float(z) + 1.0, rng.uniform(1.2, 3.0))


def anomalies(rng: np.random.Generator, plan: Plan, camera: Camera) -> list[Thing]:
    """One to three anomalies of different kinds, most on the road, none hiding another."""
    placed: list[Thing] = []
    names = [str(name) for name in rng.permutation(list(KINDS))]
    for name in names[: int(rng.choice([1, 2, 3], p=[0.5, 0.33, 0.17]))]:
        for _ in range(12):
            thing = anomaly(rng, name, *_spot(rng, plan, camera, KINDS[name].extent))
            if not any(thing.overlaps(one) or thing.hides(one, camera) or one.hides(thing, camera) for one in placed):
                placed.append(thing)
                break
    return placed


def _spot(rng: np.random.Generator, plan: Plan, camera: Camera, extent: float) -> tuple[float, float]:
    """x and z where something ``extent`` metres large takes a tenth to a quarter of the picture's width."""
    # The nearest ground in the picture, and a little more: what stands there is seen down to its foot.
    nearest = max(4.0, camera.focal * camera.eye / (0.95 * camera.height - camera.horizon))
    share = rng.uniform(0.10, 0.26)
    z = float(np.clip(camera.focal * extent / (share * camera.width), nearest, max(24.0, nearest)))
    # The stretch of ground at that distance between 8 and 92 hundredths of the picture's width.
    middle, _, scale = camera.foot(0.0, z)
    left, right = (0.08 * camera.width - middle) / scale, (0.92 * camera.width - middle) / scale
    if rng.random() < 0.15:
        x = float(rng.choice([-1.0, 1.0])) * (plan.walk_from + 0.5)
    else:
        x = float(rng.uniform(0.5 - plan.kerb, plan.kerb - 0.5))
    if left < x < right:
        return x, z
    # The road leaves the picture there: take what is left of it and its sidewalks, never a spot in a building.
    left, right = max(left, 0.5 - plan.walk_to), min(right, plan.walk_to - 0.5)
    return float(rng.uniform(left, right) if left < right else np.clip(0.0, right, left)), z


def traffic(rng: np.random.Generator, plan: Plan, camera: Camera, odd: list[Thing]) -> list[Thing]:
    """The anomalies ``odd``, and all that moves or stands in the street without running into or hiding them."""
    placed = list(odd)
    for thing in _candidates(rng, plan):
        if any(thing.overlaps(other) for other in placed):
            continue
        if any(thing.hides(other, camera) for other in odd):
            continue
        placed.append(thing)
    return placed


def _candidates(rng: np.random.Generator, plan: Plan) -> Iterator[Thing]:
    """Everything that would like to be in the street, the more important first."""
    busy = rng.uniform(0.0, 1.0)
    for number in range(plan.lanes):
        for direction in (1, -1):
            z = rng.uniform(7.0, 22.0) if direction > 0 else rng.uniform(6.0, 26.0)
            while z < 55 and rng.random() < 0.35 + 0.5 * busy:
                x = direction * (number + 0.5) * plan.lane + rng.normal(0, 0.15)
                yield car(rng, x, z, (0.0 if direction > 0 else np.pi) + rng.normal(0, 0.04), parked=False)
                z += rng.uniform(7.0, 26.0)
    if plan.side_street is not None and rng.random() < 0.6:
        z = sum(plan.side_street) / 2 + rng.uniform(-1.5, 1.5)
        yield car(rng, rng.uniform(-12, 12), z, float(rng.choice([-1, 1])) * np.pi / 2, parked=False)
    yield from _parked(rng, plan)
    yield from _people(rng, plan)
    yield from _green(rng, plan)
    yield from _posts(rng, plan)


def _parked(rng: np.random.Generator, plan: Plan) -> Iterator[Thing]:
    if plan.parking == 0:
        return
    for side in (-1, 1):
        density = rng.uniform(0.1, 0.9)
        for z in np.arange(rng.uniform(6.6, 11.0), 50.0, 5.7):
            if rng.random() < density and not plan.in_side_street(float(z), 3.5):
                x = side * (plan.kerb - plan.parking / 2 + rng.normal(0, 0.07))
                yaw = (0.0 if (side > 0) == (rng.random() < 0.9) else np.pi) + rng.normal(0, 0.03)
                yield car(rng, x, float(z) + rng.normal(0, 0.2), yaw, parked=True)


def _people(rng: np.random.Generator, plan: Plan) -> Iterator[Thing]:
    for _ in range(int(rng.integers(2, 11))):
        z = 4.5 + 24 * rng.random() ** 1.5
        x = rng.choice([-1.0, 1.0]) * rng.uniform(plan.walk_from + 0.4, plan.walk_to - 0.2)
        if not plan.in_side_street(z):
            yield person(rng, float(x), z)
    crossing = plan.zebra is not None and rng.random() < 0.7
    for _ in range(int(rng.integers(1, 4)) if crossing else int(rng.random() < 0.3)):
        z = plan.zebra + rng.uniform(0.4, 2.6) if crossing and plan.zebra is not None else rng.uniform(6, 26)
        yield person(rng, float(rng.uniform(-plan.kerb, plan.kerb)), z)


def _green(rng: np.random.Generator, plan: Plan) -> Iterator[Thing]:
    """A row of street trees of one kind on some sides, bushes in the yards."""
    shape, autumn = pick(rng, SHAPES), bool(rng.random() < 0.2)
    for side in (-1, 1):
        if rng.random() < 0.55:
            x = side * (plan.kerb + (plan.strip / 2 if plan.strip > 0 else 0.7))
            for z in np.arange(rng.uniform(5, 13), 52, rng.uniform(6, 12)):
                if not plan.in_side_street(float(z), 1.0) and rng.random() < 0.85:
                    kind = shape if rng.random() < 0.85 else pick(rng, SHAPES)
                    yield tree(rng, x + rng.normal(0, 0.1), float(z), kind, autumn=autumn)
        if plan.yard > 1.2 and rng.random() < 0.7:
            for z in np.arange(rng.uniform(4, 8), 40, rng.uniform(1.6, 5)):
                if not plan.in_side_street(float(z), 2.5):
                    yield bush(rng, side * (plan.building_line - 0.5), float(z), rng.uniform(0.8, 1.8))


def _posts(rng: np.random.Generator, plan: Plan) -> Iterator[Thing]:
    for side in (-1, 1):
        if rng.random() < 0.6:
            for z in np.arange(rng.uniform(6, 16), 50, rng.uniform(13, 22)):
                if not plan.in_side_street(float(z)):
                    yield lamp_post(rng, side * (plan.kerb + 0.45), float(z))
        if rng.random() < 0.5:
            yield sign(rng, side * (plan.kerb + 0.5), float(rng.uniform(6, 26)))
