"""What a model says of one image: the contract between models and scores."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Prediction:
    """One image's outputs, float32, at the resolution of the image that was asked about.

    Attributes:
        logits: (C, H, W), what the arg-max is taken of and the cross-entropy was trained on.
        density: (C, H, W), log p(feature | class) in nats, taken before any normalisation over
            classes; ``None`` from a model without a generative classifier. Positive values are
            usual: it is a density, not a probability.
        features: (D, h, w), what the classifier reads, at its own resolution; ``None`` where a
            model does not give them.
    """

    logits: Tensor
    density: Tensor | None = None
    features: Tensor | None = None
