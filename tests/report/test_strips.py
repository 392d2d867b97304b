"""Each image's own number, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gmmbench.metrics import READINGS
from gmmbench.report.choose import rows_of
from gmmbench.report.figures import own_style
from gmmbench.report.models import models_of
from gmmbench.report.per_image import PerImage, per_image
from gmmbench.report.runs import load_runs
from gmmbench.report.strips import Strip, _offsets, strips
from gmmbench.results import RunFolder

WriteRun = Callable[..., Path]


def images(values: list[float]) -> PerImage:
    numbers = np.array(values)
    names = tuple(f"image {number}" for number in range(len(values)))
    return PerImage(names, {"AP": numbers, "FPR95": 1 - numbers}, numbers)


def test_values_are_readings_of_each_image(evaluated_run: WriteRun) -> None:
    run = evaluated_run("r", "model", {"energy": 1.0})
    [row] = rows_of(models_of(load_runs([run])), "street_ood")
    found = per_image(row)
    assert found is not None
    assert found.names == ("street 000", "street 001", "street 002")
    saved = list(RunFolder(run).image_counts("street_ood", "energy"))
    for metric in ("AP", "FPR95"):
        np.testing.assert_array_equal(found.values[metric], [READINGS[metric].read(counts) for counts in saved])
    np.testing.assert_allclose(
        found.prevalence, [counts.pixels_ood / (counts.pixels_in + counts.pixels_ood) for counts in saved]
    )


def test_an_older_run_folder_has_none(write_run: WriteRun) -> None:
    run = write_run("r", "model", {"energy": 1.0}, pictures=False)
    [row] = rows_of(models_of(load_runs([run])), "street_ood")
    assert per_image(row) is None


@pytest.mark.parametrize(
    ("values", "worst", "best"),
    [
        ([0.5, 0.1, 0.9, 0.3, 0.7, 0.2], [1, 5], [2, 4]),
        ([0.5, np.nan, 0.9, np.nan, 0.7], [0, 4], [2]),
        ([0.5], [0], []),
        ([np.nan], [], []),
    ],
)
def test_extremes_come_from_both_ends_and_nothing_twice(values: list[float], worst: list[int], best: list[int]) -> None:
    assert images(values).extremes("AP", 2) == (worst, best)
    assert images(values).extremes("FPR95", 2) == (worst, best), "where lower is better the order turns"


def test_dots_of_one_bin_lie_side_by_side_inside_their_strip() -> None:
    values = np.sort(np.concatenate([np.full(30, 0.5), np.full(3, 0.9), [0.0, 1.0, 0.25]]))
    offsets = _offsets(values)
    for value in np.unique(values):
        mine = offsets[values == value]
        assert len(set(mine.tolist())) == len(mine)
        assert abs(float(mine.mean())) <= 0.05, "around the middle"
    assert float(np.abs(offsets).max()) <= 0.4
    assert offsets[values == 1.0] == 0


def test_a_strip_has_a_dot_an_image_and_the_median_in_figures() -> None:
    with own_style():
        figure = strips([Strip("m", "msp", images([0.1, 0.2, 0.6, np.nan])), Strip("m", "none", images([np.nan]))])
    first = figure.axes[0]
    [dots] = first.collections
    np.testing.assert_allclose(np.asarray(dots.get_offsets())[:, 0], [0.1, 0.2, 0.6])
    texts = [text.get_text() for text in first.texts]
    assert "20.0" in texts
    assert "no image has both IN and OOD pixels" in texts
