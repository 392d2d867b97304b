"""Expectation and maximisation as pure functions, in the log domain."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gmmbench.gmm.moments import Moments, about

UNASSIGNED = -1
"""The component of a pixel that takes no part: ignored, or of no class."""


def sinkhorn(
    log_prob: Tensor, labels: Tensor, classes: int, *, temperature: float, relative: bool, iterations: int
) -> Tensor:
    """Balanced responsibilities: the E-step under the constraint that a class's components share its pixels evenly.

    Sinkhorn-Knopp scaling of ``exp(log_prob / temperature)`` towards uniform marginals, ending with
    the pixels' (Cuturi 2013; Sinkhorn EM, Mena et al. 2020; Asano et al. 2020 for self-labelling), of
    all classes at once. At temperature 1 and without iterations it is the ordinary posterior over
    components. A component far from all pixels is scaled up until it wins its share, so none dies.

    Args:
        log_prob: (N, M) log-densities of N pixels under the M components of their own class, in nats.
        labels: (N,) int64 class of each pixel, 0 to C - 1.
        classes: C.
        temperature: larger = softer; in nats, or where ``relative`` in units of the class's largest
            absolute log-density, which is what the released GMMSeg does with 0.05.
        iterations: rounds of scaling.

    Returns:
        (N, M) log responsibilities; each row's exponentials sum to one.
    """
    logs = log_prob / temperature
    if relative:
        largest = _per_class(log_prob.abs().amax(dim=1, keepdim=True), labels, classes, reduce="amax")
        logs = logs / largest[labels].clamp(min=torch.finfo(logs.dtype).tiny)
    for _ in range(iterations):
        logs = logs - _logsumexp_per_class(logs, labels, classes)[labels]
        logs = logs - torch.logsumexp(logs, dim=1, keepdim=True)
    return torch.log_softmax(logs, dim=1)


def _per_class(values: Tensor, labels: Tensor, classes: int, *, reduce: str) -> Tensor:
    start = values.new_full((classes, values.shape[1]), -torch.inf)
    return start.scatter_reduce(0, labels[:, None].expand_as(values), values, reduce)


def _logsumexp_per_class(logs: Tensor, labels: Tensor, classes: int) -> Tensor:
    """(N, M) to (C, M): over the pixels of each class."""
    top = _per_class(logs, labels, classes, reduce="amax")
    total = torch.zeros_like(top).index_add_(0, labels, (logs - top[labels]).exp())
    return top + total.log()


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


def m_step(moments: Moments, means: Tensor, *, momentum: float, unit: bool) -> tuple[Tensor, Tensor]:
    """New means, and the second moments that the covariances are fitted to.

    Args:
        moments: what the memory holds of each of G components.
        means: (G, D), the present ones.
        momentum: share of the present means that stays; 0 replaces them.
        unit: bring the memory's means to the unit sphere first, as the released GMMSeg does.

    Returns:
        means (G, D), and second moments about what the memory says the means are: with momentum 0
        and without ``unit`` the most likely ones, so the likelihood of the memory never falls.
    """
    target = F.normalize(moments.mean, dim=1) if unit else moments.mean
    return momentum * means + (1 - momentum) * target, about(moments, target)
