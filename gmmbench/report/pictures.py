"""The qualitative page: images, ground truth and heat maps side by side, from saved pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gmmbench.labels import IGNORE, OOD
from gmmbench.report.choose import for_heat_maps
from gmmbench.report.runs import OOD_TASK, Run
from gmmbench.report.text import figure_text, one_line

MOST_IMAGES = 6
PERCENTILES = (1, 99)
_HEAT = "inferno"
_IN_COLOUR, _OOD_COLOUR, _IGNORE_COLOUR = (38, 42, 54), (255, 176, 0), (150, 150, 150)
_CELL_WIDTH = 2.3  # inches

Arrays = dict[str, NDArray[Any]]
Column = tuple[str, list[NDArray[np.uint8]]]


@dataclass(frozen=True)
class Gallery:
    """A drawn page, or none, with what its caption has to say."""

    figure: Figure | None
    heat: list[str]
    prediction: str | None
    notes: list[str]


def gallery(runs: Sequence[Run], dataset: str, ood: pd.DataFrame) -> Gallery:
    """Up to ``MOST_IMAGES`` images of ``dataset`` with the heat maps that ``for_heat_maps`` chooses."""
    shown = [(str(row["run"]), str(row["score"]), str(row["family"])) for _, row in for_heat_maps(ood).iterrows()]
    by_label = {run.label: run for run in runs}
    stored = {label: _stored(by_label[label], dataset) for label in dict.fromkeys(run for run, _, _ in shown)}
    complete, notes = _complete(stored, shown)
    if not complete:
        return Gallery(None, [], None, notes)
    images = complete[:MOST_IMAGES]
    if len(complete) > len(images):
        notes.append(f"{len(images)} of {len(complete)} stored images are shown.")

    first = shown[0][0]
    columns: list[Column] = [
        ("image", [stored[first][name]["image"].astype(np.uint8) for name in images]),
        ("ground truth", [_paint_labels(stored[first][name]["labels"]) for name in images]),
    ]
    heat = []
    for run, score, family in shown:
        maps = [_paint_heat(stored[run][name][f"score/{score}"]) for name in images]
        columns.append((f"{figure_text(score, 24)}\nof {figure_text(run, 22)}", maps))
        heat.append(f"{score} of {run}{_meaning(by_label[run], dataset, score, family)}")
    predicted = all("prediction" in stored[first][name] for name in images)
    if predicted:
        maps = [_paint_classes(stored[first][name]["prediction"]) for name in images]
        columns.append((f"predicted class\nof {figure_text(first, 22)}", maps))
    return Gallery(_page(columns, [name for name, _ in images]), heat, first if predicted else None, notes)


def _meaning(run: Run, dataset: str, score: str, family: str) -> str:
    """What a map shows, in brackets: the recorded formula, or what a density score is."""
    rows = [row for row in run.of(OOD_TASK, dataset) if row.score == score]
    formula = (rows[0].provenance.get("scores") or {}).get(score)
    if formula:
        return f" ({one_line(formula)})"
    return " (anomaly score = -log density)" if family == "density" else ""


def _stored(run: Run, dataset: str) -> dict[tuple[str, int], Arrays]:
    """Pictures by (image name, which of that name): names lose letters when they become file names."""
    found: dict[tuple[str, int], Arrays] = {}
    for name, arrays in run.folder.pictures(dataset):
        number = sum(1 for other, _ in found if other == name)
        found[name, number] = arrays
    return found


def _complete(
    stored: dict[str, dict[tuple[str, int], Arrays]], shown: Sequence[tuple[str, str, str]]
) -> tuple[list[tuple[str, int]], list[str]]:
    """The images that every run shown has, with the maps wanted, and a note on each that is left out."""
    names = list(dict.fromkeys(name for pictures in stored.values() for name in pictures))
    complete, notes = [], []
    for name in names:
        lacking = [f"no picture of {run}" for run, pictures in stored.items() if name not in pictures]
        lacking += [
            f"no map of {score} of {run}"
            for run, score, _ in shown
            if name in stored[run] and f"score/{score}" not in stored[run][name]
        ]
        if lacking:
            notes.append(f"Image {name[0]} is left out: {', '.join(lacking)}.")
        else:
            complete.append(name)
    if not names:
        notes.append("No pictures were stored.")
    return complete, notes


def _paint_labels(labels: NDArray[Any]) -> NDArray[np.uint8]:
    painted = np.full((*labels.shape, 3), _IN_COLOUR, dtype=np.uint8)
    painted[labels == OOD] = _OOD_COLOUR
    painted[labels == IGNORE] = _IGNORE_COLOUR
    return painted


def _paint_heat(scores: NDArray[Any]) -> NDArray[np.uint8]:
    """Dark = low, bright = high, from this map's 1st to its 99th percentile; NaN is grey."""
    values = scores.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, PERCENTILES) if finite.size else (0.0, 1.0)
    # inf - inf would warn: pin the infinities to the ends first.
    pinned = np.clip(values, low, high)
    scaled = (pinned - low) / (high - low) if high > low else np.where(np.isnan(values), np.nan, 0.5)
    painted = mpl.colormaps[_HEAT](np.nan_to_num(scaled), bytes=True)[..., :3].astype(np.uint8)
    painted[np.isnan(values)] = _IGNORE_COLOUR
    return painted


def _paint_classes(classes: NDArray[Any]) -> NDArray[np.uint8]:
    """A fixed colour for each class number; they repeat after 20."""
    palette = np.round(255 * np.array(mpl.colormaps["tab20"].colors)).astype(np.uint8)  # type: ignore[attr-defined]
    painted = palette[classes.astype(np.intp) % len(palette)]
    painted[classes == IGNORE] = _IGNORE_COLOUR
    return painted


def _page(columns: Sequence[Column], names: Sequence[str]) -> Figure:
    """A grid of pictures, cells of one width, each row as high as its image asks."""
    ratios = [min(2.0, image.shape[0] / image.shape[1]) for image in columns[0][1]]
    head, gap = 0.42, 0.06  # inches: the column titles, and the white between the cells
    side = 0.22  # inches: the image names
    width = side + len(columns) * (_CELL_WIDTH + gap)
    height = head + sum(_CELL_WIDTH * ratio + gap for ratio in ratios)
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    top = height - head
    for row, (name, ratio) in enumerate(zip(names, ratios, strict=True)):
        tall = _CELL_WIDTH * ratio
        for column, (title, images) in enumerate(columns):
            left = side + column * (_CELL_WIDTH + gap)
            axes = figure.add_axes((left / width, (top - tall) / height, _CELL_WIDTH / width, tall / height))
            axes.imshow(images[row], aspect="auto", interpolation="antialiased")
            axes.set_axis_off()
            if row == 0:
                middle, above = (left + _CELL_WIDTH / 2) / width, (height - head / 2) / height
                figure.text(middle, above, title, ha="center", va="center", fontsize=9)
        label = figure_text(name, max(6, int(tall / 0.075)))
        figure.text(
            side / 2 / width, (top - tall / 2) / height, label, rotation=90, ha="center", va="center", fontsize=7
        )
        top -= tall + gap
    return figure
