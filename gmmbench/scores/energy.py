"""Free energy."""

from __future__ import annotations

from torch import Tensor

from gmmbench.prediction import Prediction


def energy(p: Prediction) -> Tensor:
    """-log sum_c exp(z_c), temperature 1, (H, W) float32 (Liu et al. 2020, arXiv 2010.03759)."""
    return -p.logits.logsumexp(dim=0)
