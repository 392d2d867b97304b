"""Maximum logit."""

from __future__ import annotations

from torch import Tensor

from gmmbench.prediction import Prediction


def max_logit(p: Prediction) -> Tensor:
    """-max_c z_c, (H, W) float32 (Hendrycks et al. 2022, arXiv 1911.11132)."""
    return -p.logits.amax(dim=0)
