"""Means over seeds, paired differences, and marks, against numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gmmbench.report.blocks import Form, Mark
from gmmbench.report.models import Model, models_of
from gmmbench.report.numbers import Side, closed_side, difference, marked, number
from gmmbench.report.runs import load_runs

DrawnRun = Callable[..., Path]
RNG = np.random.default_rng(5)
LUCK = RNG.normal(0, 0.05, 1000)
"""What drawing images does to every score alike: shared, so it cancels in paired differences."""


def score(value: float, own: float = 0.002) -> tuple[float, Any]:
    """A value and what it is on resampled images."""
    return value, value + LUCK + RNG.normal(0, own, 1000)


def side(model: Model, name: str) -> Side:
    return Side(model, "street_ood", name)


def test_a_paired_difference_is_far_surer_than_its_two_sides(drawn_run: DrawnRun) -> None:
    path = drawn_run("r", "r", {"a": ("density", {"AP": score(0.52)}), "b": ("logits", {"AP": score(0.50)})})
    [model] = models_of(load_runs([path]))
    a, b = side(model, "a"), side(model, "b")
    apart = difference(a, b, "AP")
    drawn = [load_runs([path])[0].resamples("street_ood", name) for name in "ab"]
    assert drawn[0] is not None and drawn[1] is not None  # noqa: PT018
    low, high = np.quantile(drawn[0].values["AP"] - drawn[1].values["AP"], [0.025, 0.975])
    assert apart.form is Form.POINTS
    assert apart.value == pytest.approx(0.02)
    assert (apart.low, apart.high) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))
    one = number(a, "AP")
    assert one.low is not None and one.high is not None and one.high - one.low > 10 * (high - low)  # noqa: PT018


def test_best_and_what_may_be_luck(drawn_run: DrawnRun) -> None:
    """The interval of c holds the best's value, but paired with it c is clearly behind."""
    values = {"a": 0.600, "b": 0.598, "c": 0.580, "d": math.nan}
    scores = {
        name: ("logits", {"AP": score(value, own=0.004 if name == "b" else 0.001)}) for name, value in values.items()
    }
    [model] = models_of(load_runs([drawn_run("r", "r", scores)]))
    sides = [side(model, name) for name in values]
    marks = [one.mark for one in marked(sides, "AP", "higher")]
    assert marks == [Mark.BEST, Mark.NEAR, Mark.NONE, Mark.NONE]
    assert [one.mark for one in marked(sides, "AP", "lower")] == [Mark.NONE, Mark.NONE, Mark.BEST, Mark.NONE]
    assert {one.mark for one in marked(sides, "AP", None)} == {Mark.NONE}
    assert {one.mark for one in marked(sides[:1], "AP", "higher")} == {Mark.NONE}, "no choice, no best"


def test_ties_are_all_best(drawn_run: DrawnRun) -> None:
    same = score(0.5)
    path = drawn_run("r", "r", {"a": ("logits", {"AP": same}), "b": ("logits", {"AP": same})})
    [model] = models_of(load_runs([path]))
    assert [one.mark for one in marked([side(model, "a"), side(model, "b")], "AP", "higher")] == [Mark.BEST, Mark.BEST]


def test_seeds_of_a_config_are_one_model_with_a_mean_and_a_deviation(drawn_run: DrawnRun) -> None:
    values = (0.50, 0.53, 0.58)
    drawn = [score(value) for value in values]
    paths = [drawn_run(f"s{n}", "gmm", {"a": ("density", {"AP": one})}, seed=n) for n, one in enumerate(drawn)]
    [model] = models_of(load_runs(paths))
    found = number(side(model, "a"), "AP")
    assert model.label == "gmm"
    assert found.seeds == 3
    assert found.value == pytest.approx(np.mean(values))
    assert found.spread == pytest.approx(np.std(values, ddof=1))
    mean = np.mean([one[1] for one in drawn], axis=0)
    assert (found.low, found.high) == tuple(pytest.approx(np.quantile(mean, q), abs=5e-3) for q in (0.025, 0.975))


def test_without_resamples_or_with_other_images_nothing_is_said_of_luck(drawn_run: DrawnRun) -> None:
    old = drawn_run("old", "old", {"a": ("logits", {"AP": (0.5, None)})}, config="1")
    new = drawn_run("new", "new", {"a": ("logits", {"AP": score(0.499)})}, config="2")
    other = drawn_run("other", "other", {"a": ("logits", {"AP": score(0.498)})}, config="3", images=("b", "c"))
    models = models_of(load_runs([old, new, other]))
    for first, second in ((0, 1), (1, 2)):
        apart = difference(side(models[first], "a"), side(models[second], "a"), "AP")
        assert not apart.has_interval
        assert apart.value == pytest.approx(0.001)
    sides = [side(model, "a") for model in models]
    assert [one.mark for one in marked(sides, "AP", "higher")] == [Mark.BEST, Mark.NONE, Mark.NONE]


def test_closed_sets_too(drawn_run: DrawnRun) -> None:
    runs = [
        drawn_run(name, name, {"confusion": (None, {"mIoU": score(value)})}, dataset="street", config=name)
        for name, value in (("gmm", 0.62), ("softmax", 0.60))
    ]
    first, second = (closed_side(model, "street") for model in models_of(load_runs(runs)))
    apart = difference(first, second, "mIoU")
    assert apart.value == pytest.approx(0.02)
    assert apart.low is not None and 0.01 < apart.low < 0.02  # noqa: PT018


def test_what_was_not_measured_is_undefined(drawn_run: DrawnRun) -> None:
    [model] = models_of(load_runs([drawn_run("r", "r", {"a": ("logits", {"AP": score(0.5)})})]))
    assert math.isnan(number(side(model, "a"), "sIoU").value)
    assert math.isnan(difference(side(model, "a"), side(model, "a"), "sIoU").value)
