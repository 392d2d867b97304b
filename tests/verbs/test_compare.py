"""``compare``: paired differences of two scores, from saved counts alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gmmbench.errors import InputError
from gmmbench.metrics.bootstrap import differences
from gmmbench.metrics.protocols import PROTOCOLS
from gmmbench.results import Row, RunFolder
from gmmbench.verbs import Measuring, OodSets, OurModel, compare, eval_model

Evaluate = Callable[..., Path]


@pytest.fixture(scope="module")
def evaluated(
    softmax: OurModel, gmm: OurModel, tiny_tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """``evaluated(softmax or gmm, protocol, ...)`` to a run folder; each is evaluated once."""
    done: dict[str, Path] = {}

    def evaluate(kind: str = "softmax", protocol: str = "gmmbench", datasets: str = "camvid_ood", **more: int) -> Path:
        key = f"{kind} {protocol} {datasets} {more}"
        if key not in done:
            out = tmp_path_factory.mktemp("run")
            sets = OodSets(tuple(datasets.split(",")), None, tiny_tree)
            measuring = Measuring(protocol, components=False, **more)
            scores = "energy,msp,entropy" if kind == "softmax" else "gmm_lse,msp"
            eval_model({"softmax": softmax, "gmm": gmm}[kind], sets, measuring, scores=scores, out=out, name=kind)
            done[key] = out
        return done[key]

    return evaluate


def value(folder: Path, score: str, metric: str, dataset: str = "camvid_ood") -> float:
    [row] = [r for r in RunFolder(folder).rows() if (r.score, r.metric, r.dataset) == (score, metric, dataset)]
    return row.value


@pytest.mark.parametrize("protocol", [name for name, each in PROTOCOLS.items() if each.size is None])
def test_a_difference_is_that_of_the_rows(protocol: str, evaluated: Evaluate) -> None:
    """Each protocol's own FPR95; the ends of the intervals, to the width of a bin of an image's counts."""
    first, second = evaluated("softmax", protocol), evaluated("gmm", protocol)
    [found] = compare(first, second, scores="energy,gmm_lse")
    assert (found.dataset, found.first.run, found.second.run) == ("camvid_ood", "softmax", "gmm")
    assert (found.first.score, found.second.score) == ("energy", "gmm_lse")
    assert list(found.differences) == list(PROTOCOLS[protocol].readings)
    for metric, difference in found.differences.items():
        if metric != "F1 threshold":
            expected = value(first, "energy", metric) - value(second, "gmm_lse", metric)
            assert difference.value == pytest.approx(expected, abs=1e-12), metric
            assert difference.low - 0.02 <= difference.value <= difference.high + 0.02, metric
    turned = compare(second, first, scores="gmm_lse,energy")[0].differences
    for metric, (down, low, high, _) in turned.items():
        assert (-down, -high, -low) == pytest.approx(found.differences[metric][:3], abs=1e-12), metric


def test_intervals_are_the_paired_bootstraps(evaluated: Evaluate) -> None:
    folder = evaluated()
    [found] = compare(folder, folder, scores="msp,energy")
    sides = [RunFolder(folder).image_counts("camvid_ood", score) for score in ("msp", "energy")]
    expected = differences(lambda: sides[0], lambda: sides[1])
    assert found.differences.keys() == expected.keys()
    for metric, difference in found.differences.items():
        assert difference[1:] == expected[metric][1:], metric


def test_a_score_less_itself_is_nothing(evaluated: Evaluate) -> None:
    for protocol in ("gmmbench", "pytorch-ood"):
        folder = evaluated("softmax", protocol)
        [found] = compare(folder, folder, scores="msp,msp")
        assert all(tuple(each)[:3] == (0, 0, 0) for each in found.differences.values())


def best(folder: Path, number: int = 0, dataset: str = "camvid_ood") -> str:
    rows = [row for row in RunFolder(folder).rows() if row.metric == "AP" and row.dataset == dataset]
    return str(sorted(rows, key=lambda row: row.value)[-1 - number].score)


def test_without_names_the_best_are_compared(evaluated: Evaluate) -> None:
    first, second = evaluated(), evaluated("gmm")
    [found] = compare(first, second)
    assert (found.first.score, found.second.score) == (best(first), best(second))
    [alone] = compare(first, first)
    assert (alone.first.score, alone.second.score) == (best(first), best(first, 1))
    assert alone.differences["AP"].value > 0


def test_all_sets_that_both_have_or_the_one_named(evaluated: Evaluate) -> None:
    both = evaluated("softmax", datasets="camvid_ood,road_anomaly21")
    assert [each.dataset for each in compare(both, both)] == ["camvid_ood", "road_anomaly21"]
    assert [each.dataset for each in compare(both, evaluated("gmm"))] == ["camvid_ood"]
    assert [each.dataset for each in compare(both, both, dataset="road_anomaly21")] == ["road_anomaly21"]
    with pytest.raises(InputError, match=r"unknown data set of both runs 'road_anomaly21'; .*known: camvid_ood"):
        compare(both, evaluated("gmm"), dataset="road_anomaly21")
    with pytest.raises(InputError, match="share no OOD set; evaluate both on one"):
        compare(evaluated("gmm"), evaluated("softmax", datasets="road_anomaly21"))


def test_other_protocols_or_images_are_refused(evaluated: Evaluate) -> None:
    with pytest.raises(InputError, match="different protocols on camvid_ood: 'protocol' is 'gmmbench' in one and 'pe"):
        compare(evaluated(), evaluated("softmax", "pebal"))
    with pytest.raises(InputError, match="hold other images of camvid_ood; evaluate both on the same ones"):
        compare(evaluated(), evaluated("gmm", limit=3))


def test_other_labels_of_the_same_images_are_refused(evaluated: Evaluate, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    first = evaluated()
    for file in ("results.jsonl", "counts/camvid_ood/msp.images.npz"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes((first / file).read_bytes())
    arrays = dict(np.load(folder.counts_file("camvid_ood", "msp.images")))
    arrays["2"][1, 0] += 1
    np.savez(folder.counts_file("camvid_ood", "msp.images"), **arrays)
    with pytest.raises(InputError, match=r"image 2 has .* wanted the same images"):
        compare(first, tmp_path, scores="msp,msp")


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ("msp", "--scores msp: wanted two, A,B"),
        ("msp,energy,entropy", "wanted two, A,B"),
        ("msp,gmm_lsee", "unknown score of 'gmm' on camvid_ood 'gmm_lsee'; did you mean 'gmm_lse'"),
        ("gmm_lse,msp", "unknown score of 'softmax' on camvid_ood 'gmm_lse'"),
    ],
)
def test_scores_that_are_not_there(scores: str, said: str, evaluated: Evaluate) -> None:
    with pytest.raises(InputError, match=said):
        compare(evaluated(), evaluated("gmm"), scores=scores)


def test_folders_that_hold_nothing_to_compare(evaluated: Evaluate, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no results in"):
        compare(evaluated(), tmp_path)
    rows = [row for row in RunFolder(evaluated()).rows() if row.score == "msp"]
    RunFolder(tmp_path).replace_rows("ood", "camvid_ood", rows)
    with pytest.raises(InputError, match="has one score on camvid_ood; name another run to compare it with"):
        compare(tmp_path, tmp_path)
    with pytest.raises(InputError, match=r"missing|msp\.images\.npz is missing"):
        compare(tmp_path, evaluated())
    without = [replace(row, metric="AUROC") for row in rows if row.metric == "AUROC"]
    RunFolder(tmp_path).replace_rows("ood", "camvid_ood", without)
    with pytest.raises(InputError, match="run 'softmax' has no AP on camvid_ood; name two scores with --scores A,B"):
        compare(tmp_path, evaluated())
    closed: list[Row] = [Row("closed", "x", "camvid", "mIoU", 0.5)]
    RunFolder(tmp_path / "closed").replace_rows("closed", "camvid", closed)
    with pytest.raises(InputError, match="share no OOD set"):
        compare(tmp_path / "closed", evaluated())
