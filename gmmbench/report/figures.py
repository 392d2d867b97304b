"""Curves and histograms from saved counts, drawn so that two runs of this code give the same bytes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from gmmbench.metrics import READINGS, ScoreCounts
from gmmbench.metrics.curves import precision_recall_curve, roc_curve, score_histogram
from gmmbench.metrics.readings import fpr_at_tpr, ood_fraction, threshold_at_tpr
from gmmbench.report.text import figure_text, percent

TPR = 0.95
_POINTS = 500  # a curve: finer than a pixel of the picture, and an SVG stays below 300 kB
_BINS = 80
_DPI = 150
# Okabe & Ito 2008, "Color Universal Design": told apart by colour-blind readers. Yellow is left out, it
# vanishes on white paper.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_STYLES: tuple[Any, ...] = (
    "-",
    (0, (6, 2)),
    (0, (6, 2, 1.5, 2)),
    (0, (1.5, 1)),
    (0, (6, 2, 1.5, 2, 1.5, 2)),
    (0, (3, 2)),
)
_MARKS = "osD^v<"
_GREY = "#555555"
_BACKED: dict[str, Any] = {"bbox": {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8}, "zorder": 4}
_SHARES = (0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40, 60, 100)  # ticks of a histogram, percent
_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "text.parse_math": False,  # a "$" in a name starts no formula
    "svg.hashsalt": "gmmbench",  # else element ids are random
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class Line:
    """One model's score on one data set, as it is drawn."""

    run: str
    score: str
    counts: ScoreCounts

    def value(self, metric: str) -> str:
        """A reading in percent, as the tables show it."""
        return percent(READINGS[metric].read(self.counts))


@contextmanager
def own_style() -> Iterator[None]:
    """matplotlib's defaults and the report's settings, whatever the reader's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def save(figure: Figure, stem: Path, *, vector: bool) -> list[str]:
    """Write STEM.png, and STEM.svg where ``vector``; returns the file names. No dates, no version."""
    png = stem.with_name(f"{stem.name}.png")
    figure.savefig(png, dpi=_DPI, metadata={"Software": None})
    if not vector:
        return [png.name]
    svg = stem.with_name(f"{stem.name}.svg")
    figure.savefig(svg, metadata={"Date": None, "Creator": None})
    return [png.name, svg.name]


def curves(lines: Sequence[Line]) -> Figure:
    """ROC and precision-recall of up to six lines side by side, the points at 95 % TPR marked."""
    labels = [
        f"{figure_text(line.score, 26)} of {figure_text(line.run, 26)}"
        f"  (AP {line.value('AP')}, FPR95 {line.value('FPR95')})"
        for line in lines
    ]
    figure = _figure(9.2, 4.45 + 0.2 * math.ceil(len(labels) / _legend_columns(labels)))
    roc, pr = figure.subplots(1, 2)
    roc.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=0.9)
    roc.text(0.62, 0.60, "chance", color=_GREY, fontsize=8, rotation=45, rotation_mode="anchor", va="top")
    roc.axhline(TPR, color=_GREY, linewidth=0.9, linestyle=":")
    roc.text(0.01, TPR - 0.012, "TPR = 95 %", color=_GREY, fontsize=8, ha="left", va="top")
    pr.axvline(TPR, color=_GREY, linewidth=0.9, linestyle=":")
    pr.text(TPR - 0.012, 1.0, "recall = 95 %", color=_GREY, fontsize=8, ha="right", va="top", rotation=90)
    for chance in sorted({ood_fraction(line.counts) for line in lines} - {math.nan}):
        if not math.isnan(chance):
            pr.axhline(chance, color="#BBBBBB", linewidth=0.9)
            pr.text(0.01, chance + 0.01, f"chance {percent(chance)} %", color=_GREY, fontsize=8, va="bottom", **_BACKED)
    handles = []
    for line, colour, style, mark in zip(lines, cycle(_COLOURS), cycle(_STYLES), cycle(_MARKS), strict=False):
        _draw_line(line, roc, pr, {"color": colour, "linestyle": style}, mark)
        handles.append(Line2D([], [], color=colour, linestyle=style, marker=mark, markersize=6))
    for axes, title, x, y in (
        (roc, "ROC", "false positive rate", "true positive rate"),
        (pr, "Precision-recall", "recall", "precision"),
    ):
        axes.set(xlim=(0, 1), ylim=(0, 1.005), xlabel=x, ylabel=y)
        axes.set_title(title)
        axes.set_box_aspect(0.9)
    _legend(figure, handles, labels)
    return figure


def histograms(lines: Sequence[Line]) -> Figure:
    """IN against OOD scores, one panel a line, each side normalised, the 95 % TPR threshold marked."""
    columns = 2 if len(lines) in (2, 4) else min(3, len(lines))
    rows = math.ceil(len(lines) / columns)
    figure = _figure(3.1 * max(1.6, columns), 0.5 + 2.5 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for number, (axes, line) in enumerate(zip(panels, lines, strict=False)):
        _draw_histogram(axes, line)
        if number % columns == 0:
            axes.set_ylabel("% of pixels in bin")
    for axes in panels[len(lines) :]:
        axes.set_axis_off()
    handles = [
        Patch(facecolor=_COLOURS[0], alpha=0.45),
        Patch(facecolor=_COLOURS[1], alpha=0.45),
        Line2D([], [], color="black", linewidth=1.0, linestyle="--"),
    ]
    _legend(figure, handles, ["IN pixels", "OOD pixels", "threshold at 95 % TPR"])
    return figure


def _draw_line(line: Line, roc: Axes, pr: Axes, look: dict[str, Any], mark: str) -> None:
    """One curve in both panels; nothing where it is undefined."""
    roc_points = roc_curve(line.counts, _POINTS)
    roc.plot(roc_points.fpr, roc_points.tpr, **look)
    pr_points = precision_recall_curve(line.counts, _POINTS)
    # Steps back from each point: the area drawn is the AP that the tables show.
    recall = np.concatenate([[0.0], pr_points.recall])
    precision = np.concatenate([pr_points.precision[:1], pr_points.precision])
    pr.plot(recall, precision, drawstyle="steps-pre", **look)
    threshold = threshold_at_tpr(line.counts, TPR)
    if math.isnan(threshold) or math.isnan(fpr_at_tpr(line.counts, TPR)):
        return
    edges, in_counts, ood_counts = line.counts.sorted_counts()
    first = int(np.searchsorted(edges, np.float32(threshold)))
    hits, false_alarms = int(ood_counts[first:].sum()), int(in_counts[first:].sum())
    marker = {"color": look["color"], "marker": mark, "markersize": 7, "markeredgecolor": "white", "zorder": 5}
    tpr = hits / line.counts.pixels_ood
    roc.plot([fpr_at_tpr(line.counts, TPR)], [tpr], clip_on=False, **marker)
    pr.plot([tpr], [hits / (hits + false_alarms)], clip_on=False, **marker)


def _draw_histogram(axes: Axes, line: Line) -> None:
    title = f"{figure_text(line.score, 36)}\nof {figure_text(line.run, 34)}"
    axes.set_title(title)
    axes.set_xlabel("anomaly score")
    drawn = score_histogram(line.counts, _BINS)
    width = np.diff(drawn.edges)
    if np.isnan(drawn.edges).any():
        axes.text(0.5, 0.5, "no finite score", ha="center", va="center", transform=axes.transAxes)
        return
    top = 0.0
    for density, colour in ((drawn.in_density, _COLOURS[0]), (drawn.ood_density, _COLOURS[1])):
        if not np.isnan(density).any():
            share = 100 * density * width
            top = max(top, float(share.max()))
            axes.stairs(share, drawn.edges, fill=True, color=colour, alpha=0.30)
            axes.stairs(share, drawn.edges, color=colour, linewidth=1.0)
    threshold = threshold_at_tpr(line.counts, TPR)
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


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
    FigureCanvasAgg(figure)
    return figure


def _root(values: Any) -> Any:
    return np.sqrt(np.maximum(values, 0))


def _legend_columns(labels: Sequence[str]) -> int:
    """As many as fit under a figure of 9 inches, at the legend's size of letter."""
    return len(labels) if sum(map(len, labels)) < 90 else 2 if max(map(len, labels)) < 75 else 1


def _legend(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    # Names are set afterwards: as labels, a leading underscore would hide them.
    legend = figure.legend(
        handles,
        ["x" * len(label) for label in labels],
        loc="outside lower center",
        ncols=_legend_columns(labels),
        handlelength=3.2,
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)
        text.set_fontsize(8)
