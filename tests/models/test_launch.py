"""One training in several processes: torchrun and Slurm, Gloo between CPUs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from gmmbench.cli import main
from gmmbench.models.launch import launched_by, place

TIMEOUT = 300
"""Seconds after which two processes are taken to wait for each other for ever; on idle cores they take 15."""

PROGRAM = """
import hashlib, json, os, pathlib, sys
import torch
import gmmbench.train
from gmmbench.cli import main
from gmmbench.models.hooks import StopHook
from gmmbench.models.segmentor import EncoderDecoder

torch.set_num_threads(1)
folder, trainings = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
rank = int(os.environ.get("RANK") or os.environ["SLURM_PROCID"])
state, fed, stop = {}, [], 0

def digest(tensor):
    return hashlib.sha256(tensor.detach().contiguous().numpy().tobytes()).hexdigest()

loss = EncoderDecoder.loss
def recording(self, inputs, data_samples):
    fed.extend(digest(image) for image in inputs)
    return loss(self, inputs, data_samples)
EncoderDecoder.loss = recording

after = StopHook.after_train_iter
def look(self, runner, *args, **kwargs):
    state.update({name: digest(value) for name, value in runner.model.module.state_dict().items()})
    if rank == 1 and runner.iter + 1 == stop:
        self._ask(2, None)  # as Ctrl-C does, in this process only
    after(self, runner, *args, **kwargs)
StopHook.after_train_iter = look

leave = gmmbench.train.leave
for number, (stop, arguments) in enumerate(trainings):
    state.clear()
    fed.clear()
    # A group can be joined once only: the next training here goes on in it.
    gmmbench.train.leave = leave if number + 1 == len(trainings) else lambda: None
    code = main(arguments)
    done = {"code": code, "fed": fed, "state": state, "joined": torch.distributed.is_initialized()}
    (folder / f"training{number}_rank{rank}.json").write_text(json.dumps(done))
sys.exit(code)
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Training:
    """What two processes did.

    Attributes:
        work_dir: where.
        ranks: of each process the exit code, digests of the images it saw and of its model's state.
        said: standard output and error of both, in all trainings of one launch.
    """

    work_dir: Path
    ranks: list[dict[str, Any]]
    said: str

    def state(self, rank: int) -> dict[str, str]:
        """Without what plain batch norm counts of a process's own images."""
        state = self.ranks[rank]["state"]
        return {name: value for name, value in state.items() if not name.endswith(("running_mean", "running_var"))}


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default", **more}


def finish(processes: list[subprocess.Popen[str]]) -> str:
    """What they said; none is left behind."""
    try:
        return "".join(process.communicate(timeout=TIMEOUT)[0] for process in processes)
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()  # torchrun's own processes have sessions of their own, it ends them
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=60)
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def launch(data_root, tmp_path_factory):
    """A function that runs ``gmmbench train`` in two processes, once for each (config, work dir, stop, options)."""

    def run(launcher: str, *trainings: tuple[Path, Path, int, list[str]]) -> list[Training]:
        folder = tmp_path_factory.mktemp("ranks")
        program = folder / "program.py"
        program.write_text(PROGRAM)
        where = ["--data-root", str(data_root), "--launcher", launcher]
        arguments = [
            (stop, ["train", str(config), "--work-dir", str(work_dir), *where, *options])
            for config, work_dir, stop, options in trainings
        ]
        command = [str(program), str(folder), json.dumps(arguments)]
        start = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        if launcher == "pytorch":
            torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
            processes = [subprocess.Popen([*torchrun, *command], env=environment(), **start)]
        else:
            address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
            slurm = {"SLURM_NTASKS": "2", "SLURM_NODELIST": "here"} | address
            processes = [
                subprocess.Popen(
                    [sys.executable, *command],
                    env=environment(SLURM_PROCID=rank, SLURM_LOCALID=rank, **slurm),
                    **start,
                )
                for rank in ("0", "1")
            ]
        said = finish(processes)
        done = [
            Training(
                work_dir,
                [json.loads(file.read_text()) for file in sorted(folder.glob(f"training{number}_*.json"))],
                said,
            )
            for number, (_, work_dir, _, _) in enumerate(trainings)
        ]
        assert [len(training.ranks) for training in done] == [2] * len(trainings), said
        return done

    return run


@pytest.fixture(scope="module")
def straight(launch, tiny, tmp_path_factory):
    """ "gmm" and "softmax" to what two processes under torchrun did, one training after the other."""
    folder = tmp_path_factory.mktemp("straight")
    kinds = ("gmm", "softmax")
    done = launch("pytorch", *((tiny(kind, {"train_cfg.max_iters": 3}), folder / kind, 0, []) for kind in kinds))
    return dict(zip(kinds, done, strict=True))


KINDS = pytest.mark.parametrize("kind", ["gmm", "softmax"])


@KINDS
def test_two_processes_train_one_model(kind, straight):
    launched = straight[kind]
    assert [rank["code"] for rank in launched.ranks] == [0, 0], launched.said
    assert launched.state(0) == launched.state(1)
    assert any("mixture" in name for name in launched.state(0)) == (kind == "gmm")
    running = "decode_head.fusion_conv.bn.running_mean"
    assert launched.ranks[0]["state"][running] != launched.ranks[1]["state"][running]
    state = torch.load(launched.work_dir / "model.pth", weights_only=True)
    assert all(torch.isfinite(value.float()).all() for value in state.values())
    if kind == "gmm":
        assert int(state["decode_head.conv_seg.step"]) == 3


@KINDS
def test_each_process_sees_images_of_its_own(kind, straight):
    fed = [rank["fed"] for rank in straight[kind].ranks]
    assert [len(images) for images in fed] == [6, 6]
    assert not set(fed[0]) & set(fed[1])


def test_twins_see_the_same(straight):
    gmm, softmax = (straight[kind].ranks for kind in ("gmm", "softmax"))
    assert [rank["fed"] for rank in gmm] == [rank["fed"] for rank in softmax]


@KINDS
def test_only_the_first_process_writes_and_speaks(kind, straight):
    launched, work_dir = straight[kind], straight[kind].work_dir
    assert launched.said.count(f"wrote {work_dir}") == 1
    assert "Warning" not in launched.said
    assert json.loads((work_dir / "training.json").read_text())["processes"] == 2
    assert len(list(work_dir.glob("*/*.log"))) == 1
    assert (work_dir / "last_checkpoint").is_file()
    # The second training of the launch was the last.
    assert [rank["joined"] for rank in launched.ranks] == [kind == "gmm"] * 2


def test_model_of_two_processes_evaluates(straight, tiny, data_root):
    model = str(straight["gmm"].work_dir / "model.pth")
    assert main(["eval-closed", str(tiny("gmm")), model, "--data-root", str(data_root)]) == 0


def test_one_stops_all_stop_and_resume_under_slurm_equals_straight(launch, tiny, straight, tmp_path):
    config = tiny("gmm", {"train_cfg.max_iters": 3})
    stopped, resumed = launch("slurm", (config, tmp_path / "run", 2, []), (config, tmp_path / "run", 0, ["--resume"]))
    assert [rank["code"] for rank in stopped.ranks] == [130, 130], stopped.said
    assert [len(rank["fed"]) for rank in stopped.ranks] == [4, 4]
    assert "stopped after 2 of 3 iterations" in stopped.said
    assert [rank["code"] for rank in resumed.ranks] == [0, 0], resumed.said
    assert [len(rank["fed"]) for rank in resumed.ranks] == [2, 2]
    assert resumed.state(0) == resumed.state(1) == straight["gmm"].state(0)


# What it refuses


@pytest.fixture
def alone(monkeypatch):
    """No launcher's variables."""
    for name in [*os.environ]:
        if name.startswith("SLURM_") or name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
            monkeypatch.delenv(name)
    return monkeypatch


def test_alone(alone):
    assert place("none") == (0, 1)


@pytest.mark.parametrize(
    ("launcher", "variables", "wanted"),
    [
        ("torchrun", {}, "known: none, pytorch, slurm"),
        ("pytorch", {}, "start it with: torchrun"),
        ("slurm", {}, "start it with: srun"),
        ("none", {"WORLD_SIZE": "2"}, "--launcher pytorch"),
        (
            "slurm",
            {"SLURM_PROCID": "x", "SLURM_LOCALID": "0", "SLURM_NTASKS": "2", "SLURM_NODELIST": "here"},
            "SLURM_PROCID is 'x'",
        ),
    ],
)
def test_launcher_that_did_not_start_this(launcher, variables, wanted, alone, tiny, data_root, tmp_path, capsys):
    for name, value in variables.items():
        alone.setenv(name, value)
    where = ["--work-dir", str(tmp_path / "run"), "--data-root", str(data_root)]
    assert main(["train", str(tiny("gmm")), *where, "--launcher", launcher]) == 2
    assert wanted in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()


def test_more_processes_than_gpus(alone, tiny, tmp_path, capsys):
    slurm = {"SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_NTASKS": "2", "SLURM_NODELIST": "here"}
    for name, value in slurm.items():
        alone.setenv(name, value)
    assert place("slurm") == (1, 2)
    alone.setattr(torch.cuda, "device_count", lambda: 1)
    assert main(["train", str(tiny("gmm")), "--work-dir", str(tmp_path / "run"), "--launcher", "slurm"]) == 2
    assert "wanted one for each process" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("gpu", "backend"), [(True, "nccl"), (False, "gloo")])
def test_backend_is_chosen_by_the_device_and_a_config_may_choose_otherwise(gpu, backend, alone):
    alone.setattr(torch.cuda, "is_available", lambda: gpu)
    config = Config({"env_cfg": {"dist_cfg": {"timeout": 60}}})
    launched_by(config, "pytorch")
    assert config.env_cfg.dist_cfg == {"backend": backend, "timeout": 60}
    assert ("model_wrapper_cfg" in config) == (not gpu)
    config = Config({"env_cfg": {"dist_cfg": {"backend": "mpi"}}})
    launched_by(config, "pytorch")
    assert config.env_cfg.dist_cfg.backend == "mpi"
    config = Config({"env_cfg": {}})
    launched_by(config, "none")
    assert config.launcher == "none"
    assert "dist_cfg" not in config.env_cfg
