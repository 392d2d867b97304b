"""ROC and precision-recall curves, and histograms of scores, from saved counts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from gmmbench.metrics import READINGS, ScoreCounts
from gmmbench.metrics.curves import precision_recall_curve, roc_curve, score_histogram
from gmmbench.metrics.readings import fpr_at_tpr, ood_fraction, threshold_at_tpr
from gmmbench.report.choose import Choice
from gmmbench.report.figures import (
    BACKED,
    COLOURS,
    GREY,
    MARKS,
    PALE,
    STYLES,
    legend,
    legend_columns,
    new_figure,
)
from gmmbench.report.saved import score_counts
from gmmbench.report.text import figure_text, percent

TPR = 0.95
_POINTS = 500  # of a line: finer than a pixel of the picture, and an SVG stays below 300 kB
_BINS = 80
_THIN = 0.8
_SHARES = (0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40, 60, 100)  # ticks of a histogram, percent


@dataclass(frozen=True)
class Line:
    """A score of a model on one data set, as it is drawn.

    Attributes:
        counts: of each seed.
    """

    model: str
    score: str
    counts: tuple[ScoreCounts, ...]

    def value(self, metric: str) -> str:
        """A reading in percent, of several seeds their mean, as the tables show it."""
        return percent(statistics.fmean(READINGS[metric].read(counts) for counts in self.counts))


def line_of(row: Choice) -> Line:
    """The saved counts of a row. Raises InputError, naming the file, without them."""
    counts = tuple(score_counts(run, row.dataset, row.score) for run in row.model.runs)
    return Line(row.model.label, row.score, counts)


def curves(lines: Sequence[Line]) -> Figure:
    """ROC and precision-recall of up to six lines side by side, the points at 95 % TPR marked; seeds as thin lines."""
    labels = [
        f"{figure_text(line.score, 26)} of {figure_text(line.model, 26)}"
        f"  (AP {line.value('AP')}, FPR95 {line.value('FPR95')})"
        for line in lines
    ]
    figure = new_figure(9.2, 4.45 + 0.2 * math.ceil(len(labels) / legend_columns(labels)))
    roc, pr = figure.subplots(1, 2)
    roc.plot([0, 1], [0, 1], color=PALE, linewidth=0.9)
    roc.text(0.62, 0.60, "chance", color=GREY, fontsize=8, rotation=45, rotation_mode="anchor", va="top")
    roc.axhline(TPR, color=GREY, linewidth=0.9, linestyle=":")
    roc.text(0.01, TPR - 0.012, "TPR = 95 %", color=GREY, fontsize=8, ha="left", va="top")
    pr.axvline(TPR, color=GREY, linewidth=0.9, linestyle=":")
    pr.text(TPR - 0.012, 1.0, "recall = 95 %", color=GREY, fontsize=8, ha="right", va="top", rotation=90)
    for chance in sorted({ood_fraction(counts) for line in lines for counts in line.counts} - {math.nan}):
        if not math.isnan(chance):
            pr.axhline(chance, color=PALE, linewidth=0.9)
            pr.text(0.01, chance + 0.01, f"chance {percent(chance)} %", color=GREY, fontsize=8, va="bottom", **BACKED)
    handles = []
    for line, colour, style, mark in zip(lines, cycle(COLOURS), cycle(STYLES), cycle(MARKS), strict=False):
        look = {"color": colour, "linestyle": style}
        for counts in line.counts:
            thin = {} if len(line.counts) == 1 else {"linewidth": _THIN}
            _draw_line(counts, roc, pr, look | thin, mark, _POINTS // len(line.counts))
        handles.append(Line2D([], [], marker=mark, markersize=6, **look))
    for axes, title, x, y in (
        (roc, "ROC", "false positive rate", "true positive rate"),
        (pr, "Precision-recall", "recall", "precision"),
    ):
        axes.set(xlim=(0, 1), ylim=(0, 1.005), xlabel=x, ylabel=y)
        axes.set_title(title)
        axes.set_box_aspect(0.9)
    legend(figure, handles, labels)
    return figure


def histograms(lines: Sequence[Line]) -> Figure:
    """IN against OOD scores, one panel a line, each side normalised, the 95 % TPR threshold marked.

    Of several seeds the first one's: seeds need not share a scale.
    """
    columns = 2 if len(lines) in (2, 4) else min(3, len(lines))
    rows = math.ceil(len(lines) / columns)
    figure = new_figure(3.1 * max(1.6, columns), 0.5 + 2.5 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for number, (axes, line) in enumerate(zip(panels, lines, strict=False)):
        _draw_histogram(axes, line)
        if number % columns == 0:
            axes.set_ylabel("% of pixels in bin")
    for axes in panels[len(lines) :]:
        axes.set_axis_off()
    handles = [
        Patch(facecolor=COLOURS[0], alpha=0.45),
        Patch(facecolor=COLOURS[1], alpha=0.45),
        Line2D([], [], color="black", linewidth=1.0, linestyle="--"),
    ]
    legend(figure, handles, ["IN pixels", "OOD pixels", "threshold at 95 % TPR"])
    return figure


def _draw_line(counts: ScoreCounts, roc: Axes, pr: Axes, look: dict[str, Any], mark: str, points: int) -> None:
    """One curve in both panels; nothing where it is undefined."""
    points = max(2, points)
    roc_points = roc_curve(counts, points)
    roc.plot(roc_points.fpr, roc_points.tpr, **look)
    pr_points = precision_recall_curve(counts, points)
    # Steps back from each point: the area drawn is the AP that the tables show.
    recall = np.concatenate([[0.0], pr_points.recall])
    precision = np.concatenate([pr_points.precision[:1], pr_points.precision])
    pr.plot(recall, precision, drawstyle="steps-pre", **look)
    threshold = threshold_at_tpr(counts, TPR)
    if math.isnan(threshold) or math.isnan(fpr_at_tpr(counts, TPR)):
        return
    edges, in_counts, ood_counts = counts.sorted_counts()
    first = int(np.searchsorted(edges, np.float32(threshold)))
    hits, false_alarms = int(ood_counts[first:].sum()), int(in_counts[first:].sum())
    marker = {"color": look["color"], "marker": mark, "markersize": 7, "markeredgecolor": "white", "zorder": 5}
    tpr = hits / counts.pixels_ood
    roc.plot([fpr_at_tpr(counts, TPR)], [tpr], clip_on=False, **marker)
    pr.plot([tpr], [hits / (hits + false_alarms)], clip_on=False, **marker)


def _draw_histogram(axes: Axes, line: Line) -> None:
    counts = line.counts[0]
    title = f"{figure_text(line.score, 36)}\nof {figure_text(line.model, 34)}"
    axes.set_title(title)
    axes.set_xlabel("anomaly score")
    drawn = score_histogram(counts, _BINS)
    width = np.diff(drawn.edges)
    if np.isnan(drawn.edges).any():
        axes.text(0.5, 0.5, "no finite score", ha="center", va="center", transform=axes.transAxes)
        return
    top = 0.0
    for density, colour in ((drawn.in_density, COLOURS[0]), (drawn.ood_density, COLOURS[1])):
        if not np.isnan(density).any():
            share = 100 * density * width
            top = max(top, float(share.max()))
            axes.stairs(share, drawn.edges, fill=True, color=colour, alpha=0.30)
            axes.stairs(share, drawn.edges, color=colour, linewidth=1.0)
    threshold = threshold_at_tpr(counts, TPR)
    if drawn.edges[0] <= threshold <= drawn.edges[-1]:
        axes.axvline(threshold, color="black", linewidth=1.0, linestyle="--")
    # The root keeps a flat OOD side visible beside an IN side that sits in one bin.
    axes.set_yscale("function", functions=(_root, np.square))
    axes.set_ylim(0, max(top * 1.08, 0.01))
    axes.set_yticks(_ticks(top), labels=[f"{tick:g}" for tick in _ticks(top)])
    axes.set_xlim(drawn.edges[0], drawn.edges[-1])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(labelsize=8)


def _ticks(top: float) -> list[float]:
    """Shares from 0 to ``top`` that stand apart on a square-root axis."""
    kept = [0.0]
    for share in _SHARES:
        if share <= top and math.sqrt(share) - math.sqrt(kept[-1]) >= 0.14 * math.sqrt(top):
            kept.append(share)
    return kept


def _root(values: Any) -> Any:
    return np.sqrt(np.maximum(values, 0))
