"""Entropy of the class posterior."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.prediction import Prediction


def entropy(p: Prediction) -> Tensor:
    """-sum_c p_c log p_c with p = softmax(z), (H, W) float32 in nats, 0 to log C.

    Chan et al. 2021, arXiv 2012.06575; not divided by log C.
    """
    logs = p.logits.log_softmax(dim=0)
    surprise: Tensor = torch.special.entr(logs.exp())
    return surprise.sum(dim=0)
