"""The words and the provenance that rows carry."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from gmmbench.cli import app
from gmmbench.errors import InputError
from gmmbench.metrics.components import TRACKS
from gmmbench.metrics.protocols import PROTOCOLS
from gmmbench.provenance import sha256
from gmmbench.train import RECORD
from gmmbench.verbs import Measuring, OodSets, OurModel
from gmmbench.verbs.sets import OodSet
from gmmbench.verbs.setting import code_and_machine, command_line, facts_of, trained


@pytest.fixture
def camvid(tiny_tree: Path) -> OodSet:
    return OodSets(("camvid_ood",), None, tiny_tree).load()["camvid_ood"]


def test_a_command_is_what_a_shell_would_take_apart_again() -> None:
    command = command_line(
        "eval-ood", Path("my configs/a.py"), "b.pth", predictor_arg={"path": "x y", "size": "3"},
        score=("m:f", "m:g"), folder=["mine", Path("a b"), Path("c"), "0=in, 1=ood"], exact=True, flip=False,
        blur=None, limit=3, scores="msp@temperature=2,energy",
    )  # fmt: skip
    assert shlex.split(command) == [
        "gmmbench", "eval-ood", "my configs/a.py", "b.pth", "--predictor-arg", "path=x y", "--predictor-arg", "size=3",
        "--score", "m:f", "--score", "m:g", "--folder", "mine", "a b", "c", "0=in, 1=ood", "--exact", "--limit", "3",
        "--scores", "msp@temperature=2,energy",
    ]  # fmt: skip


def test_options_of_measuring_are_those_of_the_command_line() -> None:
    import typer.main

    verb = typer.main.get_command(app).commands["eval-ood"]  # type: ignore[attr-defined]
    flags = {flag for parameter in verb.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    everything = Measuring("smiyc", True, True, 1.0, 5)
    for measuring in (everything, Measuring(components=False)):
        words = shlex.split(command_line("eval-ood", **measuring.options()))[2:]
        assert {word for word in words if word.startswith("--")} <= flags
    assert command_line("eval-ood", **Measuring().options()) == "gmmbench eval-ood"


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_words_of_a_protocol_are_printed_with_its_numbers(name: str, camvid: OodSet) -> None:
    words = Measuring(name).words(camvid)
    own = PROTOCOLS[name].words()
    for key in ("protocol", "source", "aggregation", "images without OOD", "score precision"):
        assert words[key] == own[key]
    assert ("512 x 1024" in words["resolution"]) == (name == "polito")
    assert words["component metrics"].startswith("SegmentMeIfYouCan Anomaly track") == (name == "smiyc")
    assert all(isinstance(word, str) and word for word in words.values())


def test_what_differs_is_said(camvid: OodSet) -> None:
    plain = Measuring().words(camvid)
    assert (plain["counting"], plain["post-processing"]) == ("bins of 24 bits of the float32 score", "none")
    other = Measuring(exact=True, components=True, blur=1.5).words(camvid)
    assert other["counting"] == "all scores sorted"
    assert other["post-processing"] == "7x7 Gaussian, sigma 1.5"
    assert "objects from 100 px, predictions from 500 px" in other["component metrics"]
    assert Measuring("smiyc", components=False).words(camvid)["component metrics"] == "no"


def test_how_a_data_set_is_measured(camvid: OodSet) -> None:
    assert Measuring().on(camvid).rules is None
    assert Measuring("smiyc").on(camvid).rules is TRACKS["anomaly"]
    assert Measuring("smiyc", components=False).on(camvid).rules is None
    measure = Measuring("pebal", exact=True, components=True, limit=7).on(camvid)
    assert (measure.protocol.name, measure.exact, measure.limit) == ("pebal", True, 7)
    assert measure.rules is TRACKS["anomaly"]
    with pytest.raises(InputError, match="unknown protocol 'fishy'; did you mean 'fishyscapes'"):
        Measuring("fishy").check()
    for blur in (0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match=f"--blur {blur}: wanted a standard deviation above 0"):
            Measuring(blur=blur).check()


def test_a_training_that_left_its_record(softmax: OurModel, tmp_path: Path) -> None:
    bare = trained(softmax.config, "c0ffee", softmax.checkpoint)
    assert bare["checkpoint_sha256"] == sha256(softmax.checkpoint)
    assert (bare["seed"], bare["training"], bare["training_command"]) == (None, {}, None)
    checkpoint = tmp_path / "model.pth"
    checkpoint.write_bytes(b"weights")
    record = {"config": "configs/a.py", "seed": 3, "overrides": ["train_cfg.max_iters=5", "a.b='x y'"]}
    (tmp_path / RECORD).write_text(json.dumps(record))
    found = trained(softmax.config, "c0ffee", checkpoint)
    assert found["recipe_sha256"] == bare["recipe_sha256"]
    assert found["seed"] == 3
    assert shlex.split(found["training_command"]) == [
        "gmmbench", "train", "configs/a.py", "--seed", "3", "--set", "train_cfg.max_iters=5", "--set", "a.b='x y'",
    ]  # fmt: skip


def test_provenance_is_json() -> None:
    about = code_and_machine("cpu") | {"dataset": facts_of("camvid_ood")}
    assert json.loads(json.dumps(about)) == about
    assert about["device"] == "cpu"
