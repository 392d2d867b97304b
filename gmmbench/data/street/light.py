"""Light and weather of one image: drawn once, then read by everything that is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmbench.data.street.texture import Rgb, blend, vary

WEATHERS = ("clear", "cloudy", "overcast", "dusk", "night", "fog", "rain")
_SHARES = (0.26, 0.20, 0.15, 0.12, 0.08, 0.09, 0.10)


@dataclass(frozen=True)
class Light:
    """Where the light comes from and what lies in the air.

    Attributes:
        sun: (3,) unit vector towards the sun, road coordinates.
        direct: strength of the sun; ambient: of the sky; a lit white wall shows their sum.
        tint: the factor of each channel for everything but the sky.
        zenith, skyline: colours of the sky above and at the horizon.
        cover: share of the sky under cloud, 0 to 1; cloud: its colour.
        night: 0 by day, 1 at night: lamps and lit windows.
        fog: extinction per metre; rain, wet: 0 to 1.
    """

    sun: NDArray[np.float64]
    direct: float
    ambient: float
    tint: Rgb
    zenith: Rgb
    skyline: Rgb
    cover: float
    cloud: Rgb
    night: float
    fog: float
    rain: float
    wet: float

    def shade(self, normal: NDArray[np.float64]) -> float:
        """The brightness of a matt face with this unit normal; the sky above counts a little more."""
        sky = self.ambient * (0.82 + 0.18 * float(normal[1]))
        return sky + self.direct * max(0.0, float(normal @ self.sun))

    @property
    def cast(self) -> NDArray[np.float64]:
        """(2,) how far, in x and z, the shadow of a point one metre up falls from its foot."""
        return np.asarray(-self.sun[[0, 2]] / max(float(self.sun[1]), 0.25))


def draw_light(rng: np.random.Generator) -> Light:
    """A time of day and a weather."""
    weather = WEATHERS[int(rng.choice(len(WEATHERS), p=_SHARES))]
    low = weather in ("dusk", "night")
    elevation = np.deg2rad(rng.uniform(12, 28) if low else rng.uniform(28, 68))
    azimuth = rng.uniform(0, 2 * np.pi)
    sun = np.array(
        [np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)], np.float64
    )
    direct = {"clear": 0.62, "cloudy": 0.38, "dusk": 0.40}.get(weather, 0.06) * rng.uniform(0.8, 1.15)
    grey = rng.uniform(150, 215)
    blue = blend((70, 126, 205), (120, 170, 225), rng.random())
    zenith, skyline, tint = _sky_colours(rng, weather, blue, grey)
    return Light(
        sun=sun,
        direct=direct,
        ambient=min(0.95, 1.06 - 0.8 * direct),
        tint=tint,
        zenith=vary(rng, zenith, 8),
        skyline=vary(rng, skyline, 8),
        cover={"clear": 0.18, "cloudy": 0.55, "dusk": 0.4, "night": 0.3}.get(weather, 0.8) * rng.uniform(0.5, 1.3),
        cloud=blend(skyline, (250, 246, 240), 0.0 if weather in ("overcast", "fog", "rain", "night") else 0.8),
        night={"night": 1.0, "dusk": float(rng.uniform(0.15, 0.5))}.get(weather, 0.0),
        fog=rng.uniform(0.014, 0.045) if weather == "fog" else rng.uniform(0.0, 0.009),
        rain=rng.uniform(0.35, 1.0) if weather == "rain" else 0.0,
        wet=rng.uniform(0.5, 1.0) if weather == "rain" else float(rng.random() < 0.12) * rng.uniform(0.2, 0.6),
    )


def _sky_colours(rng: np.random.Generator, weather: str, blue: Rgb, grey: float) -> tuple[Rgb, Rgb, Rgb]:
    """Zenith, skyline and tint of a weather."""
    warm = rng.uniform(0.95, 1.05)
    if weather == "night":
        level = rng.uniform(0.30, 0.44)
        return (12, 16, 36), (44, 46, 66), (level * 0.92, level, level * 1.2)
    if weather == "dusk":
        level = rng.uniform(0.62, 0.84)
        glow = blend((246, 170, 104), (226, 140, 150), rng.random())
        return blend((72, 86, 140), (120, 96, 140), rng.random()), glow, (level * 1.12, level * 0.95, level * 0.86)
    if weather in ("overcast", "fog", "rain"):
        level = rng.uniform(0.72, 0.95)
        return (grey * 0.86, grey * 0.9, grey * 0.95), (grey, grey * 1.01, grey * 1.02), (level, level, level * 1.03)
    level = rng.uniform(0.9, 1.08)
    return blue, blend(blue, (226, 236, 244), rng.uniform(0.5, 0.85)), (level * warm, level, level / warm)
