"""What mixtures learnt, drawn: shares of components, a plane of features and Gaussians, nearest training pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Circle, Ellipse
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from gmmbench.report.text import figure_text

Arrays = dict[str, NDArray[Any]]

# Okabe & Ito 2008 without yellow, which vanishes on white paper; then marks tell classes of one colour apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
_MARKS = ("o", "^", "s", "X", "D", "v")
_GLYPHS = {"o": "●", "^": "▲", "s": "■", "X": "✖", "D": "◆", "v": "▼"}
LOOKS = tuple((colour, mark) for mark, colour in product(_MARKS, _COLOURS))
"""Colour and mark of each class: 42 of them."""

_GREY = "#555555"
_STEPS = ("#2A5B84", "#5E8DB5", "#94B6D3", "#C3D6E6", "#E1EAF2")
_INSIDE = 0.995
"""Share of the points along each axis that the plane's frame holds."""

MOST_THUMBNAILS = 20
"""Patches side by side on a page."""


def shares(summary: Arrays, classes: Sequence[int]) -> Figure:
    """A bar a class: its components' shares, largest first, with their numbers; beside it how many it uses."""
    figure = _figure(7.4, 0.75 + 0.27 * len(classes))
    axes = figure.subplots()
    components = summary["share"].shape[1]
    for row, c in enumerate(classes):
        share, left = np.nan_to_num(summary["share"][c]), 0.0
        for step, m in enumerate(np.argsort(-share, kind="stable")):
            width = 100 * float(share[m])
            colour = _STEPS[min(step, len(_STEPS) - 1)]
            axes.barh(row, width, left=left, color=colour, edgecolor="white", linewidth=0.8, height=0.78)
            if width > 3.2:
                ink = "white" if step < 2 else "black"
                axes.text(left + width / 2, row, str(m + 1), ha="center", va="center", fontsize=7.5, color=ink)
            left += width
        axes.text(101, row, _used(summary, c, components), va="center", fontsize=7.5, color=_GREY)
    axes.set_yticks(range(len(classes)), [_name(summary, c, 22) for c in classes])
    axes.set(xlim=(0, 100), ylim=(len(classes) - 0.5, -0.5), xlabel="% of the class's training pixels")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


def plane(summary: Arrays, classes: Sequence[int]) -> Figure:
    """Features as points, components as marks with the ellipse of one standard deviation, classes named in place."""
    figure = _figure(7.6, 5.9)
    axes = figure.subplots()
    points, labels = summary["plane_points"], summary["plane_labels"]
    shown = np.isin(labels, classes)
    _frame(axes, points[shown], summary["plane_means"][list(classes)].reshape(-1, 2))
    for number, c in enumerate(classes):
        colour, mark = LOOKS[number % len(LOOKS)]
        mine = points[labels == c]
        axes.scatter(
            mine[:, 0], mine[:, 1], s=9, marker=mark, color=colour, alpha=0.38, linewidths=0, rasterized=True
        )  # fmt: skip
    for number, c in enumerate(classes):
        colour, mark = LOOKS[number % len(LOOKS)]
        for m in np.flatnonzero(summary["started"][c]):
            middle = summary["plane_means"][c, m]
            axes.add_patch(_ellipse(middle, summary["plane_covariances"][c, m], colour))
            axes.plot(*middle, marker=mark, color=colour, markersize=7, markeredgecolor="black", markeredgewidth=0.9)
    first, second = (100 * float(share) for share in summary["plane_between"])
    kind = "principal direction" if str(summary["plane_kind"]) == "PCA" else "discriminant"
    axes.set(
        xlabel=f"1st {kind} ({first:.0f} % of the variance between classes)", ylabel=f"2nd {kind} ({second:.0f} %)"
    )
    figure.draw_without_rendering()
    _name_in_place(axes, summary, classes)
    return figure


def patches(summary: Arrays, pieces: Arrays, classes: Sequence[int]) -> Figure:
    """A row a class, its components from the largest share down, each with its nearest training pixels ringed."""
    components, kept = pieces["patch_log_prob"].shape[1:]
    columns = min(components, MOST_THUMBNAILS)
    each = max(1, min(kept, MOST_THUMBNAILS // columns))
    cell, gap, head, side = 0.56, 0.12, 0.17, 0.95  # inches: a patch, between components, above a row, class names
    width, row_height = side + columns * (each * cell + gap), cell + head + 0.04
    figure = Figure(figsize=(width, row_height * len(classes) + 0.04))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(row_height * len(classes) + 0.04, 0))
    axes.set_axis_off()
    for row, c in enumerate(classes):
        top = row * row_height + head
        axes.text(side - 0.08, top + cell / 2, _wrapped(_name(summary, c, 26)), ha="right", va="center", fontsize=8)
        order = np.argsort(-np.nan_to_num(summary["share"][c], nan=-1), kind="stable")[:columns]
        for place, m in enumerate(order):
            left = side + place * (each * cell + gap)
            axes.text(left, top - 0.03, _said(summary, c, m), fontsize=6.5, color=_GREY, va="bottom")
            for k in range(each):
                if math.isfinite(pieces["patch_log_prob"][c, m, k]):
                    _thumbnail(axes, pieces["patches"][c, m, k], left + k * cell, top, cell)
    return figure


def _thumbnail(axes: Axes, patch: NDArray[Any], left: float, top: float, cell: float) -> None:
    size = cell - 0.03
    axes.imshow(patch, extent=(left, left + size, top + size, top), aspect="auto", interpolation="antialiased")
    for colour, line in (("black", 1.5), ("white", 0.7)):
        ring = Circle((left + size / 2, top + size / 2), 0.045, fill=False, edgecolor=colour, linewidth=line)
        axes.add_patch(ring)


def _said(summary: Arrays, c: int, m: int) -> str:
    if not summary["started"][c, m]:
        return f"{m + 1}: never given a pixel"
    share = float(summary["share"][c, m])
    return f"{m + 1}: " + (
        "no pixel here" if math.isnan(share) else "< 0.1 %" if share < 1e-3 else f"{100 * share:.1f} %"
    )


def _used(summary: Arrays, c: int, components: int) -> str:
    used = float(summary["effective"][c])
    if math.isnan(used):
        return "no pixel"
    dead = int(summary["dead"][c].sum())
    return f"uses {used:.1f} of {components}" + (f", {dead} dead" if dead else "")


def _ellipse(middle: NDArray[Any], covariance: NDArray[Any], colour: str) -> Ellipse:
    """One standard deviation around a mean."""
    values, vectors = np.linalg.eigh(covariance)
    angle = math.degrees(math.atan2(vectors[1, 1], vectors[0, 1]))
    wide, high = 2 * math.sqrt(max(values[1], 0)), 2 * math.sqrt(max(values[0], 0))
    return Ellipse(tuple(middle), wide, high, angle=angle, fill=False, edgecolor=colour, linewidth=0.9, alpha=0.65)


def _frame(axes: Axes, points: NDArray[Any], means: NDArray[Any]) -> None:
    """Limits that outliers do not set."""
    found = means[np.isfinite(means).all(axis=1)]
    lows = np.minimum(np.quantile(points, 1 - _INSIDE, axis=0), found.min(axis=0))
    highs = np.maximum(np.quantile(points, _INSIDE, axis=0), found.max(axis=0))
    margin = 0.05 * np.maximum(highs - lows, 1e-9)
    (left, low), (right, high) = lows - margin, highs + margin
    axes.set(xlim=(left, right), ylim=(low, high))
    axes.tick_params(labelsize=8)


def _name_in_place(axes: Axes, summary: Arrays, classes: Sequence[int]) -> None:
    """Each class's name beside its points, where no other name and no mean stands; a thin line where it had to move."""
    figure = axes.figure
    assert isinstance(figure, Figure)
    inside, pixel = axes.get_window_extent(), figure.dpi / 72
    means = axes.transData.transform(summary["plane_means"][list(classes)].reshape(-1, 2))
    taken = [np.concatenate([mean - 4 * pixel, mean + 4 * pixel]) for mean in means[np.isfinite(means).all(axis=1)]]
    for number, c in enumerate(classes):
        mine = summary["plane_points"][summary["plane_labels"] == c]
        if not len(mine):
            continue
        at = np.median(mine, axis=0)
        middle = axes.transData.transform(at)
        colour, mark = LOOKS[number % len(LOOKS)]
        name = f"{_GLYPHS[mark]} {_name(summary, c, 18)}"
        size = np.array([5.0 * len(name) + 4, 11.0]) * pixel
        best = min(_places(middle, size), key=lambda place: _cost(place, size, middle, taken, inside))
        taken.append(np.concatenate([best - size / 2, best + size / 2]))
        axes.annotate(
            name,
            xy=tuple(at),
            xytext=tuple(axes.transData.inverted().transform(best)),
            ha="center",
            va="center",
            fontsize=8,
            fontweight="bold",
            color=colour,
            path_effects=[withStroke(linewidth=2.6, foreground="white")],
            arrowprops={"arrowstyle": "-", "color": _GREY, "linewidth": 0.6, "shrinkA": 4, "shrinkB": 0}
            if np.hypot(*(best - middle)) > 16 * pixel
            else None,
            zorder=6,
        )


def _places(middle: NDArray[Any], size: NDArray[Any]) -> list[NDArray[Any]]:
    """Around a point, nearest first, in pixels of the canvas."""
    turns = np.linspace(0, 2 * np.pi, 16, endpoint=False) + np.pi / 2
    rings = [
        middle + far * size[1] * np.array([1.6 * np.cos(t), np.sin(t)]) for far in (1, 2, 3.2, 4.6, 6) for t in turns
    ]
    return [middle, *rings]


def _cost(
    place: NDArray[Any], size: NDArray[Any], middle: NDArray[Any], taken: Sequence[NDArray[Any]], inside: Any
) -> float:
    """What speaks against a place for a name: what it would cover, the frame's edge, and the way."""
    low, high = place - size / 2, place + size / 2
    over = sum(float(np.prod(np.clip(np.minimum(high, t[2:]) - np.maximum(low, t[:2]), 0, None))) for t in taken)
    out = float(np.clip(inside.min - low, 0, None).sum() + np.clip(high - inside.max, 0, None).sum())
    far = math.hypot(*(place - middle))
    return 10 * over / float(np.prod(size)) + 10 * out / float(size[1]) + far / (8 * float(size[1]))


def _wrapped(name: str) -> str:
    """On two lines where it is long."""
    head, _, tail = name.rpartition(" ") if len(name) > 14 else ("", "", name)
    return f"{head}\n{tail}" if head else tail


def _name(summary: Arrays, c: int, length: int) -> str:
    return figure_text(str(summary["classes"][c]), length)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06))
    FigureCanvasAgg(figure)
    return figure
