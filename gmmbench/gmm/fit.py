"""A mixture fitted to features that stay as they are: EM over all of them until the likelihood stands."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from gmmbench.gmm.covariance import Covariance, Tied
from gmmbench.gmm.density import class_log_density
from gmmbench.gmm.em import m_step, seed, sinkhorn
from gmmbench.gmm.mixture import UNSEEN, Mixture
from gmmbench.gmm.moments import gather_moments

Tell = Callable[[int, int], None]
"""Told (iterations done, iterations at most)."""


def seeded_shares(
    features: Tensor, labels: Tensor, classes: int, components: int, generator: torch.Generator
) -> Tensor:
    """Where EM starts: k-means++ centres in each class, each feature whole to the nearest one.

    Args:
        features: (N, D).
        labels: (N,) int64, 0 to C - 1.
        generator: on the CPU, the only source of chance.

    Returns:
        (N, M) float32, a one in each row.
    """
    owner = torch.zeros_like(labels)
    for rows in _rows(labels, classes):
        if len(rows):
            owner[rows] = seed(features[rows], components, generator)
    return F.one_hot(owner, components).to(features)


@torch.no_grad()
def fit(
    mixture: Mixture,
    features: Tensor,
    labels: Tensor,
    shares: Tensor,
    *,
    iterations: int = 100,
    tolerance: float = 1e-3,
    tell: Tell | None = None,
) -> list[float]:
    """EM (Dempster, Laird and Rubin 1977) from first ``shares`` to convergence; the components of a class weigh alike.

    The E-step is the ordinary posterior over the components of a feature's own class, the M-step takes all
    features at once. Floor and prior of a covariance pull it away from the likeliest one, so that late steps
    may lower the likelihood; the first that would is undone and is the end.

    Args:
        mixture: is changed in place. A class without features keeps what it has.
        features: (N, D) float32, N >= 1.
        labels: (N,) int64, 0 to C - 1.
        shares: (N, M), rows that sum to one, in the components of the feature's own class.
        iterations: at most so many.
        tolerance: smallest gain, in nats a feature, that is worth another iteration.

    Returns:
        Mean log p(feature | own class) in nats after each iteration. It never falls.
    """
    classes = len(mixture.started)
    rows, present = _rows(labels, classes), torch.bincount(labels, minlength=classes) > 0
    history: list[float] = []
    for number in range(iterations):
        before = {name: value.clone() for name, value in mixture.state_dict().items()}
        moments = gather_moments(features, shares, labels, classes, joint=mixture.covariance.joint)
        means, spread = m_step(moments, mixture.means.flatten(0, 1), momentum=0.0, unit=mixture.unit)
        mixture.fit(means, spread, moments, present)
        shares, likelihood = expect(mixture, features, rows)
        if history and likelihood < history[-1]:
            mixture.load_state_dict(before)
            break
        history.append(likelihood)
        if tell is not None:
            tell(number + 1, iterations)
        if number and likelihood - history[-2] < tolerance:
            break
    return history


def expect(mixture: Mixture, features: Tensor, rows: list[Tensor]) -> tuple[Tensor, float]:
    """E-step: (N, M) posteriors over the components of each feature's own class, and the mean log-density there.

    Only a feature's own class is evaluated: with C classes that is C times less work than ``mixture(features)``.

    Args:
        rows: the features of each class.
    """
    components = mixture.means.shape[1]
    shares = features.new_zeros(len(features), components)
    total = 0.0
    for (covariance, means, started), mine in zip(_classes(mixture), rows, strict=True):
        if len(mine):
            logs = covariance.log_prob(features[mine], means) + torch.where(started, 0.0, UNSEEN)
            one = torch.zeros_like(mine)
            shares[mine] = sinkhorn(logs, one, 1, temperature=1.0, relative=False, iterations=0).exp()
            total += float(class_log_density(logs[:, None]).sum(dtype=torch.float64))
    return shares, total / len(features)


def mean_variance(features: Tensor, labels: Tensor, classes: int) -> float:
    """Mean over dimensions of the variance within classes: the scale for a floor. In squared units of the features."""
    moments = gather_moments(features, torch.ones_like(features[:, :1]), labels, classes, joint=False)
    share = moments.weight.double() / len(features)
    return float((share[:, None] * moments.spread).sum(dim=0).mean())


def _rows(labels: Tensor, classes: int) -> list[Tensor]:
    sizes = torch.bincount(labels, minlength=classes).tolist()
    return list(torch.split(torch.argsort(labels, stable=True), sizes))


def _classes(mixture: Mixture) -> Iterator[tuple[Covariance, Tensor, Tensor]]:
    """Covariance, means (M, D) and ``started`` (M,) of each class, on the mixture's own memory."""
    components, means = mixture.means.shape[1], mixture.directed_means()
    for c in range(len(means)):
        part = copy.copy(mixture.covariance)
        if not isinstance(part, Tied):
            mine = slice(c * components, (c + 1) * components)
            part.__dict__["_buffers"] = {name: value[mine] for name, value in part.named_buffers()}
        yield part, means[c], mixture.started[c]
