"""Which model a request names, and what is put around it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gmmbench.errors import InputError
from gmmbench.models.committee import WithDropout, WithEnsemble
from gmmbench.models.flip import Flipped
from gmmbench.models.perturbed import WithPerturbed
from gmmbench.models.predictor import Predictor
from gmmbench.outside import OutsidePredictor
from gmmbench.scores import choose
from gmmbench.verbs import OodSets, OurModel, OutsideModel, eval_model, subject_of

NOTHING: dict[str, Any] = dict.fromkeys(["config", "checkpoint", "predictor", "arguments", "fit_on", "gmm", "ensemble"])


def named(**options: Any) -> OurModel | OutsideModel:
    return subject_of(**({**NOTHING, "flip": False} | options))


def test_ours_and_others() -> None:
    pair = {"config": Path("a.py"), "checkpoint": Path("runs/b.pth")}
    assert named(**pair) == OurModel(Path("a.py"), Path("runs/b.pth"))
    assert named(**pair).folder == Path("runs/eval")
    full = named(**pair, gmm=Path("g.pth"), ensemble=[Path("c.pth"), Path("d.pth")], flip=True)
    assert full == OurModel(Path("a.py"), Path("runs/b.pth"), Path("g.pth"), (Path("c.pth"), Path("d.pth")), True)
    other = named(predictor="m:f", arguments=["a=1", "b=x=y", "c="], fit_on="camvid", flip=True)
    assert other == OutsideModel("m:f", {"a": "1", "b": "x=y", "c": ""}, "camvid", True)
    assert other.folder is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "no model named; wanted CONFIG CHECKPOINT, or --predictor"),
        ({"config": Path("a.py")}, "no model named; wanted CONFIG CHECKPOINT"),
        ({"config": Path("a"), "checkpoint": Path("b"), "arguments": ["a=1"]}, "--predictor-arg and --fit-on go with"),
        ({"config": Path("a"), "checkpoint": Path("b"), "fit_on": "camvid"}, "--predictor-arg and --fit-on go with"),
        ({"predictor": "m:f", "config": Path("a")}, "--predictor names the model; leave out CONFIG"),
        ({"predictor": "m:f", "gmm": Path("a")}, "--predictor names the model; leave out CONFIG, CHECKPOINT, --gmm"),
        ({"predictor": "m:f", "ensemble": [Path("a")]}, "--predictor names the model"),
        ({"predictor": "m:f", "arguments": ["size"]}, "--predictor-arg size: wanted KEY=VALUE"),
        ({"predictor": "m:f", "arguments": ["=3"]}, "--predictor-arg : wanted KEY=VALUE"),
    ],
)
def test_no_model_or_two(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        named(**options)


def test_what_a_model_of_ours_can_give(softmax: OurModel, gmm: OurModel, second: Path, tiny: Any) -> None:
    own = {"logits", "features", "head", "perturbed", "dropout"}
    assert softmax.load().can_give == own
    assert replace(softmax, ensemble=(second,)).load().can_give == own | {"ensemble"}
    assert gmm.load().can_give >= {"logits", "density", "features", "perturbed"}
    still = tiny("softmax", {"model.decode_head.dropout_ratio": 0.0})
    assert "dropout" not in OurModel(still, softmax.checkpoint).load().can_give


def test_only_what_the_scores_need_is_put_around_a_model(softmax: OurModel, second: Path) -> None:
    loaded = replace(softmax, ensemble=(second,)).load()
    everything = loaded.can_give

    def layers(names: str, of: Any = loaded) -> list[type]:
        model, found = of.equipped_for(choose(names, everything)), []
        while not isinstance(model, Predictor):
            found.append(type(model))
            model = model.predictor
        return found

    assert layers("fast") == []
    assert layers("odin") == [WithPerturbed]
    assert layers("mc_dropout_mi,mc_dropout_entropy") == [WithDropout]
    assert layers("ensemble_mi") == [WithEnsemble]
    flipped = replace(softmax, ensemble=(second,), flip=True).load()
    for names in ("odin", "mc_dropout_mi", "ensemble_mi", "odin,ensemble_mi,mc_dropout_mi", "fast"):
        assert layers(names, flipped) == [Flipped, *layers(names)], "the mirror image is asked for everything"
    assert isinstance(flipped.model, Flipped)
    setting = loaded.equipped_for(choose("odin@temperature=3@epsilon=0.01", everything))
    assert isinstance(setting, WithPerturbed)
    assert (setting.temperature, setting.epsilon) == (3.0, 0.01)


def test_a_model_from_outside(outside: OutsideModel) -> None:
    loaded = replace(outside, arguments={"scale": "7"}, fit_on="camvid").load()
    assert isinstance(loaded.model, OutsidePredictor)
    assert loaded.can_give == {"logits"}
    assert (loaded.closed_set, loaded.fitted) == ("camvid", None)
    assert loaded.provenance["checkpoint"] == "scale=7"
    assert outside.load().provenance["checkpoint"] == "as its factory says"
    with pytest.raises(InputError, match=r"not_ours:make does not take these arguments .*'size'"):
        replace(outside, arguments={"size": "7"}).load()
    with pytest.raises(InputError, match="unknown name in not_ours: 'mak'"):
        replace(outside, spec="not_ours:mak").load()


def test_what_needs_the_inside_of_a_network_is_not_for_others(
    outside: OutsideModel, tiny_tree: Path, tmp_path: Path
) -> None:
    sets = OodSets(("camvid_ood",), None, tiny_tree)
    for scores in ("odin", "mc_dropout_mi", "ensemble_mi", "gmm_lse", "knn"):
        with pytest.raises(InputError, match=f"score '{scores}' needs .*, which this model does not give"):
            eval_model(outside, sets, scores=scores, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_ensemble_of_other_classes_is_refused(softmax: OurModel, tiny: Any, tiny_checkpoint: Any) -> None:
    nine = tiny("softmax", {"model.decode_head.num_classes": 9})
    with pytest.raises(InputError, match="of another shape"):
        replace(softmax, ensemble=(tiny_checkpoint(nine),)).load()
    with pytest.raises(InputError, match="no checkpoint at"):
        replace(softmax, ensemble=(Path("nowhere.pth"),)).load()
