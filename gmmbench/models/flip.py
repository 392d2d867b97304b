"""Averaging over an image and its mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gmmbench.models.contract import NO_AVERAGING, Around
from gmmbench.prediction import Committee, Prediction


@dataclass(frozen=True)
class Flipped(Around):
    """Each map of a prediction is its mean over the image and its mirror image, whose maps are mirrored back.

    Logits, densities (in nats: log p is averaged, not p), the void logit and perturbed logits at label resolution;
    features at their own, so that ``head`` still makes the mean logits of the mean features. Means of features of
    unit length are a little shorter. The mirror image's opinions count as further members of a committee.
    """

    @property
    def network_input(self) -> str:
        """Also the averaging."""
        averaged = "logits, class log-densities and features averaged over the image and its mirror image"
        return f"{self.predictor.network_input.replace(NO_AVERAGING, '')}; {averaged}; no scale averaging"

    @torch.inference_mode()
    def __call__(self, image: NDArray[np.uint8]) -> Prediction:
        """Predict twice."""
        here, there = self.predictor(image), self.predictor(image[:, ::-1].copy())
        return Prediction(
            _mean(here.logits, there.logits),
            density=_perhaps(here.density, there.density),
            features=_perhaps(here.features, there.features),
            head=here.head,
            void=_perhaps(here.void, there.void),
            perturbed=_perhaps(here.perturbed, there.perturbed),
            dropout=_joined(here.dropout, there.dropout),
            ensemble=_joined(here.ensemble, there.ensemble),
        )


def _mean(here: Tensor, mirrored: Tensor) -> Tensor:
    return (here + mirrored.flip(-1)).mul_(0.5)


def _perhaps(here: Tensor | None, mirrored: Tensor | None) -> Tensor | None:
    return None if here is None or mirrored is None else _mean(here, mirrored)


def _joined(here: Committee | None, mirrored: Committee | None) -> Committee | None:
    if here is None or mirrored is None:
        return None
    return Committee(_mean(here.posterior, mirrored.posterior), _mean(here.entropy, mirrored.entropy))
