"""Distance to the k-th nearest training feature."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores.columns import columns_of, unit_columns
from gmmbench.scores.gaussian import parts
from gmmbench.scores.raster import score_of_rows
from gmmbench.scores.training_pixels import State, TrainingPixels

BLOCK = 1 << 17
"""Similarities that are held at once: 512 KiB stay in a core's own cache."""


def fit(pixels: TrainingPixels, *, bank: int = 512, seed: int = 0) -> State:
    """Features at unit length of ``bank`` training pixels drawn at random, an equal share from each class.

    Classes with fewer pixels than their share give all, and the others fill up. The published ones draw from all
    pixels alike; of a bank this small, a pole or a pedestrian would hardly get any.

    Args:
        bank: most features kept; all of them where training has fewer.
        seed: of the draw.

    Returns:
        "bank" (B, D) float32.

    Raises:
        InputError: ``bank`` is less than 1.
    """
    if bank < 1:
        raise InputError(f"knn@bank={bank}: wanted at least 1 feature")
    order = torch.randperm(len(pixels.labels), generator=torch.Generator().manual_seed(seed))
    # Each pixel's place in the shuffle of its own class: first all firsts are taken, then all seconds.
    grouped = order[pixels.labels[order].argsort(stable=True)]
    counts = torch.bincount(pixels.labels).tolist()
    place = torch.cat([torch.arange(count) for count in counts])
    chosen = grouped[place.argsort(stable=True)[:bank]]
    return {"bank": F.normalize(pixels.features[chosen], dim=1)}


def knn(p: Prediction, state: State, *, k: int = 1) -> Tensor:
    """|g - b_(k)|, g = f / |f| and b_(k) the k-th nearest of the bank, Euclidean, (H, W) float32, 0 to 2.

    Sun et al. 2022, arXiv 2204.06507, at each feature pixel as the dense nearest neighbours of Galesso et al. 2023
    (arXiv 2211.06660) do. The defaults are what an image can afford, for the time goes with the bank: the authors'
    code takes k = 1,000 of ImageNet's 1.28 million features and k = 50 of CIFAR's 50,000; Galesso et al. take the mean
    over some nearest of a larger bank, without the unit length.

    Computed at the features' resolution.

    Raises:
        InputError: the model gives no features, or ``k`` is not 1 to the size of the bank.
    """
    bank = state["bank"]
    if not 1 <= k <= len(bank):
        raise InputError(f"knn@k={k}: wanted 1 to {len(bank)}, the size of the bank")
    x = unit_columns(columns_of(p))
    distances = x.new_empty(x.shape[1])
    for some in parts(x.shape[1], max(1, BLOCK // len(bank))):
        kth = _kth_largest(bank @ x[:, some], k)
        # Not from 2 - 2 g.b, which cancels where g is near b.
        distances[some] = (x[:, some] - bank[kth].t()).square_().sum(dim=0).sqrt_()
    return score_of_rows(distances, p)


def _kth_largest(similar: Tensor, k: int) -> Tensor:
    """(n,) int64, the row of the k-th largest number of each column of (B, n); overwrites them."""
    if k > 1:
        return similar.t().topk(k, dim=1).indices[:, -1]
    # Three passes over whole rows take a third of the time of argmax, which looks at numbers one by one.
    best = similar.amax(dim=0)
    places = torch.arange(len(similar), dtype=similar.dtype, device=similar.device)  # exact: below 2**24
    return torch.ge(similar, best, out=similar).mul_(places[:, None]).amax(dim=0).long()
