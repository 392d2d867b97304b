"""One score's counts, values and intervals, against resampling the pixels themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.evaluate.tally import Tally
from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics import ScoreCounts
from gmmbench.metrics.components import ComponentRules
from gmmbench.metrics.exact import ExactScores
from gmmbench.metrics.protocols import PROTOCOLS
from gmmbench.metrics.resampling import RESAMPLES, resample_weights
from gmmbench.results import RunFolder, SavedImages, Staging, staging

POOLED = [name for name, protocol in PROTOCOLS.items() if not protocol.per_image and protocol.size is None]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Staging]:
    with staging(RunFolder(tmp_path / "run"), "streets") as found:
        yield found


def images(number: int) -> list[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Scores of at most 10 bits: bins and float16 lose nothing of them."""
    rng = np.random.default_rng(4)
    found = []
    for each in range(number):
        labels = rng.choice(np.array([IN, IN, OOD, IGNORE], dtype=np.uint8), (6, 7))
        scores = rng.integers(-20, 20, labels.shape) + 12 * (labels == OOD) + 2 * each
        found.append((scores.astype(np.float32), labels))
    return found


def tallied(stage: Staging, protocol: str, number: int = 5, *, exact: bool = False) -> Tally:
    tally = Tally("msp", stage, PROTOCOLS[protocol], exact=exact, rules=None)
    for index, (scores, labels) in enumerate(images(number)):
        tally.add(scores, labels, f"frame {index}")
    return tally


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", POOLED)
def test_intervals_are_those_of_pixels_pooled_a_thousand_times(stage: Staging, name: str, exact: bool) -> None:
    values = tallied(stage, name, exact=exact).finish()
    drawn = np.zeros((RESAMPLES, len(PROTOCOLS[name].readings)))
    cases = images(5)
    for row, weights in enumerate(resample_weights(5, RESAMPLES, 0)):
        pool = ExactScores() if row % 10 == 0 else None  # a tenth is enough of a naive loop
        if pool is None:
            drawn[row] = math.nan
            continue
        for (scores, labels), times in zip(cases, weights, strict=True):
            for _ in range(times):
                pool.update(scores, labels)
        drawn[row] = [reading.read(pool) for reading in PROTOCOLS[name].readings.values()]
    for column, metric in zip(drawn.T, PROTOCOLS[name].readings, strict=True):
        value, spread = values[metric]
        # The middle 95 % of all resamples is met by all but a few of any tenth of them.
        inside = np.mean((column[::10] >= spread.low) & (column[::10] <= spread.high))
        assert 0.88 <= inside <= 1.0, metric
        assert column[::10].min() <= spread.low + 0.1 * (spread.high - spread.low), metric
        assert column[::10].max() >= spread.high - 0.1 * (spread.high - spread.low), metric
        assert spread.low <= value <= spread.high, metric
        assert spread.left_out == 0


def test_a_reading_of_a_protocols_own_is_resampled_to_the_letter(stage: Staging) -> None:
    """PEBAL's FPR95, which has no formula for a thousand resamples at once, has exactly the naive interval."""
    _, spread = tallied(stage, "pebal", 4).finish()["FPR95"]
    values, cases = [], images(4)
    for weights in resample_weights(4, RESAMPLES, 0):
        pool = ScoreCounts()
        for (scores, labels), times in zip(cases, weights, strict=True):
            for _ in range(times):
                pool.update(scores, labels)
        values.append(PROTOCOLS["pebal"].readings["FPR95"].read(pool))
    ordered = sorted(values)
    assert (spread.low, spread.high) == (ordered[24], ordered[-25])


def test_a_mean_over_images_is_of_each_images_own_value(stage: Staging) -> None:
    values = tallied(stage, "pytorch-ood").finish()
    for metric, reading in PROTOCOLS["pytorch-ood"].readings.items():
        own = []
        for scores, labels in images(5):
            alone = ExactScores()
            alone.update(scores, labels)
            own.append(reading.read(alone))
        assert values[metric][0] == pytest.approx(np.mean(own), rel=1e-12)
    assert not any("image mean" in metric for metric in values)


def test_what_it_stores(stage: Staging) -> None:
    tally = tallied(stage, "gmmbench")
    tally.finish()
    pooled = ScoreCounts()
    each = [pooled.update(scores, labels) for scores, labels in images(5)]
    assert ScoreCounts.from_arrays(dict(np.load(stage.file("msp")))) == pooled
    saved = SavedImages(stage.file("msp.images"))
    assert list(saved) == each
    assert saved.names() == [f"frame {index}" for index in range(5)]


def test_an_image_that_is_skipped_is_nowhere(stage: Staging) -> None:
    tally = Tally("msp", stage, PROTOCOLS["polito"], exact=False, rules=ComponentRules(1, 1, "tiny"))
    labels = np.zeros((512, 1024), dtype=np.uint8)
    tally.add(np.zeros((512, 1024), dtype=np.float32), labels, "empty")
    labels[:9, :9] = OOD
    tally.add(labels.astype(np.float32), labels, "odd")
    values = tally.finish()
    assert SavedImages(stage.file("msp.images")).names() == ["odd"]
    assert (tally.accumulator.images, tally.accumulator.skipped) == (1, 1)
    assert [values[metric][0] for metric in ("AUROC", "AP", "FPR95", "F1*")] == [1, 1, 0, 1]


def test_an_image_that_is_refused_is_not_counted(stage: Staging) -> None:
    tally = tallied(stage, "gmmbench")
    with pytest.raises(InputError, match="image 'bad'"):
        tally.add(np.full((2, 2), np.nan, dtype=np.float32), np.zeros((2, 2), dtype=np.uint8), "bad")
    assert tally.accumulator.images == 5
    tally.finish()
    assert len(SavedImages(stage.file("msp.images")).names()) == 5
    tally.close()  # a second time does no harm
