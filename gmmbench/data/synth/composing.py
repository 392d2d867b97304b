"""One synthetic image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.data.synth.backgrounds import Backgrounds
from gmmbench.data.synth.blending import BLENDS
from gmmbench.data.synth.cutouts import Cutout
from gmmbench.data.synth.known import known_objects
from gmmbench.data.synth.matching import blur_to_match, blurred, match_colours
from gmmbench.data.synth.perspective import View, view
from gmmbench.data.synth.placing import Place, Size, find_place, ground_rows
from gmmbench.data.synth.recipe import ANOMALY, EMPTY, Recipe
from gmmbench.data.synth.sprite import Sprite, soften
from gmmbench.labels import IGNORE, IN, OOD

_CHOICES = 6  # objects that are tried for one place
_PICTURES = 10  # pictures that are searched for a known object
_BETWEEN = 5  # pixels kept free around an object, less half


@dataclass(frozen=True)
class Composite:
    """An image, its labels, and how it came about.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        labels: (H, W) uint8 of ``IN``, ``OOD`` and ``IGNORE``.
        kind: of the recipe's.
        background: its name.
        objects: what was pasted, each with place and size.
        missing: why nothing was pasted although the kind wants it; empty where all is well.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    kind: str
    background: str
    objects: tuple[dict[str, Any], ...]
    missing: str = ""


def compose(number: int, recipe: Recipe, backgrounds: Backgrounds, cutouts: Sequence[Cutout]) -> Composite:
    """Image ``number`` of the set: of equal arguments the same, whatever else is made, and by whom.

    Backgrounds are taken in an order that the seed decides, each once before any a second time. The closed set's
    void stays IGNORE, except where an object covers it: there it is known what shows.

    Raises:
        InputError: a background that cannot be read.
    """
    order = np.random.default_rng([recipe.seed, 1]).permutation(len(backgrounds.names))
    index = int(order[number % len(order)])
    rng = np.random.default_rng([recipe.seed, 2, number])
    picture, kind = backgrounds.read(index), recipe.kind(number)
    image, labels = picture.image.copy(), np.full(picture.image.shape[:2], IN, np.uint8)
    if picture.labels is not None:
        labels[picture.labels == IGNORE] = IGNORE
    if kind == EMPTY:
        return Composite(image, labels, kind, picture.name, ())
    sight = view(picture, backgrounds.ground, recipe.horizon)
    if not len(ground_rows(sight)):
        return Composite(image, labels, kind, picture.name, (), "no ground below the horizon")
    if kind == ANOMALY:
        propose = _strangers(cutouts, sight, recipe, rng)
    else:
        propose = _acquaintances(index, backgrounds, sight, recipe, rng)
    objects, taken = [], np.zeros(labels.shape, bool)
    for _ in range(int(rng.integers(1, recipe.most + 1))):
        found = _first_fit(propose, sight, taken, recipe, rng)
        if found is not None:
            place, source = found
            objects.append(_paste(image, labels, taken, place, OOD if kind == ANOMALY else IN, recipe) | source)
    missing = "" if objects else f"no place for an object ({kind})"
    return Composite(image, labels, kind, picture.name, tuple(objects), missing)


Proposal = tuple[Cutout, Size, dict[str, Any]]


def _strangers(
    cutouts: Sequence[Cutout], sight: View, recipe: Recipe, rng: np.random.Generator
) -> Callable[[], Iterator[Proposal]]:
    """Cut-outs at random, each with a length in metres."""

    def propose() -> Iterator[Proposal]:
        for _ in range(_CHOICES):
            cutout = cutouts[int(rng.integers(len(cutouts)))]
            short, long = recipe.metres
            drawn = math.exp(rng.uniform(math.log(short), math.log(long)))
            metres = cutout.metres or drawn
            longer = max(cutout.alpha.shape)

            def size(row: int, metres: float = metres, longer: int = longer) -> float:
                return sight.pixels(metres, row, recipe.camera) / longer

            yield cutout, size, {"cutout": cutout.name, "metres": round(metres, 3)}

    return propose


def _acquaintances(
    index: int, backgrounds: Backgrounds, sight: View, recipe: Recipe, rng: np.random.Generator
) -> Callable[[], Iterator[Proposal]]:
    """Objects of known classes from other pictures; they keep their size in the world."""

    def propose() -> Iterator[Proposal]:
        for _ in range(_PICTURES):
            step = int(rng.integers(1, max(2, len(backgrounds.names))))
            other = backgrounds.read((index + step) % len(backgrounds.names))
            there = view(other, backgrounds.ground, recipe.horizon)
            objects = known_objects(other, there, backgrounds.things, recipe.smallest)
            if not objects:
                continue
            chosen = objects[int(rng.integers(len(objects)))]

            def size(row: int, below: float = chosen.below) -> float:
                return (row - sight.horizon) / below

            said = {"cut_from": other.name, "class": backgrounds.classes[chosen.category], "foot_there": chosen.foot}
            yield chosen.cutout, size, said

    return propose


def _first_fit(
    propose: Callable[[], Iterator[Proposal]],
    sight: View,
    taken: NDArray[np.bool_],
    recipe: Recipe,
    rng: np.random.Generator,
) -> tuple[Place, dict[str, Any]] | None:
    for cutout, size, source in propose():
        place = find_place(cutout, size, sight, taken, recipe, rng)
        if place is not None:
            return place, source
    return None


def _paste(
    image: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    taken: NDArray[np.bool_],
    place: Place,
    label: int,
    recipe: Recipe,
) -> dict[str, Any]:
    """Write one object into image, labels and ``taken``; the record of it."""
    drawn, sigma = adapted(image, place, recipe)
    outer, inner = place.windows(labels.shape)
    alpha = drawn.alpha[inner]
    image[outer] = BLENDS[recipe.blend](image[outer], drawn.colours[inner], alpha)
    mask = alpha >= 0.5
    labels[outer][mask] = label
    taken[outer] |= cv2.dilate(mask.astype(np.uint8), np.ones((_BETWEEN, _BETWEEN), np.uint8)) > 0
    rows, columns = np.nonzero(mask)
    top, left = outer[0].start, outer[1].start
    box = [left + int(columns.min()), top + int(rows.min()), left + int(columns.max()), top + int(rows.max())]
    return {
        "label": label,
        "box": box,
        "pixels": int(mask.sum()),
        "scale": round(place.scale, 6),
        "flipped": place.flipped,
        "blur": sigma,
    }


def adapted(image: NDArray[np.uint8], place: Place, recipe: Recipe) -> tuple[Sprite, float]:
    """The sprite in the colours and the sharpness of its place, and the blur's sigma in pixels.

    The place is the sprite's surrounding: its box, half as large again, without the object.
    """
    height, width = place.sprite.alpha.shape
    top, left = max(0, place.top - height // 4), max(0, place.left - width // 4)
    bottom, right = place.top + height + height // 4, place.left + width + width // 4
    around = image[top:bottom, left:right].astype(np.float32)
    beside = np.ones(around.shape[:2], bool)
    outer, inner = place.windows(image.shape)
    here = slice(outer[0].start - top, outer[0].stop - top), slice(outer[1].start - left, outer[1].stop - left)
    beside[here] &= place.sprite.alpha[inner] == 0
    mask = place.sprite.mask
    colours = match_colours(place.sprite.colours, mask, around, beside, recipe.colour)
    sigma = recipe.blur * blur_to_match(colours, mask, around, beside)
    softer = soften(place.sprite.alpha, sigma)
    if (softer >= 0.5).sum() < recipe.smallest:
        softer = place.sprite.alpha
    return Sprite(blurred(colours, sigma), softer), sigma
