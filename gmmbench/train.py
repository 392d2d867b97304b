"""A config to a checkpoint, through the MMEngine runner."""

from __future__ import annotations

import io
import json
import logging
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch

from gmmbench.atomic import atomic_file, write_text
from gmmbench.data import closed_set
from gmmbench.data.registry import existing_root
from gmmbench.errors import InputError
from gmmbench.models.config import read_config
from gmmbench.models.launch import joining, launched_by, leave, place
from gmmbench.models.weights import lasting, read_checkpoint
from gmmbench.provenance import code_version, library_versions, sha256

WEIGHTS = "model.pth"
RECORD = "training.json"


def train(
    config_path: Path,
    *,
    work_dir: Path,
    data_root: Path,
    seed: int = 0,
    resume: bool = False,
    overrides: Sequence[str] = (),
    launcher: str = "none",
    progress: Callable[[int, int, str], None] | None = None,
) -> Path:
    """Train one model; returns the path of its bare state dict.

    ``work_dir`` gets the resolved config, MMEngine's log and checkpoints, ``model.pth`` (a state dict
    that ``torch.load(weights_only=True)`` reads) and ``training.json`` (seed, versions, wall time). Where
    the config has an ``EMAHook``, ``model.pth`` holds the averaged weights. Of several processes the
    first writes and the others wait for it.

    Args:
        config_path: an experiment's config.
        data_root: the folder that holds the data sets.
        seed: of weights, data order, augmentation, dropout and EM.
        resume: go on from the last checkpoint in ``work_dir``.
        overrides: ``key.sub=value`` changes to the config.
        launcher: what started this process as one of several, a name of ``gmmbench.models.launch.LAUNCHERS``.
        progress: told (steps done, steps in all, the loss in words) after each step.

    Raises:
        InputError: an unusable config, data root or checkpoint; a work_dir that already holds a
            training when ``resume`` is not asked for; another seed than the one resumed from; a
            launcher that did not start this process.
        KeyboardInterrupt: Ctrl-C, after a checkpoint was written.
    """
    # Registers our parts and quietens the libraries.
    from gmmbench.models.class_balance import telling
    from gmmbench.models.hooks import ProgressHook, StopHook

    rank, processes = place(launcher)
    config = read_config(config_path, overrides)
    launched_by(config, launcher)
    config.work_dir = str(work_dir)
    config.train_dataloader.dataset.root = str(data_root)
    config.randomness.seed = seed
    # MMEngine keeps logs and scopes by name and second: of two short trainings the later would get the former's.
    config.experiment_name = f"{config_path.stem}_{time.time_ns()}"
    _finish_schedule(config)
    _seed_classifier(config, seed)
    _check_averaging(config)
    if torch.cuda.is_available():
        config.optim_wrapper.type = "AmpOptimWrapper"
    last = _last_checkpoint(work_dir)
    if resume:
        if last is None:
            raise InputError(f"nothing to resume in {work_dir}: no last_checkpoint there; train without --resume")
        _check_seed(last, seed)
        config.resume, config.load_from = True, str(last)
    elif last is not None or (work_dir / WEIGHTS).exists():
        raise InputError(f"{work_dir} already holds a training; go on with --resume, or name another --work-dir")

    _check_data(config.train_dataloader.dataset)

    runner = _build_runner(config)
    if progress is not None and rank == 0:
        runner.register_hook(ProgressHook(progress))
    began = time.monotonic()
    try:
        with telling(progress):
            runner.train()
    finally:
        for hook in runner.hooks:
            if isinstance(hook, StopHook):
                hook.release()
    if rank == 0:
        _write_record(runner, config_path, overrides, work_dir, seed, processes, time.monotonic() - began)
    leave()
    return work_dir / WEIGHTS


def _finish_schedule(config: Any) -> None:
    """A scheduler without an end ends with the training, so that one override changes the length of both."""
    last = config.train_cfg.max_iters
    if not isinstance(last, int) or last < 1:
        raise InputError(f"train_cfg.max_iters is {last!r}; wanted a whole number of at least 1")
    config.param_scheduler = [
        dict(scheduler, end=min(scheduler.get("end", last), last))
        for scheduler in config.param_scheduler
        if scheduler.get("begin", 0) < last
    ]


def _seed_classifier(config: Any, seed: int) -> None:
    if config.model.get("classifier") is not None:
        config.model.classifier.setdefault("seed", seed)


def _check_averaging(config: Any) -> None:
    for hook in config.get("custom_hooks", []):
        if hook["type"] == "EMAHook" and hook.get("update_buffers") and config.model.get("classifier") is not None:
            raise InputError(
                "EMAHook with update_buffers=True averages buffers, and mixtures are no averages of mixtures: which"
                " components have started would stay as after the first step; leave update_buffers out, and the"
                " averaged model has the mixtures of the last step"
            )


def _check_data(dataset: Any) -> None:
    """Meet missing data before anything is written; the runner would build the data set after its folders."""
    closed_set(dataset.name).load(existing_root(Path(dataset.root)), dataset.split)


def _check_seed(last: Path, seed: int) -> None:
    """Also refuses a checkpoint that would run code, before MMEngine reads it."""
    begun = read_checkpoint(last).get("meta", {}).get("seed", seed)
    if begun != seed:
        raise InputError(f"{last} was trained with seed {begun}, this run has {seed}; resume with --seed {begun}")


def _last_checkpoint(work_dir: Path) -> Path | None:
    pointer = work_dir / "last_checkpoint"
    if not pointer.is_file():
        return None
    # The pointer holds the path as it was; the folder may have moved since.
    return work_dir / Path(pointer.read_text(encoding="utf-8").strip()).name


def _build_runner(config: Any) -> Any:
    from mmengine.logging import MMLogger
    from mmengine.runner import Runner

    # MMEngine's account of environment, config and hooks stands in the log file.
    with redirect_stdout(io.StringIO()), joining():
        runner = Runner.from_cfg(config)
    for handler in MMLogger.get_current_instance().handlers:
        if type(handler) is logging.StreamHandler:
            handler.setStream(sys.stderr)
            handler.addFilter(_worth_showing)
    return runner


def _worth_showing(record: logging.LogRecord) -> bool:
    """On a terminal the progress bar speaks, elsewhere a line every few steps; the log file has everything."""
    message = record.getMessage()
    if "FileClient" in message or "HardDiskBackend" in message:  # MMEngine warning of its own code
        return False
    return record.levelno >= logging.WARNING or (not sys.stderr.isatty() and message.startswith(("Iter(", "resumed")))


def _write_record(
    runner: Any,
    config_path: Path,
    overrides: Sequence[str],
    work_dir: Path,
    seed: int,
    processes: int,
    seconds: float,
) -> None:
    from mmengine.hooks import EMAHook

    model = runner.model.module if hasattr(runner.model, "module") else runner.model
    averages = [hook for hook in runner.hooks if isinstance(hook, EMAHook)]
    if averages:
        model = averages[-1].ema_model.module
    # The memory is training state: nobody who only uses the model needs it.
    state = {key: value.cpu() for key, value in lasting(model.state_dict()).items()}
    with atomic_file(work_dir / WEIGHTS) as file:
        torch.save(state, file)
    record = {
        "config": str(config_path),
        "overrides": list(overrides),
        "seed": seed,
        "iterations": runner.max_iters,
        "processes": processes,
        "weights": f"averaged by EMAHook ({_in_words(averages[-1].ema_cfg)})" if averages else "of the last step",
        "seconds": round(seconds, 1),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "threads": torch.get_num_threads(),
        "code": code_version(),
        "python": platform.python_version(),
        "libraries": library_versions(),
        "weights_sha256": sha256(work_dir / WEIGHTS),
    }
    write_text(work_dir / RECORD, json.dumps(record, indent=2) + "\n")


def _in_words(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in arguments.items())
