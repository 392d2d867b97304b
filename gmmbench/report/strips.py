"""Strips of dots: each image's own number, so that spread and outliers are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gmmbench.metrics import READINGS
from gmmbench.report.figures import COLOURS, GREY, MARKS, new_figure, percent_axis
from gmmbench.report.per_image import METRICS, PerImage
from gmmbench.report.text import figure_text, percent

_BINS = 60
_HALF = 0.36  # of a strip's height
_STEP = 0.09  # between two dots of one bin


@dataclass(frozen=True)
class Strip:
    """A score of a model and what it does on each image."""

    model: str
    score: str
    images: PerImage


def strips(drawn: Sequence[Strip]) -> Figure:
    """One panel for AP and one for FPR95, a row a strip, the median as a bar and in figures at the right."""
    figure = new_figure(9.2, 0.75 + 0.55 * len(drawn))
    panels = figure.subplots(1, len(METRICS), sharey=True, squeeze=False)[0]
    for axes, metric in zip(panels, METRICS, strict=True):
        arrow = "right" if READINGS[metric].higher_is_better else "left"
        axes.set_title(f"{metric} of each image, % (better: {arrow})")
        for place, (strip, colour, mark) in enumerate(zip(drawn, cycle(COLOURS), cycle(MARKS), strict=False)):
            _draw(axes, place, strip.images.values[metric], colour, mark)
        axes.set(xlim=(-0.02, 1.02), ylim=(len(drawn) - 0.5, -0.5))
        percent_axis(axes, x=True)
        axes.grid(axis="x", color="#E4E4E4", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.text(1.01, -0.5, "median", transform=axes.get_yaxis_transform(), ha="left", va="bottom", fontsize=8)
    names = [f"{figure_text(strip.score, 26)}\nof {figure_text(strip.model, 26)}" for strip in drawn]
    panels[0].set_yticks(range(len(drawn)), labels=names, fontsize=8)
    return figure


def _draw(axes: Axes, place: int, values: NDArray[np.float64], colour: str, mark: str) -> None:
    """One strip."""
    defined = np.sort(values[~np.isnan(values)])
    if not defined.size:
        axes.text(0.5, place, "no image has both IN and OOD pixels", ha="center", va="center", color=GREY, fontsize=8)
        return
    size = 22 if defined.size <= 40 else 12 if defined.size <= 150 else 6
    axes.scatter(defined, place + _offsets(defined), s=size, marker=mark, color=colour, alpha=0.75, linewidths=0)
    median = float(np.median(defined))
    axes.plot([median, median], [place - _HALF, place + _HALF], color="black", linewidth=1.8, solid_capstyle="butt")
    axes.text(1.01, place, percent(median, 1), transform=axes.get_yaxis_transform(), ha="left", va="center", fontsize=8)


def _offsets(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each of the ascending ``values`` moves off the middle, so that dots of one bin lie side by side."""
    bins = np.minimum((values * _BINS).astype(int), _BINS - 1)
    crowd = np.bincount(bins, minlength=_BINS)
    rank = np.arange(len(values)) - np.concatenate([[0], np.cumsum(crowd)[:-1]])[bins]
    # 0, +1, -1, +2, -2 ... steps from the middle
    steps = np.where(rank % 2, (rank + 1) // 2, -(rank // 2))
    widest = max(1, int(crowd.max()) // 2)
    return np.asarray(steps * min(_STEP, _HALF / widest), dtype=np.float64)
