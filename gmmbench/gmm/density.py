"""Log-densities of diagonal Gaussian mixtures, as matrix products.

Expanding the square, ``sum_d ((x_d - mu_d) / sigma_d)^2`` is ``x^2 @ a + x @ b + const`` with
``a = 1 / sigma^2`` and ``b = -2 mu / sigma^2``: two matrix products of (N, D) with (D, K). The
broadcast form of the same sum builds an (N, K, D) tensor, gigabytes at the size of one image.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def log_prob(x: Tensor, means: Tensor, variances: Tensor) -> Tensor:
    """Log-density of each feature under each diagonal Gaussian, in nats.

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
        constant = -0.5 * (mean * linear - precision.log()).sum(dim=1) - 0.5 * mean.shape[1] * math.log(2 * math.pi)
        # BLAS is twice as fast on rows of whole cache lines, and computes the same: unused columns pad them.
        count, spare = len(constant), -len(constant) % 16
        linear, precision = F.pad(linear, (0, 0, 0, spare)), F.pad(precision, (0, 0, 0, spare))
        constant = F.pad(constant, (0, spare))
    x = x - centre
    logs = torch.addmm(constant, x, linear.t()).addmm_(x.square(), precision.t(), alpha=-0.5)
    return logs[:, :count].reshape(x.shape[0], *shape)


def class_log_density(component_log_prob: Tensor) -> Tensor:
    """Log-density of each class: its mixture with uniform component weights, ``log 1/M sum_m N_m``.

    Args:
        component_log_prob: (N, C, M) from ``log_prob``, in nats.

    Returns:
        (N, C), in nats. The code released with GMMSeg (arXiv 2210.02025) takes the maximum over m,
        unweighted, which lies between this sum and log M above it.
    """
    return torch.logsumexp(component_log_prob, dim=2) - math.log(component_log_prob.shape[2])
