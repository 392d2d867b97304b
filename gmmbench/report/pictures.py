"""The qualitative page: images, ground truth and heat maps side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gmmbench.report.choose import Choice
from gmmbench.report.paint import Painted, Scale, paint_classes, paint_heat, paint_labels
from gmmbench.report.stored import Stored, map_key
from gmmbench.report.text import figure_text

_CELL_WIDTH = 2.3  # inches

Column = tuple[str, list[Painted]]


def side_by_side(images: Stored, rows: Sequence[Choice], scales: Mapping[Choice, Scale]) -> Figure:
    """A row an image: itself, its ground truth, a map of each of ``rows``, and what the first row's model predicts."""
    first = rows[0]
    columns: list[Column] = [
        ("image", [image.astype(np.uint8) for image in images.of(first, "image")]),
        ("ground truth", [paint_labels(labels) for labels in images.of(first, "labels")]),
    ]
    for row in rows:
        maps = [paint_heat(scores, scales[row]) for scores in images.of(row, map_key(row))]
        columns.append((f"{figure_text(row.score, 24)}\nof {figure_text(row.model.label, 22)}", maps))
    if images.has(first, "prediction"):
        maps = [paint_classes(classes) for classes in images.of(first, "prediction")]
        columns.append((f"predicted class\nof {figure_text(first.model.label, 22)}", maps))
    return _page(columns, [name for name, _ in images.names])


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
