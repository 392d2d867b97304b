"""Log-density of the likeliest class."""

from __future__ import annotations

from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction


def gmm_max(p: Prediction) -> Tensor:
    """-max_c log p(x | c), (H, W) float32 in nats (GMMSeg, Liang et al. 2022, arXiv 2210.02025).

    Raises:
        InputError: the model gives no density.
    """
    return -density_of(p).amax(dim=0)


def density_of(p: Prediction) -> Tensor:
    """(C, H, W) class log-densities in nats, or an InputError where the model has none."""
    if p.density is None:
        raise InputError("this score needs a density; the model has no generative classifier")
    return p.density
