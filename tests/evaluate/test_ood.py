"""The numbers of an OOD evaluation, held against scikit-learn and against the metrics asked directly."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from gmmbench.evaluate import Measure
from gmmbench.labels import IGNORE, IN, OOD, Sample
from gmmbench.metrics import READINGS, ScoreCounts
from gmmbench.metrics.bootstrap import intervals, mean_interval
from gmmbench.results import IMAGE_MEAN, Row, RunFolder
from gmmbench.scores import SCORES, choose

Run = Callable[..., list[Row]]
FAST = list(choose("fast", {"logits", "density"}))
HEADLINE = [name for name, reading in READINGS.items() if reading.headline]
SHOWN = [*READINGS, *(f"{name}{IMAGE_MEAN}" for name in HEADLINE)]


def maps(model: Any, images: list[Sample], name: str) -> list[NDArray[np.float32]]:
    """The score of each image, asked of the whole prediction."""
    return [SCORES[name](model(sample.image)).numpy() for sample in images]


def pixels(model: Any, images: list[Sample], name: str) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Is-OOD and score of all pixels that count."""
    scores = np.concatenate([values.ravel() for values in maps(model, images, name)])
    labels = np.concatenate([sample.labels.ravel() for sample in images])
    return labels[labels != IGNORE] == OOD, scores[labels != IGNORE]


def fpr95(truth: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    return float(fpr[np.argmax(tpr >= 0.95)])


def in_bins(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores that share a bin of ``ScoreCounts`` made equal, their order kept: the top 24 bits."""
    return (scores.view(np.uint32) & np.uint32(0xFFFFFF00)).view(np.float32)


def test_metrics_are_those_of_scikit_learn_on_all_pixels(
    tmp_path: Path, ood_images: list[Sample], run_ood: Run, fake_model: Any, values: Any
) -> None:
    found = values(run_ood(tmp_path, ood_images, scores=FAST))
    for name in FAST:
        truth, scores = pixels(fake_model(), ood_images, name)
        binned = in_bins(scores)
        assert found[name, "AUROC", None] == pytest.approx(roc_auc_score(truth, binned), rel=1e-12)
        assert found[name, "AP", None] == pytest.approx(average_precision_score(truth, binned), rel=1e-12)
        assert found[name, "FPR95", None] == pytest.approx(fpr95(truth, binned), rel=1e-12)
        # Bins move the metrics of the raw scores by next to nothing.
        assert found[name, "AUROC", None] == pytest.approx(roc_auc_score(truth, scores), abs=1e-4)


def test_exact_needs_no_bins(
    tmp_path: Path, images_of: Any, run_ood: Run, fake_model: Any, values: Any, written: Any
) -> None:
    images = images_of([IN, IN, OOD, IGNORE], [(30, 40)] * 3)
    names = ["gmm_lse", "msp", "energy"]
    exact = values(run_ood(tmp_path / "exact", images, scores=names, measure=Measure(exact=True)))
    binned = values(run_ood(tmp_path / "binned", images, scores=names))
    for name in names:
        truth, scores = pixels(fake_model(), images, name)
        assert exact[name, "AUROC", None] == pytest.approx(roc_auc_score(truth, scores), rel=1e-12)
        assert exact[name, "AP", None] == pytest.approx(average_precision_score(truth, scores), rel=1e-12)
        assert exact[name, "AUPR-in", None] == pytest.approx(average_precision_score(~truth, -scores), rel=1e-12)
        assert exact[name, "FPR95", None] == pytest.approx(fpr95(truth, scores), rel=1e-12)
    assert any(exact[key] != binned[key] for key in exact), "these scores do share bins"
    assert written(tmp_path / "exact").keys() == written(tmp_path / "binned").keys(), "a report can draw either"


def test_intervals_are_those_of_the_images_and_hold_the_value(
    tmp_path: Path, images_of: Any, run_ood: Run, fake_model: Any
) -> None:
    images = images_of([IN, IN, IN, OOD, IGNORE], [(9, 11)] * 12)
    rows = run_ood(tmp_path, images)
    for name in ("msp", "gmm_lse"):
        scored = zip(maps(fake_model(), images, name), images, strict=True)
        own = [ScoreCounts().update(scores, sample.labels) for scores, sample in scored]
        expected = intervals(lambda own=own: own)
        mine = {row.metric: row for row in rows if row.score == name}
        for metric, reading in READINGS.items():
            assert (mine[metric].low, mine[metric].high) == expected[metric][:2], metric
            assert mine[metric].low <= mine[metric].value <= mine[metric].high, metric
            if reading.headline:
                each = np.array([reading.read(counts) for counts in own])
                mean = mine[metric + IMAGE_MEAN]
                assert mean.value == pytest.approx(each.mean(), rel=1e-12)
                assert (mean.low, mean.high) == mean_interval(each)[:2]
                assert mean.low < mean.value < mean.high


def test_an_image_mean_is_of_the_images_that_have_a_value(
    tmp_path: Path, images_of: Any, run_ood: Run, values: Any
) -> None:
    images = [*images_of([IN, OOD], [(9, 9)] * 3), *images_of([IN], [(9, 9)] * 2)]
    images = [Sample(str(number), sample.image, sample.labels) for number, sample in enumerate(images)]
    some, few = values(run_ood(tmp_path / "1", images)), values(run_ood(tmp_path / "2", images[:3]))
    key = ("msp", f"AUROC{IMAGE_MEAN}", None)
    assert some[key] == few[key]
    assert some["msp", "AUROC", None] != few["msp", "AUROC", None], "their pixels are in the pool all the same"


def test_what_rows_say(tmp_path: Path, ood_images: list[Sample], run_ood: Run) -> None:
    rows = run_ood(tmp_path, ood_images, scores=["msp", "gmm_lse", "energy"])
    np.testing.assert_equal([vars(row) for row in RunFolder(tmp_path).rows()], [vars(row) for row in rows])
    assert [(row.score, row.metric) for row in rows] == [
        (score, metric) for score in ("msp", "gmm_lse", "energy") for metric in SHOWN
    ]
    assert {row.score: row.family for row in rows} == {"msp": "posterior", "gmm_lse": "density", "energy": "posterior"}
    labels = np.concatenate([sample.labels.ravel() for sample in ood_images])
    for row in rows:
        assert row.counts == {
            "images": len(ood_images),
            "images_total": len(ood_images),
            "images_counted": len(ood_images),
            "pixels_in": np.count_nonzero(labels == IN),
            "pixels_ood": np.count_nonzero(labels == OOD),
            "pixels_ignored": np.count_nonzero(labels == IGNORE),
        }
        assert row.low is not None
        assert row.high is not None
    assert {(row.task, row.run, row.dataset, row.class_name) for row in rows} == {("ood", "fake", "streets", None)}
    assert all(row.provenance == {"seed": 1} for row in rows)


def test_one_forward_an_image_and_a_limit_is_kept_and_told(
    tmp_path: Path, ood_images: list[Sample], run_ood: Run, fake_model: Any, values: Any
) -> None:
    model, told = fake_model(), []
    rows = run_ood(tmp_path, ood_images, model, limit=3, progress=lambda *done: told.append(done))
    assert model.calls == 3
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert {(row.counts["images"], row.counts["images_total"]) for row in rows} == {(3, len(ood_images))}
    np.testing.assert_equal(values(rows), values(run_ood(tmp_path, ood_images[:3])))
    model = fake_model()
    assert {row.counts["images"] for row in run_ood(tmp_path, ood_images, model, limit=100)} == {len(ood_images)}
    assert model.calls == len(ood_images)


def test_the_order_of_images_changes_no_value(
    tmp_path: Path, ood_images: list[Sample], run_ood: Run, values: Any, written: Any
) -> None:
    forwards, backwards = (run_ood(tmp_path / str(step), ood_images[::step]) for step in (1, -1))
    first, second = values(forwards), values(backwards)
    assert first.keys() == second.keys()
    for key in first:  # means over images are sums of floats
        assert first[key] == pytest.approx(second[key], rel=0 if not key[1].endswith(IMAGE_MEAN) else 1e-12), key
    for name in ("counts/streets/msp.npz", "counts/streets/gmm_lse.npz"):
        assert written(tmp_path / "1")[name] == written(tmp_path / "-1")[name]


def test_without_anomalies_nothing_is_defined(tmp_path: Path, run_ood: Run, images_of: Any) -> None:
    for row in run_ood(tmp_path, images_of([IN, IGNORE])):
        assert math.isnan(row.value)
        assert row.low is not None
        assert math.isnan(row.low)
    assert all(math.isnan(row.value) and row.low is None for row in RunFolder(tmp_path).rows()), "null on disk"
