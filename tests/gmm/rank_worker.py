"""Run by test_ranks.py under torchrun: EM on uneven shares of pixels, then on all of them in one process.

Each rank writes ``rank<R>.pt``; rank 0, once it is alone, ``alone.pt``: name of a case -> state dict.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist
from torch.nn import functional as F

from gmmbench.gmm import PRESETS, GMMClassifier
from gmmbench.gmm.ranks import all_rows

CHANNELS, CLASSES, STEPS = 12, 3, 6
ROWS = ((4, 2), (3, 5), (6, 1), (4, 4), (2, 2), (5, 3))
"""Rows of pixels of ranks 0 and 1 at each step."""
UNLABELLED = {(2, 0), (3, 1), (4, 0), (4, 1)}
"""(step, rank) without any labelled pixel."""

CASES: dict[str, dict[str, Any]] = {name: {"preset": name} for name in PRESETS} | {
    "full": {"preset": "gmmbench", "covariance": "full"},
    "soft": {"preset": "gmmbench", "hard": False},
}


def build(preset: str, **changes: Any) -> GMMClassifier:
    """Without a projection: batch norm sees its own rank's pixels alone."""
    if PRESETS[preset]["memory"] == "queue":
        changes["memory_options"] = {"slots": 32, "samples": 5}
    return GMMClassifier(CHANNELS, CLASSES, preset, dim=CHANNELS, **changes)


def share(step: int, rank: int) -> tuple[Tensor, Tensor]:
    """x (1, CHANNELS, rows, 8) and labels (rows, 8) of one rank."""
    generator = torch.Generator().manual_seed(10 * step + rank)
    labels = torch.randint(-1, CLASSES, (ROWS[step][rank], 8), generator=generator)
    x = torch.randn(1, CHANNELS, *labels.shape, generator=generator)
    x = x + 3 * F.one_hot(labels.clamp(min=0), CHANNELS).movedim(-1, 0)
    return x, torch.full_like(labels, -1) if (step, rank) in UNLABELLED else labels


def train(case: str, ranks: list[int]) -> dict[str, Tensor]:
    """The state after all steps on the pixels of these ranks, one under the other."""
    classifier = build(**CASES[case])
    for step in range(STEPS):
        parts = [share(step, rank) for rank in ranks]
        x = torch.cat([part[0] for part in parts], dim=2)
        labels = torch.cat([part[1] for part in parts])
        reading = classifier.read(x)
        seen = classifier.assign(reading, labels.flatten())
        assert len(seen.owner) == labels.numel()
        classifier.update(seen)
    return classifier.state_dict()


def check_rows(rank: int) -> None:
    """all_rows on several types, with and without rows of this rank."""
    for counts in ((3, 1), (0, 2), (2, 0), (0, 0)):
        start, count = sum(counts[:rank]), counts[rank]
        numbers = torch.arange(sum(counts))
        wanted = (numbers % 2 == 0, numbers - 2**40, numbers[:, None] / 3 + torch.zeros(1, 4))
        assert [tensor.dtype for tensor in wanted] == [torch.bool, torch.int64, torch.float32]
        got, here = all_rows(*(tensor[start : start + count] for tensor in wanted))
        assert here == slice(start, start + count)
        for ours, theirs in zip(got, wanted, strict=True):
            assert ours.dtype == theirs.dtype
            assert torch.equal(ours, theirs), (counts, ours, theirs)


def main(folder: Path) -> None:
    dist.init_process_group("gloo", timeout=timedelta(seconds=60))
    rank = dist.get_rank()
    check_rows(rank)
    torch.save({case: train(case, [rank]) for case in CASES}, folder / f"rank{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()
    if rank == 0:
        torch.save({case: train(case, [0, 1]) for case in CASES}, folder / "alone.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
