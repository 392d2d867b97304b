"""Generalised entropy."""

from __future__ import annotations

from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores.posterior import doubt, others


def gen(p: Prediction, *, gamma: float = 0.1, top: int = 100) -> Tensor:
    """sum_c p_c^gamma (1 - p_c)^gamma over the ``top`` likeliest classes, (H, W) float32.

    Liu, Lochman and Zach, CVPR 2023, "GEN: Pushing the Limits of Softmax-Based Out-of-Distribution Detection". Both
    defaults are those of the authors' code (XixiLiu95/GEN, benchmark.py: gamma 0.1, M 100), which returns the
    negative. With C <= 100 all classes count. A class less likely than float32 can say (1e-45) counts as none.

    Raises:
        InputError: gamma not above 0, or ``top`` below 1.
    """
    if not gamma > 0:
        raise InputError(f"gen@gamma={gamma}: wanted a number above 0")
    if top < 1:
        raise InputError(f"gen@top={top}: wanted at least 1 class")
    posterior = p.posterior
    likeliest = posterior if top >= len(posterior) else posterior.topk(top, dim=0, sorted=False).values
    total = (posterior.amax(dim=0) * doubt(posterior)).pow_(gamma)
    for other in others(likeliest):
        # (p - p^2)^gamma, which a logarithm and an exponential give sooner than a power does.
        total += other.addcmul_(other, other, value=-1).log_().mul_(gamma).exp_()
    return total
