"""Run folders as the evaluation writes them, from made-up streets: no model and no data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics import CLASS_READINGS, CONFUSION_READINGS, READINGS, ConfusionMatrix, ScoreCounts
from gmmbench.metrics.resampling import LEVEL, interval
from gmmbench.results import Row, RunFolder
from gmmbench.results.resamples import write_resamples

CLASSES = ("road", "sky", "building", "car")
PROTOCOL = {"resolution": "labels as published", "AP form": "step sum, pooled over all images"}
DATASET = {
    "name": "street_ood",
    "title": "Street with objects",
    "citation": "Doe 2024, https://example.org/a_b",
    "licence": "CC BY 4.0",
    "note": "Objects were pasted in: edges may give them away.",
    "frames_may_be_shown": True,
}
FAMILY = {"neg_log_density": "density", "mahalanobis": "density", "energy": "logits", "max_softmax": "logits"}

Picture = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


def street(rng: np.random.Generator, height: int = 60, width: int = 120) -> Picture:
    """image, labels and classes of one street: sky, houses, a road, cars, one bright object on it."""
    y, x = np.mgrid[:height, :width]
    horizon = int(height * 0.45)
    classes = np.full((height, width), 1, dtype=np.uint8)
    roofs = horizon - (np.repeat(rng.integers(4, horizon, 12), width // 12 + 1)[:width])
    classes[(y > roofs) & (y <= horizon)] = 2
    classes[y > horizon] = 0
    colours = np.array([[90, 90, 95], [150, 190, 230], [130, 95, 80], [40, 60, 120]], dtype=np.float64)
    for left in rng.integers(0, width - 20, 2):
        classes[horizon - 4 : horizon + 8, left : left + 18] = 3
    image = colours[classes] + rng.normal(0, 8, (height, width, 1)) + 20 * (y / height)[..., None]
    labels = np.full((height, width), IN, dtype=np.uint8)
    centre_x, centre_y, radius = rng.uniform(0.2, 0.8) * width, 0.75 * height, rng.uniform(0.08, 0.16) * height
    thing = (x - centre_x) ** 2 + (y - centre_y) ** 2 < radius**2
    image[thing] = [225, 190, 60]
    labels[thing] = OOD
    labels[-3:] = IGNORE
    return np.clip(image, 0, 255).astype(np.uint8), labels, classes


def score_map(
    rng: np.random.Generator, name: str, labels: NDArray[np.uint8], classes: NDArray[np.uint8], skill: float
) -> NDArray[np.float32]:
    """A plausible map: noise, class borders and the object, which ``skill`` lifts."""
    border = np.zeros(labels.shape)
    border[:, 1:] += classes[:, 1:] != classes[:, :-1]
    border[1:] += classes[1:] != classes[:-1]
    noise = rng.normal(0, 2, labels.shape)
    for axis in (0, 1, 0, 1):
        noise = (noise + np.roll(noise, 1, axis) + np.roll(noise, 2, axis)) / 2
    raw = noise / noise.std() + 1.2 * border + skill * (labels == OOD) * rng.uniform(0.4, 1.6, labels.shape)
    if name == "max_softmax":
        raw = 1 / (1 + np.exp(4 - 1.5 * raw))
    elif FAMILY.get(name) == "density":
        raw = -180 + 25 * raw
    return np.asarray(raw, dtype=np.float32)


WriteRun = Callable[..., Path]


@pytest.fixture
def write_run(tmp_path: Path) -> WriteRun:
    """``write_run(folder, run, scores)`` under the test's own folder; see ``make_run``."""

    def write(folder: str, run: str, scores: dict[str, float], **options: Any) -> Path:
        return make_run(tmp_path / folder, run, scores, **options)

    return write


def make_run(
    path: Path,
    run: str,
    scores: dict[str, float],
    *,
    dataset: str = "street_ood",
    images: int = 3,
    images_total: int | None = None,
    shape: tuple[int, int] = (60, 120),
    closed: str | None = "street",
    mistakes: float = 0.1,
    protocol: dict[str, str] | None = None,
    facts: dict[str, Any] | None = None,
    provenance: dict[str, Any] | None = None,
    pictures: bool = True,
    families: dict[str, str] | None = None,
) -> Path:
    """Write one evaluated model; ``scores`` maps a score's name to its skill. All runs see the same streets."""
    folder = RunFolder(path)
    streets = np.random.default_rng(7)
    rng = np.random.default_rng(abs(hash_of(run)))
    counts = {name: ScoreCounts() for name in scores}
    confusion = ConfusionMatrix(len(CLASSES))
    for number in range(images):
        image, labels, classes = street(streets, *shape)
        prediction = np.where(rng.random(shape) < mistakes, rng.integers(0, 4, shape), classes).astype(np.uint8)
        confusion.update(prediction, classes)
        maps = {name: score_map(rng, name, labels, classes, skill) for name, skill in scores.items()}
        for name, values in maps.items():
            counts[name].update(values, labels)
        if pictures:
            arrays: dict[str, NDArray[Any]] = {"image": image, "labels": labels, "prediction": prediction}
            arrays |= {f"score/{name}": values for name, values in maps.items()}
            folder.save_picture(dataset, number, f"street_{number:03d}", arrays)
    total = images if images_total is None else images_total
    record = {
        "config": f"configs/{slugged(run)}.py",
        "config_sha256": "c0ffee" * 11,
        "checkpoint": "work/checkpoint.pth",
        "checkpoint_sha256": "badcab" * 11,
        "seed": 0,
        "gmmbench": "0.1.0",
        "code": "1234abc",
        "python": "3.11.9",
        "libraries": {"numpy": "2.4.6", "torch": "2.13.0"},
        "device": "cpu",
        "command": f"gmmbench eval-ood --out {path.name}",
        "protocol": PROTOCOL if protocol is None else protocol,
        "dataset": DATASET if facts is None else facts,
    } | (provenance or {})
    rows = []
    for name, counted in counts.items():
        folder.save_counts(dataset, name, counted.to_arrays())
        pixels = {
            "images": images,
            "images_total": total,
            "pixels_in": counted.pixels_in,
            "pixels_ood": counted.pixels_ood,
            "pixels_ignored": counted.pixels_ignored,
        }
        family = (families or FAMILY).get(name, "logits")
        formulas = {"scores": {known: f"formula of {known}" for known in scores}}
        rows += [
            Row("ood", run, dataset, metric, reading.read(counted), name, family, None, pixels, record | formulas)
            for metric, reading in READINGS.items()
        ]
    if rows:
        folder.replace_rows("ood", dataset, rows)
    if closed is not None:
        folder.save_counts(closed, "confusion", confusion.to_arrays())
        pixels = {"images": images, "images_total": total, "pixels": confusion.pixels}
        record = record | {"dataset": {"name": closed, "title": "Street", "frames_may_be_shown": True}}
        rows = [
            Row("closed", run, closed, metric, reading.read(confusion), counts=pixels, provenance=record)
            for metric, reading in CONFUSION_READINGS.items()
        ]
        for metric, per_class in CLASS_READINGS.items():
            rows += [
                Row("closed", run, closed, metric, float(value), None, None, name, pixels, record)
                for name, value in zip(CLASSES, per_class.read(confusion), strict=True)
            ]
        folder.replace_rows("closed", closed, rows)
    return path


def hash_of(text: str) -> int:
    """A number that a name always gives: ``hash`` changes from process to process."""
    return int.from_bytes(text.encode()[:6].ljust(6), "big")


def slugged(text: str) -> str:
    """A file name made of a run's name."""
    return "".join(letter if letter.isalnum() else "-" for letter in text)[:40]


@pytest.fixture
def pair(write_run: WriteRun) -> list[Path]:
    """A GMM run and its softmax twin."""
    return [
        write_run("gmm", "gmmseg_r18", {"neg_log_density": 2.0, "mahalanobis": 1.5, "energy": 1.0}),
        write_run("softmax", "softmax_r18", {"energy": 2.6, "max_softmax": 1.4}, mistakes=0.2),
    ]


DrawnRun = Callable[..., Path]


@pytest.fixture
def drawn_run(tmp_path: Path) -> DrawnRun:
    """``drawn_run(folder, run, {score: (family, {metric: (value, drawn)})})``: rows and resamples, without counts.

    ``drawn``: (R,) values on resampled images, or ``None`` for a run of an older gmmbench. A score called "confusion"
    makes closed-set rows. Provenance is that of a training with seed and recipe.
    """

    def write(
        folder: str,
        run: str,
        scores: dict[str, tuple[str | None, dict[str, tuple[float, NDArray[Any] | None]]]],
        *,
        dataset: str = "street_ood",
        images: tuple[str, ...] = ("a", "b"),
        seed: int = 0,
        recipe: str | None = "recipe",
        config: str = "config",
        **provenance: Any,
    ) -> Path:
        path, rows = RunFolder(tmp_path / folder), []
        record = {
            "config_sha256": config, "checkpoint_sha256": f"{config} {seed}", "seed": seed,
            "training": {"iterations": 100, "overrides": []}, "protocol": PROTOCOL,
        } | ({} if recipe is None else {"recipe_sha256": recipe}) | provenance  # fmt: skip
        counts = {"images": len(images), "images_total": len(images), "pixels_in": 900, "pixels_ood": 100}
        for score, (family, metrics) in scores.items():
            closed = score == "confusion"
            for metric, (value, drawn) in metrics.items():
                low, high = (None, None) if drawn is None else interval(drawn, LEVEL)[:2]
                name = None if closed else score
                task = "closed" if closed else "ood"
                rows.append(Row(task, run, dataset, metric, value, name, family, None, counts, record, low, high))
            kept = {metric: drawn for metric, (_, drawn) in metrics.items() if drawn is not None}
            if kept:
                write_resamples(path.counts_file(dataset, f"{score}.resamples"), images, kept)
        for task in ("ood", "closed"):
            path.replace_rows(task, dataset, [row for row in rows if row.task == task])
        return path.path

    return write


EvaluatedRun = Callable[..., Path]


@pytest.fixture
def evaluated_run(tmp_path: Path) -> EvaluatedRun:
    """``evaluated_run(folder, run, {score: skill})``: all that an evaluation of made-up maps leaves.

    With counts of images, failures and resamples, which ``write_run`` leaves out as old run folders do.
    """
    import torch

    from gmmbench.evaluate import Scored, evaluate_ood
    from gmmbench.labels import Sample

    def write(
        folder: str,
        run: str,
        scores: dict[str, float],
        *,
        dataset: str = "street_ood",
        images: int = 3,
        shape: tuple[int, int] = (90, 180),
        families: dict[str, str] | None = None,
        facts: dict[str, Any] | None = None,
        **provenance: Any,
    ) -> Path:
        streets, rng = np.random.default_rng(7), np.random.default_rng(abs(hash_of(run)))
        drawn = [street(streets, *shape) for _ in range(images)]
        samples = [Sample(f"street {number:03d}", image, labels) for number, (image, labels, _) in enumerate(drawn)]
        classes = {sample.name: seen for sample, (_, _, seen) in zip(samples, drawn, strict=True)}

        def source(sample: Sample) -> Scored:
            maps = {
                name: torch.from_numpy(score_map(rng, name, sample.labels, classes[sample.name], skill))
                for name, skill in scores.items()
            }
            return Scored(maps)

        known = {name: (families or FAMILY).get(name, "logits") for name in scores}
        formulas = {name: f"formula of {name}" for name in scores}
        record = {"protocol": PROTOCOL, "dataset": DATASET if facts is None else facts, "scores": formulas} | provenance
        place = RunFolder(tmp_path / folder)
        evaluate_ood(source, samples, known, folder=place, run=run, dataset=dataset, provenance=record)
        return place.path

    return write
