"""Standardised max logits, with boundary suppression and dilated smoothing."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores.training_pixels import State, TrainingPixels

STEPS = 4
"""Steps of suppression; step i of 0 to 3 takes the boundary widened by 3 - i pixels."""

SIZE, DILATION, SIGMA = 7, 6, 1.0
"""Smoothing: taps a side, pixels between taps, standard deviation in taps."""


def fit(pixels: TrainingPixels) -> State:
    """Mean and standard deviation of the max logit of the training pixels predicted as each class.

    A class that was predicted for fewer than two of them, or always with the same max logit, gets the mean and
    standard deviation of all: the authors' code, which reads whole images, leaves it undefined.

    Returns:
        "mean" (C,) and "std" (C,), float32.

    Raises:
        InputError: fewer than two different max logits in all.
    """
    best, predicted = pixels.logits.double().max(dim=1)
    if len(best) < 2 or not best.std() > 0:
        raise InputError(f"sml: the max logits of {len(best)} training pixels do not differ; wanted more pixels")
    mean, std = best.mean().repeat(pixels.classes), best.std().repeat(pixels.classes)
    for k in range(pixels.classes):
        own = best[predicted == k]
        if len(own) > 1 and own.std() > 0:
            mean[k], std[k] = own.mean(), own.std()
    return {"mean": mean.float(), "std": std.float()}


def sml(p: Prediction, state: State, *, suppress: bool = True, smooth: bool = True) -> Tensor:
    """-(max_c z_c - mean_k) / std_k at pixels predicted as k, (H, W) float32, suppressed and smoothed.

    Jung et al. 2021, arXiv 2107.11264; sizes and steps as in shjung13/Standardized-max-logits, network/deepv3.py.
    Reads neighbours more than 18 pixels away: wants whole images.

    Args:
        p: logits alone are read.
        state: from ``fit``.
        suppress: replace scores near predicted boundaries by those inside (``suppressed``).
        smooth: blur with a dilated Gaussian (``smoothed``).
    """
    best, predicted = p.logits.max(dim=0)
    mean, std = (state[name].to(best.device) for name in ("mean", "std"))
    scores = (mean[predicted] - best) / std[predicted]
    if suppress:
        scores = suppressed(scores, predicted)
    return smoothed(scores) if smooth else scores


def suppressed(scores: Tensor, predicted: Tensor) -> Tensor:
    """Scores at boundaries of the predicted classes, replaced step by step from the inside.

    Four times, with the boundary widened by 3, 2, 1 and 0 pixels: each boundary pixel becomes the mean of the
    pixels of its 3 x 3 window that are not of the boundary, or stays where there are none. Beyond its edges the
    image goes on as at the edge.

    Args:
        scores: (H, W) float32.
        predicted: (H, W) int64 class numbers.

    Returns:
        (H, W) float32.
    """
    boundaries = [_boundary(predicted)]
    for _ in range(STEPS - 1):
        boundaries.append(_cross_max(boundaries[-1]))
    scores = scores.clone()
    for boundary in reversed(boundaries):
        # The rim alone changes: boundary pixels whose window is not all boundary. A few in a hundred pixels.
        rim = (boundary != _square_min(boundary)).nonzero()
        scores[rim[:, 0], rim[:, 1]] = _mean_inside(scores, boundary == 0, rim)
    return scores


def _mean_inside(scores: Tensor, inside: Tensor, rim: Tensor) -> Tensor:
    """(N,) means of the ``inside`` pixels of the 3 x 3 windows about the (N, 2) rows and columns ``rim``."""
    steps = torch.arange(-1, 2, device=rim.device)[:, None]
    (height, width), (row, column) = scores.shape, rim.t()
    rows, columns = (row + steps).clamp_(0, height - 1) * width, (column + steps).clamp_(0, width - 1)
    total, count = scores.new_zeros(len(rim)), scores.new_zeros(len(rim))
    for at in (row + column for row in rows for column in columns):
        counts = inside.take(at)
        total += torch.where(counts, scores.take(at), 0.0)
        count += counts
    return total / count


def smoothed(scores: Tensor) -> Tensor:
    """(H, W) scores blurred by a 7 x 7 Gaussian of sigma 1 with taps 6 pixels apart; edges repeated outwards."""
    reach = SIZE // 2 * DILATION
    offsets = torch.arange(SIZE) - SIZE // 2
    taps = torch.exp(-0.5 * (offsets / SIGMA) ** 2)
    # The authors' 2-D kernel is the product of two such rows.
    weights = (taps / taps.sum()).tolist()
    height, width = scores.shape
    padded = F.pad(scores[None, None], (reach, reach, reach, reach), mode="replicate")[0, 0]
    rows, both = padded.new_zeros(height, padded.shape[1]), torch.zeros_like(scores)
    for i, weight in enumerate(weights):
        rows.add_(padded[i * DILATION : i * DILATION + height], alpha=weight)
    for i, weight in enumerate(weights):
        both.add_(rows[:, i * DILATION : i * DILATION + width], alpha=weight)
    return both


def _boundary(predicted: Tensor) -> Tensor:
    """1 where the authors' dilation and erosion of the class map differ, else 0, (H, W) uint8.

    They dilate by a cross and erode by a square: of a diagonal neighbour only a smaller class number counts.
    """
    classes = predicted.to(torch.int16)  # a quarter of the memory to go through, again and again
    return (_cross_max(classes) != _square_min(classes)).byte()


def _cross_max(values: Tensor) -> Tensor:
    """The largest of each pixel and its four neighbours."""
    return torch.maximum(_three(values, 0, torch.maximum), _three(values, 1, torch.maximum))


def _square_min(values: Tensor) -> Tensor:
    """The smallest of each 3 x 3 window."""
    return _three(_three(values, 0, torch.minimum), 1, torch.minimum)


def _three(values: Tensor, dim: int, combine: Callable[..., Tensor]) -> Tensor:
    """The largest, or smallest, of each pixel and its two neighbours along ``dim``, of those that lie in the image."""
    best, others = values.clone(), values.shape[dim] - 1
    for here, there in ((0, 1), (1, 0)):
        mine = best.narrow(dim, here, others)
        combine(mine, values.narrow(dim, there, others), out=mine)
    return best
