"""Log-density of the mixture of all classes."""

from __future__ import annotations

import math

from torch import Tensor

from gmmbench.prediction import Prediction
from gmmbench.scores.gmm_max import density_of


def gmm_lse(p: Prediction) -> Tensor:
    """-log p(x) = -log 1/C sum_c p(x | c), uniform class priors, (H, W) float32 in nats.

    GMMSeg, Liang et al. 2022, arXiv 2210.02025: the marginal density of its generative classifier.

    Raises:
        InputError: the model gives no density.
    """
    density = density_of(p)
    return math.log(density.shape[0]) - density.logsumexp(dim=0)
