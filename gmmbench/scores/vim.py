"""Virtual-logit matching."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores.columns import columns_of
from gmmbench.scores.gaussian import FIT_ROWS, parts
from gmmbench.scores.raster import score_of_rows
from gmmbench.scores.resolution import head_of
from gmmbench.scores.training_pixels import State, TrainingPixels


def fit(pixels: TrainingPixels, *, dim: int = 0) -> State:
    """Origin, residual space and scale.

    The origin o = -W^+ b is where logits are least far from zero. The principal space is spanned by the first D'
    eigenvectors of the second moments of f - o, not centred; the rest is the residual space. alpha = mean of
    max_c z_c over mean of the residual's length, both over the training pixels.

    Args:
        dim: D'. 0: 1,000 of at least 2,048 channels and 512 of at least 768, as the authors' code has it, and half
            of fewer, which others made of it.

    Returns:
        "origin" (D,), "residual" (D - D', D) orthonormal rows, "alpha" (); float32. alpha is 0 where no training
        feature leaves the principal space.

    Raises:
        InputError: the model has no linear classifier, or ``dim`` is not 0 to D - 1.
    """
    channels = pixels.features.shape[1]
    if pixels.head is None:
        raise InputError("vim needs a linear classifier, z = W f + b; the model has none")
    if not 0 <= dim < channels:
        raise InputError(f"vim@dim={dim}: wanted 1 to {channels - 1} of {channels} channels, or 0 for the usual number")
    weight, bias = pixels.head.weight.double(), pixels.head.bias.double()
    origin = -torch.linalg.pinv(weight) @ bias
    moments = torch.zeros(channels, channels, dtype=torch.float64)
    for rows in parts(len(pixels.features), FIT_ROWS):
        off = pixels.features[rows].double() - origin
        moments += off.t() @ off
    # Eigenvalues ascend.
    residual = torch.linalg.eigh(moments)[1][:, : channels - (dim or usual_dim(channels))].t()
    logit = length = 0.0
    for rows in parts(len(pixels.features), FIT_ROWS):
        some = pixels.features[rows].double()
        logit += float((some @ weight.t() + bias).amax(dim=1).sum())
        length += float(torch.linalg.vector_norm((some - origin) @ residual.t(), dim=1).sum())
    alpha = torch.tensor(logit / length if length > 0 else 0.0)
    return {"origin": origin.float(), "residual": residual.float().contiguous(), "alpha": alpha}


def usual_dim(channels: int) -> int:
    """D' of D channels."""
    if channels >= 2048:
        return 1000
    return 512 if channels >= 768 else channels // 2


def vim(p: Prediction, state: State) -> Tensor:
    """alpha |R (f - o)| - log sum_c exp(z_c), z = W f + b, (H, W) float32.

    ViM, Wang et al. 2022, arXiv 2203.10807. Features and logits of the same pixel, those of the classifier's own
    resolution.

    Raises:
        InputError: the model gives no features, or has no linear classifier.
    """
    x, head = columns_of(p), head_of(p)
    residual = state["residual"] @ (x - state["origin"][:, None])
    logits = torch.addmm(head.bias[:, None], head.weight, x)
    return score_of_rows(state["alpha"] * residual.square_().sum(dim=0).sqrt_() - logits.logsumexp(dim=0), p)
