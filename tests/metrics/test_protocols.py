"""Each protocol's numbers against its author's procedure, on ties, void, empty images and unequal sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics.accumulate import Accumulator
from gmmbench.metrics.counts import ScoreCounts
from gmmbench.metrics.pixels import NaNScoreError
from gmmbench.metrics.protocols import PROTOCOLS, Empty, Protocol
from gmmbench.metrics.readings import READINGS

Images = list[tuple[NDArray[np.float32], NDArray[np.uint8]]]
Numbers = dict[str, float]


def drawn(seed: int, kind: str, one_sided: bool = True) -> Images:
    """Images of several sizes; scores of at most 16 significant bits, so that a bin is one score."""
    rng = np.random.default_rng(seed)
    images = []
    for number in range(7):
        shape = (int(rng.integers(5, 14)), int(rng.integers(5, 14)))
        labels = rng.choice(np.array([IN, OOD, IGNORE], np.uint8), shape, p=[0.6, 0.3, 0.1])
        if one_sided and number in (1, 4):
            labels[labels == OOD] = IN
        if one_sided and number == 5:
            labels[labels == IN] = OOD
        if one_sided and number == 6:
            labels[:] = IGNORE
        raw = rng.normal(number / 4 + (labels == OOD), 1.0)
        if kind == "levels":
            scores = np.round(raw * 2) / 2
        elif kind == "float16 joins them":
            scores = 1 + np.round(raw * 6) / 2**12
        elif kind == "float16 overflows":
            scores = np.round(raw * 2**12) * 2**5
        else:
            scores = np.clip(np.round(raw * 2**10), -(2**15), 2**15) / 2**8
        scores[labels == IGNORE] = np.nan
        images.append((scores.astype(np.float32), labels))
    return images


KINDS = ["levels", "float16 joins them", "float16 overflows", "nearly continuous"]


def flat(images: Images) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Pooled: scores and whether OOD, void dropped."""
    scores = np.concatenate([s[y <= 1] for s, y in images])
    return scores, np.concatenate([y[y <= 1] == 1 for _, y in images])


def smiyc(images: Images) -> Numbers:
    """``curves_from_cmats`` on float16 maps, with a threshold at every score instead of at percentile edges."""
    with np.errstate(over="ignore"):
        scores, truth = flat([(s.astype(np.float16), y) for s, y in images])
    thresholds = np.unique(scores)[::-1]
    tp = np.array([0] + [(truth & (scores >= t)).sum() for t in thresholds])
    fp = np.array([0] + [(~truth & (scores >= t)).sum() for t in thresholds])
    tpr, fpr = tp / truth.sum(), fp / (~truth).sum()
    precision = np.ones(len(tp))
    precision[1:] = tp[1:] / (tp + fp)[1:]
    f1 = 2 * tp / (2 * tp + fp + (truth.sum() - tp))
    return {
        "AUROC": np.trapezoid(tpr, fpr),
        "AP": np.sum(np.diff(tpr) * precision[1:]),
        "FPR95": fpr[np.searchsorted(tpr, 0.95)],
        "F1": f1.max(),
        "F1 threshold": float(np.concatenate([[np.inf], thresholds])[np.nanargmax(f1)]),
    }


def descending(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """True and false positives at the last of each run of equal scores, from the highest down."""
    order = np.argsort(scores, kind="mergesort")[::-1]
    last = np.r_[np.flatnonzero(np.diff(scores[order])), truth.size - 1]
    tps = np.cumsum(truth[order], dtype=np.int64)[last]
    return tps, np.asarray(1 + last - tps)


def fishyscapes(images: Images) -> Numbers:
    """``calculate_metrics_perpixAP``."""
    tps, fps = descending(*flat(images))
    precision, recall = tps / (tps + fps), tps / tps[-1]
    upto = slice(tps.searchsorted(tps[-1]), None, -1)
    precision, recall = np.r_[precision[upto], 1], np.r_[recall[upto], 0]
    tpr, fpr = np.r_[0, tps] / tps[-1], np.r_[0, fps] / fps[-1]
    return {
        "AUROC": np.trapezoid(tpr, fpr),
        "AP": -np.sum(np.diff(recall) * precision[:-1]),
        "FPR95": fpr[np.searchsorted(tpr, 0.95)],
    }


def pebal(images: Images) -> Numbers:
    """``get_measures`` with ``fpr_and_fdr_at_recall``."""
    scores, truth = flat(images)
    tps, fps = descending(scores, truth)
    upto = slice(tps.searchsorted(tps[-1]), None, -1)
    recall, fps = np.r_[(tps / tps[-1])[upto], 1], np.r_[fps[upto], 0]
    return {
        "AUROC": roc_auc_score(truth, scores),
        "AP": average_precision_score(truth, scores),
        "FPR95": fps[np.argmin(np.abs(recall - 0.95))] / np.sum(~truth),
    }


def polito(images: Images) -> Numbers:
    """``mainEval`` of evalAnomaly.py with ``ood_metrics.fpr_at_95_tpr``."""
    scores, truth = flat([(s, y) for s, y in images if 1 in np.unique(y)])
    fpr, tpr, _ = roc_curve(truth, scores)
    return {
        "AUROC": roc_auc_score(truth, scores),
        "AP": average_precision_score(truth, scores),
        "FPR95": np.interp(0.95, tpr, fpr),
    }


def pytorch_ood(images: Images) -> Numbers:
    """``OODMetrics._compute`` of each image, then the mean."""
    rows = []
    for image in images:
        scores, truth = flat([image])
        fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
        out_precision, out_recall, _ = precision_recall_curve(truth, scores)
        in_precision, in_recall, _ = precision_recall_curve(~truth, -scores)
        rows.append(
            {
                "AUROC": auc(fpr, tpr),
                "AP": auc(out_recall, out_precision),
                "AUPR-in": auc(in_recall, in_precision),
                "FPR95": fpr[np.searchsorted(tpr, 0.95)],
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def gmmbench(images: Images) -> Numbers:
    """scikit-learn on all pixels."""
    scores, truth = flat(images)
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    return {
        "AUROC": roc_auc_score(truth, scores),
        "AP": average_precision_score(truth, scores),
        "FPR95": fpr[tpr >= 0.95][0],
        "AUPR-in": average_precision_score(~truth, -scores),
        "F1": f1.max(),
        "F1 threshold": float(thresholds[np.flatnonzero(f1[:-1] > f1.max() - 1e-12)[-1]]),
    }


AUTHORS: dict[str, Callable[[Images], Numbers]] = {
    "gmmbench": gmmbench,
    "smiyc": smiyc,
    "fishyscapes": fishyscapes,
    "pebal": pebal,
    "polito": polito,
    "pytorch-ood": pytorch_ood,
}


def any_size(name: str) -> Protocol:
    return replace(PROTOCOLS[name], size=None)


def evaluated(protocol: Protocol, images: Images, exact: bool = False) -> Accumulator:
    accumulator = Accumulator(protocol, exact)
    for number, (scores, labels) in enumerate(images):
        accumulator.add(scores, labels, f"image {number}")
    return accumulator


def assert_same(ours: Numbers, theirs: Numbers) -> None:
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        # A threshold is the lower edge of a bin; all else is exact.
        assert ours[name] == pytest.approx(value, rel=2**-15 if name == "F1 threshold" else 1e-12, abs=1e-12), name


def test_every_protocol_has_a_transcription() -> None:
    assert set(AUTHORS) == set(PROTOCOLS)


@pytest.mark.parametrize("exact", [False, True], ids=["bins", "exact"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PROTOCOLS)
def test_numbers_are_its_authors(name: str, kind: str, exact: bool) -> None:
    for seed in range(4):
        images = drawn(seed, kind, one_sided=PROTOCOLS[name].empty is not Empty.REFUSED)
        assert_same(evaluated(any_size(name), images, exact).values(), AUTHORS[name](images))


tied_image = st.lists(st.tuples(st.integers(-2, 3), st.sampled_from([IN, OOD, IGNORE])), min_size=1, max_size=25)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_numbers_are_its_authors_whatever_the_ties(name: str) -> None:
    protocol = any_size(name)

    @settings(deadline=None, max_examples=40)
    @given(st.lists(tied_image, min_size=1, max_size=4))
    def holds(drawn_images: list[list[tuple[int, int]]]) -> None:
        images = [
            (np.array([[s for s, _ in image]], np.float32), np.array([[y for _, y in image]], np.uint8))
            for image in [*drawn_images, [(0, OOD), (1, IN), (1, OOD)]]  # so that the pooled pixels have both sides
        ]
        if protocol.empty is Empty.REFUSED:
            images = [(s, y) for s, y in images if (y == IN).any() and (y == OOD).any()]
        assert_same(evaluated(protocol, images).values(), AUTHORS[name](images))

    holds()


def test_on_ties_the_definitions_part() -> None:
    images = drawn(2, "levels", one_sided=False)
    values = {name: evaluated(any_size(name), images).values() for name in PROTOCOLS}
    assert len({round(values[name]["FPR95"], 9) for name in ("fishyscapes", "pebal", "polito", "pytorch-ood")}) == 4
    assert values["pytorch-ood"]["AP"] > values["fishyscapes"]["AP"] + 0.01  # the trapezoid is kind
    assert values["gmmbench"]["FPR95"] == values["fishyscapes"]["FPR95"]


def test_exact_scores_are_told_apart_where_bins_join_them() -> None:
    scores = np.array([[1.0, 1 + 2**-20]], np.float32)
    labels = np.array([[IN, OOD]], np.uint8)
    for name in ("gmmbench", "pytorch-ood"):
        assert evaluated(PROTOCOLS[name], [(scores, labels)]).values()["AUROC"] == 0.5
        assert evaluated(PROTOCOLS[name], [(scores, labels)], exact=True).values()["AUROC"] == 1


def test_images_without_an_anomaly_are_kept_or_skipped() -> None:
    images = drawn(1, "levels")
    kept, skipped = evaluated(any_size("fishyscapes"), images), evaluated(any_size("polito"), images)
    assert (kept.images, kept.skipped) == (7, 0)
    assert (skipped.images, skipped.skipped) == (4, 3)
    assert kept.counts.pixels_in > skipped.counts.pixels_in
    assert kept.counts.pixels_ood == skipped.counts.pixels_ood
    assert skipped.values()["AP"] > kept.values()["AP"]
    assert Accumulator(any_size("polito")).add(*images[1]) is None
    only_ood = Accumulator(any_size("polito")).add(*images[5])  # its code asks for OOD pixels alone
    assert only_ood is not None
    assert only_ood.pixels_in == 0


@pytest.mark.parametrize(("number", "missing"), [(1, "no OOD pixel"), (5, "no IN pixel"), (6, "no OOD pixel")])
def test_one_sided_images_are_refused_where_the_author_refuses_them(number: int, missing: str) -> None:
    images = drawn(2, "levels")
    accumulator = evaluated(PROTOCOLS["pytorch-ood"], [images[0]])
    before = accumulator.values(), accumulator.images, accumulator.counts.pixels_ood
    with pytest.raises(InputError, match=rf"image 'frame 7': {missing}; protocol 'pytorch-ood' refuses"):
        accumulator.add(*images[number], "frame 7")
    assert (accumulator.values(), accumulator.images, accumulator.counts.pixels_ood) == before


@pytest.mark.parametrize("name", PROTOCOLS)
def test_an_unknown_label_is_named_and_not_taken_for_a_missing_anomaly(name: str) -> None:
    with pytest.raises(InputError, match=r"image 'a': unknown label values \[2\]"):
        Accumulator(any_size(name)).add(np.zeros((1, 2), np.float32), np.array([[IN, 2]], np.uint8), "a")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_nan_scores_are_refused_and_nothing_is_counted(name: str) -> None:
    images = drawn(3, "levels", one_sided=False)
    accumulator = evaluated(any_size(name), images)
    before = accumulator.values(), accumulator.images
    with pytest.raises(NaNScoreError, match="image 'b'"):
        accumulator.add(np.full((2, 1), np.nan, np.float32), np.array([[IN], [OOD]], np.uint8), "b")
    assert (accumulator.values(), accumulator.images) == before


def test_a_mean_over_images_weighs_images_not_pixels() -> None:
    small = np.array([[0.0, 1.0]], np.float32), np.array([[IN, OOD]], np.uint8)
    large = np.tile([[1.0, 0.0]], (50, 50)).astype(np.float32), np.tile(np.array([[IN, OOD]], np.uint8), (50, 50))
    accumulator = evaluated(PROTOCOLS["pytorch-ood"], [small, large])
    assert accumulator.image_values["AUROC"] == [1, 0]
    assert accumulator.values()["AUROC"] == 0.5
    assert evaluated(PROTOCOLS["fishyscapes"], [small, large]).image_values["AUROC"] == []


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_order_of_images_changes_nothing(name: str) -> None:
    images = drawn(4, "float16 joins them", one_sided=PROTOCOLS[name].empty is not Empty.REFUSED)
    there, back = (evaluated(any_size(name), part).values() for part in (images, images[::-1]))
    assert there == pytest.approx(back, rel=1e-15)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_image_is_undefined(name: str) -> None:
    assert all(math.isnan(value) for value in Accumulator(PROTOCOLS[name]).values().values())


def test_half_rounds_like_a_stored_float16_map() -> None:
    scores = np.array([[1.0, 1.0004, 70_000, -1e9, np.inf, np.nan, 1e-9]], np.float32)
    rounded = PROTOCOLS["smiyc"].rounded(scores)
    assert rounded.dtype == np.float32
    np.testing.assert_array_equal(rounded, np.array([[1, 1, np.inf, -np.inf, np.inf, np.nan, 0]], np.float32))
    np.testing.assert_array_equal(PROTOCOLS["smiyc"].rounded(rounded), rounded)
    assert PROTOCOLS["gmmbench"].rounded(scores) is scores
    assert [name for name, protocol in PROTOCOLS.items() if protocol.half] == ["smiyc"]


@pytest.mark.parametrize("shape", [(720, 1280), (1080, 1920), (333, 777), (100, 90), (512, 1024)])
def test_labels_are_resized_as_pillow_does(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(np.array([IN, OOD, IGNORE], np.uint8), shape)
    sized = PROTOCOLS["polito"].sized(labels)
    np.testing.assert_array_equal(
        sized, np.asarray(Image.fromarray(labels).resize((1024, 512), Image.Resampling.NEAREST))
    )
    assert PROTOCOLS["smiyc"].sized(labels) is labels


def test_images_at_the_protocols_size() -> None:
    rng = np.random.default_rng(1)
    polito_protocol = PROTOCOLS["polito"]
    images: Images = []
    for number, shape in enumerate([(72, 128), (600, 800), (40, 40)]):
        labels = (np.arange(shape[1]) % 11 < (0 if number == 1 else 2)).astype(np.uint8) * np.ones(shape, np.uint8)
        sized = polito_protocol.sized(labels)
        images.append((np.round(rng.normal(size=sized.shape) * 2 + sized).astype(np.float32), sized))
    accumulator = evaluated(polito_protocol, images)
    assert (accumulator.images, accumulator.skipped) == (2, 1)
    assert_same(accumulator.values(), polito(images))
    with pytest.raises(
        InputError, match=r"image 'c': labels are \(72, 128\); protocol 'polito' evaluates at \(512, 1024\)"
    ):
        accumulator.add(np.zeros((72, 128), np.float32), np.zeros((72, 128), np.uint8), "c")


def test_an_object_lost_in_resizing_makes_an_image_empty() -> None:
    labels = np.zeros((2048, 4096), np.uint8)
    labels[3, 3] = OOD  # only every fourth row and column, from the third, is looked at
    assert not PROTOCOLS["polito"].takes(PROTOCOLS["polito"].sized(labels))
    labels[2, 2] = OOD
    assert PROTOCOLS["polito"].takes(PROTOCOLS["polito"].sized(labels))


@pytest.mark.parametrize("exact", [False, True])
def test_what_add_returns_and_what_is_saved(exact: bool) -> None:
    images = drawn(5, "float16 joins them")
    accumulator, pooled = Accumulator(PROTOCOLS["smiyc"], exact), ScoreCounts()
    for scores, labels in images:
        with np.errstate(over="ignore"):
            half = scores.astype(np.float16).astype(np.float32)
        assert accumulator.add(scores, labels) == pooled.update(half, labels)
    assert accumulator.to_counts() == pooled


@pytest.mark.parametrize("name", PROTOCOLS)
def test_words_say_what_was_done(name: str) -> None:
    protocol = PROTOCOLS[name]
    words = protocol.words()
    assert protocol.name == name
    assert words["protocol"] == name
    assert all(words.values())
    assert all(words[metric] == reading.definition for metric, reading in protocol.readings.items())
    assert all(metric == reading.name for metric, reading in protocol.readings.items())
    assert set(protocol.readings) >= {"AUROC", "AP", "FPR95"}
    for metric, reading in protocol.readings.items():
        assert reading.higher_is_better == READINGS[metric].higher_is_better
        if reading.unit == "share":
            assert ("mean over images" in reading.definition) == protocol.per_image


def test_words_of_the_choices() -> None:
    words = {name: protocol.words() for name, protocol in PROTOCOLS.items()}
    assert words["pytorch-ood"]["aggregation"].startswith("mean over images")
    assert words["smiyc"]["aggregation"] == "pixels of all images pooled"
    assert "768 percentile" in words["smiyc"]["not reproduced"]
    assert words["smiyc"]["score precision"].startswith("float16")
    assert words["smiyc"]["component metrics"] == "yes"
    assert "512 x 1024" in words["polito"]["resolution"]
    assert words["polito"]["images without OOD"].startswith("skipped")
    assert "not reproduced" not in words["gmmbench"]


def test_a_mean_over_images_must_refuse_what_it_cannot_average() -> None:
    with pytest.raises(InputError, match="does not refuse one-sided images"):
        Protocol("mine", "nowhere", READINGS, per_image=True, empty=Empty.SKIPPED)
