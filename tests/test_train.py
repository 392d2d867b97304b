"""Training through the command line: what it writes, that it repeats itself, and that it survives being stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gmmbench.cli import main
from gmmbench.models.config import read_config
from gmmbench.models.hooks import EMHook

CONFIGS = Path(__file__).parents[1] / "configs" / "camvid"
ITERATIONS = 6

SMALL = {
    "model.data_preprocessor.size": (32, 48),
    "model.backbone.name": "test_efficientnet",
    "model.backbone.weights": None,
    "model.decode_head.in_channels": [24, 32, 48, 64],
    "model.decode_head.channels": 16,
    "train_dataloader.batch_size": 2,
    "train_dataloader.dataset.pipeline.1.scale": (64, 48),
    "train_dataloader.dataset.pipeline.2.crop_size": (32, 48),
    "train_cfg.max_iters": ITERATIONS,
    "default_hooks.logger.interval": 1,
    "log_processor.window_size": 1,
    "default_hooks.checkpoint.interval": 3,
    "param_scheduler.0.end": 2,
    "param_scheduler.1.begin": 2,
    "evaluation.short_side": 48,
}


@pytest.fixture(scope="module")
def data_root(tmp_path_factory):
    """ROOT/CamVid: 8 training images of 64x48, 2 to test, 2 with an anomaly; class and colour go together."""
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (13, 3))
    for split, count in {"train": 8, "test": 2, "test_ood": 2}.items():
        lines = []
        for number in range(count):
            labels = random.integers(0, 12, (6, 8)).repeat(8, axis=0).repeat(8, axis=1)
            if split == "test_ood":
                labels[16:32, 16:40] = 12
            image = np.clip(colours[labels] + random.integers(-20, 20, (48, 64, 3)), 0, 255)
            for folder, pixels in ((split, image), (f"{split}annot", labels)):
                (root / "CamVid" / folder).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels.astype(np.uint8)).save(root / "CamVid" / folder / f"{number}.png")
            lines.append(f"{split}/{number}.png {split}annot/{number}.png\n")
        (root / "CamVid" / f"{split}.txt").write_text("".join(lines))
    return root


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    """The two CamVid experiments in small, by kind."""
    folder = tmp_path_factory.mktemp("configs")
    written = {}
    for kind, more in {"gmm": {"model.classifier.dim": 12}, "softmax": {}}.items():
        config = read_config(CONFIGS / f"mobilenetv2_mlp_{kind}.py")
        config.merge_from_dict(SMALL | more)
        written[kind] = folder / f"{kind}.py"
        config.dump(written[kind])
    return written


@pytest.fixture(scope="module")
def train(configs, data_root):
    """``gmmbench train`` of one of the two configs; returns the exit code."""

    def run(kind: str, work_dir: Path, *options: str) -> int:
        return main(["train", str(configs[kind]), "--work-dir", str(work_dir), "--data-root", str(data_root), *options])

    return run


@pytest.fixture(scope="module")
def straight(train, tmp_path_factory):
    """Work dirs of one undisturbed training of each kind."""
    folder = tmp_path_factory.mktemp("straight")
    for kind in ("gmm", "softmax"):
        assert train(kind, folder / kind) == 0
    return folder


def weights(work_dir: Path, name: str = "model.pth") -> dict[str, torch.Tensor]:
    content = torch.load(work_dir / name, weights_only=True)
    return content.get("state_dict", content)


def losses(work_dir: Path) -> list[float]:
    (scalars,) = work_dir.glob("*/vis_data/scalars.json")
    return [json.loads(line)["loss"] for line in scalars.read_text().splitlines()]


def assert_same_weights(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert list(a) == list(b)
    assert [key for key in a if not torch.equal(a[key], b[key])] == []


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


# What it writes


def test_writes_config_log_checkpoint_weights_and_record(straight):
    work = straight / "gmm"
    (log,) = work.glob("*/*.log")
    assert "Iter(train)" in log.read_text()
    resolved = read_config(work / "gmm.py")
    assert resolved.randomness.seed == resolved.model.classifier.seed == 0
    assert [scheduler.end for scheduler in resolved.param_scheduler] == [2, ITERATIONS]
    assert len(losses(work)) == ITERATIONS
    record = json.loads((work / "training.json").read_text())
    assert (record["seed"], record["iterations"]) == (0, ITERATIONS)
    assert {"code", "libraries", "seconds", "weights_sha256"} <= set(record)


def test_weights_are_nothing_but_tensors_without_the_memory(straight):
    state = torch.load(straight / "gmm" / "model.pth", weights_only=True)
    assert all(type(value) is torch.Tensor for value in state.values())
    assert not [key for key in state if ".memory." in key]
    assert state["decode_head.conv_seg.mixture.started"].any()


def test_training_checkpoint_reads_without_pickled_code_and_has_the_memory(straight):
    checkpoint = torch.load(straight / "gmm" / f"iter_{ITERATIONS}.pth", weights_only=True)
    memory = [key for key in checkpoint["state_dict"] if ".memory." in key]
    assert len(memory) == 3
    assert checkpoint["meta"]["iter"] == ITERATIONS
    assert_same_weights(
        {key: value for key, value in checkpoint["state_dict"].items() if key not in memory},
        weights(straight / "gmm"),
    )


def test_twin_trains_under_the_same_verb(straight):
    assert not [key for key in weights(straight / "softmax") if "mixture" in key]


# That it repeats itself


def test_same_seed_gives_the_same_training(train, straight, tmp_path):
    assert train("gmm", tmp_path / "again") == 0
    assert losses(tmp_path / "again") == losses(straight / "gmm")
    assert_same_weights(weights(tmp_path / "again"), weights(straight / "gmm"))


def test_another_seed_gives_another_training(train, straight, tmp_path):
    assert train("gmm", tmp_path / "other", "--seed", "1") == 0
    assert losses(tmp_path / "other") != losses(straight / "gmm")
    assert json.loads((tmp_path / "other" / "training.json").read_text())["seed"] == 1


def test_length_given_on_the_command_line_ends_the_schedule_too(train, tmp_path):
    assert train("softmax", tmp_path / "run", "--set", "train_cfg.max_iters=4") == 0
    resolved = read_config(tmp_path / "run" / "softmax.py")
    assert [scheduler.end for scheduler in resolved.param_scheduler] == [2, 4]
    (scalars,) = (tmp_path / "run").glob("*/vis_data/scalars.json")
    rates = [json.loads(line)["base_lr"] for line in scalars.read_text().splitlines()]
    assert rates[-1] == 0 < rates[-2]


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_by_config(train, tmp_path):
    backends = '[{"type": "LocalVisBackend"}, {"type": "TensorboardVisBackend"}]'
    run = tmp_path / "run"
    assert train("gmm", run, "--set", f"visualizer.vis_backends={backends}", "--set", "train_cfg.max_iters=1") == 0
    assert list(run.glob("*/vis_data/events.out.tfevents.*"))


def test_trainings_within_one_second_keep_apart(train, tmp_path, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda *args: "20300101_000000")
    for name in ("one", "two"):
        assert train("softmax", tmp_path / name, "--set", "train_cfg.max_iters=1") == 0
        assert len(losses(tmp_path / name)) == 1
        (log,) = (tmp_path / name).glob("*/*.log")
        assert str(tmp_path / name) in log.read_text()


# That it survives being stopped


@pytest.fixture
def interrupt_after(monkeypatch):
    """Send Ctrl-C to the process when so many iterations are done, a given number of times."""

    def arm(iterations: int, *, times: int = 1) -> None:
        step = EMHook.after_train_iter

        def step_then_signal(hook: EMHook, runner: Any, *args: object, **kwargs: object) -> None:
            step(hook, runner, *args, **kwargs)
            if runner.iter + 1 == iterations:
                for _ in range(times):
                    os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(EMHook, "after_train_iter", step_then_signal)

    return arm


@pytest.mark.parametrize("kind", ["gmm", "softmax"])
def test_resumed_from_a_checkpoint_equals_straight(kind, train, straight, tmp_path):
    work = tmp_path / "run"
    work.mkdir()
    shutil.copy(straight / kind / "iter_3.pth", work)
    (work / "last_checkpoint").write_text("/where/it/was/iter_3.pth")
    assert train(kind, work, "--resume") == 0
    assert losses(work) == losses(straight / kind)[3:]
    assert_same_weights(weights(work), weights(straight / kind))
    last = f"iter_{ITERATIONS}.pth"
    assert_same_weights(weights(work, last), weights(straight / kind, last))


@pytest.mark.parametrize("iterations", [2, ITERATIONS])
def test_ctrl_c_leaves_a_checkpoint_and_resume_finishes(
    iterations, train, straight, tmp_path, interrupt_after, monkeypatch, capsys
):
    handler = signal.getsignal(signal.SIGINT)
    interrupt_after(iterations)
    work = tmp_path / "run"
    assert train("gmm", work) == 130
    message = said(capsys)
    assert "--resume" in message
    assert f"stopped after {iterations} of {ITERATIONS} iterations" in message
    assert signal.getsignal(signal.SIGINT) is handler
    assert not (work / "model.pth").exists()
    assert torch.load(work / f"iter_{iterations}.pth", weights_only=True)["meta"]["iter"] == iterations

    monkeypatch.undo()
    assert train("gmm", work) == 2
    assert "--resume" in said(capsys)
    assert train("gmm", work, "--resume") == 0
    assert_same_weights(weights(work), weights(straight / "gmm"))


def test_second_ctrl_c_ends_at_once(train, tmp_path, interrupt_after):
    handler = signal.getsignal(signal.SIGINT)
    interrupt_after(2, times=2)
    assert train("gmm", tmp_path / "run") == 130
    assert not (tmp_path / "run" / "iter_2.pth").exists()
    assert signal.getsignal(signal.SIGINT) is handler


def test_error_inside_the_training_gives_sigint_back(train, tmp_path, monkeypatch, capsys):
    handler = signal.getsignal(signal.SIGINT)

    def fail(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(EMHook, "after_train_iter", fail)
    assert train("gmm", tmp_path / "run") == 1
    assert "ZeroDivisionError; nobody foresaw this" in said(capsys)
    assert signal.getsignal(signal.SIGINT) is handler


# What it refuses


def test_resume_without_a_checkpoint(train, tmp_path, capsys):
    assert train("gmm", tmp_path / "run", "--resume") == 2
    assert "nothing to resume" in said(capsys)
    assert not (tmp_path / "run").exists()


def test_work_dir_that_holds_a_training(train, straight, tmp_path, capsys):
    before = {file: file.stat().st_mtime_ns for file in straight.rglob("*")}
    assert train("gmm", straight / "gmm") == 2
    assert "already holds a training" in said(capsys)
    (tmp_path / "model.pth").touch()
    assert train("gmm", tmp_path) == 2
    assert {file: file.stat().st_mtime_ns for file in straight.rglob("*")} == before


def test_resume_under_another_seed(train, straight, tmp_path, capsys):
    shutil.copytree(straight / "gmm", tmp_path / "run")
    assert train("gmm", tmp_path / "run", "--resume", "--seed", "7") == 2
    assert "resume with --seed 0" in said(capsys)


class Malicious:
    """Touches the file that it names, when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_checkpoint_that_would_run_code_is_refused_on_resume(train, straight, tmp_path, capsys):
    work, trace = tmp_path / "run", tmp_path / "code_ran"
    work.mkdir()
    checkpoint = torch.load(straight / "gmm" / "iter_3.pth", weights_only=True)
    torch.save(checkpoint | {"message_hub": Malicious(trace)}, work / "iter_3.pth")
    (work / "last_checkpoint").write_text("iter_3.pth")
    assert train("gmm", work, "--resume") == 2
    assert "could run code" in said(capsys)
    assert not trace.exists()


def test_damaged_and_vanished_checkpoints_are_refused_on_resume(train, straight, tmp_path, capsys):
    (tmp_path / "last_checkpoint").write_text("iter_3.pth")
    assert train("gmm", tmp_path, "--resume") == 2
    assert "no checkpoint at" in said(capsys)
    whole = (straight / "gmm" / "iter_3.pth").read_bytes()
    (tmp_path / "iter_3.pth").write_bytes(whole[: len(whole) // 2])
    assert train("gmm", tmp_path, "--resume") == 2
    assert "not a readable checkpoint" in said(capsys)


@pytest.mark.parametrize("root", ["nowhere", "."])
def test_missing_data_leaves_no_work_dir(root, configs, tmp_path, capsys):
    work = tmp_path / "run"
    code = main(["train", str(configs["gmm"]), "--work-dir", str(work), "--data-root", str(tmp_path / root)])
    assert code == 2
    assert "--data-root" in said(capsys)
    assert not work.exists()


@pytest.mark.parametrize("length", ["0", "-1", "many", "2.5"])
def test_length_that_is_none(length, train, tmp_path, capsys):
    assert train("gmm", tmp_path / "run", "--set", f"train_cfg.max_iters={length}") == 2
    assert "max_iters" in said(capsys)
    assert not (tmp_path / "run").exists()


# From checkpoint to report


@pytest.fixture(scope="module")
def evaluated(configs, straight, data_root, tmp_path_factory):
    """Run folders by kind, each written by both evaluation verbs; twice."""
    folder = tmp_path_factory.mktemp("rows")
    for attempt in ("first", "second"):
        for kind in ("gmm", "softmax"):
            model = [str(configs[kind]), str(straight / kind / "model.pth")]
            where = ["--data-root", str(data_root), "--out", str(folder / attempt / kind)]
            assert main(["eval-closed", *model, *where]) == 0
            assert main(["eval-ood", *model, "--datasets", "camvid_ood", *where]) == 0
    return folder


def test_rows_repeat_to_the_byte(evaluated):
    names = sorted(file.relative_to(evaluated / "first") for file in (evaluated / "first").rglob("*.jsonl"))
    assert len(names) == 2
    for name in names:
        assert (evaluated / "first" / name).read_bytes() == (evaluated / "second" / name).read_bytes()


def test_rows_tell_their_seed(evaluated):
    assert '"seed": 0' in "".join(file.read_text() for file in (evaluated / "first" / "gmm").rglob("*.json*"))


def test_resolved_config_evaluates_as_well(straight, data_root, tmp_path):
    work = straight / "gmm"
    out = tmp_path / "rows"
    arguments = [str(work / "gmm.py"), str(work / f"iter_{ITERATIONS}.pth"), "--data-root", str(data_root)]
    assert main(["eval-closed", *arguments, "--out", str(out)]) == 0


def test_report_from_both_runs(evaluated, tmp_path, capsys):
    runs = [str(evaluated / "first" / kind) for kind in ("gmm", "softmax")]
    assert main(["report", *runs, "--out", str(tmp_path / "report")]) == 0
    assert (tmp_path / "report" / "report.md").read_text().count("camvid_ood") > 0
