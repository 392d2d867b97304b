"""Facades: flat pictures of walls with storeys, windows, shops, doors and balconies."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.data.street.texture import Rgb, blend, pick, tone, vary, window

WALLS: tuple[Rgb, ...] = (
    (168, 92, 72),
    (140, 76, 62),
    (206, 190, 160),
    (226, 214, 190),
    (190, 160, 120),
    (150, 150, 152),
    (110, 116, 124),
    (176, 186, 190),
    (216, 170, 110),
    (196, 140, 126),
    (136, 160, 166),
    (226, 222, 214),
    (98, 84, 78),
)
ROOFS: tuple[Rgb, ...] = ((128, 62, 48), (86, 80, 82), (110, 92, 84), (150, 84, 60), (62, 70, 82))
AWNINGS: tuple[Rgb, ...] = ((160, 40, 40), (40, 100, 70), (40, 70, 130), (210, 160, 60), (120, 60, 100), (60, 60, 64))


@dataclass(frozen=True)
class Style:
    """What the walls of one building share; lengths in metres."""

    height: float
    storey: float
    wall: Rgb
    trim: Rgb
    glass: Rgb
    roof: float
    roof_colour: Rgb
    chimney: bool
    pitch: float
    window_width: float
    window_height: float
    shop: bool
    brick: bool
    balcony: bool
    bands: bool


def draw_style(rng: np.random.Generator) -> Style:
    """A building's style."""
    storeys = int(rng.integers(2, 8))
    storey = rng.uniform(2.8, 3.5)
    wall = vary(rng, pick(rng, WALLS), 20)
    office = rng.random() < 0.2
    pitched = storeys <= 4 and rng.random() < 0.6
    return Style(
        height=storeys * storey + rng.uniform(0.3, 1.0),
        storey=storey,
        wall=wall,
        trim=tone(wall, rng.uniform(0.6, 0.85)) if rng.random() < 0.4 else vary(rng, (216, 212, 204), 20),
        glass=vary(rng, pick(rng, ((56, 66, 80), (84, 104, 122), (40, 42, 46), (120, 144, 160))), 14),
        roof=rng.uniform(1.6, 3.6) if pitched else 0.0,
        roof_colour=vary(rng, pick(rng, ROOFS), 14),
        chimney=bool(rng.random() < 0.5),
        pitch=rng.uniform(1.6, 3.0),
        window_width=rng.uniform(0.78, 0.95) if office else rng.uniform(0.38, 0.62),
        window_height=rng.uniform(0.6, 0.8) if office else rng.uniform(0.42, 0.62),
        shop=bool(rng.random() < 0.45),
        brick=bool(rng.random() < 0.5),
        balcony=bool(not office and rng.random() < 0.25),
        bands=bool(rng.random() < 0.4),
    )


def facade(
    rng: np.random.Generator, style: Style, length: float, density: float, lit: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A wall ``length`` metres long at ``density`` texels per metre: colours and glow, (h, w, 3) uint8.

    ``lit`` is the share of the windows with a light on.
    """
    rows, columns = max(4, int(style.height * density)), max(4, int(length * density))
    picture = np.empty((rows, columns, 3), np.uint8)
    picture[:] = np.array(style.wall).astype(np.uint8)
    glow = np.zeros_like(picture)
    storey = style.storey * density
    if style.brick and density > 6:
        picture[:: max(2, int(density * 0.22))] = np.array(tone(style.wall, 0.84)).astype(np.uint8)
    if style.bands:
        for floor in range(1, int(style.height / style.storey) + 1):
            level, half = rows - floor * storey, 0.1 * density
            _fill(picture, 0, level - half, columns, level + half, style.trim)
    _fill(picture, 0, 0, columns, 0.3 * density, style.trim)
    count = max(1, int(length / style.pitch))
    pitch = columns / count
    for floor in range(int(style.height / style.storey)):
        base = rows - floor * storey
        if floor == 0 and style.shop:
            _shop(rng, picture, glow, style, density, lit)
            continue
        for number in range(count):
            middle = (number + 0.5) * pitch
            if floor == 0 and rng.random() < 0.2:
                door = vary(rng, pick(rng, AWNINGS), 20)
                _fill(picture, middle - 0.5 * density, base - 2.1 * density, middle + 0.5 * density, base, door)
            else:
                _window(rng, picture, glow, style, middle, base - 0.3 * storey, pitch, storey, lit)
            if style.balcony and floor > 0 and number % 2 == 0:
                half, rail = 0.42 * pitch, tone(style.trim, 0.7)
                _fill(picture, middle - half, base - 0.36 * storey, middle + half, base - 0.04 * storey, rail)
    dirt = window(rng, "blotch", rows, columns)
    down = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    weathered = 1 + np.float32(0.07) * dirt - np.float32(0.14) * down**3
    dirty = cv2.multiply(picture, cv2.merge([weathered] * 3), dtype=cv2.CV_8U)
    return np.asarray(dirty, np.uint8), glow


def _fill(picture: NDArray[np.uint8], left: float, top: float, right: float, bottom: float, colour: Rgb) -> None:
    cv2.rectangle(picture, (round(left), round(top)), (round(right) - 1, round(bottom) - 1), colour, cv2.FILLED)


def _window(
    rng: np.random.Generator,
    picture: NDArray[np.uint8],
    glow: NDArray[np.uint8],
    style: Style,
    middle: float,
    sill: float,
    pitch: float,
    storey: float,
    lit: float,
) -> None:
    """One window: frame, glass, mullion, now and then a curtain, a shutter or a light."""
    half, tall = pitch * style.window_width / 2, storey * style.window_height
    left, right, top = middle - half, middle + half, sill - tall
    frame = max(1.0, 0.035 * storey)
    _fill(picture, left - frame, top - frame, right + frame, sill + frame, style.trim)
    roll = rng.random()
    glass = tone(style.glass, float(rng.uniform(0.7, 1.35)))
    if roll < 0.15:
        glass = blend(glass, (222, 214, 200), 0.6)
    _fill(picture, left, top, right, sill, glass)
    if roll > 0.75:
        _fill(picture, left, top, right, top + tall * rng.uniform(0.2, 0.7), tone(style.trim, 0.9))
    if half > 2.5:
        _fill(picture, middle - 0.4, top, middle + 0.6, sill, style.trim)
    if rng.random() < lit:
        warm = (rng.uniform(150, 235), rng.uniform(120, 180), rng.uniform(60, 130))
        _fill(glow, left, top, right, sill, warm)


def _shop(
    rng: np.random.Generator,
    picture: NDArray[np.uint8],
    glow: NDArray[np.uint8],
    style: Style,
    density: float,
    lit: float,
) -> None:
    """A row of shop fronts along the ground floor: wide panes, fascias, awnings."""
    rows, columns = picture.shape[:2]
    top = rows - style.storey * density
    left = 0.0
    while left < columns:
        right = left + density * rng.uniform(3.5, 7.0)
        front = vary(rng, pick(rng, AWNINGS), 24)
        _fill(picture, left, top, right, rows, tone(front, 0.8))
        edge = 0.25 * density
        pane = blend(style.glass, vary(rng, (150, 140, 130), 50), rng.uniform(0.0, 0.6))
        _fill(picture, left + edge, top + 0.9 * density, right - edge, rows - 0.4 * density, pane)
        if rng.random() < lit + 0.2 * (lit > 0):
            _fill(glow, left + edge, top + 0.9 * density, right - edge, rows - 0.4 * density, (210, 180, 130))
        if rng.random() < 0.4:
            stripe = max(1.0, 0.4 * density)
            for number, start in enumerate(np.arange(left, right, stripe)):
                colour = front if number % 2 else (226.0, 220.0, 210.0)
                _fill(picture, start, top + 0.5 * density, min(start + stripe, right), top + 1.1 * density, colour)
        left = right
