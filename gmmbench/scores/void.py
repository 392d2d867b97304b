"""Void classifier."""

from __future__ import annotations

from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores.energy import energy


def void(p: Prediction) -> Tensor:
    """The log-odds of p(void) in the softmax over all classes and void, (H, W) float32.

    Blum et al. 2019, arXiv 1904.03215, score by p(void) = exp(z_void) / (exp(z_void) + sum_c exp(z_c)), of a model
    that was trained with a void class. log p(void) / (1 - p(void)) = z_void - log sum_c exp(z_c) ranks pixels as
    p(void) does, and does not round to 1 at the very pixels that precision hangs on; its sigmoid is p(void).

    Raises:
        InputError: the model has no void class.
    """
    if p.void is None:
        raise InputError("score 'void' needs a void class; the model was trained without one")
    return p.void + energy(p)
