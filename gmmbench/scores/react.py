"""Rectified activations."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores.head_energy import head_energy
from gmmbench.scores.resolution import features_of, head_of
from gmmbench.scores.training_pixels import State, TrainingPixels


def fit(pixels: TrainingPixels, *, quantile: float = 0.90) -> State:
    """The level that this share of all features, of all training pixels and channels, do not exceed.

    0.90 is the authors' (deeplearning-wisc/react, compute_threshold.py), who take it, as here, by numpy's rule:
    linear between the two nearest values.

    Returns:
        "limit" (), float32.

    Raises:
        InputError: a quantile outside [0, 1].
    """
    if not 0 <= quantile <= 1:
        raise InputError(f"react@quantile={quantile}: wanted 0 to 1")
    values = pixels.features.flatten()
    place = quantile * (len(values) - 1)
    # torch.quantile sorts, and refuses more than 2**24 values.
    lower = values.kthvalue(int(place) + 1).values
    if place > int(place):
        lower = torch.lerp(lower, values.kthvalue(int(place) + 2).values, place - int(place))
    return {"limit": lower}


def react(p: Prediction, state: State) -> Tensor:
    """-log sum_c exp(z_c) with z = W min(f, limit) + b, (H, W) float32 (Sun et al. 2021, arXiv 2111.12797).

    Raises:
        InputError: no features, or no linear classifier.
    """
    head, features = head_of(p), features_of(p).t()
    return head_energy(features.clamp(max=state["limit"].to(features.device)), head, p)
