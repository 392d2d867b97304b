"""Rejected by all."""

from __future__ import annotations

from torch import Tensor

from gmmbench.prediction import Prediction


def rba(p: Prediction) -> Tensor:
    """-sum_c tanh(z_c), (H, W) float32 in [-C, C] (Nayal et al. 2023, arXiv 2211.14293).

    Made for mask classifiers, whose z_c = sum_q p_q(c) m_q is near 0 where no query claims class c; tanh is the
    authors' (NazirNayal8/RbA, evaluate_ood.py). The logits of a softmax classifier have no zero of their own and
    reach where tanh is flat: there this score is of little use.
    """
    total = p.logits[0].tanh()
    for logit in p.logits[1:]:
        total += logit.tanh()
    return -total
