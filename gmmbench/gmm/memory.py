"""The memory that the M-step reads: the latest features of each component."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FeatureBank(nn.Module):
    """A ring of the latest features per component, with a count of those that are real.

    The published code fills its queue with random unit vectors at the start, which inflate every
    variance until 32,000 real ones have flushed them (gmmseg.md, section 1.1); here a slot counts
    once it has been written.

    Buffers: ``features`` (G, K, D) float32, ``count`` (G,) int64 real slots, ``pointer`` (G,) int64
    next slot. They are part of the state dict, so that a resumed training goes on as if never stopped.
    """

    features: Tensor
    count: Tensor
    pointer: Tensor

    def __init__(self, groups: int, slots: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("features", torch.zeros(groups, slots, dim))
        self.register_buffer("count", torch.zeros(groups, dtype=torch.int64))
        self.register_buffer("pointer", torch.zeros(groups, dtype=torch.int64))

    @torch.no_grad()
    def push(self, features: Tensor, groups: Tensor, *, limit: int, generator: torch.Generator) -> None:
        """Store up to ``limit`` features of each group, chosen at random, over the oldest.

        Args:
            features: (N, D).
            groups: (N,) int64, 0 to G - 1; negative ones are skipped.
            limit: most features that one group takes from this call, at most K.
            generator: on the CPU, the only source of chance.
        """
        known = (groups >= 0).nonzero().squeeze(1)
        shuffled = known[torch.randperm(len(known), generator=generator).to(known.device)]
        order = shuffled[torch.argsort(groups[shuffled], stable=True)]
        sorted_groups = groups[order]
        sizes = torch.bincount(sorted_groups, minlength=len(self.count))
        rank = torch.arange(len(order), device=order.device) - (sizes.cumsum(0) - sizes)[sorted_groups]
        slots = self.features.shape[1]
        kept = rank < min(limit, slots)
        order, sorted_groups, rank = order[kept], sorted_groups[kept], rank[kept]
        self.features[sorted_groups, (self.pointer[sorted_groups] + rank) % slots] = features[order].to(
            self.features.dtype
        )
        taken = sizes.clamp(max=min(limit, slots))
        self.pointer.add_(taken).remainder_(slots)
        self.count.add_(taken).clamp_(max=slots)
