"""The worst regions that an evaluation keeps, held against a search of every box and every object."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gmmbench.evaluate import given
from gmmbench.evaluate.failures import CROP, KEPT, SMALLEST, Failures
from gmmbench.labels import IGNORE, IN, OOD, Sample
from gmmbench.results import Row, RunFolder, staging
from gmmbench.results.failures import HIGH_IN, MISSED, Failure

Run = Callable[..., list[Row]]
SHAPE = (63, 100)  # boxes of three pixels
Labels = NDArray[np.uint8]
Scores = NDArray[np.float32]


def blobs(rng: np.random.Generator, shape: tuple[int, int] = SHAPE) -> Labels:
    """Rectangles of OOD, some of which touch or are too small, and a corner that nobody labelled."""
    labels = np.full(shape, IN, dtype=np.uint8)
    for _ in range(6):
        top, left = rng.integers(0, shape[0] - 14), rng.integers(0, shape[1] - 14)
        labels[top : top + rng.integers(6, 15), left : left + rng.integers(6, 15)] = OOD
    labels[: shape[0] // 4, : shape[1] // 3] = IGNORE
    return labels


def scene(number: int) -> tuple[Sample, Scores]:
    rng = np.random.default_rng(number)
    labels = blobs(rng)
    image = rng.integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
    return Sample(f"frame {number}", image, labels), rng.normal(-1000, 50, SHAPE).astype(np.float32)


def collected(tmp_path: Path, scenes: list[tuple[Sample, Scores]]) -> list[Failure]:
    failures = Failures(["theirs"])
    for number, (sample, scores) in enumerate(scenes):
        failures.offer(number, sample, {"theirs": scores})
    run = RunFolder(tmp_path)
    with staging(run, "streets") as stage:
        failures.save(stage)
        stage.commit([])
    return run.failures("streets", "theirs")


def boxes_by_hand(labels: Labels, scores: Scores) -> list[tuple[float, tuple[int, int]]]:
    """(mean over IN pixels, (left, top)) of every 3 x 3 box that may be kept."""
    found = []
    for top in range(labels.shape[0] - 2):
        for left in range(labels.shape[1] - 2):
            around = labels[max(0, top - 1) : top + 4, max(0, left - 1) : left + 4]
            inside = labels[top : top + 3, left : left + 3] == IN
            if not (around == OOD).any() and inside.sum() >= 4.5:
                mean = scores[top : top + 3, left : left + 3][inside].astype(np.float64).mean()
                found.append((float(mean), (left, top)))
    return found


def objects_by_hand(labels: Labels) -> list[set[tuple[int, int]]]:
    """Pixels of every 8-connected OOD component."""
    left_over = set(zip(*np.nonzero(labels == OOD), strict=True))
    found = []
    while left_over:
        component, queue = set(), deque([left_over.pop()])
        while queue:
            row, column = queue.popleft()
            component.add((row, column))
            for other in [(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)]:
                if other in left_over:
                    left_over.remove(other)
                    queue.append(other)
        found.append(component)
    return found


def test_high_regions_are_the_best_box_of_each_image(tmp_path: Path) -> None:
    scenes = [scene(number) for number in range(KEPT + 4)]
    best = {sample.name: max(boxes_by_hand(sample.labels, scores)) for sample, scores in scenes}
    wanted = sorted(best.items(), key=lambda item: -item[1][0])[:KEPT]
    kept = [failure for failure in collected(tmp_path, scenes) if failure.kind == HIGH_IN]
    assert [failure.image for failure in kept] == [name for name, _ in wanted]
    for failure, (_, (mean, place)) in zip(kept, wanted, strict=True):
        assert failure.box == (*place, 3, 3)
        assert failure.value == pytest.approx(mean, rel=1e-6)
        assert 5 <= failure.pixels <= 9


def test_missed_objects_are_those_of_the_lowest_median_two_an_image(tmp_path: Path) -> None:
    scenes = [scene(number) for number in range(KEPT + 4)]
    wanted, too_small = [], 0
    for sample, scores in scenes:
        mine = []
        for component in objects_by_hand(sample.labels):
            if len(component) < SMALLEST:
                too_small += 1
                continue
            values = sorted(float(scores[place]) for place in component)
            rows, columns = zip(*component, strict=True)
            box = (min(columns), min(rows), max(columns) - min(columns) + 1, max(rows) - min(rows) + 1)
            mine.append((values[(len(values) - 1) // 2], sample.name, box, len(component)))
        wanted += sorted(mine)[:2]
    kept = [failure for failure in collected(tmp_path, scenes) if failure.kind == MISSED]
    assert too_small > 0
    assert [(f.value, f.image, f.box, f.pixels) for f in kept] == sorted(wanted)[:KEPT]
    assert max(len([f for f in kept if f.image == name]) for name in {f.image for f in kept}) <= 2


def test_a_crop_shows_the_region_and_as_much_around_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.zeros((300, 500), dtype=np.uint8)
    labels[100:220, 380:500] = OOD  # at the right border
    image = np.zeros((300, 500, 3), dtype=np.uint8)
    image[labels == OOD] = (200, 100, 50)
    scores = np.where(labels == OOD, -5000, -4000).astype(np.float32)
    scores[20:35, 20:35] = 70_000  # further from the others than float16 reaches
    kept = collected(tmp_path, [(Sample("one", image + rng.integers(0, 9, image.shape, np.uint8), labels), scores)])
    high, missed = kept
    assert (high.kind, missed.kind) == (HIGH_IN, MISSED)
    assert (missed.box, missed.window, missed.value, missed.pixels) == (
        (380, 100, 120, 120),
        (260, 40, 240, 240),
        -5000,
        14400,
    )
    assert missed.crop.shape == (CROP, CROP, 3)
    left, top, width, height = (round(side) for side in missed.box_in_crop)
    assert (left, top, width, height) == (64, 32, 64, 64)
    inside = slice(top + 1, top + height - 1), slice(left + 1, left + width)
    assert (missed.labels[inside] == OOD).all()
    assert (missed.labels == OOD).mean() == pytest.approx(1 / 4, abs=0.01)
    assert missed.crop[inside].reshape(-1, 3).min(axis=0).tolist() >= [200, 100, 50]
    np.testing.assert_allclose(missed.scores[inside], -5000, atol=0.01)
    assert missed.scores[0, 0] == pytest.approx(-4000, abs=0.01)
    assert high.window[2:] == (75, 75), "a quarter of the image around a box of 15"
    assert high.crop.shape == (75, 75, 3), "never larger than it was"
    assert high.value == 70_000
    assert high.scores.min() == pytest.approx(70_000 - 65504)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_scores_that_are_no_numbers(tmp_path: Path, bad: float) -> None:
    sample, scores = scene(1)
    scores[sample.labels == IGNORE] = math.nan
    place = boxes_by_hand(sample.labels, scores)[-1][1]
    scores[place[1] : place[1] + 3, place[0] : place[0] + 3] = bad
    first = objects_by_hand(sample.labels)[0]
    for pixel in first:
        scores[pixel] = bad
    kept = collected(tmp_path, [(sample, scores)])
    high, *missed = kept
    assert high.kind == HIGH_IN
    assert high.value == math.inf if bad == math.inf else -1000 < high.value < 0
    near = max(abs(high.box[0] - place[0]), abs(high.box[1] - place[1])) <= 2
    assert near if bad == math.inf else high.box[:2] != place
    assert missed
    assert not any(math.isnan(failure.value) for failure in kept)
    if bad == -math.inf and len(first) >= SMALLEST:
        assert missed[0].value == -math.inf


def test_there_may_be_nothing_to_keep(tmp_path: Path) -> None:
    nothing = Sample("nothing", np.zeros((40, 50, 3), dtype=np.uint8), np.full((40, 50), IGNORE, dtype=np.uint8))
    thin = Sample("thin", np.zeros((2, 50, 3), dtype=np.uint8), np.full((2, 50), IN, dtype=np.uint8))
    scenes = [(sample, np.zeros(sample.labels.shape, dtype=np.float32)) for sample in (nothing, thin)]
    assert collected(tmp_path, scenes) == []


def test_score_maps_from_outside_and_two_scores_of_one_image(tmp_path: Path, run_ood: Run) -> None:
    scenes = [scene(number) for number in range(3)]
    images = [sample for sample, _ in scenes]
    by_name = {sample.name: scores for sample, scores in scenes}
    source = given(lambda name, shape: by_name[name], "theirs")
    run_ood(tmp_path, images, source=source, families={"theirs": "outside"})
    kept = RunFolder(tmp_path).failures("streets", "theirs")
    assert {failure.kind for failure in kept} == {HIGH_IN, MISSED}
    run_ood(tmp_path, images, scores=["msp", "gmm_lse"])
    folder = RunFolder(tmp_path)
    assert folder.failures("streets", "theirs") == [], "those of an earlier evaluation are gone"
    assert len(folder.failures("streets", "msp")) == len(folder.failures("streets", "gmm_lse")) == len(kept)


def test_the_same_images_write_the_same_bytes(tmp_path: Path, run_ood: Run, written: Any) -> None:
    images = [scene(number)[0] for number in range(3)]
    for folder in ("first", "second"):
        run_ood(tmp_path / folder, images)
    first, second = (
        {name: content for name, content in written(tmp_path / folder).items() if name.startswith("failures")}
        for folder in ("first", "second")
    )
    assert first == second
    assert set(first) == {"failures/streets/msp.npz", "failures/streets/gmm_lse.npz"}
