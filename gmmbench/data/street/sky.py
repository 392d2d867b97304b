"""The sky: a gradient, clouds that lie in a plane, the sun or the stars."""

from __future__ import annotations

import numpy as np

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.classes import SKY
from gmmbench.data.street.light import Light
from gmmbench.data.street.texture import look_up


def draw_sky(canvas: Canvas, camera: Camera, light: Light, rng: np.random.Generator) -> None:
    """Fill the backdrop down to the ground's first row with sky."""
    bottom = camera.ground()[0]
    rows = np.arange(bottom, dtype=np.float64)[:, None]
    columns = np.arange(camera.width, dtype=np.float64)[None, :]
    low = np.clip(rows / bottom, 0, 1) ** 1.4
    sky = np.array(light.zenith) + (np.array(light.skyline) - np.array(light.zenith)) * low[..., None]
    sky = np.broadcast_to(sky, (bottom, camera.width, 3)).copy()

    # The clouds' plane: as far over the horizon as the ground is under it, so they shrink with distance.
    reach = camera.height * 0.5 / (bottom - rows + camera.height * 0.045)
    size = rng.uniform(16, 34)
    across = (columns - camera.centre) / camera.width * reach * size + rng.uniform(0, 256)
    along = np.broadcast_to(reach * size * 1.6, across.shape) + rng.uniform(0, 256)
    cloud = look_up("cloud", across, along) + 0.25 * look_up("blotch", across * 3, along * 3)
    cover = np.clip((cloud - (1.1 - 2.2 * light.cover)) / 0.9, 0, 1)[..., None]
    belly = np.clip(1.0 - 0.22 * (cloud - 0.2), 0.72, 1.05)[..., None]
    sky += (np.array(light.cloud) * belly - sky) * cover * rng.uniform(0.65, 0.95)

    if light.night > 0.9:
        stars = rng.random((bottom, camera.width)) < 0.0012
        sky[stars & (cover[..., 0] < 0.3)] = rng.uniform(120, 230)
    elif light.sun[2] > 0.2 and light.direct > 0.15:
        x = camera.centre + camera.focal * light.sun[0] / light.sun[2]
        y = camera.horizon - camera.focal * light.sun[1] / light.sun[2]
        away = np.sqrt((columns - x) ** 2 + (rows - y) ** 2) / camera.width
        sky += np.array([255, 240, 200]) * (0.55 * np.exp(-away / 0.10) + 1.2 * (away < 0.022))[..., None]
    canvas.image[:bottom] = np.clip(sky, 0, 255).astype(np.uint8)
    canvas.backdrop[:bottom] = SKY
