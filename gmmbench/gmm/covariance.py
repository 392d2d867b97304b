"""Covariances of a mixture's components: what they keep, how they are fitted, what density they give."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gmmbench.gmm.density import log_prob, low_rank_log_prob, tied_log_prob, whitened_log_prob


class Diagonal(nn.Module):
    """Variances along the axes: GMMSeg as published. Buffer ``variances`` (G, D).

    Args:
        groups, dim: G = C * M, D.
        floor: added to every variance; published: 0.01.
        momentum: of the standard deviations, at each fit; published: 0, they are replaced.
    """

    joint = False
    variances: Tensor

    def __init__(self, groups: int, dim: int, *, floor: float, momentum: float = 0.0) -> None:
        super().__init__()
        self.floor, self.momentum = floor, momentum
        self.register_buffer("variances", torch.ones(groups, dim))

    def fit(self, spread: Tensor, weight: Tensor, chosen: Tensor) -> None:
        """Refit the ``chosen`` (G,) bool groups to second moments (G, D) of ``weight`` (G,) features each."""
        deviation = (spread + self.floor).sqrt()
        if self.momentum:
            deviation = self.momentum * self.variances.sqrt() + (1 - self.momentum) * deviation
        self.variances.copy_(torch.where(chosen[:, None], deviation.square(), self.variances))

    def log_prob(self, x: Tensor, means: Tensor) -> Tensor:
        """(N, D) features to (N, G) log-densities in nats."""
        return log_prob(x, means, self.variances)


class Full(nn.Module):
    """A covariance matrix a component. Buffer ``whitening`` (G, D, D), the inverse Cholesky factors.

    Few features make a singular matrix, so each is drawn towards the pooled within-component one, by
    as many imaginary features as ``prior`` says (Friedman 1989, regularised discriminant analysis): a
    component of one pixel has the pooled covariance.

    Args:
        groups, dim: G, D.
        floor: added to the diagonal.
        prior: weight of the pooled covariance, in features.
    """

    joint = True
    whitening: Tensor

    def __init__(self, groups: int, dim: int, *, floor: float, prior: float = 200.0) -> None:
        super().__init__()
        self.floor, self.prior = floor, prior
        self.register_buffer("whitening", torch.eye(dim).repeat(groups, 1, 1))

    def fit(self, spread: Tensor, weight: Tensor, chosen: Tensor) -> None:
        """As ``Diagonal.fit``, of second moments (G, D, D)."""
        share = (self.prior / (weight + self.prior))[chosen, None, None]
        mixed = (1 - share) * spread[chosen] + share * pooled(spread, weight)
        self.whitening[chosen] = whitening_of(mixed, self.floor)

    def log_prob(self, x: Tensor, means: Tensor) -> Tensor:
        """(N, D) features to (N, G) log-densities in nats."""
        return whitened_log_prob(x, means, self.whitening)


class Tied(nn.Module):
    """One covariance matrix for all components, pooled within them. Buffer ``whitening`` (D, D).

    Args:
        groups, dim: G, D.
        floor: added to the diagonal.
    """

    joint = True
    whitening: Tensor

    def __init__(self, groups: int, dim: int, *, floor: float) -> None:
        super().__init__()
        self.floor = floor
        self.register_buffer("whitening", torch.eye(dim))

    def fit(self, spread: Tensor, weight: Tensor, chosen: Tensor) -> None:
        """As ``Diagonal.fit``, of second moments (G, D, D)."""
        self.whitening.copy_(whitening_of(pooled(spread, weight), self.floor))

    def log_prob(self, x: Tensor, means: Tensor) -> Tensor:
        """(N, D) features to (N, G) log-densities in nats."""
        return tied_log_prob(x, means, self.whitening)


class LowRank(nn.Module):
    """``A A^T + diag(v)``: a mixture of factor analysers. Buffers ``loadings`` (G, D, R), ``variances`` (G, D).

    Args:
        groups, dim: G, D.
        floor: added to the variances.
        rank: R, factors a component, fewer than D.
        iterations: EM steps of the factor analysis at each fit; they go on from the fit before.

    Raises:
        ValueError: ``rank`` is not 1 to D - 1.
    """

    joint = True
    loadings: Tensor
    variances: Tensor

    def __init__(self, groups: int, dim: int, *, floor: float, rank: int = 8, iterations: int = 3) -> None:
        super().__init__()
        if not 1 <= rank < dim:
            raise ValueError(f"rank {rank} of a low-rank covariance; it must be 1 to {dim - 1}, less than dim {dim}")
        self.floor, self.iterations = floor, iterations
        self.register_buffer("loadings", torch.zeros(groups, dim, rank))
        self.register_buffer("variances", torch.ones(groups, dim))

    def fit(self, spread: Tensor, weight: Tensor, chosen: Tensor) -> None:
        """As ``Diagonal.fit``, of second moments (G, D, D) (Rubin and Thayer 1982)."""
        wanted, least = lifted(spread[chosen], self.floor)
        loadings, variances = self.loadings[chosen].double(), self.variances[chosen].double()
        fresh = (loadings == 0).all(dim=2).all(dim=1)
        if fresh.any():
            loadings[fresh], variances[fresh] = principal_factors(wanted[fresh], loadings.shape[2], least[fresh])
        for _ in range(self.iterations):
            loadings, variances = factor_step(wanted, loadings, variances, least)
        self.loadings[chosen], self.variances[chosen] = loadings.to(spread), variances.to(spread)

    def log_prob(self, x: Tensor, means: Tensor) -> Tensor:
        """(N, D) features to (N, G) log-densities in nats."""
        return low_rank_log_prob(x, means, self.loadings, self.variances)


def pooled(spread: Tensor, weight: Tensor) -> Tensor:
    """(D, D), the average of (G, D, D) covariances by their (G,) weights; 0 where all weights are."""
    mean: Tensor = torch.tensordot(weight / weight.sum().clamp(min=1e-12), spread, dims=1)
    return mean


def lifted(covariance: Tensor, floor: float) -> tuple[Tensor, Tensor]:
    """(..., D, D) covariances in float64 with (...,) added to their diagonals, and what was added.

    It is ``floor`` and a millionth of the trace: features of a large scale leave eigenvalues below zero
    where float32 rounded a singular covariance, and there a fixed floor is nothing.
    """
    wide = covariance.double()
    least = floor + 1e-6 * wide.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
    return wide + torch.diag_embed(least[..., None].expand(wide.shape[:-1])), least


def whitening_of(covariance: Tensor, floor: float) -> Tensor:
    """Inverse Cholesky factors of (..., D, D) covariances, lifted by ``floor``; float64 within."""
    factor = torch.linalg.cholesky(lifted(covariance, floor)[0])
    eye = torch.eye(covariance.shape[-1], device=covariance.device, dtype=torch.float64)
    inverse: Tensor = torch.linalg.solve_triangular(factor, eye.expand_as(factor), upper=False)
    return inverse.to(covariance.dtype)


def principal_factors(covariance: Tensor, rank: int, least: Tensor) -> tuple[Tensor, Tensor]:
    """Where a factor analysis starts: probabilistic PCA in closed form (Tipping and Bishop 1999).

    Returns loadings (G, D, R) and variances (G, D), at least (G,) ``least``.
    """
    values, vectors = torch.linalg.eigh(covariance)
    noise = values[:, :-rank].mean(dim=1).clamp(min=least)
    loadings = vectors[:, :, -rank:] * (values[:, -rank:] - noise[:, None]).clamp(min=1e-12).sqrt()[:, None, :]
    return loadings, noise[:, None].repeat(1, covariance.shape[1])


def factor_step(covariance: Tensor, loadings: Tensor, variances: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    """One EM step of factor analysis on (G, D, D) covariances, in closed form (Rubin and Thayer 1982).

    Variances stay at least (G,) ``least``.
    """
    scaled = loadings / variances[:, :, None]
    eye = torch.eye(loadings.shape[2], device=loadings.device)
    posterior = torch.linalg.inv(eye + loadings.transpose(1, 2) @ scaled)
    # beta = A^T (A A^T + diag v)^-1, the regression of factors on features.
    beta = posterior @ scaled.transpose(1, 2)
    cross = covariance @ beta.transpose(1, 2)
    second = posterior + beta @ cross
    loadings = torch.linalg.solve(second, cross, left=False)
    left = covariance.diagonal(dim1=1, dim2=2) - (loadings * cross).sum(dim=2)
    return loadings, left.clamp(min=least[:, None])


Covariance = Diagonal | Full | Tied | LowRank

COVARIANCES: dict[str, Callable[..., Covariance]] = {
    "diag": Diagonal,
    "low_rank": LowRank,
    "full": Full,
    "tied": Tied,
}
"""Covariances by name."""
