"""Is the density calibrated: do as many test pixels lie below a quantile of the training pixels as should?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.metrics import ScoreCounts
from gmmbench.report.figures import COLOURS, GREY, MARKS, PALE, legend, new_figure, percent_axis
from gmmbench.report.inspected import of_another_model
from gmmbench.report.models import Model
from gmmbench.report.saved import score_counts
from gmmbench.report.text import figure_text
from gmmbench.results.mixture import MIXTURE, REMEDY, load_about

DENSITY = "gmm_lse"
"""The score that is -log p(x), with p the mixture of all classes: what the training quantiles are of."""

FLAGGED = 0.05
"""The quantile of which the words speak."""

_LEAST = 1e-4  # of the logarithmic panel's axes
_MOST = 0.5


@dataclass(frozen=True)
class Calibration:
    """Of a model on an OOD set.

    Attributes:
        model: its label.
        levels: (Q,) ascending: shares of the training pixels.
        normal, odd: (Q,) shares of the IN and of the OOD pixels whose log p(x) is at most that quantile of the
            training pixels; NaN where there are none.
        closed: (Q,) the same of the labelled pixels of the closed test set, where 'gmmbench inspect' looked at one.
    """

    model: str
    levels: NDArray[np.float64]
    normal: NDArray[np.float64]
    odd: NDArray[np.float64]
    closed: NDArray[np.float64] | None = None

    @property
    def flagged(self) -> int:
        """Place of the level next to ``FLAGGED``."""
        return int(np.abs(self.levels - FLAGGED).argmin())


def calibration_of(model: Model, dataset: str) -> Calibration | None:
    """Of the first seed whose mixtures were inspected; ``None`` where none was, or it has no such score.

    Raises:
        InputError: what is kept is damaged.
    """
    if DENSITY not in model.scores.get(dataset, {}):
        return None
    for run in model.runs:
        mixture = run.folder.mixture()
        if mixture is None or of_another_model(run, load_about(run.folder.path)):
            continue
        try:
            levels, quantiles = mixture["density_levels"], mixture["density_quantiles"]
        except KeyError as error:
            raise InputError(f"{run.folder.path / MIXTURE} holds no {error}; {REMEDY}") from error
        normal, odd = _below(score_counts(run, dataset, DENSITY), quantiles)
        return Calibration(model.label, levels, normal, odd, mixture.get("test_levels_below"))
    return None


def calibration_figure(drawn: Sequence[Calibration]) -> Figure:
    """Observed against expected shares: the whole range, and the tail of low densities on logarithmic axes."""
    figure = new_figure(9.2, 4.3 + 0.2 * len(drawn))
    whole, tail = figure.subplots(1, 2)
    handles, labels = [], []
    for one, colour, mark in zip(drawn, cycle(COLOURS), cycle(MARKS), strict=False):
        for shares, style, filled, side in (
            (one.closed, (0, (1.5, 1)), PALE, "closed test set's"),
            (one.normal, "-", colour, "IN"),
            (one.odd, (0, (5, 2)), "white", "OOD"),
        ):
            if shares is None:
                continue
            look: dict[str, Any] = {
                "color": colour,
                "linestyle": style,
                "marker": mark,
                "markersize": 4.5,
                "markerfacecolor": filled,
            }
            whole.plot(one.levels, shares, **look)
            seen = (shares >= _LEAST) & (one.levels <= _MOST)
            tail.plot(one.levels[seen], shares[seen], **look)
            handles.append(Line2D([], [], **look))
            labels.append(f"{side} pixels, {figure_text(one.model, 40)}")
    least = max(_LEAST, min(float(one.levels[0]) for one in drawn) / 2)
    for axes, title in ((whole, "all quantiles, %"), (tail, "the lowest densities, % (logarithmic)")):
        axes.plot([_LEAST, 1], [_LEAST, 1], color=PALE, linewidth=1.2, zorder=0)
        axes.axvline(FLAGGED, color=GREY, linewidth=0.9, linestyle=":")
        axes.set(xlabel="training pixels below the quantile", ylabel="test pixels below it")
        axes.set_title(title)
        axes.set_box_aspect(0.85)
    whole.set(xlim=(0, 1), ylim=(0, 1.01))
    whole.text(0.62, 0.54, "calibrated", color=GREY, fontsize=8, rotation=40, rotation_mode="anchor", va="top")
    percent_axis(whole, x=True, y=True)
    _logarithmic(tail, least)
    legend(figure, handles, labels)
    return figure


def _below(counts: ScoreCounts, quantiles: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of IN and of OOD pixels whose score is at least -quantile."""
    edges, *sides = counts.sorted_counts()
    first = np.searchsorted(edges.astype(np.float64), -quantiles)
    shares = []
    for side in sides:
        at_least = np.concatenate([np.cumsum(side[::-1])[::-1], [0]])
        total = int(side.sum())
        shares.append(at_least[first] / total if total else np.full(len(quantiles), np.nan))
    return shares[0], shares[1]


def _logarithmic(axes: Axes, least: float) -> None:
    axes.set(xscale="log", yscale="log", xlim=(least, _MOST), ylim=(least, 1.05))
    for axis, most in ((axes.xaxis, _MOST), (axes.yaxis, 1.0)):
        ticks = [tick for tick in (0.001, 0.01, 0.05, 0.1, 0.5, 1.0) if least <= tick <= most]
        axis.set_ticks(ticks, labels=[f"{100 * tick:g}" for tick in ticks])
        axis.set_ticks([], minor=True)
