"""Shadows on the ground: where a thing touches it, and where the sun casts it."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.classes import BUILDING, VEGETATION
from gmmbench.data.street.light import Light
from gmmbench.data.street.texture import window
from gmmbench.data.street.thing import Thing

_ANGLES = np.linspace(0, 2 * np.pi, 17)[:-1]


def draw_shadows(
    canvas: Canvas, camera: Camera, light: Light, things: Iterable[Thing], rng: np.random.Generator
) -> None:
    """Darken the ground under and beside the things. Call it after the ground, before any thing is drawn."""
    first = camera.ground()[0]
    cast = np.zeros(canvas.shape, np.uint8)
    dapple = np.zeros(canvas.shape, np.uint8)
    touch = np.zeros(canvas.shape, np.uint8)
    for thing in things:
        if not thing.solid:
            continue
        base = _footprint(thing)
        if thing.label != BUILDING:
            _fill(touch, camera, _grown(base, thing, 1.12))
        if light.direct > 0.1:
            away = light.cast * min(thing.height, 16.0)
            if thing.label == VEGETATION and thing.height > 3.5:
                # A crown's shadow lies off its foot, with light between the leaves.
                crown = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1) * thing.height * 0.3
                _fill(dapple, camera, crown + np.array([thing.x, thing.z]) + away * 0.65)
            _fill(cast, camera, np.concatenate([base, base + away]))
    leaves = window(rng, "blotch", *canvas.shape, scale=1.6) > -0.2
    dark = np.maximum(cast, np.where(leaves, dapple, 0).astype(np.uint8))
    size = max(3, canvas.shape[1] // 100) | 1
    soft = cv2.blur(dark, (size, size)).astype(np.float32) * min(0.62, 0.85 * light.direct)
    ground = cv2.blur(touch, (size * 2 + 1, size | 1)).astype(np.float32) * 0.55
    left = (1 - soft[first:]) * (1 - ground[first:])
    canvas.image[first:] = cv2.multiply(canvas.image[first:], cv2.merge([left] * 3), dtype=cv2.CV_8U)


def _footprint(thing: Thing) -> np.ndarray:
    """(N, 2) x and z of the corners of the ground it stands on; rounded for small things."""
    half = np.array([thing.half_width, thing.half_length])
    if min(half) < 0.6:
        ring = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
    else:
        ring = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    return np.asarray(np.array([thing.x, thing.z]) + ring * half)


def _grown(base: np.ndarray, thing: Thing, factor: float) -> np.ndarray:
    middle = np.array([thing.x, thing.z])
    return np.asarray(middle + (base - middle) * factor)


def _fill(mask: np.ndarray, camera: Camera, ground: np.ndarray) -> None:
    """Set the hull of these (N, 2) ground points."""
    points = np.stack([ground[:, 0], np.zeros(len(ground)), ground[:, 1]], axis=1)
    seen = np.clip(camera.project(points), -20000, 20000).astype(np.float32)
    left, top, width, height = cv2.boundingRect(seen)
    if left >= mask.shape[1] or left + width <= 0 or top >= mask.shape[0] or top + height <= 0:
        return
    hull = cv2.convexHull(seen)
    cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), (1,), shift=4)
