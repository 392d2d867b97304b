"""A pixel classifier that is a Gaussian mixture per class instead of a linear layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gmmbench.gmm.density import CLASS_DENSITIES
from gmmbench.gmm.em import UNASSIGNED, m_step, seed, sinkhorn
from gmmbench.gmm.embedding import Embedding
from gmmbench.gmm.memory import MEMORIES, StreamingMemory
from gmmbench.gmm.mixture import Mixture
from gmmbench.gmm.options import choose_options
from gmmbench.gmm.posterior import POSTERIORS
from gmmbench.gmm.ranks import all_rows


@dataclass(frozen=True)
class Reading:
    """What the classifier read from one batch; N = B * h * w pixels in raster order.

    Attributes:
        features: (N, D).
        component_log_prob: (N, C, M), nats.
        density: (N, C), log p(feature | class) in nats, before any normalisation over classes.
        logits: (N, C), what the cross-entropy trains.
    """

    features: Tensor
    component_log_prob: Tensor
    density: Tensor
    logits: Tensor


@dataclass(frozen=True)
class Assignment:
    """What the E-step found.

    Attributes:
        owner: (N,) int64 component of each pixel of this process, ``class * M + component``, or ``UNASSIGNED``.
        features, labels, responsibility: (n, D), (n,), (n, M) of the labelled pixels of all
            processes: what the memory is to count, rows of zeros where it is not.
    """

    owner: Tensor
    features: Tensor
    labels: Tensor
    responsibility: Tensor

    @classmethod
    def join(cls, parts: list[Assignment]) -> Assignment:
        """Those of several batches as one: gradients that were accumulated are one step of EM too."""
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


class GMMClassifier(nn.Module):
    """A drop-in for the 1x1 convolution that ends a segmentation head (GMMSeg, arXiv 2210.02025).

    ``forward`` gives logits, ``read`` also densities; neither changes anything. A training step calls
    ``assign`` (E-step, pure) on what was read and then ``update`` (memory and M-step). In a process
    group every process calls ``assign``, which sees the pixels of all; so all hold equal mixtures.

    Args:
        in_channels: channels of the decoder's last feature map.
        num_classes: C.
        preset: where the options start from, a name of ``PRESETS``.
        seed: of the generator that seeds mixtures. It is no other than this one, so a model with a
            GMM classifier draws the same global random numbers as its twin without.
        changes: options of ``Options`` that differ from the preset.

    Raises:
        ValueError: an unknown preset, option or choice.
    """

    step: Tensor

    def __init__(
        self, in_channels: int, num_classes: int, preset: str = "gmmbench", *, seed: int = 0, **changes: Any
    ) -> None:
        super().__init__()
        self.options = options = choose_options(preset, changes)
        self.num_classes, self.seed = num_classes, seed
        size = (num_classes, options.components, options.dim)
        self.embed = Embedding(
            in_channels, options.dim, relu=options.relu, layer_norm=options.layer_norm, unit=options.unit
        )
        self.mixture = Mixture(
            *size,
            covariance=options.covariance,
            unit=options.unit,
            floor=options.floor,
            **options.covariance_options,
        )
        self.posterior = POSTERIORS[options.posterior](num_classes, **options.posterior_options)
        self.memory = MEMORIES[options.memory](*size, joint=self.mixture.covariance.joint, **options.memory_options)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        if not options.from_data:
            self.mixture.start_at_random(self._generator())
        self.pace(2000)

    def pace(self, iterations: int) -> None:
        """Scale what a streaming memory looks back on to a schedule of so many training steps.

        The published constants (momentum 0.999 every 5 steps, 32,000 slots renewed by 20 a step) need
        over 15,000 steps to forget where they started.
        """
        if self.options.horizon is not None and isinstance(self.memory, StreamingMemory):
            self.memory.decay = 1 - 1 / max(1.0, self.options.horizon * iterations)

    def read(self, x: Tensor) -> Reading:
        """Embed (B, in_channels, h, w) and evaluate every density."""
        features = self.embed(x)
        with torch.autocast(x.device.type, enabled=False):
            components = self.mixture(features)
            density = CLASS_DENSITIES[self.options.class_density](components)
            return Reading(features, components, density, self.posterior(density))

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) to logits (B, C, h, w), float32."""
        return self.to_map(self.read(x).logits, x)

    @staticmethod
    def to_map(rows: Tensor, like: Tensor) -> Tensor:
        """(B * h * w, C) rows in raster order to a (B, C, h, w) map of the size of ``like``."""
        return rows.reshape(like.shape[0], *like.shape[2:], rows.shape[1]).movedim(-1, 1)

    @torch.no_grad()
    def assign(self, reading: Reading, labels: Tensor) -> Assignment:
        """E-step.

        Args:
            labels: (N,) int64 class numbers; anything outside 0 to C - 1 takes no part.
        """
        options, components = self.options, self.options.components
        rows = ((labels >= 0) & (labels < self.num_classes)).nonzero().squeeze(1)
        mine = labels[rows]
        right = reading.logits[rows].argmax(dim=1) == mine
        logs = reading.component_log_prob[rows, mine]
        (features, known, logs, right), here = all_rows(reading.features[rows].detach(), mine, logs, right)
        shares = sinkhorn(
            logs,
            known,
            self.num_classes,
            temperature=options.temperature,
            relative=options.relative,
            iterations=options.iterations,
        )
        component = shares.argmax(dim=1)
        shares = F.one_hot(component, components).to(shares) if options.hard else shares.exp()
        started = self.mixture.started.any(dim=1)
        generator = self._generator()
        for c in torch.unique(known[~started[known]]).tolist():
            first = known == c
            component[first] = seed(features[first], components, generator)
            shares[first] = F.one_hot(component[first], components).to(shares)
        owner = torch.full_like(labels, UNASSIGNED)
        owner[rows] = known[here] * components + component[here]
        if options.correct_only:
            shares = shares * (right | ~started[known])[:, None]
        return Assignment(owner, features, known, shares)

    def component_loss(self, reading: Reading, owner: Tensor) -> Tensor:
        """Cross-entropy of all C * M raw component log-densities against the assigned component.

        Unlike the logits' loss it sees the densities before they are normalised over classes. Zero
        where no pixel is assigned to a component that has started: before that there is no density to sharpen.
        """
        started = self.mixture.started.flatten()
        owner = torch.where(started[owner.clamp(min=0)], owner, UNASSIGNED)
        logs = reading.component_log_prob.flatten(1)
        total = F.cross_entropy(logs, owner, ignore_index=UNASSIGNED, reduction="sum")
        return self.options.component_weight * total / (owner != UNASSIGNED).sum().clamp(min=1)

    @torch.no_grad()
    def update(self, seen: Assignment) -> None:
        """Count what was assigned and, where it is due, refit the classes that were seen."""
        mixture, options = self.mixture, self.options
        with torch.autocast(mixture.means.device.type, enabled=False):
            mixture.means.copy_(mixture.directed_means())
            self.memory.observe(seen.features, seen.responsibility, seen.labels)
            if int(self.step) % options.interval == 0:
                moments, before = self.memory.moments(), mixture.means.flatten(0, 1)
                means, spread = m_step(moments, before, momentum=options.momentum, unit=options.unit)
                present = torch.bincount(seen.labels, minlength=self.num_classes) > 0
                mixture.fit(means, spread, moments, present)
        self.step += 1

    def _generator(self) -> torch.Generator:
        """Chance as a function of (seed, step): a resumed training draws what it would have drawn."""
        # The CPU generator reads the low 32 bits alone; the factor, 2^32 / golden ratio, keeps seeds far apart.
        return torch.Generator().manual_seed((0x9E3779B1 * self.seed + int(self.step)) % 2**32)
