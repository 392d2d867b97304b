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
    for boundary in reversed(boundaries):
        inside = 1 - boundary
        total, count = _window(scores * inside, torch.add), _window(inside, torch.add)
        scores = torch.where((boundary > 0) & (count > 0), total / count, scores)
    return scores


def smoothed(scores: Tensor) -> Tensor:
    """(H, W) scores blurred by a 7 x 7 Gaussian of sigma 1 with taps 6 pixels apart; edges repeated outwards."""
    reach = SIZE // 2 * DILATION
    offsets = torch.arange(SIZE) - SIZE // 2
    taps = torch.exp(-0.5 * (offsets / SIGMA) ** 2)
    # The authors' 2-D kernel is the product of two such rows.
    weights = (taps / taps.sum()).tolist()
    height, width = scores.shape
    padded = F.pad(scores[None, None], (reach, reach, reach, reach), mode="replicate")[0, 0]
    rows = sum(w * padded[i * DILATION : i * DILATION + height] for i, w in enumerate(weights))
    assert isinstance(rows, Tensor)
    both = sum(w * rows[:, i * DILATION : i * DILATION + width] for i, w in enumerate(weights))
    assert isinstance(both, Tensor)
    return both


def _boundary(predicted: Tensor) -> Tensor:
    """1 where the authors' dilation and erosion of the class map differ, else 0, (H, W) float32.

    They dilate by a cross and erode by a square: of a diagonal neighbour only a smaller class number counts.
    """
    classes = predicted.float()
    return (_cross_max(classes) != _window(classes, torch.minimum)).float()


def _cross_max(values: Tensor) -> Tensor:
    """The largest of each pixel and its four neighbours."""
    return torch.maximum(_three(values, 0, torch.maximum), _three(values, 1, torch.maximum))


def _window(values: Tensor, combine: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """What ``combine`` makes of each 3 x 3 window."""
    return _three(_three(values, 0, combine), 1, combine)


def _three(values: Tensor, dim: int, combine: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """What ``combine`` makes of each pixel and its two neighbours along ``dim``, edges repeated outwards."""
    size = values.shape[dim]
    first, last = values.narrow(dim, 0, 1), values.narrow(dim, size - 1, 1)
    before = torch.cat([first, values.narrow(dim, 0, size - 1)], dim)
    after = torch.cat([values.narrow(dim, 1, size - 1), last], dim)
    return combine(combine(values, before), after)
