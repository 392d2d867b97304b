"""From the drawn scene to a photograph: light, lamps, fog, rain, lens and sensor."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.classes import SKY
from gmmbench.data.street.light import Light

Picture = NDArray[np.float32]


def photograph(
    canvas: Canvas, camera: Camera, light: Light, size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The (height, width, 3) uint8 picture of ``size`` that a camera takes of the scene."""
    picture = canvas.image.astype(np.float32)
    sky = ((canvas.owner == 0) & (canvas.backdrop == SKY))[..., None]
    depth = canvas.depths()[..., None]
    gain = np.array(light.tint, np.float32)
    if light.night > 0:  # our own headlights
        gain = gain * (1.0 + 0.8 * light.night * np.exp(-depth / 12.0)).astype(np.float32)
    picture *= np.where(sky, np.float32(1.0), gain)
    if light.night > 0 or light.rain > 0 or canvas.glow.any():
        picture += _lamps(canvas, light)
    # Not even fog hides the sky's own gradient: it is far, but it is what the fog is lit by.
    clear = np.where(sky, np.float32(1.0), np.exp(-light.fog * depth)).astype(np.float32)
    picture += (np.array(light.skyline, np.float32) - picture) * (1.0 - clear)
    height, width = size
    small = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    if light.rain > 0:
        small = small + _rain(size, light, rng)[..., None]
    return _sensor(small, light, rng)


def _lamps(canvas: Canvas, light: Light) -> Picture:
    """The lamps themselves, their halo, and their streaks on a wet road."""
    height, width = canvas.shape
    bright = canvas.glow.astype(np.float32) * (0.55 + 0.3 * light.night)
    if light.night == 0 and light.rain == 0:
        return bright
    small = cv2.resize(canvas.glow, (width // 4, height // 4), interpolation=cv2.INTER_AREA).astype(np.float32)
    halo = cv2.GaussianBlur(small, (0, 0), max(1.0, width / 110))
    if light.wet > 0:
        streak = cv2.blur(small, (3, max(3, height // 10)))
        down = np.roll(streak, height // 28, axis=0)
        halo = halo + down * light.wet * 0.8
    halo = cv2.resize(halo, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(bright + halo * 0.55 * max(light.night, 0.4), np.float32)


def _rain(size: tuple[int, int], light: Light, rng: np.random.Generator) -> Picture:
    """Bright slanted streaks, (height, width)."""
    height, width = size
    streaks = np.zeros(size, np.float32)
    slant = rng.uniform(-0.35, 0.35)
    for _ in range(int(light.rain * width * 0.7)):
        x, y = rng.uniform(-10, width + 10), rng.uniform(-10, height)
        length = rng.uniform(0.03, 0.10) * height
        start = (int(x * 16), int(y * 16))
        end = (int((x + slant * length) * 16), int((y + length) * 16))
        cv2.line(streaks, start, end, (float(rng.uniform(8, 34)),), 1, cv2.LINE_8, 4)
    return np.asarray(cv2.GaussianBlur(streaks, (0, 0), 0.5), np.float32)


def _sensor(picture: Picture, light: Light, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur, vignette, exposure, white balance, contrast and noise, as each camera has its own."""
    height, width = picture.shape[:2]
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), width / 160 * rng.uniform(0.30, 0.62)), np.float32)
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    picture *= (1.0 - rng.uniform(0.0, 0.16) * (rows**2 + columns**2) / 2)[..., None].astype(np.float32)
    exposure, contrast = rng.uniform(0.9, 1.1), rng.uniform(0.88, 1.14)
    balance = rng.uniform(0.95, 1.05, 3) * exposure
    picture = (picture * balance.astype(np.float32) - 118.0) * np.float32(contrast) + 118.0
    noise = rng.uniform(1.2, 4.5) + 3.0 * light.night
    picture = picture + rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(noise)
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)
