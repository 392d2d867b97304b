"""Two processes under torchrun: equal mixtures, and those of one process that sees all pixels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gmmbench.gmm import PRESETS
from gmmbench.gmm.ranks import all_rows

States = dict[str, dict[str, Tensor]]


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> dict[str, States]:
    """By who wrote it: ``rank0``, ``rank1``, ``alone``."""
    folder = tmp_path_factory.mktemp("ranks")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launch, str(Path(__file__).with_name("rank_worker.py")), str(folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name: torch.load(folder / f"{name}.pt", weights_only=True) for name in ("rank0", "rank1", "alone")}


@pytest.mark.parametrize("case", [*PRESETS, "full", "soft"])
def test_ranks_hold_equal_mixtures(states: dict[str, States], case: str) -> None:
    one, other = states["rank0"][case], states["rank1"][case]
    assert one["step"] == 6
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


@pytest.mark.parametrize("case", [*PRESETS, "full", "soft"])
def test_ranks_hold_what_one_process_would(states: dict[str, States], case: str) -> None:
    for name, value in states["rank0"][case].items():
        torch.testing.assert_close(
            value, states["alone"][case][name], rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_the_mixtures_have_moved(states: dict[str, States]) -> None:
    for case, state in states["alone"].items():
        assert state["mixture.started"].all(), case
        assert state["mixture.means"].abs().sum() > 1, case


def test_without_a_process_group_rows_are_what_they_were() -> None:
    tensors = torch.ones(3, dtype=torch.bool), torch.arange(3)
    rows, here = all_rows(*tensors)
    assert rows[0] is tensors[0]
    assert rows[1] is tensors[1]
    assert here == slice(0, 3)
