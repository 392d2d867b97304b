"""What EM remembers of the features of past steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gmmbench.gmm.moments import Moments, gather_moments, merge, no_moments


class StreamingMemory(nn.Module):
    """Running moments of each component that forget exponentially: stepwise EM (Cappé and Moulines 2009).

    A step's pixels are counted in whole and then dropped, so it takes D + 1 numbers a component
    beside the spread, whatever the horizon. From nothing on it is the plain average of all that
    was seen; what is old fades by ``decay`` whenever something new of that component comes.

    Buffers (training state, no part of a model that only predicts): as in ``Moments``.

    Args:
        classes, components, dim: C, M, D.
        joint: remember covariances, not only variances.
        decay: per step, in [0, 1); ``GMMClassifier.pace`` sets it to a schedule.
    """

    weight: Tensor
    mean: Tensor
    spread: Tensor

    def __init__(self, classes: int, components: int, dim: int, *, joint: bool, decay: float = 0.99) -> None:
        super().__init__()
        self.classes, self.joint, self.decay = classes, joint, decay
        for name, value in no_moments(classes * components, dim, joint=joint)._asdict().items():
            self.register_buffer(name, value)

    @torch.no_grad()
    def observe(self, features: Tensor, responsibility: Tensor, labels: Tensor) -> None:
        """Count (N, D) features of (N,) classes by their (N, M) shares."""
        new = gather_moments(features, responsibility, labels, self.classes, joint=self.joint)
        faded = torch.where(new.weight > 0, self.decay, 1.0) * self.weight
        merged = merge(Moments(faded, self.mean, self.spread), new)
        for buffer, value in zip((self.weight, self.mean, self.spread), merged, strict=True):
            buffer.copy_(value)

    def moments(self) -> Moments:
        """Of all components; weight 0 where nothing was seen."""
        return Moments(self.weight, self.mean, self.spread)


class QueueMemory(nn.Module):
    """GMMSeg's memory as released: a ring of the latest features of each component.

    Like the released one it begins full of random unit vectors, which take part in every M-step
    until real features have replaced them: after ``slots / samples`` steps that contain the class.

    Buffers (training state): ``features`` (C * M, K, D) float32, ``pointer`` (C * M,) int64.

    Args:
        classes, components, dim: C, M, D.
        joint: give covariances, not only variances.
        slots: K.
        samples: most features that a component takes from one step, evenly spaced in raster order;
            ``None`` for all.
        seed: of the random vectors.
    """

    features: Tensor
    pointer: Tensor

    def __init__(
        self,
        classes: int,
        components: int,
        dim: int,
        *,
        joint: bool,
        slots: int = 32_000,
        samples: int | None = 20,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.joint, self.samples = joint, samples
        start = torch.randn(classes * components, slots, dim, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("features", F.normalize(start, dim=2))
        self.register_buffer("pointer", torch.zeros(classes * components, dtype=torch.int64))

    @torch.no_grad()
    def observe(self, features: Tensor, responsibility: Tensor, labels: Tensor) -> None:
        """Store (N, D) features of (N,) classes in the component of their largest share, over the oldest."""
        groups, slots = self.features.shape[:2]
        shares, component = responsibility.max(dim=1)
        owner = (labels * responsibility.shape[1] + component)[shares > 0]
        order = torch.argsort(owner, stable=True)
        sizes = torch.bincount(owner, minlength=groups)
        limit = slots if self.samples is None else min(self.samples, slots)
        taken = sizes.clamp(max=limit)
        # linspace itself, a component at a time: its float32 rounding decides which pixel is stored.
        places = [
            torch.linspace(0, size - 1, limit, dtype=torch.int64) if size > limit else torch.arange(size)
            for size in sizes.tolist()
        ]
        group = torch.repeat_interleave(torch.arange(groups, device=owner.device), taken)
        chosen = (sizes.cumsum(0) - sizes)[group] + torch.cat(places).to(owner.device)
        rank = torch.arange(len(group), device=owner.device) - (taken.cumsum(0) - taken)[group]
        rows = features[shares > 0][order[chosen]]
        self.features[group, (self.pointer[group] + rank) % slots] = rows.to(self.features.dtype)
        self.pointer.add_(taken).remainder_(slots)

    def moments(self) -> Moments:
        """Of all components, random vectors included."""
        means, spreads = [], []
        # A ring at a time: one ring's deviations stay in the caches, all rings' are another gigabyte.
        for ring in self.features:
            mean = ring.mean(dim=0)
            off = ring - mean
            means.append(mean)
            spreads.append(off.t() @ off / len(off) if self.joint else off.square_().mean(dim=0))
        weight = self.features.new_full((len(means),), self.features.shape[1])
        return Moments(weight, torch.stack(means), torch.stack(spreads))


MEMORIES: dict[str, Callable[..., StreamingMemory | QueueMemory]] = {
    "streaming": StreamingMemory,
    "queue": QueueMemory,
}
"""Memories by name."""
