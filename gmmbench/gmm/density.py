"""Log-densities of Gaussians and of their mixtures, as matrix products."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK = 1 << 20
"""Most numbers that one block of whitened features holds on the CPU: 4 MiB of float32 stay in its caches, and
take a third of the time of a block that does not. A GPU gets 16 times as many to be busy with."""


def log_prob(x: Tensor, means: Tensor, variances: Tensor) -> Tensor:
    """Log-density of each feature under each diagonal Gaussian, in nats.

    Expanding the square, ``sum_d ((x_d - mu_d) / sigma_d)^2`` is ``x^2 @ a + x @ b + const`` with
    ``a = 1 / sigma^2`` and ``b = -2 mu / sigma^2``: two matrix products of (N, D) with (D, K). The
    broadcast form of the same sum builds an (N, K, D) tensor, gigabytes at the size of one image.

    Args:
        x: (N, D) float32 features.
        means: (..., D) float32.
        variances: like ``means``, per-dimension variances, positive.

    Returns:
        (N, ...) float32: log N(x; mean, diag(variance)). Gradients reach ``x`` only; the mixture is
        fitted by EM, not by descent (GMMSeg, arXiv 2210.02025).
    """
    shape = means.shape[:-1]
    with torch.no_grad():
        # Centring costs one pass over x and keeps the expanded square from cancelling where the
        # features lie far from the origin compared with their spread.
        centre = means.reshape(-1, means.shape[-1]).mean(dim=0)
        mean = means.reshape(-1, means.shape[-1]) - centre
        precision = variances.reshape(mean.shape).reciprocal()
        linear = mean * precision
        constant = 0.5 * precision.log().sum(dim=1) + _log_norm(mean.shape[1])
        offset = 0.5 * (mean * linear).sum(dim=1)
        # BLAS is twice as fast on rows of whole cache lines, and computes the same: unused columns pad them.
        count, spare = len(constant), -len(constant) % 16
        linear, precision = F.pad(linear, (0, 0, 0, spare)), F.pad(precision, (0, 0, 0, spare))
        constant, offset = F.pad(constant, (0, spare)), F.pad(offset, (0, spare))
    x = x - centre
    exponent = torch.addmm(-offset, x, linear.t()).addmm_(x.square(), precision.t(), alpha=-0.5)
    # The constant last: it is the larger by far, and a sum begun with it would be rounded at its size.
    return exponent.add_(constant)[:, :count].reshape(x.shape[0], *shape)


def whitened_log_prob(x: Tensor, means: Tensor, whitening: Tensor) -> Tensor:
    """Log-density of each feature under Gaussians with covariances of their own, in nats.

    With ``W = L^-1`` of the Cholesky factor ``Sigma = L L^T``, the Mahalanobis distance is the length of
    ``W (x - mu)``: a sum of squares, which rounding cannot make negative, and ``log |Sigma|`` is read
    off W's diagonal. Blocks of Gaussians bound the memory, forward and backward.

    Args:
        x: (N, D) float32.
        means: (K, D) float32.
        whitening: (K, D, D) lower triangular, positive diagonals.

    Returns:
        (N, K) float32. Gradients reach ``x`` only.
    """
    x, means = _centred(x, means)
    constant = whitening.diagonal(dim1=1, dim2=2).log().sum(dim=1) + _log_norm(x.shape[1])
    return constant - 0.5 * _distance(x, means, whitening)


def tied_log_prob(x: Tensor, means: Tensor, whitening: Tensor) -> Tensor:
    """As ``whitened_log_prob`` with one (D, D) ``whitening`` for all: x is whitened once."""
    x, means = _centred(x, means)
    white = log_prob(x @ whitening.t(), means @ whitening.t(), torch.ones_like(means))
    return white + whitening.diagonal().log().sum()


def low_rank_log_prob(x: Tensor, means: Tensor, loadings: Tensor, variances: Tensor) -> Tensor:
    """Log-density under covariances ``A A^T + diag(v)``: factor analysers, in nats.

    By Woodbury's identity: with ``B = diag(v)^-1/2 A`` and ``L L^T = I + B^T B``, the squared distance is that
    under ``diag(v)`` less the squared length of ``L^-1 B^T diag(v)^-1/2 (x - mu)``. Nothing is D by D.

    Args:
        x: (N, D) float32.
        means, variances: (K, D) float32.
        loadings: (K, D, R) float32.

    Returns:
        (N, K) float32. Gradients reach ``x`` only.
    """
    return explained_log_prob(x, means, variances, *explanations(loadings, variances))


@torch.no_grad()
def explanations(loadings: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    """What ``low_rank_log_prob`` needs of the covariances alone.

    Returns:
        (K, R, D), x - mu to the part of the distance that the factors explain; and (K,), half the log of
        how much larger the determinant is than that of ``diag(v)``.
    """
    # The identity is lost in float32 beside factors a few thousand times as long as the noise.
    noise = variances.double().sqrt()
    scaled = loadings.double() / noise[:, :, None]
    inner = torch.linalg.cholesky(scaled.transpose(1, 2) @ scaled + torch.eye(loadings.shape[2], device=noise.device))
    explain = torch.linalg.solve_triangular(inner, scaled.transpose(1, 2) / noise[:, None, :], upper=False)
    return explain.to(variances), inner.diagonal(dim1=1, dim2=2).log().sum(dim=1).to(variances)


def explained_log_prob(x: Tensor, means: Tensor, variances: Tensor, explain: Tensor, log_det: Tensor) -> Tensor:
    """``low_rank_log_prob`` with ``explanations`` computed beforehand."""
    x, means = _centred(x, means)
    logs: Tensor = log_prob(x, means, variances) - log_det + 0.5 * _distance(x, means, explain)
    return logs


def _log_norm(dim: int) -> float:
    return -0.5 * dim * math.log(2 * math.pi)


def _centred(x: Tensor, means: Tensor) -> tuple[Tensor, Tensor]:
    """Both about the middle of the means: as for the diagonal, W x - W mu cancels less when both start near it."""
    centre = means.mean(dim=0)
    return x - centre, means - centre


def _blocks(x: Tensor, factors: Tensor) -> tuple[list[slice], list[slice]]:
    """Into what pixels and what Gaussians the work is cut: so many of both that a block holds a chunk."""
    chunk = CHUNK if x.device.type == "cpu" else 16 * CHUNK
    gaussians = min(16, max(1, chunk // factors.shape[1]))
    pixels = max(1, chunk // (gaussians * factors.shape[1]))
    # A graph of any number of pixels cannot count its blocks of them.
    whole = torch.compiler.is_compiling()
    return (
        [slice(None)] if whole else [slice(start, start + pixels) for start in range(0, len(x), pixels)],
        [slice(start, start + gaussians) for start in range(0, len(factors), gaussians)],
    )


def _distance(x: Tensor, means: Tensor, factors: Tensor) -> Tensor:
    """(N, D) to the squared lengths of ``F_k (x - mu_k)``, (N, K), for (K, R, D) ``factors``; gradients reach ``x``."""
    squares: Tensor = _Distance.apply(x, means, factors)  # type: ignore[no-untyped-call]
    return squares


class _Distance(torch.autograd.Function):
    """It keeps x alone for the backward pass, instead of every whitened copy of it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, means: Tensor, factors: Tensor) -> Tensor:
        ctx.save_for_backward(x, means, factors)
        squares = x.new_empty(x.shape[0], len(means))
        pixels, gaussians = _blocks(x, factors)
        for some in gaussians:
            factor = factors[some]
            shift = (factor @ means[some, :, None]).squeeze(2)
            for rows in pixels:
                white = torch.addmm(-shift.flatten(), x[rows], factor.flatten(0, 1).t())
                squares[rows, some] = white.view(-1, *shift.shape).square_().sum(dim=2)
        return squares

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        x, means, factors = ctx.saved_tensors
        (grad,) = grads
        # sum_k g_k 2 P_k (x - mu_k), with the precision P_k = F_k^T F_k.
        total = torch.zeros_like(x)
        pixels, gaussians = _blocks(x, factors)
        for some in gaussians:
            factor = factors[some]
            # F_k^T times F_k (x - mu_k) takes R more columns, P_k times x - mu_k takes D.
            low = 2 * factor.shape[1] <= factor.shape[2]
            left = factor if low else factor.transpose(1, 2) @ factor
            shift = (left @ means[some, :, None]).squeeze(2)
            for rows in pixels:
                g = 2 * grad[rows, some]
                if low:
                    white = torch.addmm(-shift.flatten(), x[rows], factor.flatten(0, 1).t()).view(-1, *shift.shape)
                    total[rows].addmm_((g[:, :, None] * white).flatten(1), factor.flatten(0, 1))
                else:
                    total[rows].addmm_((g[:, :, None] * x[rows, None, :]).flatten(1), left.flatten(0, 1))
                    total[rows].addmm_(g, shift, alpha=-1)
        return total, None, None


def class_log_density(component_log_prob: Tensor) -> Tensor:
    """Log-density of each class: its mixture with uniform component weights, ``log 1/M sum_m N_m``.

    Args:
        component_log_prob: (N, C, M) from ``log_prob``, in nats.

    Returns:
        (N, C), in nats.
    """
    components = component_log_prob.shape[2]
    top = component_log_prob.detach().amax(dim=2)
    shares = (component_log_prob - top[:, :, None]).exp()
    # logsumexp with its sum as a matrix product: PyTorch is slow to add up a handful of neighbours.
    return (shares @ shares.new_full((components,), 1 / components)).log() + top


def best_component(component_log_prob: Tensor) -> Tensor:
    """What the released GMMSeg takes for a class's density: its likeliest component's, (N, C, M) to (N, C).

    It is no density (it integrates to more than one); it lies between the mixture's and log M above it.
    """
    return component_log_prob.amax(dim=2)


CLASS_DENSITIES: dict[str, Callable[[Tensor], Tensor]] = {"mixture": class_log_density, "best": best_component}
"""How components make a class, by name."""
