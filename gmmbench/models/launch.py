"""Training in several processes, which torchrun or Slurm starts and MMEngine joins."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from gmmbench.errors import InputError, unknown_name

LAUNCHERS = {
    "none": (),
    "pytorch": ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"),
    "slurm": ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS", "SLURM_NODELIST"),
}
"""What starts the processes of one training, and the variables by which each process knows its place."""

_STARTED_BY = {
    "pytorch": "torchrun --nproc-per-node GPUS -m gmmbench train CONFIG --launcher pytorch",
    "slurm": "srun --ntasks-per-node GPUS --gpus-per-node GPUS gmmbench train CONFIG --launcher slurm",
}


def place(launcher: str) -> tuple[int, int]:
    """(rank, number of processes) of this process.

    Raises:
        InputError: an unknown launcher, one that did not start this process, another than the one that
            did, or no GPU for this process where there are GPUs.
    """
    if launcher not in LAUNCHERS:
        raise unknown_name("launcher", launcher, LAUNCHERS)
    if launcher == "none":
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise InputError(
                f"one of {os.environ['WORLD_SIZE']} processes (variable WORLD_SIZE), but --launcher is 'none': each"
                " would train by itself; start them with --launcher pytorch"
            )
        return 0, 1
    names = LAUNCHERS[launcher]
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise InputError(
            f"--launcher {launcher} needs the variable {missing[0]}, which is not set: nothing launched this process;"
            f" start it with: {_STARTED_BY[launcher]}"
        )
    rank, local, world = (_number(name) for name in names[:3])
    if 0 < torch.cuda.device_count() <= local:
        raise InputError(
            f"process {local} of this machine found {torch.cuda.device_count()} GPU(s); wanted one for each process;"
            " start fewer"
        )
    return rank, world


def _number(name: str) -> int:
    text = os.environ[name]
    if not text.isdigit():
        raise InputError(f"the variable {name} is '{text}'; wanted a whole number, as a launcher sets it")
    return int(text)


def launched_by(config: Any, launcher: str) -> None:
    """Have MMEngine's runner join the group when it is built: over NCCL between GPUs, else over Gloo."""
    config.launcher = launcher
    if launcher == "none":
        return
    gpu = torch.cuda.is_available()
    config.env_cfg.dist_cfg = {"backend": "nccl" if gpu else "gloo"} | dict(config.env_cfg.get("dist_cfg", {}))
    for library in ("OMP", "MKL"):  # MMEngine would do so, and warn that it did
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    if not gpu:
        # As MMEngine wraps a model by itself, except for the GPU that it would put it on.
        config.model_wrapper_cfg = {
            "type": "MMDistributedDataParallel",
            "device_ids": None,
            "broadcast_buffers": False,
            "find_unused_parameters": config.get("find_unused_parameters", False),
        }


@contextmanager
def joining() -> Iterator[None]:
    """While MMEngine's runner joins a group and wraps a model in it.

    Its launchers select a GPU first, also where there is none: inside the block that is left out there.
    """
    select = torch.cuda.set_device
    if not torch.cuda.is_available():
        torch.cuda.set_device = lambda device: None
    try:
        with warnings.catch_warnings():
            # MMEngine calls PyTorch so; it wants what is deprecated, and nobody here can change it.
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            yield
    finally:
        torch.cuda.set_device = select


def leave() -> None:
    """Leave the group where there is one: when all have come here, so that nobody waits for one who has left."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
