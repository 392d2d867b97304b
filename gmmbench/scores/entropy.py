"""Entropy of the class posterior."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.prediction import Prediction
from gmmbench.scores.posterior import doubt


def entropy(p: Prediction) -> Tensor:
    """-sum_c p_c log p_c with p = softmax(z), (H, W) float32 in nats, 0 to log C.

    Chan et al. 2021, arXiv 2012.06575; not divided by log C. Computed as
    -log max_c p_c + sum_c p_c (max_k z_k - z_c): all terms are positive and none needs a logarithm of a class, so
    that near certainty no digits are lost.
    """
    posterior, best = p.posterior, p.logits.amax(dim=0)
    total = -torch.log1p(-doubt(posterior))
    below = torch.empty_like(best)
    for probability, logit in zip(posterior, p.logits, strict=True):
        torch.sub(best, logit, out=below)
        total.addcmul_(probability, below)
    return total
