"""Segmentation of the known classes, held against a naive loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, Sample
from gmmbench.metrics import CLASS_READINGS, CONFUSION_READINGS
from gmmbench.metrics.resampling import LEVEL, interval
from gmmbench.prediction import Prediction
from gmmbench.results import ROWS, Row, RunFolder

NO_INTERVAL = {"low": None, "high": None}
CLASSES = ("road", "sky", "car", "nowhere")
Run = Callable[..., list[Row]]


def test_metrics_are_those_of_a_naive_loop(
    tmp_path: Path, closed_images: list[Sample], run_closed: Run, values: Any, fake_model: Any
) -> None:
    found = values(run_closed(tmp_path, closed_images))
    model = fake_model()
    both, either, true, right, counted = [0] * 4, [0] * 4, [0] * 4, 0, 0
    for sample in closed_images:
        predicted = model(sample.image).logits.argmax(dim=0)
        for wanted, got in zip(sample.labels.ravel().tolist(), predicted.ravel().tolist(), strict=True):
            if wanted == IGNORE:
                continue
            counted += 1
            right += wanted == got
            true[wanted] += 1
            for number in {wanted, got}:
                either[number] += 1
            both[wanted] += wanted == got
    iou = [hits / pixels if pixels else math.nan for hits, pixels in zip(both, either, strict=True)]
    for name, expected in zip(CLASSES, iou, strict=True):
        assert found[None, "IoU", name] == pytest.approx(expected, rel=1e-12, nan_ok=True)
    assert math.isnan(found[None, "IoU", "nowhere"])
    assert found[None, "mIoU", None] == pytest.approx(sum(iou[:3]) / 3, rel=1e-12)
    assert found[None, "mAcc", None] == pytest.approx(sum(both[c] / true[c] for c in range(3)) / 3, rel=1e-12)
    assert found[None, "aAcc", None] == pytest.approx(right / counted, rel=1e-12)


def test_what_rows_say(tmp_path: Path, closed_images: list[Sample], run_closed: Run) -> None:
    rows = run_closed(tmp_path, closed_images)
    np.testing.assert_equal([vars(row) for row in RunFolder(tmp_path).rows()], [vars(row) for row in rows])
    assert [row.metric for row in rows if row.class_name is None] == list(CONFUSION_READINGS)
    per_class = [(metric, name) for metric in CLASS_READINGS for name in CLASSES]
    assert [(row.metric, row.class_name) for row in rows if row.class_name] == per_class
    labels = np.concatenate([sample.labels.ravel() for sample in closed_images])
    assert rows[0].counts == {
        "images": len(closed_images),
        "images_total": len(closed_images),
        "pixels": np.count_nonzero(labels != IGNORE),
        "pixels_ignored": np.count_nonzero(labels == IGNORE),
    }
    assert {(row.run, row.dataset, row.task, row.score) for row in rows} == {("fake", "streets", "closed", None)}
    drawn = RunFolder(tmp_path).resamples("streets", "confusion")
    assert drawn is not None
    for row in rows:
        if row.class_name is None:
            assert (row.low, row.high) == interval(drawn.values[row.metric], LEVEL)[:2]
            assert row.low is not None
            assert row.high is not None
            assert row.low <= row.value <= row.high
    assert all(row.provenance == {"seed": 1} for row in rows)


def test_a_limit_is_kept_and_told(
    tmp_path: Path, closed_images: list[Sample], run_closed: Run, values: Any, fake_model: Any
) -> None:
    model, told = fake_model(), []
    rows = run_closed(tmp_path, closed_images, model, limit=3, progress=lambda *done: told.append(done))
    assert model.calls == 3
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert {(row.counts["images"], row.counts["images_total"]) for row in rows} == {(3, len(closed_images))}
    np.testing.assert_equal(values(rows), values(run_closed(tmp_path, closed_images[:3])))


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_no_image(tmp_path: Path, closed_images: list[Sample], run_closed: Run, limit: int) -> None:
    with pytest.raises(InputError, match=f"--limit {limit}: wanted at least one image"):
        run_closed(tmp_path, closed_images, limit=limit)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_logits_that_are_not_finite_stop_all_and_write_nothing(
    tmp_path: Path, closed_images: list[Sample], run_closed: Run, fake_model: Any, value: float
) -> None:
    def spoil(prediction: Prediction) -> None:
        prediction.logits[0, 2, 3] = value

    with pytest.raises(InputError, match="image 'frame 1': the model's logits are not finite"):
        run_closed(tmp_path, closed_images, fake_model(spoil))
    assert list(tmp_path.iterdir()) == []


def test_a_class_that_the_model_does_not_have(tmp_path: Path, run_closed: Run, images_of: Any) -> None:
    with pytest.raises(InputError, match="image 'frame 0': labels hold class 7"):
        run_closed(tmp_path, images_of([0, 7]))


def test_evaluating_again_writes_the_same_bytes(
    tmp_path: Path, closed_images: list[Sample], run_closed: Run, written: Any
) -> None:
    for folder in ("first", "first", "second"):
        run_closed(tmp_path / folder, closed_images)
    assert written(tmp_path / "first") == written(tmp_path / "second")
    assert set(written(tmp_path / "first")) == {
        ROWS, "counts/streets/confusion.npz", "counts/streets/confusion.resamples.npz",
    }  # fmt: skip


def test_the_order_of_images_changes_nothing(
    tmp_path: Path, closed_images: list[Sample], run_closed: Run, written: Any
) -> None:
    run_closed(tmp_path / "forwards", closed_images)
    run_closed(tmp_path / "backwards", closed_images[::-1])
    both = [RunFolder(tmp_path / name).rows() for name in ("forwards", "backwards")]
    for one, other in zip(*both, strict=True):  # intervals: the draws take images by their place
        np.testing.assert_equal(vars(one) | NO_INTERVAL, vars(other) | NO_INTERVAL)
    file = "counts/streets/confusion.npz"
    assert written(tmp_path / "forwards")[file] == written(tmp_path / "backwards")[file]


def test_closed_and_ood_rows_live_beside_each_other(
    tmp_path: Path, ood_images: list[Sample], closed_images: list[Sample], run_ood: Run, run_closed: Run
) -> None:
    ood, closed = run_ood(tmp_path, ood_images), run_closed(tmp_path, closed_images)
    run_ood(tmp_path, ood_images, dataset="other")
    confusion = (tmp_path / "counts" / "streets" / "confusion.npz").read_bytes()
    run_ood(tmp_path, ood_images, scores=["msp"])
    assert len(RunFolder(tmp_path).rows()) == len(ood) + len(closed) + len(ood) // 2
    assert (tmp_path / "counts" / "streets" / "confusion.npz").read_bytes() == confusion
