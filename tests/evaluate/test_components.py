"""The maps that wait on disk for their threshold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gmmbench.errors import InputError
from gmmbench.evaluate.components import ComponentTally, component_spread
from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics.bootstrap import ratio_intervals
from gmmbench.metrics.components import COMPONENT_READINGS, VECTOR_LENGTH, ComponentRules, count_components
from gmmbench.metrics.resampling import LEVEL, interval

RULES = ComponentRules(2, 2, "tiny")


def cases(number: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [
        (
            rng.integers(0, 4, (9, 12)).astype(np.float32),
            rng.choice(np.array([IN, IN, OOD, IGNORE], dtype=np.uint8), (9, 12)),
        )
        for _ in range(number)
    ]


def test_what_was_kept_is_counted_at_the_threshold_and_is_gone_then(tmp_path: Path) -> None:
    tally = ComponentTally(tmp_path / "scratch" / "msp", RULES)
    images = cases(5)
    for scores, labels in images:
        tally.keep(scores, labels)
        scores[:] = -9  # its owner may use it again
    assert len(list((tmp_path / "scratch" / "msp").iterdir())) == 2 * 5
    images = cases(5)
    found = tally.finish(2.0)
    expected = [count_components(scores >= 2, labels, RULES).to_vector() for scores, labels in images]
    np.testing.assert_array_equal(found, expected)
    assert list((tmp_path / "scratch" / "msp").iterdir()) == []


def test_without_any_threshold_nothing_is_predicted(tmp_path: Path) -> None:
    """No OOD pixel: the best F1 has no threshold."""
    tally = ComponentTally(tmp_path / "msp", RULES)
    scores, labels = cases(1)[0]
    labels[labels == OOD] = IN
    tally.keep(scores, labels)
    values = component_spread(tally.finish(float("nan")))
    assert all(np.isnan(value) for value, _ in values.values())


def test_no_image(tmp_path: Path) -> None:
    vectors = ComponentTally(tmp_path / "msp", RULES).finish(0.0)
    assert vectors.shape == (0, VECTOR_LENGTH)
    assert all(np.isnan(value) and np.isnan(drawn).all() for value, drawn in component_spread(vectors).values())


def test_values_are_those_of_the_sums_with_their_intervals() -> None:
    vectors = np.array([count_components(scores >= 1, labels, RULES).to_vector() for scores, labels in cases(6)])
    values = component_spread(vectors)
    assert list(values) == list(COMPONENT_READINGS)
    for name, (value, drawn) in values.items():
        spread = interval(drawn, LEVEL)
        assert value == COMPONENT_READINGS[name].read(vectors.sum(axis=0))
        [expected] = ratio_intervals(vectors, lambda sums, n=name: {n: COMPONENT_READINGS[n].read(sums)}).values()
        assert spread == expected
        assert spread.low <= value <= spread.high


def test_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*Not a directory"):
        ComponentTally(tmp_path / "file" / "msp", RULES)
