"""A pixel classifier that is a Gaussian mixture per class instead of a linear layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gmmbench.gmm.density import class_log_density, log_prob
from gmmbench.gmm.em import UNASSIGNED, assign, m_step
from gmmbench.gmm.memory import FeatureBank


class Embedding(nn.Module):
    """Decoder features to points on the unit sphere of R^D, where the mixture lives.

    1x1 convolution, batch norm, ReLU, LayerNorm over channels, L2 norm: GMMSeg's projection as released.
    """

    def __init__(self, in_channels: int, dim: int) -> None:
        super().__init__()
        self.projection = nn.Sequential(
            nn.Conv2d(in_channels, dim, 1, bias=False), nn.BatchNorm2d(dim), nn.ReLU(inplace=True)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) to (B * h * w, D) float32 unit vectors, rows in raster order."""
        rows = self.projection(x).movedim(1, -1).flatten(0, 2)
        # The density's exponent amplifies rounding: half precision ends here.
        with torch.autocast(x.device.type, enabled=False):
            return F.normalize(self.norm(rows.float()), dim=1)


class Mixture(nn.Module):
    """The Gaussians: buffers, because EM moves them and no optimiser may.

    Buffers: ``means`` and ``variances`` (C, M, D) float32; ``updates`` (C, M) int64 counts the M-steps
    that each component has seen. A class that was never seen keeps zero means and unit variances,
    under which a point of the unit sphere is some hundred nats less likely than under a fitted class.
    """

    means: Tensor
    variances: Tensor
    updates: Tensor

    def __init__(self, classes: int, components: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("means", torch.zeros(classes, components, dim))
        self.register_buffer("variances", torch.ones(classes, components, dim))
        self.register_buffer("updates", torch.zeros(classes, components, dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) features to (N, C, M) log-densities in nats."""
        with torch.autocast(x.device.type, enabled=False):
            return log_prob(x, self.means, self.variances)


class Posterior(nn.Module):
    """Bayes' rule with a learnt temperature and prior: density to logits.

    ``logit_c = sharpness * log p(x | c) + bias_c``. Under sharpness 1 its softmax is the exact posterior
    of the mixture, far too certain for a loss to learn from: dimensions of a feature are not as
    independent as the Gaussians take them to be. The released GMMSeg normalises the densities of each
    pixel over the classes instead, which bounds the logits and hides an unlikely feature from them.
    """

    def __init__(self, classes: int, sharpness: float) -> None:
        super().__init__()
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(sharpness)))
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, density: Tensor) -> Tensor:
        """(N, C) log-densities in nats to (N, C) logits."""
        return self.log_sharpness.exp() * density + self.bias


@dataclass(frozen=True)
class Reading:
    """What the classifier read from one batch; N = B * h * w pixels in raster order.

    Attributes:
        features: (N, D) unit vectors.
        component_log_prob: (N, C, M), nats.
        density: (N, C), log p(feature | class) in nats, before any normalisation over classes.
        logits: (N, C), what the cross-entropy trains.
    """

    features: Tensor
    component_log_prob: Tensor
    density: Tensor
    logits: Tensor


class GMMClassifier(nn.Module):
    """A drop-in for the 1x1 convolution that ends a segmentation head.

    ``forward`` gives logits, ``read`` also densities; neither changes anything. A training step calls
    ``assign`` (E-step, pure) on what was read and then ``update`` (memory and M-step).

    Args:
        in_channels: channels of the decoder's last feature map.
        num_classes: C.
        components: M, Gaussians per class.
        dim: D, dimensions of the embedding.
        variance_floor: smallest per-dimension variance, by clamping (published: 0.01, added). A unit
            vector of 64 dimensions has a mean square of 1/64 = 0.016 per dimension, so most of a
            fitted variance is this floor; a floor of 0.001 trained worse on short schedules.
        memory: K, features kept per component.
        horizon: the share of the schedule that the memory and the means look back on; see ``pace``.
        temperature, iterations: of the Sinkhorn assignment, see ``gmmbench.gmm.em.sinkhorn``.
        component_weight: of ``component_loss`` beside the cross-entropy of the logits; published 0.01.
        sharpness: where the learnt temperature of ``Posterior`` starts, logits per nat.
        seed: of the generator that seeds mixtures and samples pixels. It is no other than this one,
            so a model with a GMM classifier draws the same global random numbers as its twin without.
    """

    step: Tensor

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        components: int = 3,
        dim: int = 64,
        *,
        variance_floor: float = 0.01,
        memory: int = 512,
        horizon: float = 0.1,
        temperature: float = 1.0,
        iterations: int = 3,
        component_weight: float = 0.01,
        sharpness: float = 0.15,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.num_classes, self.components = num_classes, components
        self.variance_floor, self.horizon = variance_floor, horizon
        self.temperature, self.iterations, self.seed = temperature, iterations, seed
        self.component_weight = component_weight
        self.embed = Embedding(in_channels, dim)
        self.mixture = Mixture(num_classes, components, dim)
        self.posterior = Posterior(num_classes, sharpness)
        self.bank = FeatureBank(num_classes * components, memory, dim)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        self.pace(2000)

    def pace(self, iterations: int) -> None:
        """Scale memory and momentum to a schedule of so many training steps.

        Both look back over ``horizon * iterations`` steps: the ring of K slots is renewed, and the
        mean's moving average decays to 1/e, in that time. The published constants (momentum 0.999
        every 5 steps, 32,000 slots renewed by 20 a step) need over 15,000 steps to forget their start.
        """
        span = max(1.0, self.horizon * iterations)
        self.momentum = 1 - 1 / span
        self.samples = max(1, round(self.bank.features.shape[1] / span))

    def read(self, x: Tensor) -> Reading:
        """Embed (B, in_channels, h, w) and evaluate every density."""
        features = self.embed(x)
        components = self.mixture(features)
        density = class_log_density(components)
        return Reading(features, components, density, self.posterior(density))

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) to logits (B, C, h, w), float32."""
        return self.to_map(self.read(x).logits, x)

    @staticmethod
    def to_map(rows: Tensor, like: Tensor) -> Tensor:
        """(B * h * w, C) rows in raster order to a (B, C, h, w) map of the size of ``like``."""
        return rows.reshape(like.shape[0], *like.shape[2:], -1).movedim(-1, 1)

    @torch.no_grad()
    def assign(self, reading: Reading, labels: Tensor) -> Tensor:
        """E-step: (N,) int64 component of each pixel, ``class * M + component``, or ``UNASSIGNED``.

        Pixels that the logits get wrong are left out, as published: on a small crop most of them are
        label noise along edges. A class that has no mixture yet is seeded from all its pixels.

        Args:
            labels: (N,) int64 class numbers; anything outside 0 to C - 1 takes no part.
        """
        seeded = (self.mixture.updates > 0).any(dim=1)
        known = (labels >= 0) & (labels < self.num_classes)
        right = reading.logits.argmax(dim=1) == labels
        useful = known & (right | ~seeded[torch.where(known, labels, 0)])
        return assign(
            reading.features,
            reading.component_log_prob,
            torch.where(useful, labels, UNASSIGNED),
            seeded,
            self._generator(stream=0),
            temperature=self.temperature,
            iterations=self.iterations,
        )

    def component_loss(self, reading: Reading, owner: Tensor) -> Tensor:
        """Cross-entropy of all C * M raw component log-densities against the assigned component.

        Unlike the logits' loss it sees the densities before they are normalised over classes. Zero
        where no pixel is assigned.
        """
        logs = reading.component_log_prob.flatten(1)
        total = F.cross_entropy(logs, owner, ignore_index=UNASSIGNED, reduction="sum")
        return self.component_weight * total / (owner != UNASSIGNED).sum().clamp(min=1)

    @torch.no_grad()
    def update(self, features: Tensor, owner: Tensor) -> None:
        """Put (N, D) features into the memory of their components and refit those that got any.

        Args:
            features: as in ``Reading``.
            owner: (N,) from ``assign``.
        """
        self.bank.push(features, owner, limit=self.samples, generator=self._generator(stream=1))
        fresh = torch.bincount(owner[owner >= 0], minlength=len(self.bank.count)) > 0
        mixture, shape = self.mixture, self.mixture.means.shape
        # A component's t-th update moves at least 1/t of the way: an average from the first one on.
        momentum = (1 - 1 / (mixture.updates.flatten() + 1)).clamp(max=self.momentum)
        means, variances = m_step(
            self.bank.features, self.bank.count, mixture.means.flatten(0, 1), momentum, floor=self.variance_floor
        )
        chosen = fresh.view(*shape[:2], 1)
        mixture.means.copy_(torch.where(chosen, means.view(shape), mixture.means))
        mixture.variances.copy_(torch.where(chosen, variances.view(shape), mixture.variances))
        mixture.updates.add_(fresh.view(shape[:2]))
        self.step += 1

    def _generator(self, stream: int) -> torch.Generator:
        """Chance as a function of (seed, step, stream): a resumed training draws what it would have drawn."""
        # The CPU generator reads the low 32 bits alone; the factor, 2^32 / golden ratio, keeps seeds far apart.
        return torch.Generator().manual_seed((0x9E3779B1 * self.seed + 2 * int(self.step) + stream) % 2**32)
