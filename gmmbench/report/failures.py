"""The failure gallery: crops of the regions where a score was most wrong, and how wrong each was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from gmmbench.labels import IGNORE, OOD
from gmmbench.metrics import ScoreCounts
from gmmbench.report.choose import Choice
from gmmbench.report.figures import GREY
from gmmbench.report.paint import Painted, Scale, paint_heat
from gmmbench.report.text import MISSING, figure_text
from gmmbench.results.failures import HIGH_IN, KINDS, Failure

ACROSS = 6
_SIDE = 0.98  # inches, of a crop and of its map
_GAP, _HEAD, _FOOT, _TITLE = 0.10, 0.22, 0.30, 0.26
_OUTLINE = "#56B4E9"
_GAIN = 4
_TITLES = {kind: f"{kind[0].upper()}{kind[1:]}s" for kind in KINDS}


@dataclass(frozen=True)
class Wrong:
    """A failure and the share of the other side's pixels that it stands beyond.

    Attributes:
        share: of a highest-scored IN region the share of the data set's OOD pixels that score lower; of a missed object
            the share of the IN pixels that score at least as high. NaN where there are none.
    """

    failure: Failure
    share: float

    @property
    def words(self) -> str:
        """``share`` in a few words."""
        if np.isnan(self.share):
            return MISSING
        side, than = ("OOD", "above") if self.failure.kind == HIGH_IN else ("IN", "below")
        return f"{than} {100 * self.share:.3g} % of {side}"


def worst(row: Choice, counts: ScoreCounts) -> list[Wrong]:
    """What the model's first seed got most wrong, by kind, worst first; empty where its evaluation kept none."""
    failures = row.model.runs[0].folder.failures(row.dataset, row.score)
    edges, in_counts, ood_counts = counts.sorted_counts()
    found = []
    for failure in failures:
        lower = edges.astype(np.float64) < failure.value
        side, which = (ood_counts, lower) if failure.kind == HIGH_IN else (in_counts, ~lower)
        total = int(side.sum())
        found.append(Wrong(failure, int(side[which].sum()) / total if total else float("nan")))
    return found


def failure_page(rows: Sequence[tuple[Choice, Sequence[Wrong], Scale]]) -> Figure:
    """For each row of a table and each kind a line of crops, the score map beside each; OOD pixels outlined."""
    lines = [
        (kind, row, mine, scale)
        for row, all_of_row, scale in rows
        for kind in KINDS
        if (mine := [one for one in all_of_row if one.failure.kind == kind][:ACROSS])
    ]
    cell = 2 * _SIDE + _GAP
    width = _GAP + ACROSS * (cell + _GAP)
    tall = _TITLE + _SIDE + _FOOT + _HEAD
    height = tall * len(lines)
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    for number, (kind, row, mine, scale) in enumerate(lines):
        top = height - number * tall - _TITLE
        title = f"{_TITLES[kind]}: {figure_text(row.score, 36)} of {figure_text(row.model.label, 40)}"
        figure.text(_GAP / width, (top + 0.06) / height, title, fontsize=10, fontweight="bold", va="bottom")
        for place, wrong in enumerate(mine):
            left = _GAP + place * (cell + _GAP)
            painted = lit(wrong.failure.crop), paint_heat(wrong.failure.scores, scale)
            for picture, offset in zip(painted, (0.0, _SIDE + 0.03), strict=True):
                box = ((left + offset) / width, (top - _SIDE) / height, _SIDE / width, _SIDE / height)
                _draw(figure.add_axes(box), picture, wrong.failure)
            below = f"{figure_text(wrong.failure.image, 30)}\n{wrong.words}"
            figure.text(left / width, (top - _SIDE - 0.04) / height, below, fontsize=7.5, va="top", linespacing=1.25)
    return figure


def lit(crop: Painted) -> Painted:
    """The crop with its 99th percentile at white, at most four times brighter: night shows nothing in print."""
    white = max(255 / _GAIN, float(np.percentile(crop, 99)))
    return np.asarray(np.clip(crop * (255 / white), 0, 255), dtype=np.uint8)


def _draw(axes: Axes, picture: Painted, failure: Failure) -> None:
    """A crop or its map: the box of the region, and where the ground truth says OOD or nothing."""
    height, width = picture.shape[:2]
    axes.imshow(picture, interpolation="antialiased", extent=(0, width, height, 0))
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    if min(height, width) >= 2:
        odd, unknown = failure.labels == OOD, failure.labels == IGNORE
        if odd.any() and not odd.all():
            outline = axes.contour(columns, rows, odd, levels=[0.5], colors=[_OUTLINE], linewidths=1.1)
            outline.set_path_effects([withStroke(linewidth=2.0, foreground="black")])
        if unknown.any() and not unknown.all():
            axes.contour(columns, rows, unknown, levels=[0.5], colors=[GREY], linewidths=0.7, linestyles="dotted")
    if failure.kind == HIGH_IN:
        left, top, wide, tall = failure.box_in_crop
        box = Rectangle((left, top), wide, tall, fill=False, edgecolor="white", linewidth=1.1)
        box.set_path_effects([withStroke(linewidth=2.2, foreground="black")])
        axes.add_patch(box)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.set_axis_off()
