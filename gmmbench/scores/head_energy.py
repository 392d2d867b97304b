"""The energy of logits that are made anew of changed features."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.prediction import Head, Prediction
from gmmbench.scores.raster import score_of_rows


def head_energy(features: Tensor, head: Head, p: Prediction) -> Tensor:
    """-log sum_c exp(z_c) with z = W f + b, of (D, h w) features, brought to (H, W) float32.

    The energy is taken at the features' resolution and the score, not the logits, is brought to the image's.
    """
    logits = torch.addmm(head.bias[:, None], head.weight, features)
    return score_of_rows(-logits.logsumexp(dim=0), p)
