"""Shares of test pixels below quantiles of training pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.labels import OOD
from gmmbench.report.calibration import Calibration, calibration_figure, calibration_of
from gmmbench.report.figures import own_style
from gmmbench.report.models import models_of
from gmmbench.report.runs import load_runs
from gmmbench.results import RunFolder
from gmmbench.results.mixture import mixture_staging

EvaluatedRun = Callable[..., Path]
LEVELS = np.array([0.01, 0.05, 0.5, 0.9])


def inspected(run: Path, about: dict[str, Any] | None = None, **arrays: NDArray[Any]) -> None:
    """What 'gmmbench inspect' would leave."""
    with mixture_staging(run) as staging:
        staging.commit(arrays, {}, about or {})


@pytest.fixture
def run(evaluated_run: EvaluatedRun) -> Path:
    return evaluated_run("g", "gmm", {"gmm_lse": 2.0}, families={"gmm_lse": "density"})


def test_shares_are_those_of_the_pixels(run: Path) -> None:
    images = list(RunFolder(run).pictures("street_ood"))
    scores, labels = (
        np.concatenate([arrays[key].ravel() for _, arrays in images]) for key in ("score/gmm_lse", "labels")
    )
    densities = -scores[labels == 0].astype(np.float64)
    quantiles = np.quantile(densities, LEVELS)
    inspected(run, density_levels=LEVELS, density_quantiles=quantiles, test_levels_below=LEVELS / 2)
    [model] = models_of(load_runs([run]))
    found = calibration_of(model, "street_ood")
    assert found is not None
    # Counts are in bins of 2**-8 of the score: a pixel in the quantile's own bin may fall on either side.
    np.testing.assert_allclose(found.normal, LEVELS, atol=0.02)
    odd = -scores[labels == OOD].astype(np.float64)
    np.testing.assert_allclose(found.odd, [(odd <= level).mean() for level in quantiles], atol=0.02)
    assert found.odd[1] > 3 * LEVELS[1], "objects are less likely than what was trained on"
    np.testing.assert_array_equal(found.closed, LEVELS / 2)
    assert LEVELS[found.flagged] == 0.05


def test_of_a_model_that_nobody_inspected_there_is_none(run: Path, evaluated_run: EvaluatedRun) -> None:
    [model] = models_of(load_runs([run]))
    assert calibration_of(model, "street_ood") is None
    [other] = models_of(load_runs([evaluated_run("s", "softmax", {"energy": 1.0})]))
    assert calibration_of(other, "street_ood") is None


def test_quantiles_of_another_checkpoint_are_not_used(evaluated_run: EvaluatedRun) -> None:
    families = {"gmm_lse": "density"}
    run = evaluated_run("g", "gmm", {"gmm_lse": 2.0}, families=families, checkpoint_sha256="mine")
    quantiles = {"density_levels": LEVELS, "density_quantiles": -LEVELS}
    inspected(run, {"checkpoint_sha256": "another"}, **quantiles)
    [model] = models_of(load_runs([run]))
    assert calibration_of(model, "street_ood") is None
    inspected(run, {"checkpoint_sha256": "mine"}, **quantiles)
    assert calibration_of(model, "street_ood") is not None


def test_a_summary_without_quantiles_is_named(run: Path) -> None:
    inspected(run, density_levels=LEVELS)
    [model] = models_of(load_runs([run]))
    with pytest.raises(InputError, match=r"mixture holds no 'density_quantiles'; run 'gmmbench inspect' again"):
        calibration_of(model, "street_ood")


def test_both_panels_show_what_was_found() -> None:
    one = Calibration("gmm", LEVELS, LEVELS, np.array([0.0, 0.5, 0.9, 1.0]), LEVELS)
    with own_style():
        figure = calibration_figure([one, Calibration("b", LEVELS, LEVELS, np.full(4, np.nan))])
    whole, tail = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "closed test set's pixels, gmm", "IN pixels, gmm", "OOD pixels, gmm", "IN pixels, b", "OOD pixels, b",
    ]  # fmt: skip
    assert [float(np.asarray(line.get_ydata())[1]) for line in whole.lines[:3]] == [0.05, 0.05, 0.5]
    odd = np.asarray(tail.lines[2].get_ydata())
    assert odd.tolist() == [0.5, 0.9], "a share of nothing has no place on a logarithmic axis"
