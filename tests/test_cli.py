"""The command line through ``main([...])``: exit codes, one line for what a person can mend, no traces left."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import gmmbench
from gmmbench.cli import app, main
from gmmbench.data import DATASETS
from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.resources import CONFIGS
from gmmbench.results import RunFolder
from gmmbench.scores import FAST, FITTED, SCORES

VERBS = [
    "train", "eval-closed", "eval-ood", "export-scores", "compare", "fit-gmm", "convert official", "export", "report",
    "leaderboard", "predict", "inspect", "demo", "doctor", "data ls", "data prepare", "data check", "data synth",
    "scores ls",
]  # fmt: skip
CONFIG = str(CONFIGS / "camvid" / "mobilenetv2_mlp_gmm.py")


class FakePredictor:
    """Stands for a trained model: 11 classes by colour."""

    closed_set = "camvid"
    num_classes = 11
    network_input = "whole image"
    config_sha256 = "c0ffee"
    generative = True
    gives = frozenset({"logits", "density", "features"})
    device = "cpu"
    model = torch.nn.Linear(1, 1)

    def __call__(self, image: NDArray[np.uint8]) -> Prediction:
        means = torch.linspace(0, 1, self.num_classes)[:, None, None]
        grey = torch.tensor(image).float().mean(dim=-1) / 255
        return Prediction(-50 * (grey - means) ** 2, 4 - 50 * (grey - means) ** 2)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the caller's data or writes beside the code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GMMBENCH_DATA", raising=False)


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file that stands for the weights of ``FakePredictor``."""
    for verb in ("subject", "closed"):
        monkeypatch.setattr(f"gmmbench.verbs.{verb}.load_predictor", lambda config, checkpoint: FakePredictor())
    file = tmp_path / "model" / "model.pth"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    return str(file)


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run what must be refused: exit code 2, nothing on stdout, one line on stderr, which is returned."""

    def run(*arguments: str | Path) -> str:
        assert main([str(argument) for argument in arguments]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        [line] = printed.err.splitlines()
        assert line.startswith("error: ")
        return line

    return run


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def plain(text: str) -> str:
    """Help as running text: no colours, frames and line breaks."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[─│╭╮╰╯]", " ", text).split())


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb.split(), "--help"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert f"$ gmmbench {verb}" in plain(printed.out)


def test_every_verb_is_in_the_help_and_in_this_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = plain(capsys.readouterr().out)
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    groups = [group.name or "" for group in app.registered_groups]
    assert sorted([*names, *groups]) == sorted({verb.split()[0] for verb in VERBS})
    assert all(f" {name} " in printed for name in [*names, *groups])


@pytest.mark.parametrize("arguments", [[], ["convert"], ["data"], ["scores"]])
def test_a_bare_command_shows_its_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Usage:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evalood"], "unknown verb 'evalood'; did you mean 'eval-ood'? known: compare, "),
        (["ls"], "unknown verb 'ls'; did you mean 'gmmbench data ls' or 'gmmbench scores ls'?"),
        (["data", "lst"], "unknown verb of 'gmmbench data' 'lst'; did you mean 'ls'?"),
        (["data", "ls", "--dataroot", "x"], "No such option: --dataroot; did you mean '--data-root'?"),
        (["eval-ood", "--dataset", "x"], "did you mean '--datasets'? 'gmmbench eval-ood --help' tells more"),
        (["compare", "a", "b", "--nothing"], "No such option: --nothing; 'gmmbench compare --help' tells more"),
        (["eval-ood", "a.py", "b.pth", "--datasets", "x", "y"], "(y), several names are joined by commas; "),
        (["report"], "Missing argument"),
        (["eval-closed", "a.py"], "Missing argument 'checkpoint'"),
        (["export-scores", "a.py", "b.pth"], "Missing option '--out'"),
        (["compare"], "Missing argument"),
        (["eval-ood", "a.py", "b.pth", "--datasets", "road_anomaly", "--limit", "0"], "--limit"),
        (["eval-closed", "a.py", "b.pth", "--limit", "-3"], "--limit"),
        (["eval-closed", "a.py", "b.pth", "--limit", "ten"], "--limit"),
        (["eval-closed", "a.py", "b.pth", "--threads", "0"], "--threads"),
        (["train", "a.py", "--seed", "-1"], "--seed"),
    ],
)
def test_what_cannot_be_parsed(arguments: list[str], said: str, refused: Callable[..., str]) -> None:
    assert said in refused(*arguments)


def test_data_ls(camvid_tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["data", "ls", "--data-root", str(camvid_tree)]) == 0
    asked = capsys.readouterr().out
    assert {line.split()[0] for line in asked.splitlines()[2:]} >= {*DATASETS, "camvid", "street"}
    assert "4/2/3" in asked
    monkeypatch.setenv("GMMBENCH_DATA", str(camvid_tree))
    assert main(["data", "ls"]) == 0
    assert capsys.readouterr().out == asked, "GMMBENCH_DATA stands for --data-root"
    assert main(["data", "ls", "--data-root", "nowhere"]) == 0
    assert "4/2/3" not in capsys.readouterr().out, "--data-root goes before GMMBENCH_DATA"


def test_scores_ls(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["scores", "ls"]) == 0
    narrow = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert narrow >= {*SCORES, *FITTED}, "no name is cut at 80 columns"
    monkeypatch.setattr("gmmbench.cli.out.width", 400)
    assert main(["scores", "ls"]) == 0
    printed = capsys.readouterr().out
    assert all(score.formula in printed for score in [*SCORES.values(), *FITTED.values()])


def test_evaluate_and_report(
    camvid_tree: Path, road_anomaly_tree: Path, checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data, folder = ["--data-root", str(camvid_tree)], Path(checkpoint).parent / "eval"
    assert camvid_tree == road_anomaly_tree
    assert main(["eval-closed", CONFIG, checkpoint, *data]) == 0
    printed = capsys.readouterr()
    assert "mIoU" in printed.out
    assert f"wrote {folder}" in printed.out
    assert printed.err == "", "no progress bar where nobody looks"
    assert main(["eval-ood", CONFIG, checkpoint, "--datasets", "camvid_ood, road_anomaly", "--limit", "2", *data]) == 0
    printed = capsys.readouterr()
    assert len(re.findall(r"\d\.\d\d \[", printed.out)) == 2 * len(FAST) * 3, "three numbers a score, with intervals"
    rows = RunFolder(folder).rows()
    assert {(row.task, row.dataset) for row in rows} == {
        ("closed", "camvid"), ("ood", "camvid_ood"), ("ood", "road_anomaly"),
    }  # fmt: skip
    assert {row.run for row in rows} == {"mobilenetv2_mlp_gmm"}
    ood = [row for row in rows if row.task == "ood"]
    assert {(row.counts["images"], row.counts["images_total"]) for row in ood} == {(2, 3)}
    for row in rows:
        assert row.provenance["dataset"]["name"] == row.dataset
        assert row.provenance["checkpoint_sha256"] == hashlib.sha256(b"weights").hexdigest()
        assert row.provenance["command"].startswith(f"gmmbench eval-{row.task} {CONFIG} {checkpoint}")
    assert main(["report", str(folder), "--out", "report", "--public"]) == 0
    assert re.search(r"wrote .*report/report\.md", capsys.readouterr().out)
    assert "camvid_ood" in Path("report/report.md").read_text(encoding="utf-8")


def test_only_the_scores_and_the_name_that_were_asked_for(camvid_tree: Path, checkpoint: str) -> None:
    options = ["--scores", "energy,msp,energy", "--name", "mine", "--out", "here", "--data-root", str(camvid_tree)]
    assert main(["eval-ood", CONFIG, checkpoint, "--datasets", "camvid_ood", *options]) == 0
    rows = RunFolder(Path("here")).rows()
    assert list(dict.fromkeys(row.score for row in rows)) == ["energy", "msp"]
    assert {row.run for row in rows} == {"mine"}


def test_names_and_folders_that_are_not_there(
    camvid_tree: Path, checkpoint: str, refused: Callable[..., str], tmp_path: Path
) -> None:
    data, ood = ("--data-root", camvid_tree), ("eval-ood", CONFIG, checkpoint, "--datasets")
    assert "unknown data set 'camvid_odd'; did you mean 'camvid_ood'?" in refused(*ood, "camvid_odd", *data)
    assert "--datasets names none" in refused(*ood, " , ", *data)
    assert "unknown score 'energie'; did you mean 'energy'?" in refused(
        *ood, "camvid_ood", "--scores", "energie", *data
    )
    assert "no score named" in refused(*ood, "camvid_ood", "--scores", ",", *data)
    nowhere = ("--data-root", tmp_path / "nowhere")
    assert f"no data root at {tmp_path / 'nowhere'}" in refused(*ood, "camvid_ood", *nowhere)
    assert "no data root at data; pass --data-root or set GMMBENCH_DATA" in refused(*ood, "camvid_ood")
    assert f"no data root at {tmp_path / 'nowhere'}" in refused("eval-closed", CONFIG, checkpoint, *nowhere)
    assert "RoadAnomaly_jpg/frame_list.json" in refused(*ood, "road_anomaly", *data)
    assert "unknown split 'tset'; did you mean 'test'?" in refused(
        "eval-closed", CONFIG, checkpoint, "--split", "tset", *data
    )
    assert not (Path(checkpoint).parent / "eval").exists()


def test_names_are_checked_before_any_model_is_loaded(
    camvid_tree: Path, checkpoint: str, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gmmbench.verbs.subject.load_predictor", raising(AssertionError("a model was loaded")))
    data, ood = ("--data-root", camvid_tree), ("eval-ood", CONFIG, checkpoint, "--datasets")
    refused(*ood, "camvid_ood,nothing", *data)
    refused(*ood, "camvid_ood,road_anomaly", *data)
    refused(*ood, "camvid_ood", "--scores", "nothing", *data)
    refused(*ood, "camvid_ood", "--data-root", "nowhere")


def test_a_score_that_the_model_cannot_give(
    camvid_tree: Path, checkpoint: str, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakePredictor, "gives", frozenset({"logits"}))
    ood = ("eval-ood", CONFIG, checkpoint, "--datasets", "camvid_ood", "--data-root", camvid_tree)
    assert "score 'gmm_max' needs density, which this model does not give" in refused(*ood, "--scores", "msp,gmm_max")


def test_a_model_of_other_classes(
    camvid_tree: Path, checkpoint: str, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakePredictor, "num_classes", 19)
    assert "has 19 classes but its closed set 'camvid' has 11" in refused(
        "eval-closed", CONFIG, checkpoint, "--data-root", camvid_tree
    )


def test_damaged_data_is_named(camvid_tree: Path, checkpoint: str, refused: Callable[..., str]) -> None:
    file = camvid_tree / "CamVid" / "test_ood" / "0001TP_008580.png"
    file.write_bytes(file.read_bytes()[:100])
    ood = ("eval-ood", CONFIG, checkpoint, "--datasets", "camvid_ood", "--data-root", camvid_tree)
    assert f"{file} cannot be read as an image" in refused(*ood)
    assert not (Path(checkpoint).parent / "eval").exists()


def test_configs_and_checkpoints_that_are_not_there(
    camvid_tree: Path, refused: Callable[..., str], tmp_path: Path
) -> None:
    data, ood = ("--data-root", camvid_tree), ("--datasets", "camvid_ood")
    lost = tmp_path / "lost"
    for verb in (("eval-closed",), ("eval-ood", *ood)):
        assert f"no config at {lost}" in refused(*verb, lost, "model.pth", *data)
        assert f"no checkpoint at {lost}" in refused(*verb, CONFIG, lost, *data)
    assert f"no config at {lost}" in refused("train", lost, *data)


def test_a_report_of_what_is_no_run(refused: Callable[..., str], tmp_path: Path) -> None:
    assert f"no results in {tmp_path}: wanted results.jsonl" in refused("report", tmp_path, "--out", "report")
    assert "no results in nowhere" in refused("report", "nowhere", "--out", "report")
    assert not Path("report").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(number: int, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(number, os.strerror(number), "model.pth")
    monkeypatch.setattr("gmmbench.listings.data_sets", raising(full))
    assert "no space left for model.pth; free some and run again" in refused("data", "ls")


def test_a_full_disk_while_rows_are_written(
    camvid_tree: Path, checkpoint: str, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gmmbench.atomic.os.replace", raising(OSError(errno.ENOSPC, "No space left on device")))
    said = refused("eval-closed", CONFIG, checkpoint, "--data-root", camvid_tree, "--out", "here")
    assert "cannot write here/counts/camvid/confusion.npz: No space left on device" in said
    assert [path for path in Path("here").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("error", [OSError(errno.EIO, "disk"), RuntimeError("ours"), EOFError("ours")])
def test_a_fault_of_ours_is_a_line_too(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gmmbench.listings.data_sets", raising(error))
    assert main(["data", "ls"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.split("\n", 1 if isinstance(error, EOFError) else 0)[-1].splitlines()  # typer: a blank one
    assert line.startswith(f"error: {type(error).__name__}: {error}; ")
    assert line.endswith("run with --debug for the traceback")


@pytest.mark.parametrize(("error", "code"), [(RuntimeError("ours"), 1), (InputError("theirs"), 2), (MemoryError(), 2)])
@pytest.mark.parametrize("words", [["--debug", "data", "ls"], ["data", "ls", "--debug"], ["data", "ls"]])
def test_debug_shows_the_traceback_wherever_it_stands(
    error: Exception, code: int, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gmmbench.listings.data_sets", raising(error))
    if "--debug" not in words:
        monkeypatch.setenv("GMMBENCH_DEBUG", "1")
    assert main(words) == code
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback (most recent call last):")
    assert printed.splitlines()[-1].startswith("error: ")
    monkeypatch.setenv("GMMBENCH_DEBUG", "0")
    assert main(["data", "ls"]) == code
    assert "Traceback" not in capsys.readouterr().err


def test_exit_codes_and_common_options_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = plain(capsys.readouterr().out)
    for said in ("0 done; 1 a fault of gmmbench", "2 bad input", "130 interrupted", "--debug", "--version"):
        assert said in printed
    for verb in VERBS:
        main([*verb.split(), "--help"])
        assert "--debug" in capsys.readouterr().out, verb
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{gmmbench.__version__}\n"


def read_json(text: str) -> Any:
    """What a script reads: one document of strict JSON."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_of_what_is_there(camvid_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "ls", "--json", "--data-root", str(camvid_tree)]) == 0
    printed = capsys.readouterr()
    sets = {entry["name"]: entry for entry in read_json(printed.out)["data_sets"]}
    assert set(sets) >= {*DATASETS, "camvid", "street"}
    assert sets["camvid"]["found"] == [4, 2, 3]
    assert printed.err == ""
    assert main(["scores", "ls", "--json"]) == 0
    scores = {entry["name"]: entry for entry in read_json(capsys.readouterr().out)["scores"]}
    assert list(scores) == [*SCORES, *FITTED]
    assert [name for name, entry in scores.items() if entry["fast"]] == list(FAST)


def test_json_of_an_evaluation(camvid_tree: Path, checkpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data-root", str(camvid_tree), "--json"]
    assert main(["eval-closed", CONFIG, checkpoint, "--out", "run", *data]) == 0
    closed = read_json(capsys.readouterr().out)
    assert closed["wrote"] == "run"
    assert main(["eval-ood", CONFIG, checkpoint, "--datasets", "camvid_ood", "--out", "run", *data]) == 0
    ood = read_json(capsys.readouterr().out)
    rows = RunFolder(Path("run")).rows()
    for record, row in zip([*closed["rows"], *ood["rows"]], rows, strict=True):
        assert (record["metric"], record["score"]) == (row.metric, row.score)
        assert record["value"] == (None if np.isnan(row.value) else row.value)
    assert main(["compare", "run", "--json"]) == 0
    assert {entry["dataset"] for entry in read_json(capsys.readouterr().out)["differences"]} == {"camvid_ood"}
    maps = ["--datasets", "camvid_ood", "--score", "energy", "--out", "maps", *data]
    assert main(["export-scores", CONFIG, checkpoint, *maps]) == 0
    assert read_json(capsys.readouterr().out) == {"maps": 3, "wrote": "maps"}
    assert main(["report", "run", "--out", "page", "--json"]) == 0
    assert Path(read_json(capsys.readouterr().out)["wrote"]).is_file()


def test_json_of_what_fails_is_nothing(refused: Callable[..., str]) -> None:
    assert "no results in nowhere" in refused("compare", "nowhere", "--json")


def test_names_nearby(refused: Callable[..., str], checkpoint: str, tmp_path: Path) -> None:
    own = tmp_path / "mine_gmm.py"
    own.write_text("model = dict()\n")
    assert f"did you mean '{own}'?" in refused("train", tmp_path / "mine_gm.py")
    lost = Path(CONFIG).with_name("mobilenetv2_mlp_gm.py")
    assert f"did you mean '{CONFIG}'?" in refused("train", lost)
    run = tmp_path / "runs" / "gmm" / "eval"
    run.mkdir(parents=True)
    (run / "results.jsonl").write_text("")
    assert f"did you mean '{run}'?" in refused("report", run.parent, "--out", "page")
    assert f"did you mean '{run}'?" in refused("compare", run.with_name("evel"))
    assert "did you mean 'train_cfg'?" in refused("train", CONFIG, "--set", "train_cfgs.max_iters=3")
    assert "did you mean 'max_iters'?" in refused("train", CONFIG, "--set", "train_cfg.max_iter=3")
    assert "did you mean 'pytorch'?" in refused("train", CONFIG, "--launcher", "pytroch")
    assert "did you mean 'camvid'?" in refused("data", "check", "camvdi")


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("gmmbench.listings.data_sets", raising(KeyboardInterrupt()))
    assert main(["data", "ls"]) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_ctrl_c_while_training_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gmmbench.train.train", raising(KeyboardInterrupt("stopped after step 7")))
    assert main(["train", CONFIG]) == 130
    assert capsys.readouterr() == (
        "", "interrupted: stopped after step 7; the same command with --resume goes on\n",
    )  # fmt: skip


def test_a_message_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]) -> None:
    monkeypatch.setattr("gmmbench.listings.data_sets", raising(InputError(f"[red]a[/b] {'long ' * 60}\nend")))
    assert refused("data", "ls") == f"error: [red]a[/b] {'long ' * 60}end"


def test_nothing_global_stays_changed(camvid_tree: Path, checkpoint: str) -> None:
    def state() -> list[Any]:
        return [
            dict(os.environ),
            os.getcwd(),
            list(sys.argv),
            list(sys.path),
            list(warnings.filters),
            list(logging.getLogger().handlers),
            logging.getLogger().level,
            torch.get_rng_state().tolist(),
            torch.is_grad_enabled(),
            torch.get_num_threads(),
            torch.get_default_dtype(),
            str(np.random.get_state()),
        ]

    before = state()
    data = ["--data-root", str(camvid_tree)]
    main(["data", "ls", *data])
    assert main(["eval-ood", CONFIG, checkpoint, "--datasets", "camvid_ood", *data]) == 0
    assert main(["eval-ood", CONFIG, checkpoint, "--datasets", "nothing", *data]) == 2
    assert main(["--help"]) == 0
    assert state() == before
