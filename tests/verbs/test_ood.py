"""``eval-ood`` as a function: which scores are computed of what, and what rows say of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gmmbench.cli import main
from gmmbench.data import ood_set
from gmmbench.errors import InputError
from gmmbench.metrics.exact import ExactScores
from gmmbench.metrics.readings import auroc
from gmmbench.models.committee import committee
from gmmbench.models.predictor import load_predictor
from gmmbench.prediction import Prediction
from gmmbench.provenance import sha256
from gmmbench.results import Row, RunFolder
from gmmbench.scores import FAST, SCORES
from gmmbench.verbs import Measuring, OodSets, OurModel, OutsideModel, eval_model

EXACT = Measuring(exact=True)
Found = Callable[[list[Row]], dict[tuple[str | None, str], float]]


def auroc_of(score: Callable[[Any], torch.Tensor], root: Path) -> float:
    """Of a function of an image, over CamVid-OOD."""
    counts = ExactScores()
    for sample in ood_set("camvid_ood", root):
        counts.update(score(sample.image).numpy(), sample.labels)
    return auroc(counts)


def test_fast_scores_of_one_forward(
    gmm: OurModel, camvid_ood: OodSets, tiny_tree: Path, tmp_path: Path, found: Found
) -> None:
    rows, notes = eval_model(gmm, camvid_ood, EXACT, out=tmp_path / "run")
    assert notes == []
    values = found(rows)
    assert list(dict.fromkeys(row.score for row in rows)) == [name for name in SCORES if name in FAST]
    model = load_predictor(gmm.config, gmm.checkpoint)
    for name in ("gmm_lse", "msp", "energy"):
        assert values[name, "AUROC"] == auroc_of(lambda image, n=name: SCORES[n](model(image)), tiny_tree)
    families = {row.score: row.family for row in rows}
    assert families == dict.fromkeys(FAST, "posterior") | {"gmm_max": "density", "gmm_lse": "density"}
    assert RunFolder(tmp_path / "run").rows() == rows


def test_what_rows_say_of_their_origin(softmax: OurModel, camvid_ood: OodSets, tmp_path: Path, tiny_tree: Path) -> None:
    rows, _ = eval_model(
        softmax, camvid_ood, Measuring(protocol="smiyc", components=False, limit=2), scores="msp@temperature=2,energy",
        out=tmp_path, name="mine",
    )  # fmt: skip
    for row in rows:
        about = row.provenance
        assert (row.run, row.dataset, row.family) == ("mine", "camvid_ood", "logits")
        assert row.counts["images"] == 2
        assert about["checkpoint_sha256"] == sha256(softmax.checkpoint)
        assert about["config"] == str(softmax.config)
        assert about["dataset"]["name"] == "camvid_ood"
        assert about["device"] == "cpu"
        formulas = {
            "msp@temperature=2": f"{SCORES['msp'].formula}; temperature 2.0",
            "energy": SCORES["energy"].formula,
        }
        assert about["scores"] == {row.score: formulas[str(row.score)]}
        words = about["protocol"]
        assert (words["protocol"], words["component metrics"]) == ("smiyc", "no")
        assert "float16" in words["score precision"]
        assert "48 px" in words["network input"]
        assert words["post-processing"] == "none"
        assert words["counting"].startswith("bins")


def without_code(rows: list[Row]) -> list[str]:
    """Rows as lines; the checkout may change between two runs."""
    return [replace(row, provenance={**row.provenance, "code": ""}).to_json() for row in rows]


@pytest.mark.parametrize("case", ["fast", "options", "folder", "outside"])
def test_the_command_of_a_row_gives_its_rows_again(
    case: str, softmax: OurModel, second: Path, outside: OutsideModel, tiny_tree: Path, tmp_path: Path
) -> None:
    subject: OurModel | OutsideModel = softmax
    sets, measuring, scores, own = OodSets(("camvid_ood",), None, tiny_tree), Measuring(), "fast", ()
    if case == "options":
        subject = replace(softmax, ensemble=(second,), flip=True)
        scores = "odin@temperature=2@epsilon=0.01,mc_dropout_mi@passes=2,ensemble_mi,knn@k=2"
        measuring = Measuring("pebal", exact=True, components=True, blur=0.8, limit=3)
    elif case == "folder":
        camvid = tiny_tree / "CamVid"
        label_map = "0-10=in, 11=ignore, 12=ood"
        sets = OodSets((), ("my-set", camvid / "test_ood", camvid / "testannot_ood", label_map), tiny_tree)
        measuring = Measuring("smiyc", components=False)
    elif case == "outside":
        subject = replace(outside, arguments={"scale": "70"}, fit_on="camvid")
        scores, own = "energy,sml", ("not_ours:darkness",)
    rows, _ = eval_model(subject, sets, measuring, scores=scores, outside=own, out=tmp_path / "first")
    [command] = {row.provenance["command"] for row in rows}
    program, *words = shlex.split(command)
    assert program == "gmmbench"
    assert main([*words, "--data-root", str(tiny_tree), "--out", str(tmp_path / "again")]) == 0
    assert without_code(RunFolder(tmp_path / "again").rows()) == without_code(rows)


def test_a_fitted_score_is_fitted_once(
    softmax: OurModel, camvid_ood: OodSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = {"scores": "mahalanobis,msp"}
    rows, [note] = eval_model(softmax, camvid_ood, **ask, out=tmp_path / "first")
    assert note.startswith("mahalanobis: fitted on ")
    assert note.endswith("pixels of 6 images of camvid train, seed 0")
    assert (softmax.checkpoint.parent / "fitted" / "mahalanobis.pth").is_file()
    assert rows[0].provenance["scores"]["mahalanobis"].endswith(note.removeprefix("mahalanobis: "))
    assert rows[0].provenance["fitted"]["mahalanobis"]["split"] == "train"

    def drawn(*_: object, **__: object) -> None:
        raise AssertionError("the training set was read again")

    monkeypatch.setattr("gmmbench.verbs.ready.draw", drawn)
    again, [note] = eval_model(softmax, camvid_ood, **ask, out=tmp_path / "second")
    assert note.endswith(", as before")
    assert without_code(again) == without_code(rows)
    monkeypatch.chdir(softmax.checkpoint.parent)
    nearer = replace(softmax, checkpoint=Path("model.pth"))
    _, [note] = eval_model(nearer, camvid_ood, **ask, out=tmp_path / "third")
    assert note.endswith(", as before"), "the same file by another path"
    with pytest.raises(AssertionError, match="read again"):
        eval_model(replace(softmax, flip=True), camvid_ood, **ask, out=tmp_path / "fourth")


def test_an_ensemble_is_of_all_its_checkpoints(
    softmax: OurModel, second: Path, camvid_ood: OodSets, tiny_tree: Path, tmp_path: Path, found: Found
) -> None:
    both = replace(softmax, ensemble=(second,))
    rows, _ = eval_model(both, camvid_ood, EXACT, scores="ensemble_entropy,msp", out=tmp_path)
    models = [load_predictor(softmax.config, path) for path in (softmax.checkpoint, second)]

    def entropy(image: Any) -> torch.Tensor:
        logits = [model(image).logits for model in models]
        return SCORES["ensemble_entropy"](Prediction(logits[0], ensemble=committee(logits)))

    assert found(rows)["ensemble_entropy", "AUROC"] == pytest.approx(auroc_of(entropy, tiny_tree), abs=1e-6)
    alone, _ = eval_model(softmax, camvid_ood, EXACT, scores="msp", out=tmp_path / "alone")
    assert found(rows)["msp", "AUROC"] == found(alone)["msp", "AUROC"], "other scores are the first model's"
    assert rows[0].provenance["scores"]["ensemble_entropy"].endswith("; 2 models")
    assert rows[0].provenance["protocol"] == alone[0].provenance["protocol"], "so that both may share a table"
    assert rows[0].provenance["ensemble"] == [{"checkpoint": str(second), "checkpoint_sha256": sha256(second)}]
    with pytest.raises(InputError, match="'ensemble_mi' needs ensemble, which this model does not give"):
        eval_model(softmax, camvid_ood, scores="ensemble_mi", out=tmp_path)


def test_scores_with_a_forward_of_their_own(
    softmax: OurModel, camvid_ood: OodSets, tmp_path: Path, found: Found
) -> None:
    """ODIN without step and temperature ranks as MSP; with them it does not."""
    ask = {"measuring": EXACT, "out": tmp_path}
    plain, _ = eval_model(softmax, camvid_ood, scores="odin@temperature=1@epsilon=0,msp", **ask)
    values = found(plain)
    odin = values["odin@temperature=1@epsilon=0", "AUROC"]
    assert odin == pytest.approx(values["msp", "AUROC"], abs=1e-4)
    stepped, _ = eval_model(softmax, camvid_ood, scores="odin@epsilon=0.5,mc_dropout_entropy@passes=3", **ask)
    assert abs(found(stepped)["odin@epsilon=0.5", "AUROC"] - odin) > 1e-3
    assert stepped[0].provenance["protocol"] == plain[0].provenance["protocol"], "so that both may share a table"
    assert {row.score: row.provenance["scores"][str(row.score)].split("; ")[-1] for row in stepped} == {
        "odin@epsilon=0.5": "epsilon 0.5",
        "mc_dropout_entropy@passes=3": "passes 3",
    }
    again, _ = eval_model(softmax, camvid_ood, scores="mc_dropout_entropy@passes=3", **ask)
    key = "mc_dropout_entropy@passes=3", "AP"
    assert found(again)[key] == found(stepped)[key], "the passes are drawn by the seed and the image"


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ("odin,odin@epsilon=0.1", "odin and odin@epsilon=0.1 want different temperature or epsilon"),
        ("mc_dropout_mi@passes=2,mc_dropout_entropy", "want different passes or seed"),
    ],
)
def test_two_settings_of_one_forward_are_refused(
    scores: str, said: str, softmax: OurModel, camvid_ood: OodSets, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        eval_model(softmax, camvid_ood, scores=scores, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_options_that_agree_are_one_setting(softmax: OurModel, camvid_ood: OodSets, tmp_path: Path) -> None:
    names = "mc_dropout_mi@passes=2,mc_dropout_entropy@passes=2"
    rows, _ = eval_model(softmax, camvid_ood, Measuring(limit=2), scores=names, out=tmp_path)
    assert {row.score for row in rows} == set(names.split(","))


def test_flipping_averages_all_that_scores_read(
    softmax: OurModel, camvid_ood: OodSets, tiny_tree: Path, tmp_path: Path, found: Found
) -> None:
    flipped = replace(softmax, flip=True)
    rows, _ = eval_model(flipped, camvid_ood, EXACT, scores="energy,odin@epsilon=0.1", out=tmp_path)
    model = load_predictor(softmax.config, softmax.checkpoint)

    def energy(image: Any) -> torch.Tensor:
        mirrored = model(np.ascontiguousarray(image[:, ::-1])).logits.flip(-1)
        return SCORES["energy"](Prediction((model(image).logits + mirrored) / 2))

    assert found(rows)["energy", "AUROC"] == pytest.approx(auroc_of(energy, tiny_tree), abs=1e-6)
    ready = flipped.load().equipped_for({"odin@epsilon=0.1": replace(SCORES["odin"], options={"epsilon": 0.1})})
    image = ood_set("camvid_ood", tiny_tree)[0].image
    here, there = ready(image).perturbed, ready(np.ascontiguousarray(image[:, ::-1])).perturbed
    torch.testing.assert_close(here, there.flip(-1), msg="ODIN's logits are averaged too")
    assert "its mirror image" in rows[0].provenance["protocol"]["network input"]


def test_a_score_and_a_model_from_outside(
    outside: OutsideModel, camvid_ood: OodSets, tiny_tree: Path, tmp_path: Path, found: Found
) -> None:
    rows, _ = eval_model(
        outside, camvid_ood, EXACT, scores="msp,max_logit", outside=["not_ours:darkness"], out=tmp_path / "run"
    )
    dark = auroc_of(lambda image: -torch.tensor(image).float().mean(dim=-1), tiny_tree)
    assert found(rows)["not_ours:darkness", "AUROC"] == pytest.approx(dark, abs=1e-4)
    assert {row.score: row.family for row in rows} == {
        "msp": "logits", "max_logit": "logits", "not_ours:darkness": "outside",
    }  # fmt: skip
    about = rows[-1].provenance
    assert about["checkpoint_sha256"] is None
    assert about["config_sha256"] == sha256(tmp_path / "not_ours.py")
    assert about["scores"]["not_ours:darkness"] == "not_ours:darkness, a score from outside"
    with pytest.raises(InputError, match="name its closed set with --fit-on, or ask for --scores fast"):
        eval_model(outside, camvid_ood, scores="sml", out=tmp_path / "run")


def test_names_are_checked_before_any_model_is_loaded(
    softmax: OurModel, outside: OutsideModel, tiny_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("gmmbench.verbs.subject.load_predictor", loaded)
    good = {"sets": OodSets(("camvid_ood",), None, tiny_tree), "out": tmp_path / "run"}
    camvid = tiny_tree / "CamVid"
    for change, said in (
        ({"sets": OodSets(("camvid_odd",), None, tiny_tree)}, "unknown data set 'camvid_odd'; did you mean"),
        ({"sets": OodSets(("road_anomaly",), None, tiny_tree)}, "RoadAnomaly_jpg/frame_list.json"),
        ({"sets": OodSets((), ("x", camvid, camvid, "0=inn"), tiny_tree)}, "'inn'"),
        ({"scores": "energie"}, "unknown score 'energie'; did you mean 'energy'?"),
        ({"scores": "msp@temp=2"}, "unknown option of score 'msp': 'temp'"),
        ({"scores": "knn@k=many"}, "knn@k=many: wanted a whole number"),
        ({"scores": " , "}, "no score named"),
        ({"outside": ["not_ours:darknes"]}, "unknown name in not_ours: 'darknes'; did you mean 'darkness'"),
        ({"measuring": Measuring("smyic")}, "unknown protocol 'smyic'; did you mean 'smiyc'?"),
        ({"measuring": Measuring(blur=0)}, "--blur 0: wanted a standard deviation above 0"),
    ):
        with pytest.raises(InputError, match=said):
            eval_model(softmax, **(good | change))
    assert not (tmp_path / "run").exists()
