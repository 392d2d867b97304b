"""Files of figures, and curves as they are drawn."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gmmbench.metrics import READINGS, ScoreCounts
from gmmbench.report.curves import Line, curves, histograms
from gmmbench.report.figures import new_figure, own_style, save


def counts(seed: int, pixels: int = 400) -> ScoreCounts:
    rng = np.random.default_rng(seed)
    labels = (rng.random((20, pixels // 20)) < 0.2).astype(np.uint8)
    made = ScoreCounts()
    made.update((rng.normal(0, 1, labels.shape) + 1.5 * labels).astype(np.float32), labels)
    return made


def longest(axes: Axes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The line of most points: the curve among the guides."""
    lines = [(np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in axes.lines]
    return max(lines, key=lambda line: len(line[0]))


def drawn() -> Figure:
    figure = new_figure(3, 2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1])
    axes.set_title("name with $ and _")
    return figure


def test_a_figure_is_the_same_bytes_at_any_time(tmp_path: Path) -> None:
    written = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        with own_style():
            names = save(drawn(), tmp_path / folder / "plot", vector=True)
        assert names == ["plot.png", "plot.svg", "plot.pdf"]
        written.append([(tmp_path / folder / name).read_bytes() for name in names])
        time.sleep(1.1)  # dates in PDF are of whole seconds
    assert written[0] == written[1]
    assert written[0][2].startswith(b"%PDF-")
    for content in written[0]:
        assert b"CreationDate" not in content
        assert b"dc:date" not in content
        assert b"atplotlib v" not in content


def test_pictures_are_no_vectors(tmp_path: Path) -> None:
    assert save(drawn(), tmp_path / "page", vector=False) == ["page.png"]
    assert [file.name for file in tmp_path.iterdir()] == ["page.png"]


def test_the_area_drawn_is_the_number_in_the_legend() -> None:
    one = counts(0)
    with own_style():
        figure = curves([Line("model", "msp", (one,))])
    roc, pr = figure.axes
    x, y = longest(roc)
    assert np.trapezoid(y, x) == pytest.approx(READINGS["AUROC"].read(one), abs=1e-12)
    x, y = longest(pr)
    assert np.sum(np.diff(x) * y[1:]) == pytest.approx(READINGS["AP"].read(one), abs=1e-12)
    [legend] = figure.legends
    assert f"AP {100 * READINGS['AP'].read(one):.2f}" in legend.get_texts()[0].get_text()


def test_seeds_are_thin_lines_of_one_colour_and_the_legend_has_their_mean() -> None:
    seeds = tuple(counts(seed) for seed in range(3))
    line = Line("model", "msp", seeds)
    mean = np.mean([READINGS["AP"].read(one) for one in seeds])
    assert line.value("AP") == f"{100 * mean:.2f}"
    with own_style():
        figure = curves([line])
    long = [drawn for drawn in figure.axes[0].lines if len(np.asarray(drawn.get_xdata())) > 50]
    assert len(long) == 3
    assert len({drawn.get_color() for drawn in long}) == 1
    assert {drawn.get_linewidth() for drawn in long} == {0.8}
    assert len(figure.legends[0].get_texts()) == 1


def test_what_is_undefined_is_said_and_drawn_empty() -> None:
    nothing = ScoreCounts()
    nothing.update(np.full((4, 4), np.inf, dtype=np.float32), np.zeros((4, 4), dtype=np.uint8))
    line = Line("model", "msp", (nothing,))
    with own_style():
        figure = curves([line])
        assert "AP n/a" in figure.legends[0].get_texts()[0].get_text()
        panels = histograms([line])
    assert panels.axes[0].texts[0].get_text() == "no finite score"
