"""Component metrics against a slow transcription in sets, hand-made cases, and the laws of sums."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics.components import (
    COMPONENT_READINGS,
    TAUS,
    TRACKS,
    VECTOR_LENGTH,
    ComponentCounts,
    ComponentRules,
    count_components,
)

Pixel = tuple[int, int]
modest = settings(deadline=None, max_examples=100)
few = settings(deadline=None, max_examples=30)
every = ComponentRules(1, 1, "every component")


def flood(pixels: Iterable[Pixel]) -> list[set[Pixel]]:
    """8-connected components, by flood fill."""
    left, found = set(pixels), []
    while left:
        border = [left.pop()]
        component = set(border)
        while border:
            row, column = border.pop()
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            component |= near
            border += near
        found.append(component)
    return found


def slow_counts(predicted: NDArray[np.bool_], labels: NDArray[np.uint8], rules: ComponentRules) -> ComponentCounts:
    """The leaderboard's procedure, step by step on sets of pixels."""
    everywhere = set(np.ndindex(*labels.shape))
    void = {pixel for pixel in everywhere if labels[pixel] == IGNORE}
    objects = flood(pixel for pixel in everywhere if labels[pixel] == OOD)
    guesses = flood(pixel for pixel in everywhere - void if predicted[pixel])
    guesses = [guess for guess in guesses if len(guess) >= rules.smallest_predicted]
    for thing in objects:
        if len(thing) < rules.smallest_truth:
            void |= thing
    objects = [thing for thing in objects if not thing & void]
    guesses = [guess - void for guess in guesses if guess - void]
    siou = []
    for thing in objects:
        touching = set().union(*(guess for guess in guesses if guess & thing))
        others = set().union(*(other for other in objects if other is not thing))
        siou.append(len(thing & touching) / len((thing | touching) - others))
    on_objects = set().union(*objects)
    ppv = [len(guess & on_objects) / len(guess) for guess in guesses]
    tp = np.array([sum(value >= tau for value in siou) for tau in np.linspace(0.25, 0.75, 11)], dtype=np.int64)
    fp = np.array([sum(value < tau for value in ppv) for tau in np.linspace(0.25, 0.75, 11)], dtype=np.int64)
    return ComponentCounts(sum(siou), len(siou), sum(ppv), len(ppv), tp, len(siou) - tp, fp)


def scene(picture: str) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Rows of cells: ``.`` nothing, ``o`` object missed, ``x`` object predicted, ``p`` predicted wrongly,
    ``v`` void, ``w`` void predicted."""
    cells = np.array([list(row) for row in picture.split()])
    labels = np.where(np.isin(cells, ["o", "x"]), OOD, np.where(np.isin(cells, ["v", "w"]), IGNORE, IN))
    return np.isin(cells, ["x", "p", "w"]), labels.astype(np.uint8)


def read(counts: ComponentCounts) -> dict[str, float]:
    return {name: float(reading.read(counts.to_vector())) for name, reading in COMPONENT_READINGS.items()}


@st.composite
def scenes(draw: st.DrawFn) -> tuple[NDArray[np.bool_], NDArray[np.uint8], ComponentRules]:
    """Blobs rather than dust: random cells, each drawn out to a few pixels, the guess often near the truth."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    zoom = draw(st.integers(1, 3))
    shape = draw(st.tuples(st.integers(1, 8), st.integers(1, 8)))
    object_share, void_share, flips = (draw(st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0])) for _ in range(3))

    def grown(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.kron(cells, np.ones((zoom, zoom))).astype(bool)

    truth = grown(rng.random(shape) < object_share)
    void = grown(rng.random(shape) < void_share / 2)
    predicted = truth ^ grown(rng.random(shape) < flips / 2) ^ (rng.random(truth.shape) < flips / 8)
    labels = np.where(void, IGNORE, np.where(truth, OOD, IN)).astype(np.uint8)
    return predicted, labels, ComponentRules(draw(st.integers(0, 12)), draw(st.integers(0, 12)), "drawn")


@modest
@given(scenes())
def test_equal_to_flood_fill_and_sets(case: tuple[NDArray[np.bool_], NDArray[np.uint8], ComponentRules]) -> None:
    ours, slow = count_components(*case), slow_counts(*case)
    np.testing.assert_allclose(ours.to_vector(), slow.to_vector(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_equal_to_flood_fill_and_sets_on_larger_images(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(3, 10, 14))
    truth, guess, void = np.kron(coarse, np.ones((6, 6))) + 0.3 * rng.normal(size=(3, 60, 84))
    labels = np.where(void > 1.5, IGNORE, np.where(truth > 0.7, OOD, IN)).astype(np.uint8)
    predicted = truth + guess > 0.9
    ours, slow = (count(predicted, labels, TRACKS["obstacle"]) for count in (count_components, slow_counts))
    np.testing.assert_allclose(ours.to_vector(), slow.to_vector(), rtol=0, atol=1e-12)
    assert ours.truths > 3
    assert ours.predictions > 3


def test_a_perfect_prediction() -> None:
    counts = count_components(*scene("xx..x xx..x ....x"), every)
    assert (counts.truths, counts.predictions) == (2, 2)
    assert read(counts) == {"sIoU": 1, "PPV": 1, "F1*": 1}


def test_an_object_found_in_two_pieces_is_not_punished_for_the_split() -> None:
    counts = count_components(*scene("xxxx xxxx oooo xxxx"), every)
    assert counts.predictions == 2
    assert read(counts) == {"sIoU": 12 / 16, "PPV": 1, "F1*": 1}  # the IoU of either piece would be 8/16 or 4/16


def test_two_objects_under_one_prediction_are_not_charged_for_each_other() -> None:
    counts = count_components(*scene("xxpxx xxpxx"), every)
    assert (counts.truths, counts.predictions) == (2, 1)
    assert counts.siou_sum == 2 * 4 / 6  # each: 4 hit of its 4 and the 2 between; plain IoU would be 4/10
    assert counts.ppv_sum == 8 / 10
    assert read(counts)["F1*"] == pytest.approx((9 * 1 + 2 * 0) / 11)  # both found up to tau .65, PPV never below


def test_corners_touch() -> None:
    counts = count_components(*scene("x.. .x. ..x"), every)
    assert (counts.truths, counts.predictions) == (1, 1)


def test_small_predictions_are_dropped_and_small_objects_are_void() -> None:
    rules = ComponentRules(3, 4, "small")
    dropped = count_components(*scene("xx... xx... ....p ....p"), rules)
    assert (dropped.truths, dropped.predictions, read(dropped)["PPV"]) == (1, 1, 1)
    too_small = count_components(*scene("xp... xp... x...."), rules)  # the object has 3 pixels, the guess 5
    assert (too_small.truths, too_small.predictions, too_small.ppv_sum) == (0, 1, 0)
    gone = count_components(*scene("x.... x.... x...."), rules)  # a guess on ignored objects alone is no guess
    assert (gone.truths, gone.predictions) == (0, 0)
    least = count_components(*scene("xx.ppp xx...."), rules)  # exactly the least sizes stay
    assert (least.truths, least.predictions) == (1, 2)


def test_void_is_neither_hit_nor_false_and_cuts_predictions() -> None:
    counts = count_components(*scene("xxwpp xxwpp"), every)
    assert (counts.truths, counts.predictions) == (1, 2)
    assert (counts.siou_sum, counts.ppv_sum) == (1, 1)
    assert counts.fp.tolist() == [1] * 11
    shrunk = count_components(*scene("wwwpp"), ComponentRules(3, 1, "void does not count towards the size"))
    assert shrunk.predictions == 0


def test_objects_missed_and_nothing_there() -> None:
    missed = count_components(*scene("oo.. oo.."), every)
    assert read(missed)["sIoU"] == read(missed)["F1*"] == 0
    assert math.isnan(read(missed)["PPV"])
    false_alarm = count_components(*scene("...p ...p"), every)
    assert math.isnan(read(false_alarm)["sIoU"])
    assert read(false_alarm)["PPV"] == read(false_alarm)["F1*"] == 0
    nothing = count_components(*scene(".v. ..."), every)
    assert all(math.isnan(value) for value in read(nothing).values())


def test_an_image_that_is_all_object_or_all_void() -> None:
    labels = np.full((30, 40), OOD, dtype=np.uint8)
    half = np.zeros((30, 40), dtype=bool)
    half[:, :20] = True
    assert read(count_components(half, labels, TRACKS["anomaly"])) == {
        "sIoU": 0.5,
        "PPV": 1,
        "F1*": pytest.approx(6 / 11),
    }
    void = count_components(half, np.full((30, 40), IGNORE, dtype=np.uint8), TRACKS["anomaly"])
    assert void == ComponentCounts.from_vector(np.zeros(VECTOR_LENGTH))


def test_a_threshold_that_is_met_counts_as_found() -> None:
    found = count_components(*scene("xooo"), every)
    assert found.tp.tolist() == [1] + 10 * [0]
    assert found.fn.tolist() == [0] + 10 * [1]
    right = count_components(*scene("xppp"), every)
    assert right.fp.tolist() == [0] + 10 * [1]
    np.testing.assert_allclose(TAUS, np.arange(25, 76, 5) / 100, rtol=1e-15)


def test_the_rules_are_the_leaderboards() -> None:
    sizes = {name: (rules.smallest_predicted, rules.smallest_truth) for name, rules in TRACKS.items()}
    assert sizes == {"anomaly": (500, 100), "obstacle": (50, 10)}


@few
@given(scenes())
def test_turned_and_mirrored_images_count_the_same(
    case: tuple[NDArray[np.bool_], NDArray[np.uint8], ComponentRules],
) -> None:
    predicted, labels, rules = case
    turned = count_components(predicted.T[::-1], labels.T[::-1], rules)
    np.testing.assert_allclose(
        turned.to_vector(), count_components(predicted, labels, rules).to_vector(), rtol=0, atol=1e-12
    )


@few
@given(scenes(), scenes())
def test_images_side_by_side_count_as_two(
    first: tuple[NDArray[np.bool_], NDArray[np.uint8], ComponentRules],
    second: tuple[NDArray[np.bool_], NDArray[np.uint8], ComponentRules],
) -> None:
    height = max(len(first[0]), len(second[0])) + 1
    width = first[0].shape[1]
    predicted = np.zeros((height, width + 1 + second[0].shape[1]), dtype=bool)
    labels = np.zeros(predicted.shape, dtype=np.uint8)
    predicted[: len(first[0]), :width], labels[: len(first[0]), :width] = first[:2]
    predicted[: len(second[0]), width + 1 :], labels[: len(second[0]), width + 1 :] = second[:2]
    apart = count_components(*first) + count_components(*second[:2], first[2])
    np.testing.assert_allclose(
        count_components(predicted, labels, first[2]).to_vector(), apart.to_vector(), rtol=0, atol=1e-12
    )


def test_readings_pool_then_divide_over_leading_axes() -> None:
    rng = np.random.default_rng(3)
    images = []
    for _ in range(12):
        labels = np.kron(rng.random((6, 8)) < 0.3, np.ones((4, 4))).astype(np.uint8)
        predicted = (labels == OOD) ^ (np.kron(rng.random((12, 16)) < 0.2, np.ones((2, 2))) > 0)
        images.append(count_components(predicted, labels, every))
    vectors = np.stack([counts.to_vector() for counts in images])
    picks = rng.integers(0, 12, size=(5, 7, 12))
    sums = vectors[picks].sum(axis=2)  # (5, 7, K), as a bootstrap makes them
    for name, reading in COMPONENT_READINGS.items():
        values = reading.read(sums)
        assert values.shape == (5, 7)
        for place in np.ndindex(5, 7):
            total = images[picks[place][0]]
            for pick in picks[place][1:]:
                total = total + images[pick]
            assert values[place] == pytest.approx(read(total)[name], abs=1e-12)
        assert reading.name == name
        assert reading.higher_is_better


def test_vectors_there_and_back() -> None:
    counts = count_components(*scene("xxp.oo xxp.oo"), every)
    vector = counts.to_vector()
    assert vector.shape == (VECTOR_LENGTH,)
    assert ComponentCounts.from_vector(vector) == counts
    assert counts + counts != counts
    assert (counts + counts).truths == 4
    with pytest.raises(InputError, match=r"shape \(3,\); wanted \(37,\)"):
        ComponentCounts.from_vector(np.zeros(3))


@pytest.mark.parametrize(
    ("predicted", "labels", "message"),
    [
        (np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), r"image 'a': predicted is uint8 \(2, 2\); wanted"),
        (np.zeros(4, bool), np.zeros(4, np.uint8), r"predicted is bool \(4,\); wanted a numpy array \(H, W\) of bool"),
        (np.zeros((0, 4), bool), np.zeros((0, 4), np.uint8), "not empty"),
        ([[True]], np.zeros((1, 1), np.uint8), "predicted is list"),
        (np.zeros((2, 2), bool), np.zeros((2, 2), np.int64), "labels is int64"),
        (np.zeros((2, 2), bool), np.zeros((2, 3), np.uint8), r"predicted is \(2, 2\) but labels \(2, 3\)"),
        (np.zeros((2, 2), bool), np.full((2, 2), 2, np.uint8), r"image 'a': unknown label values \[2\]"),
    ],
)
def test_bad_input_is_named(predicted: NDArray[np.bool_], labels: NDArray[np.uint8], message: str) -> None:
    with pytest.raises(InputError, match=message):
        count_components(predicted, labels, every, "a")


def test_two_megapixels_with_hundreds_of_components_take_tens_of_milliseconds() -> None:
    rng = np.random.default_rng(0)
    cells = rng.random((2, 64, 128)) < 0.06
    truth, guess = np.kron(cells, np.ones((16, 16), np.uint8)).astype(bool)
    predicted = guess | np.roll(truth, 5, axis=1)
    best = math.inf
    for _ in range(3):
        start = time.process_time()
        counts = count_components(predicted, truth.astype(np.uint8), TRACKS["obstacle"])
        best = min(best, time.process_time() - start)
    assert counts.truths > 300
    assert best < 0.5  # seconds of processor time; 0.03 to 0.05 measured: this catches a pass per component
