"""From the features' resolution to the image's."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.prediction import Head, Prediction


def at_image_size(scores: Tensor, p: Prediction) -> Tensor:
    """(h, w) scores at the features' resolution to (H, W), bilinearly (align_corners=False), as logits are."""
    size = p.logits.shape[1:]
    return F.interpolate(scores[None, None].float(), size=size, mode="bilinear", align_corners=False)[0, 0]


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
