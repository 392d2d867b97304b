"""From the features' resolution to the image's."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Head, Prediction


def at_image_size(scores: Tensor, p: Prediction) -> Tensor:
    """(h, w) scores at the features' resolution to (H, W), bilinearly (align_corners=False), as logits are."""
    height, width = p.logits.shape[1:]
    scores = scores.float()
    # As F.interpolate, in a third of its time: sideways while there are few rows, then whole rows at once.
    low, high, share = _between(scores.shape[1], width, scores.device)
    scores = torch.lerp(scores.index_select(1, low), scores.index_select(1, high), share)
    low, high, share = _between(scores.shape[0], height, scores.device)
    lower = scores.index_select(0, low)
    return lower.lerp_(scores.index_select(0, high), share[:, None])


def _between(old: int, new: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Of each of ``new`` pixels along an axis: its two neighbours among ``old`` ones, and the second one's share."""
    at = ((torch.arange(new, dtype=torch.float64, device=device) + 0.5) * (old / new) - 0.5).clamp_(min=0)
    low = at.long()
    return low, (low + 1).clamp_(max=old - 1), (at - low).float()


def features_of(p: Prediction) -> Tensor:
    """(h w, D) features, a row a pixel in raster order. Raises InputError where the model gives none."""
    if p.features is None:
        raise InputError("this score needs features; the model gives none")
    return p.features.flatten(1).t()


def head_of(p: Prediction) -> Head:
    """The linear layer that makes logits of features. Raises InputError where the model has none."""
    if p.head is None:
        raise InputError("this score needs a linear classifier, z = W f + b; the model has none")
    return p.head
