"""The released GMMSeg head as a rival: its formulation in our words, none of its code.

After leonnnop/GMMSeg @ 74f882e, ``mmseg/models/decode_heads/gmmseg_head.py``: densities by broadcasting
pixels against components in groups, Sinkhorn one class after the other, a ring of features for each
component that is filled with random vectors and renewed in a double loop, and an M-step over every slot of
the ring. On one process: what its all_gather would give there. Left out are its repairs of NaN, which
never happens here, and the resizing of labels, which the benchmark gives at the size of the features.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gmmbench.gmm import GMMClassifier

VOID = 255


class ReleasedHead(nn.Module):
    """From decoder features to logits, and everything that its training step does.

    Args:
        in_channels, classes, components, dim: of the projection, C, M, D.
        slots, samples: of the ring a component: how many features it holds, how many a step renews at most.
        interval, momentum: training steps between M-steps, share of the means that one keeps.
        pixel_groups, class_groups: into how many parts the broadcast is cut (released: 1 and 1 for
            Cityscapes, 2 and 1 for ADE20K).
    """

    queue: Tensor
    pointer: Tensor
    means: Tensor
    deviations: Tensor

    def __init__(
        self,
        in_channels: int,
        classes: int,
        components: int = 5,
        dim: int = 64,
        *,
        slots: int = 32_000,
        samples: int = 20,
        interval: int = 5,
        momentum: float = 0.999,
        pixel_groups: int = 1,
        class_groups: int = 1,
    ) -> None:
        super().__init__()
        self.classes, self.components, self.samples = classes, components, samples
        self.interval, self.momentum, self.step = interval, momentum, 0
        self.pixel_groups, self.class_groups = pixel_groups, class_groups
        self.projection = nn.Sequential(
            nn.Conv2d(in_channels, dim, 1, bias=False), nn.BatchNorm2d(dim), nn.ReLU(inplace=True)
        )
        self.feature_norm, self.class_norm = nn.LayerNorm(dim), nn.LayerNorm(classes)
        self.register_buffer("queue", F.normalize(torch.randn(classes * components, dim, slots), dim=1))
        self.register_buffer("pointer", torch.zeros(classes * components, dtype=torch.int64))
        self.register_buffer("means", nn.init.trunc_normal_(torch.empty(classes, components, dim), std=0.02))
        self.register_buffer("deviations", torch.ones(classes, components, dim))

    def adopt(self, ours: GMMClassifier) -> ReleasedHead:
        """Take over the weights and the memory of a classifier of the preset "official"."""
        self.projection.load_state_dict(ours.embed.projection.state_dict())
        self.feature_norm.load_state_dict(ours.embed.norm.state_dict())
        self.class_norm.load_state_dict(ours.posterior.state_dict())
        state = ours.state_dict()
        self.means.copy_(state["mixture.means"])
        self.deviations.copy_(state["mixture.covariance.variances"].sqrt().view_as(self.deviations))
        self.queue.copy_(state["memory.features"].transpose(1, 2))
        self.pointer.copy_(state["memory.pointer"])
        self.step = int(state["step"])
        return self

    def read(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, in_channels, h, w) to features (N, D), log-densities (N, C, M), logits (N, C)."""
        rows = self.projection(x).permute(0, 2, 3, 1).flatten(0, 2)
        features = F.normalize(self.feature_norm(rows), dim=1)
        self.means.copy_(F.normalize(self.means, dim=2))
        logs = self.log_prob(features)
        return features, logs, self.class_norm(logs.amax(dim=2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) to logits (B, C, h, w)."""
        return self.read(x)[2].view(x.shape[0], *x.shape[2:], -1).permute(0, 3, 1, 2)

    def log_prob(self, features: Tensor) -> Tensor:
        """(N, D) to (N, C, M), an (N / groups, K, D) tensor at a time."""
        constant = -0.5 * features.shape[1] * math.log(2 * math.pi)
        of_classes = []
        for part in torch.split(torch.arange(self.classes), self.classes // self.class_groups):
            mean, deviation = self.means[part].flatten(0, 1), self.deviations[part].flatten(0, 1)
            of_pixels = []
            for rows in torch.split(features, len(features) // self.pixel_groups):
                distance = ((rows[:, None] - mean) / deviation).pow(2).sum(dim=-1)
                of_pixels.append(constant - deviation.log().sum(dim=-1) - 0.5 * distance)
            of_classes.append(torch.cat(of_pixels).view(len(features), -1, self.components))
        return torch.cat(of_classes, dim=1)

    def training_step(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, C) and the contrast loss of (N,) labels, 255 where void; memory and M-step on the way."""
        features, logs, logits = self.read(x)
        target, shares = self.assign(logs, logits, labels)
        present = [int(c) for c in torch.unique(labels) if c != VOID]
        with torch.no_grad():
            for c in present:
                self.enqueue(c, features[labels == c], shares[labels == c] > 0)
            if self.step % self.interval == 0:
                self.m_step(present)
        self.step += 1
        return logits, F.cross_entropy(logs.flatten(1), target, ignore_index=VOID)

    @torch.no_grad()
    def assign(self, logs: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """(N,) number of each pixel's component, 255 where void, and (N, M) one-hot, zeros where misclassified."""
        right = logits.argmax(dim=1) == labels
        target, shares = labels.clone(), logs.new_zeros(len(logs), self.components)
        for c in torch.unique(labels):
            if c == VOID:
                continue
            mine = labels == c
            own = logs[:, c][mine]
            component = self.sinkhorn(own / own.abs().max())
            target[mine] = component + self.components * c
            shares[mine] = F.one_hot(component, self.components).to(shares) * right[mine, None]
        return target, shares

    @staticmethod
    def sinkhorn(logs: Tensor, temperature: float = 0.05, iterations: int = 3) -> Tensor:
        """(n, M) to (n,) components, balanced; not in the log domain."""
        q = (logs / temperature).exp().t()
        components, pixels = q.shape
        q = q / q.sum()
        for _ in range(iterations):
            q = q / q.sum(dim=1, keepdim=True) / components
            q = q / q.sum(dim=0, keepdim=True) / pixels
        return (q * pixels).t().argmax(dim=1)

    def enqueue(self, c: int, features: Tensor, shares: Tensor) -> None:
        """Renew the rings of one class."""
        slots = self.queue.shape[2]
        for m in range(self.components):
            ring = c * self.components + m
            rows = features[shares[:, m]]
            if len(rows) > self.samples:
                rows = rows[torch.linspace(0, len(rows) - 1, self.samples, dtype=torch.int64, device=rows.device)]
            start = int(self.pointer[ring])
            first = min(len(rows), slots - start)
            self.queue[ring, :, start : start + first] = rows[:first].t()
            self.queue[ring, :, : len(rows) - first] = rows[first:].t()
            self.pointer[ring] = (start + len(rows)) % slots

    def m_step(self, present: list[int]) -> None:
        """Means drawn towards those of the rings, standard deviations replaced; random vectors count."""
        for c in present:
            for m in range(self.components):
                held = self.queue[c * self.components + m].t()
                mean = F.normalize(held.sum(dim=0), dim=0)
                variance = (held - mean).t().pow(2).sum(dim=1) / len(held)
                self.means[c, m] = self.momentum * self.means[c, m] + (1 - self.momentum) * mean
                self.deviations[c, m] = (variance + 0.01).sqrt()
