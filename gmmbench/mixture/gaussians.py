"""Size and shape of Gaussians, read off what their covariances keep: no (D, D) matrix a component is built."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.gmm.covariance import Covariance, Diagonal, LowRank, Tied


def factor(covariance: Covariance, group: int) -> Tensor:
    """(D, K) float64 F with ``Sigma = F F^T`` of Gaussian number ``group``; its columns are not principal axes."""
    if isinstance(covariance, Diagonal):
        return torch.diag(covariance.variances[group].double().sqrt())
    if isinstance(covariance, LowRank):
        noise = torch.diag(covariance.variances[group].double().sqrt())
        return torch.cat([covariance.loadings[group].double(), noise], dim=1)
    whitening = (covariance.whitening if isinstance(covariance, Tied) else covariance.whitening[group]).double()
    eye = torch.eye(len(whitening), dtype=torch.float64, device=whitening.device)
    inverse: Tensor = torch.linalg.solve_triangular(whitening, eye, upper=False)
    return inverse


def log_determinant(covariance: Covariance, group: int) -> float:
    """log |Sigma| of Gaussian number ``group``; by the determinant lemma where Sigma is of low rank plus diagonal."""
    if isinstance(covariance, Diagonal):
        return float(covariance.variances[group].double().log().sum())
    if isinstance(covariance, LowRank):
        noise, loadings = covariance.variances[group].double(), covariance.loadings[group].double()
        inner = torch.eye(loadings.shape[1], dtype=torch.float64, device=noise.device)
        inner = inner + loadings.t() @ (loadings / noise[:, None])
        return float(noise.log().sum() + torch.linalg.slogdet(inner).logabsdet)
    whitening = covariance.whitening if isinstance(covariance, Tied) else covariance.whitening[group]
    return -2 * float(whitening.double().diagonal().log().sum())


def shapes(covariance: Covariance, groups: int, axes: Tensor) -> tuple[Tensor, Tensor]:
    """Size of the first ``groups`` Gaussians, and their shadows on a plane.

    Args:
        axes: (2, D) float64, rows span the plane.

    Returns:
        float64 on the CPU: (G,) spread ``sqrt(trace(Sigma) / D)``, in units of the features; and (G, 2, 2)
        ``axes Sigma axes^T``, the covariances of the projected Gaussians.
    """
    spread, flat = [], []
    for group in range(groups):
        root = factor(covariance, group).cpu()
        shadow = axes @ root
        spread.append((root.square().sum() / len(root)).sqrt())
        flat.append(shadow @ shadow.t())
    return torch.stack(spread), torch.stack(flat)
