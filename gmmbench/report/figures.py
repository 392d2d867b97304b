"""What all drawn figures share: colours, letters, legends, and files that two runs of this code write alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

# Okabe & Ito 2008, "Color Universal Design": told apart by colour-blind readers. Yellow is left out, it
# vanishes on white paper.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLES: tuple[Any, ...] = (
    "-",
    (0, (6, 2)),
    (0, (6, 2, 1.5, 2)),
    (0, (1.5, 1)),
    (0, (6, 2, 1.5, 2, 1.5, 2)),
    (0, (3, 2)),
)
MARKS = "osD^v<"
GREY, PALE = "#555555", "#BBBBBB"
BACKED: dict[str, Any] = {"bbox": {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8}, "zorder": 4}
"""Letters that stay legible on top of lines."""

_DPI = 150
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
    "pdf.fonttype": 42,  # TrueType: many publishers refuse matplotlib's own Type 3
}


@contextmanager
def own_style() -> Iterator[None]:
    """matplotlib's defaults and the report's settings, whatever the reader's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def save(figure: Figure, stem: Path, *, vector: bool) -> list[str]:
    """Write STEM.png, and STEM.svg and STEM.pdf where ``vector``; returns the file names. No dates, no version."""
    files = {".png": {"Software": None}}
    if vector:
        files |= {".svg": {"Date": None, "Creator": None}}
        files |= {".pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
    for suffix, metadata in files.items():
        figure.savefig(stem.with_name(f"{stem.name}{suffix}"), dpi=_DPI, metadata=metadata)
    return [f"{stem.name}{suffix}" for suffix in files]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches that lays itself out."""
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
    FigureCanvasAgg(figure)
    return figure


def legend(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """One legend for all panels, below them."""
    # Names are set afterwards: as labels, a leading underscore would hide them.
    below = figure.legend(
        handles,
        ["x" * len(label) for label in labels],
        loc="outside lower center",
        ncols=legend_columns(labels),
        handlelength=3.2,
    )
    for text, label in zip(below.get_texts(), labels, strict=True):
        text.set_text(label)
        text.set_fontsize(8)


def legend_columns(labels: Sequence[str]) -> int:
    """As many as fit under a figure of 9 inches, at the legend's size of letter."""
    return len(labels) if sum(map(len, labels)) < 90 else 2 if max(map(len, labels)) < 75 else 1


def percent_axis(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    """Ticks of shares from 0 to 1, in percent."""
    for wanted, axis in ((x, axes.xaxis), (y, axes.yaxis)):
        if wanted:
            axis.set_ticks([0, 0.25, 0.5, 0.75, 1.0], labels=["0", "25", "50", "75", "100"])
