"""Expectation and maximisation as pure functions, in the log domain."""

from __future__ import annotations

import torch
from torch import Tensor

UNASSIGNED = -1
"""The component of a pixel that takes no part: ignored, or of no class."""


def sinkhorn(log_prob: Tensor, *, temperature: float, iterations: int) -> Tensor:
    """Balanced responsibilities: the E-step under the constraint that components share pixels evenly.

    Sinkhorn-Knopp scaling of ``exp(log_prob / temperature)`` towards uniform marginals, ending with
    the pixels' (Cuturi 2013; Sinkhorn EM, Mena et al. 2020; Asano et al. 2020 for self-labelling).
    At temperature 1 and without iterations it is the ordinary posterior over components. A component
    far from all pixels is scaled up until it wins its share, so none dies.

    Args:
        log_prob: (N, M) log-densities of N pixels of one class under its M components, in nats.
        temperature: in nats, larger = softer.
        iterations: rounds of scaling.

    Returns:
        (N, M) log responsibilities; each row's exponentials sum to one.
    """
    logs = log_prob / temperature
    for _ in range(iterations):
        logs = logs - torch.logsumexp(logs, dim=0, keepdim=True)
        logs = logs - torch.logsumexp(logs, dim=1, keepdim=True)
    return torch.log_softmax(logs, dim=1)


def seed(features: Tensor, components: int, generator: torch.Generator) -> Tensor:
    """First assignment of a class that has no mixture yet: k-means++ centres, nearest centre wins.

    Args:
        features: (N, D), N >= 1. With fewer distinct features than components, some stay empty.
        components: M.
        generator: on the CPU, the only source of chance.

    Returns:
        (N,) int64 component numbers, 0 to M - 1 (Arthur and Vassilvitskii 2007).
    """
    first = int(torch.randint(len(features), (1,), generator=generator))
    nearest = (features - features[first]).square().sum(dim=1)
    owner = torch.zeros(len(features), dtype=torch.int64, device=features.device)
    for component in range(1, components):
        reach = nearest.double().cumsum(dim=0)
        if not reach[-1] > 0:
            break
        throw = torch.rand((), generator=generator, dtype=torch.float64).to(reach.device)
        pick = torch.searchsorted(reach, throw * reach[-1], right=True).clamp(max=len(features) - 1)
        distance = (features - features[pick]).square().sum(dim=1)
        owner = torch.where(distance < nearest, component, owner)
        nearest = torch.minimum(distance, nearest)
    return owner


def assign(
    features: Tensor,
    component_log_prob: Tensor,
    labels: Tensor,
    seeded: Tensor,
    generator: torch.Generator,
    *,
    temperature: float,
    iterations: int,
) -> Tensor:
    """E-step of all classes: the component that each labelled pixel belongs to.

    Args:
        features: (N, D).
        component_log_prob: (N, C, M), in nats.
        labels: (N,) int64 class numbers; anything outside 0 to C - 1 is left out.
        seeded: (C,) bool, which classes already have a mixture. The others are seeded from ``features``.
        generator: for the seeding.
        temperature, iterations: see ``sinkhorn``.

    Returns:
        (N,) int64: ``class * M + component``, or ``UNASSIGNED``.
    """
    _, classes, components = component_log_prob.shape
    owner = torch.full_like(labels, UNASSIGNED)
    for c in torch.unique(labels).tolist():
        if not 0 <= c < classes:
            continue
        mine = (labels == c).nonzero().squeeze(1)
        if seeded[c]:
            logs = sinkhorn(component_log_prob[mine, c], temperature=temperature, iterations=iterations)
            component = logs.argmax(dim=1)
        else:
            component = seed(features[mine], components, generator)
        owner[mine] = c * components + component
    return owner


def m_step(features: Tensor, count: Tensor, means: Tensor, momentum: Tensor, *, floor: float) -> tuple[Tensor, Tensor]:
    """M-step of all components from what the memory holds of each.

    The mean moves a share ``1 - momentum`` of the way to the memory's mean; the variance is the
    memory's second moment about the mean so moved, which is the most likely variance given that
    mean. So the likelihood of the memory under its components never falls, at any momentum.

    Args:
        features: (G, K, D), slots beyond ``count`` are not read.
        count: (G,) int64, how many slots hold a real feature; components with none keep their mean,
            and their variance comes out as NaN: the caller keeps the old one.
        means: (G, D), the present means.
        momentum: (G,) in [0, 1); 0 replaces the mean.
        floor: the smallest variance, by clamping.

    Returns:
        means (G, D), variances (G, D).
    """
    real = torch.arange(features.shape[1], device=count.device) < count[:, None]
    weight = real.to(features.dtype)[:, :, None] / count.clamp(min=1)[:, None, None]
    features = torch.where(real[:, :, None], features, 0)  # a weight of 0 would let NaN through
    batch_mean = (weight * features).sum(dim=1)
    step = torch.where(count > 0, 1 - momentum, 0)[:, None]
    means = means + step * (batch_mean - means)
    variances = (weight * (features - means[:, None]).square()).sum(dim=1).clamp(min=floor)
    return means, torch.where(count[:, None] > 0, variances, torch.nan)
