"""Directed sparsification."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Head, Prediction
from gmmbench.scores.head_energy import head_energy
from gmmbench.scores.resolution import features_of, head_of
from gmmbench.scores.training_pixels import State, TrainingPixels


def fit(pixels: TrainingPixels) -> State:
    """The mean feature of the training pixels: "mean" (D,) float32."""
    return {"mean": pixels.features.mean(dim=0, dtype=torch.float64).float()}


def dice(p: Prediction, state: State, *, sparsity: float = 0.7) -> Tensor:
    """-log sum_c exp(z_c), z = (W * M) f + b, (H, W) float32 (Sun and Li 2022, arXiv 2111.09805).

    The mask M keeps the weights whose mean contribution W_cj E[f_j] over the training pixels lies above the
    ``sparsity`` quantile of all C x D of them. 0.7 is the authors' for ImageNet (deeplearning-wisc/dice,
    demo-imagenet.sh: --p 70); for CIFAR they take 0.9.

    Raises:
        InputError: no features, no linear classifier, or a sparsity outside [0, 1).
    """
    if not 0 <= sparsity < 1:
        raise InputError(f"dice@sparsity={sparsity}: wanted 0 or more, below 1")
    head, features = head_of(p), features_of(p).t()
    contribution = head.weight * state["mean"].to(features.device)
    kept = contribution > contribution.flatten().quantile(sparsity)
    return head_energy(features, Head(head.weight * kept, head.bias), p)
