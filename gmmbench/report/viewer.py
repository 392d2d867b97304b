"""Shots for the image viewer: every stored image and its maps as small files of one size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from gmmbench.report.blocks import Layer, Shot
from gmmbench.report.choose import Choice
from gmmbench.report.paint import Painted, Scale, paint_classes, paint_heat, paint_labels
from gmmbench.report.per_image import PerImage
from gmmbench.report.stored import Stored, map_key
from gmmbench.report.text import percent
from gmmbench.results.folder import picture_name

_QUALITY = 80  # of WebP; at 480 pixels wide a photograph takes some 25 kB


def shots(
    images: Stored,
    rows: Sequence[Choice],
    scales: Mapping[Choice, Scale],
    values: Mapping[Choice, PerImage | None],
    stem: str,
    folder: Path,
) -> tuple[Shot, ...]:
    """Write all layers as ``folder``/view_STEM_IMAGE_LAYER.webp and name them.

    Args:
        rows: one map each; every model's prediction stands beside its first map.
        values: of each row, for the note below a shot.
    """
    found = []
    for number, (name, _) in enumerate(images.names):
        painted = _painted(images, rows, scales, number)
        layers = []
        for layer, (title, picture, lossless) in enumerate(painted):
            file = f"view_{stem}_{number:02d}_{layer}.webp"
            _write(folder / file, picture, lossless=lossless)
            layers.append(Layer(title, file))
        found.append(Shot(name, tuple(layers), _note(name, rows, values)))
    return tuple(found)


def _painted(
    images: Stored, rows: Sequence[Choice], scales: Mapping[Choice, Scale], number: int
) -> list[tuple[str, Painted, bool]]:
    """(title, picture, whether it is of few colours) of each layer of an image."""
    first = rows[0]
    layers: list[tuple[str, Painted, bool]] = [
        ("image", images.of(first, "image")[number].astype(np.uint8), False),
        ("ground truth", paint_labels(images.of(first, "labels")[number]), True),
    ]
    told = set()
    for row in rows:
        if row.model.label not in told and images.has(row, "prediction"):
            told.add(row.model.label)
            classes = images.of(row, "prediction")[number]
            layers.append((f"prediction of {row.model.label}", paint_classes(classes), True))
    layers += [(row.label, paint_heat(images.of(row, map_key(row))[number], scales[row]), False) for row in rows]
    return layers


def _note(name: str, rows: Sequence[Choice], values: Mapping[Choice, PerImage | None]) -> str:
    """The AP that each map has on this image alone; empty where that is not known."""
    said = []
    for row in rows:
        images = values[row]
        mine = [] if images is None else [at for at, raw in enumerate(images.names) if picture_name(raw) == name]
        if images is not None and len(mine) == 1:  # else two names look alike without their strange letters
            said.append(f"{row.label} {percent(float(images.values['AP'][mine[0]]), 1)}")
    return f"AP on this image, %: {'; '.join(said)}." if said else ""


def _write(path: Path, picture: Painted, *, lossless: bool) -> None:
    """Labels are kept as they are: lossy coding would blur their borders, and takes more bytes."""
    Image.fromarray(picture).save(path, "WEBP", lossless=lossless, quality=_QUALITY, method=4)
