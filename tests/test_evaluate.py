"""The evaluation loop, with a made-up model on made-up images, held against scikit-learn and naive loops."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from gmmbench.errors import InputError
from gmmbench.evaluate import Measure, evaluate_closed, evaluate_ood, predicted
from gmmbench.evaluate.pictures import PICTURE_WIDTH, PICTURES
from gmmbench.labels import IGNORE, IN, OOD, Sample
from gmmbench.metrics import CLASS_READINGS, CONFUSION_READINGS, READINGS, NaNScoreError
from gmmbench.prediction import Prediction
from gmmbench.results import IMAGE_MEAN, ROWS, Row, RunFolder
from gmmbench.scores import SCORES, choose, family_of

CLASSES = ("road", "sky", "car", "nowhere")
SIZES = [(7, 9), (12, 5), (3, 4), (8, 8), (20, 17), (5, 6), (9, 7), (4, 1000)]
Evaluate = Callable[..., list[Row]]
PURE = {name: SCORES[name] for name in choose("fast", {"logits", "density"})}
SHOWN = [*READINGS, *(f"{name}{IMAGE_MEAN}" for name, reading in READINGS.items() if reading.headline)]


class FakeModel:
    """Logits and densities that depend on the pixel's colour alone; counts how often it is asked."""

    def __init__(self, spoil: Callable[[Prediction], None] | None = None) -> None:
        self.calls = 0
        self._spoil = spoil
        rng = np.random.default_rng(3)
        self._weights = torch.from_numpy(rng.normal(0, 4, (3, 3)).astype(np.float32))
        self._means = torch.from_numpy(rng.random((3, 3)).astype(np.float32))

    def __call__(self, image: NDArray[np.uint8]) -> Prediction:
        self.calls += 1
        colours = torch.from_numpy(image).float() / 255
        logits = torch.full((4, *image.shape[:2]), -100.0)  # nobody is ever "nowhere"
        logits[:3] = torch.einsum("hwk,ck->chw", colours, self._weights)
        distance = ((colours[None] - self._means[:, None, None]) ** 2).sum(dim=-1)
        prediction = Prediction(logits, 40 - 300 * distance)
        if self._spoil is not None and self.calls == 2:
            self._spoil(prediction)
        return prediction


def images_of(values: Sequence[int], sizes: Sequence[tuple[int, int]] = SIZES) -> list[Sample]:
    rng = np.random.default_rng(5)
    return [
        Sample(
            f"frame {number}",
            rng.integers(0, 256, (*size, 3)).astype(np.uint8),
            rng.choice(np.array(values, dtype=np.uint8), size),
        )
        for number, size in enumerate(sizes)
    ]


@pytest.fixture
def ood_images() -> list[Sample]:
    return images_of([IN, IN, IN, OOD, IGNORE])


@pytest.fixture
def closed_images() -> list[Sample]:
    return images_of([0, 1, 2, IGNORE])


def run_ood(folder: Path, images: Sequence[Sample], model: FakeModel | None = None, **options: Any) -> list[Row]:
    options = {"scores": PURE, "run": "fake", "dataset": "streets", "provenance": {"seed": 1}} | options
    scores, measure = options.pop("scores"), Measure(limit=options.pop("limit", None))
    families = {name: family_of(score, generative=True) for name, score in scores.items()}
    source = predicted(model or FakeModel(), scores)
    return evaluate_ood(source, images, families, folder=RunFolder(folder), measure=measure, **options)


def run_closed(folder: Path, images: Sequence[Sample], model: FakeModel | None = None, **options: Any) -> list[Row]:
    options = {"run": "fake", "dataset": "streets", "provenance": {"seed": 1}} | options
    return evaluate_closed(model or FakeModel(), images, CLASSES, folder=RunFolder(folder), **options)


def written(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def values(rows: Sequence[Row]) -> dict[tuple[str | None, str, str | None], float]:
    return {(row.score, row.metric, row.class_name): row.value for row in rows}


def in_bins(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores that share a bin of ``ScoreCounts`` made equal, their order kept: the top 24 bits."""
    return (scores.view(np.uint32) & np.uint32(0xFFFFFF00)).view(np.float32)


@pytest.mark.parametrize("name", PURE)
def test_ood_metrics_are_those_of_scikit_learn_on_all_pixels(
    tmp_path: Path, ood_images: list[Sample], name: str
) -> None:
    found = values(run_ood(tmp_path, ood_images, scores={name: SCORES[name]}))
    model = FakeModel()
    scores = np.concatenate([SCORES[name](model(sample.image)).numpy().ravel() for sample in ood_images])
    labels = np.concatenate([sample.labels.ravel() for sample in ood_images])
    kept = labels != IGNORE
    truth, binned = labels[kept] == OOD, in_bins(scores[kept])
    fpr, tpr, _ = roc_curve(truth, binned, drop_intermediate=False)
    assert found[name, "AUROC", None] == pytest.approx(roc_auc_score(truth, binned), rel=1e-12)
    assert found[name, "AP", None] == pytest.approx(average_precision_score(truth, binned), rel=1e-12)
    assert found[name, "FPR95", None] == pytest.approx(fpr[np.argmax(tpr >= 0.95)], rel=1e-12)
    # Bins move the metrics of the raw scores by next to nothing.
    assert found[name, "AUROC", None] == pytest.approx(roc_auc_score(truth, scores[kept]), abs=1e-4)


def test_closed_metrics_are_those_of_a_naive_loop(tmp_path: Path, closed_images: list[Sample]) -> None:
    found = values(run_closed(tmp_path, closed_images))
    model = FakeModel()
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


def test_what_rows_say(tmp_path: Path, ood_images: list[Sample], closed_images: list[Sample]) -> None:
    rows = run_ood(tmp_path, ood_images) + run_closed(tmp_path, closed_images)
    np.testing.assert_equal([vars(row) for row in RunFolder(tmp_path).rows()], [vars(row) for row in rows])
    ood, closed = [[row for row in rows if row.task == task] for task in ("ood", "closed")]
    assert [(row.score, row.metric) for row in ood] == [(score, metric) for score in PURE for metric in SHOWN]
    assert [row.metric for row in closed if row.class_name is None] == list(CONFUSION_READINGS)
    per_class = [(metric, name) for metric in CLASS_READINGS for name in CLASSES]
    assert [(row.metric, row.class_name) for row in closed if row.class_name] == per_class
    read = {name: "density" if score.needs == "density" else "posterior" for name, score in PURE.items()}
    assert {row.score: row.family for row in ood} == read
    labels = np.concatenate([sample.labels.ravel() for sample in ood_images])
    for row in ood:
        assert row.counts == {
            "images": len(SIZES),
            "images_total": len(SIZES),
            "images_counted": len(SIZES),
            "pixels_in": np.count_nonzero(labels == IN),
            "pixels_ood": np.count_nonzero(labels == OOD),
            "pixels_ignored": np.count_nonzero(labels == IGNORE),
        }
    labels = np.concatenate([sample.labels.ravel() for sample in closed_images])
    assert closed[0].counts["pixels"] == np.count_nonzero(labels != IGNORE)
    assert closed[0].counts["pixels_ignored"] == np.count_nonzero(labels == IGNORE)
    assert {(row.run, row.dataset) for row in rows} == {("fake", "streets")}
    assert all(row.provenance == {"seed": 1} for row in rows)


def test_one_forward_an_image_whatever_the_number_of_scores(tmp_path: Path, ood_images: list[Sample]) -> None:
    model = FakeModel()
    run_ood(tmp_path, ood_images, model)
    assert model.calls == len(ood_images)


@pytest.mark.parametrize("evaluate", [run_ood, run_closed])
def test_a_limit_is_kept_and_told(tmp_path: Path, ood_images: list[Sample], evaluate: Evaluate) -> None:
    model = FakeModel()
    rows = evaluate(tmp_path, ood_images, model, limit=3)
    assert model.calls == 3
    assert {(row.counts["images"], row.counts["images_total"]) for row in rows} == {(3, len(SIZES))}
    alone = evaluate(tmp_path, ood_images[:3])
    np.testing.assert_equal(values(rows), values(alone))
    rows = evaluate(tmp_path, ood_images, limit=100)
    assert {row.counts["images"] for row in rows} == {len(SIZES)}


@pytest.mark.parametrize("evaluate", [run_ood, run_closed])
@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_no_image(tmp_path: Path, ood_images: list[Sample], evaluate: Evaluate, limit: int) -> None:
    with pytest.raises(InputError, match=f"--limit {limit}: wanted at least one image"):
        evaluate(tmp_path, ood_images, limit=limit)
    assert written(tmp_path) == {}


def spoil_density(prediction: Prediction) -> None:
    assert prediction.density is not None
    prediction.density[:, 2, 3] = math.nan


def test_a_score_that_is_nan_stops_all_and_writes_nothing(tmp_path: Path) -> None:
    images = images_of([IN, OOD])
    run_ood(tmp_path, images, limit=4)
    before = written(tmp_path)
    with pytest.raises(NaNScoreError, match="image 'frame 1': 1 of 60 scored pixels are NaN"):
        run_ood(tmp_path, images, FakeModel(spoil_density))
    assert written(tmp_path) == before


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_logits_that_are_not_finite_stop_all_and_write_nothing(
    tmp_path: Path, closed_images: list[Sample], value: float
) -> None:
    def spoil(prediction: Prediction) -> None:
        prediction.logits[0, 2, 3] = value

    with pytest.raises(InputError, match="image 'frame 1': the model's logits are not finite"):
        run_closed(tmp_path, closed_images, FakeModel(spoil))
    assert written(tmp_path) == {}


def test_a_class_that_the_model_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="image 'frame 0': labels hold class 7"):
        run_closed(tmp_path, images_of([0, 7]))


@pytest.mark.parametrize("evaluate", [run_ood, run_closed])
def test_evaluating_again_writes_the_same_bytes(tmp_path: Path, ood_images: list[Sample], evaluate: Evaluate) -> None:
    for folder in ("first", "first", "second"):
        evaluate(tmp_path / folder, ood_images)
    first = written(tmp_path / "first")
    assert first == written(tmp_path / "second")
    assert ROWS in first
    assert any(name.startswith("counts/streets/") for name in first)


def test_closed_and_ood_rows_live_beside_each_other(
    tmp_path: Path, ood_images: list[Sample], closed_images: list[Sample]
) -> None:
    ood, closed = run_ood(tmp_path, ood_images), run_closed(tmp_path, closed_images)
    run_ood(tmp_path, ood_images, dataset="other")
    run_ood(tmp_path, ood_images, scores={"msp": SCORES["msp"]}, dataset="other")
    assert len(RunFolder(tmp_path).rows()) == len(ood) + len(closed) + len(SHOWN)


def test_the_order_of_images_changes_no_value(
    tmp_path: Path, ood_images: list[Sample], closed_images: list[Sample]
) -> None:
    for evaluate, images in ((run_ood, ood_images), (run_closed, closed_images)):
        forwards, backwards = tmp_path / f"{evaluate.__name__} 1", tmp_path / f"{evaluate.__name__} 2"
        rows = evaluate(forwards, images)
        np.testing.assert_equal(values(evaluate(backwards, images[::-1])), values(rows))
        counts = {name: data for name, data in written(forwards).items() if name.startswith("counts") and "images" not in name}
        assert {name: written(backwards)[name] for name in counts} == counts


def test_without_anomalies_nothing_is_defined(tmp_path: Path) -> None:
    rows = run_ood(tmp_path, images_of([IN, IGNORE]))
    assert all(math.isnan(row.value) for row in rows)
    for line in (tmp_path / ROWS).read_text(encoding="utf-8").splitlines():
        assert json.loads(line)["value"] is None
    assert all(math.isnan(row.value) for row in RunFolder(tmp_path).rows())


def test_pictures(tmp_path: Path, ood_images: list[Sample]) -> None:
    run_ood(tmp_path, ood_images)
    pictures = list(RunFolder(tmp_path).pictures("streets"))
    assert len(pictures) == PICTURES < len(SIZES)
    assert [name for name, _ in pictures][::5] == ["frame-0", "frame-7"], "from the first image to the last"
    by_name = {sample.name.replace(" ", "-"): sample for sample in ood_images}
    for name, arrays in pictures:
        sample = by_name[name]
        height, width = sample.labels.shape
        shape = (height, width) if width <= PICTURE_WIDTH else (round(height * PICTURE_WIDTH / width), PICTURE_WIDTH)
        assert {"image", "labels", "prediction", *(f"score/{score}" for score in PURE)} <= set(arrays)
        assert {key: array.shape for key, array in arrays.items() if array.ndim} == {
            key: (*shape, 3) if key == "image" else shape for key in arrays if arrays[key].ndim
        }
        assert all(array.dtype == np.float32 for key, array in arrays.items() if key.startswith("score/"))
        assert {arrays[key].dtype for key in ("image", "labels", "prediction")} == {np.dtype(np.uint8)}
        assert set(np.unique(arrays["labels"])) <= {IN, OOD, IGNORE}
        if width <= PICTURE_WIDTH:
            np.testing.assert_array_equal(arrays["image"], sample.image)
            np.testing.assert_array_equal(arrays["labels"], sample.labels)
            prediction = FakeModel()(sample.image)
            np.testing.assert_array_equal(arrays["prediction"], prediction.logits.argmax(dim=0))
            np.testing.assert_array_equal(arrays["score/msp"], SCORES["msp"](prediction))


def test_pictures_of_an_earlier_evaluation_go(tmp_path: Path, ood_images: list[Sample]) -> None:
    run_ood(tmp_path, ood_images)
    run_ood(tmp_path, ood_images[2:], limit=2)
    assert [name for name, _ in RunFolder(tmp_path).pictures("streets")] == ["frame-2", "frame-3"]


@pytest.mark.parametrize("evaluate", [run_ood, run_closed])
def test_progress_is_told_of_each_image(tmp_path: Path, ood_images: list[Sample], evaluate: Evaluate) -> None:
    told: list[tuple[int, int]] = []
    evaluate(tmp_path, ood_images, limit=3, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_an_image_that_cannot_be_read_writes_nothing(tmp_path: Path, ood_images: list[Sample]) -> None:
    class Damaged(list[Sample]):
        def __getitem__(self, index: Any) -> Any:
            if index == 2:
                raise InputError("frame 2 is damaged")
            return super().__getitem__(index)

    with pytest.raises(InputError, match="frame 2 is damaged"):
        run_ood(tmp_path, Damaged(ood_images))
    assert written(tmp_path) == {}


def test_a_picture_shows_an_anomaly_where_its_stretch_has_one(tmp_path: Path) -> None:
    # Twelve images, two a stretch; the second of each has the anomaly, but for the last stretch.
    plain, odd = images_of([IN], [(4, 6)])[0], images_of([IN, OOD], [(4, 6)])[0]
    kinds = [plain, odd] * 5 + [plain, plain]
    images = [Sample(f"frame-{number:02d}", kind.image, kind.labels) for number, kind in enumerate(kinds)]
    run_ood(tmp_path, images)
    shown = [name for name, _ in RunFolder(tmp_path).pictures("streets")]
    assert shown == ["frame-01", "frame-03", "frame-05", "frame-07", "frame-09", "frame-10"]
