"""Maximum softmax probability."""

from __future__ import annotations

from torch import Tensor

from gmmbench.prediction import Prediction
from gmmbench.scores.posterior import doubt, posterior_at


def msp(p: Prediction, *, temperature: float = 1.0) -> Tensor:
    """1 - max_c p_c with p = softmax(z / T), (H, W) float32 in [0, 1 - 1/C].

    Hendrycks and Gimpel 2017, arXiv 1610.02136, who have T = 1. Full relative precision near certainty. A high
    temperature crowds all scores below 1 - 1/C, where float32 is coarse.

    Raises:
        InputError: a temperature that is not above 0.
    """
    return doubt(posterior_at(p, temperature))
