"""KL divergence from the nearest typical posterior."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gmmbench.prediction import Prediction
from gmmbench.scores.entropy import entropy
from gmmbench.scores.training_pixels import State, TrainingPixels


def fit(pixels: TrainingPixels) -> State:
    """The mean posterior d_k of the training pixels predicted as class k; a class never predicted has none.

    The authors average over a validation set; here it is the training pixels, as for all fitted scores. Their
    mean is taken of logarithms, so that no entry of d_k is 0.

    Returns:
        "log_templates" (K, C) float32 in nats, K <= C.
    """
    logs = pixels.logits.double().log_softmax(dim=1)
    predicted = logs.argmax(dim=1)
    groups = [logs[predicted == k] for k in range(pixels.classes)]
    means = [group.logsumexp(dim=0) - math.log(len(group)) for group in groups if len(group)]
    return {"log_templates": torch.stack(means).float()}


def kl_matching(p: Prediction, state: State) -> Tensor:
    """min_k KL(p || d_k) with p = softmax(z), (H, W) float32 in nats, at least 0 up to rounding.

    Hendrycks et al. 2022, arXiv 1911.11132. KL(p || d) = sum_c p_c log p_c - sum_c p_c log d_c.
    """
    templates = state["log_templates"].to(p.logits.device)
    agreement = (templates @ p.posterior.flatten(1)).amax(dim=0)
    return -entropy(p) - agreement.view(p.logits.shape[1:])
