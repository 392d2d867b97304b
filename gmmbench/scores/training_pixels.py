"""What a fitted score is fitted to."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from gmmbench.prediction import Head

State = dict[str, Tensor]
"""What a fit gives and a fitted score reads: plain tensors, saved beside the checkpoint."""


@dataclass(frozen=True)
class TrainingPixels:
    """Labelled pixels drawn at random from the training images, as the trained model sees them.

    Attributes:
        features: (N, D) float32, what the classifier reads, at the nearest feature pixel.
        logits: (N, C) float32, at label resolution.
        labels: (N,) int64, 0 to C - 1; void is never drawn.
        head: of the model, where its classifier is linear.
    """

    features: Tensor
    logits: Tensor
    labels: Tensor
    head: Head | None = None

    @property
    def classes(self) -> int:
        """C, the number of classes that the logits speak of."""
        return self.logits.shape[1]
