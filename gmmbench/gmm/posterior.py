"""Class log-densities to the logits that the cross-entropy trains."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn


class BayesPosterior(nn.Module):
    """Bayes' rule under uniform priors: the log-densities are the logits, their softmax the exact posterior."""

    def forward(self, density: Tensor) -> Tensor:
        """(N, C) log-densities in nats to (N, C) logits."""
        return density


class TemperedPosterior(nn.Module):
    """Bayes' rule with a learnt temperature and a learnt prior: ``logit_c = sharpness * log p(x | c) + bias_c``.

    The exact posterior is far too certain for a loss to learn from: dimensions of a feature are not
    as independent, nor its tails as light, as Gaussians take them to be.

    Args:
        classes: C.
        sharpness: where the learning starts, logits per nat.
        prior: learn the biases; else the priors are uniform and the densities alone decide.
    """

    def __init__(self, classes: int, sharpness: float = 0.15, *, prior: bool = True) -> None:
        super().__init__()
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(sharpness)))
        self.bias = nn.Parameter(torch.zeros(classes), requires_grad=prior)

    def forward(self, density: Tensor) -> Tensor:
        """(N, C) log-densities in nats to (N, C) logits."""
        return self.log_sharpness.exp() * density + self.bias


class LayerNormPosterior(nn.LayerNorm):
    """GMMSeg as released: each pixel's log-densities normalised over the classes, a learnt scale and bias a class.

    It bounds the logits, and hides from them how unlikely a feature is under all classes.
    """

    def __init__(self, classes: int) -> None:
        super().__init__(classes)


POSTERIORS: dict[str, Callable[..., nn.Module]] = {
    "bayes": lambda classes: BayesPosterior(),
    "tempered": TemperedPosterior,
    "layer_norm": LayerNormPosterior,
}
"""Posteriors by name: a function of the number of classes."""
