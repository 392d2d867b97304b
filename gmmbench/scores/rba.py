"""Rejected by all."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.prediction import Prediction


def rba(p: Prediction) -> Tensor:
    """-sum_c tanh(z_c), (H, W) float32 in [-C, C] (Nayal et al. 2023, arXiv 2211.14293).

    Made for mask classifiers, whose z_c = sum_q p_q(c) m_q is near 0 where no query claims class c; tanh is the
    authors' (NazirNayal8/RbA, evaluate_ood.py). The logits of a softmax classifier have no zero of their own and
    reach where tanh is flat: there this score is of little use.
    """
    # tanh z = 2 (s(2 z) - 1/2) with s the logistic function, which torch has in a sixth of the time of tanh.
    total = torch.zeros_like(p.logits[0])
    for logit in p.logits:
        total.sub_((2 * logit).sigmoid_().sub_(0.5), alpha=2)
    return total
