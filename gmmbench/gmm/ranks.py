"""Rows of all processes, so that EM sees what one process alone would have seen."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import distributed as dist


def all_rows(*tensors: Tensor) -> tuple[tuple[Tensor, ...], slice]:
    """Each (n, ...) tensor with the rows of all ranks, in the order of ranks; and where this rank's are.

    Every rank calls it the same number of times, each with rows of its own number, or none: shorter
    ones are padded on the way, so uneven batches neither hang nor lose a row. Without a process group
    it gives what it got.
    """
    count = len(tensors[0])
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return tensors, slice(0, count)
    rank, world = dist.get_rank(), dist.get_world_size()
    sizes = torch.zeros(world, dtype=torch.int64, device=tensors[0].device)
    sizes[rank] = count
    dist.all_reduce(sizes)
    counts = sizes.tolist()
    start = sum(counts[:rank])
    return tuple(_gather(tensor, counts) for tensor in tensors), slice(start, start + count)


def _gather(tensor: Tensor, counts: list[int]) -> Tensor:
    # Backends differ in which types they carry; bool is the one that fails.
    sent = tensor.to(torch.uint8) if tensor.dtype == torch.bool else tensor
    padded = sent.new_zeros(max(counts), *sent.shape[1:])
    padded[: len(sent)] = sent
    received = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(received, padded)
    return torch.cat([rows[:count] for rows, count in zip(received, counts, strict=True)]).to(tensor.dtype)
