"""How wrong a failure is, and its page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gmmbench.labels import OOD
from gmmbench.metrics import ScoreCounts
from gmmbench.report.choose import rows_of
from gmmbench.report.failures import failure_page, lit, worst
from gmmbench.report.figures import own_style
from gmmbench.report.models import models_of
from gmmbench.report.paint import scale_of
from gmmbench.report.runs import load_runs
from gmmbench.report.saved import score_counts
from gmmbench.results import RunFolder
from gmmbench.results.failures import HIGH_IN, MISSED

EvaluatedRun = Callable[..., Path]


def test_shares_are_of_the_other_sides_pixels(evaluated_run: EvaluatedRun) -> None:
    run = evaluated_run("r", "model", {"energy": 0.5}, images=4)
    [row] = rows_of(models_of(load_runs([run])), "street_ood")
    found = worst(row, score_counts(row.model.runs[0], "street_ood", "energy"))
    assert {one.failure.kind for one in found} == {HIGH_IN, MISSED}
    pictures = [arrays for _, arrays in RunFolder(run).pictures("street_ood")]
    scores, labels = (np.concatenate([p[key].ravel() for p in pictures]) for key in ("score/energy", "labels"))
    for one in found:
        if one.failure.kind == HIGH_IN:
            share, words = (scores[labels == OOD] < one.failure.value).mean(), "above"
        else:
            share, words = (scores[labels == 0] >= one.failure.value).mean(), "below"
        assert one.share == pytest.approx(share, abs=0.01)
        assert one.words.startswith(words)


def test_without_the_other_side_there_is_no_share(evaluated_run: EvaluatedRun) -> None:
    run = evaluated_run("r", "model", {"energy": 0.5})
    [row] = rows_of(models_of(load_runs([run])), "street_ood")
    empty = ScoreCounts()
    assert {one.words for one in worst(row, empty)} == {"n/a"}


def test_each_crop_stands_beside_its_map(evaluated_run: EvaluatedRun) -> None:
    run = evaluated_run("r", "model", {"energy": 0.5}, images=4)
    [row] = rows_of(models_of(load_runs([run])), "street_ood")
    counts = score_counts(row.model.runs[0], "street_ood", "energy")
    found = worst(row, counts)
    with own_style():
        figure = failure_page([(row, found, scale_of(counts))])
        figure.canvas.draw()
    assert len(figure.axes) == 2 * len(found)
    words = [text.get_text() for text in figure.texts]
    assert words[0] == "Highest-scored IN regions: energy of model"
    assert "Missed objects: energy of model" in words
    assert all(axes.patches for axes in figure.axes[:2]), "the box is drawn on crop and map"


def test_a_dark_crop_is_lit_and_a_bright_one_left() -> None:
    dark = np.full((8, 8, 3), 20, dtype=np.uint8)
    assert lit(dark).max() == 80, "at most four times"
    bright = np.full((8, 8, 3), 255, dtype=np.uint8)
    np.testing.assert_array_equal(lit(bright), bright)
