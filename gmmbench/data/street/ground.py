"""The ground: for every pixel below the horizon, the point of the street it shows and what lies there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.classes import MARKING, ROAD, SIDEWALK, VEGETATION
from gmmbench.data.street.light import Light
from gmmbench.data.street.markings import markings
from gmmbench.data.street.plan import Plan
from gmmbench.data.street.texture import look_up, pick, vary
from gmmbench.data.street.wear import wear

KERB = 0.18  # metres: width of the kerb stone
STONES = ((178, 172, 164), (150, 148, 146), (188, 168, 140), (164, 136, 124), (140, 144, 152))
GRASSES = ((86, 122, 52), (112, 132, 62), (70, 108, 56), (136, 132, 74))


@dataclass(frozen=True)
class Ground:
    """The ground's pixels: the point they show and what it is.

    Attributes:
        first: the first row of the picture that shows ground.
        x: (rows, width) and z: (rows, 1), metres in road coordinates.
        labels: (rows, width) uint8 classes.
        fine: (rows, 1), 1 near the camera, falling to 0 where details become smaller than a pixel.
    """

    first: int
    x: NDArray[np.float32]
    z: NDArray[np.float32]
    labels: NDArray[np.uint8]
    fine: NDArray[np.float32]


def survey(camera: Camera, plan: Plan) -> Ground:
    """Label the ground without its markings."""
    first, x, z = camera.ground()
    aside = np.abs(x)
    crossing = np.zeros(z.shape, bool)
    if plan.side_street is not None:
        crossing = (z > plan.side_street[0]) & (z < plan.side_street[1])
    road = (aside < plan.kerb) | crossing
    walk = ((aside >= plan.walk_from) & (aside < plan.walk_to)) | (aside < plan.kerb + KERB)
    if plan.paved:
        walk |= (aside >= plan.walk_to) & (aside < plan.building_line + 1)
    if plan.side_street is not None:
        # The side street has sidewalks of its own, between the corners of the buildings.
        start, end = plan.side_street
        walk |= (aside > plan.walk_to) & (((z > start - 1.6) & (z < start)) | ((z > end) & (z < end + 1.6)))
    labels = np.where(road, ROAD, np.where(walk, SIDEWALK, VEGETATION)).astype(np.uint8)
    fine = np.clip(camera.focal / (28.0 * z), 0, 1)
    return Ground(first, x, z, labels, fine)


def draw_ground(canvas: Canvas, camera: Camera, plan: Plan, light: Light, rng: np.random.Generator) -> None:
    """Fill the backdrop below the horizon: surfaces, their wear, markings, lamp light."""
    ground = survey(camera, plan)
    x, z, fine = ground.x, ground.z, ground.fine
    shift = rng.uniform(0, 256, 2)
    blotch = look_up("blotch", x * 9 + shift[0], z * 9 + shift[1])
    grain = look_up("grain", x * 40 + shift[1], z * 40 + shift[0]) * fine

    colours = np.zeros((*x.shape, 3), np.float32)
    asphalt = rng.uniform(62, 132)
    colours[:] = vary(rng, (asphalt, asphalt * rng.uniform(0.96, 1.01), asphalt * rng.uniform(0.92, 1.06)), 3)
    rough = 1.0 + rng.uniform(0.03, 0.07) * blotch + rng.uniform(0.06, 0.16) * grain

    walk = ground.labels == SIDEWALK
    colours[walk] = vary(rng, pick(rng, STONES), 22)
    slab = rng.uniform(0.5, 1.2)
    joint = (x - slab * np.floor(x / slab) < 0.06) | (np.mod(z, slab * rng.uniform(0.6, 1.5)) < 0.07)
    rough = np.where(walk & joint, rough * (1 - 0.28 * fine), rough)
    edge = walk & (np.abs(x) < plan.kerb + KERB)
    colours[edge] = vary(rng, (172, 170, 166), 24)
    gutter = (np.abs(np.abs(x) - plan.kerb + 0.12) < 0.12) & (ground.labels == ROAD)
    rough = np.where(gutter, rough * rng.uniform(0.72, 0.95), rough)

    grass = ground.labels == VEGETATION
    colours[grass] = vary(rng, pick(rng, GRASSES), 16)
    tuft = 1.0 + 0.16 * blotch + 0.30 * look_up("grain", x * 26, z * 26) * fine
    rough = np.where(grass, tuft, rough)

    colours *= np.clip(rough, 0.35, 1.6)[..., None]
    labels = ground.labels.copy()
    on_road = labels == ROAD
    wear(colours, on_road, ground.x, ground.z, plan, light, rng)
    for where, colour, strength in markings(x, z, camera, plan, rng):
        painted = where & on_road
        worn = np.clip(strength + 0.16 * blotch[painted] + 0.10 * grain[painted], 0.25, 0.97)[..., None]
        colours[painted] += (np.array(colour, np.float32) - colours[painted]) * worn
        labels[painted] = MARKING

    colours *= light.ambient + light.direct * max(0.0, float(light.sun[1]))
    if light.night > 0:
        colours *= _lamp_light(x, z, plan, light, rng)[..., None]
    canvas.image[ground.first :] = np.clip(colours, 0, 255).astype(np.uint8)
    canvas.backdrop[ground.first :] = labels
    canvas.depth[ground.first :] = z


def _lamp_light(
    x: NDArray[np.float32], z: NDArray[np.float32], plan: Plan, light: Light, rng: np.random.Generator
) -> NDArray[np.float32]:
    """How much brighter lamps and our own headlights make the ground, (rows, width), at least 1."""
    gain = 0.9 * np.exp(-((z - 9) ** 2) / 90 - ((x - plan.lane / 2) ** 2) / 12)
    start, gap = rng.uniform(5, 14), rng.uniform(12, 22)
    for number in range(4):
        lamp_x = (plan.kerb - 0.5) * (1 if number % 2 else -1)
        gain += rng.uniform(0.4, 1.1) * np.exp(-((x - lamp_x) ** 2 + (z - start - number * gap) ** 2) / 22)
    return np.asarray(1.0 + light.night * gain, np.float32)
