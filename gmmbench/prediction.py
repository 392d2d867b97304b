"""What a model says of one image: the contract between models and scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor


@dataclass(frozen=True)
class Head:
    """The linear layer that makes logits of features: ``z = W f + b`` at each pixel.

    Attributes:
        weight: (C, D) float32, W.
        bias: (C,) float32, b.
    """

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class Committee:
    """What several members said of one image: stochastic passes of one model, or several models.

    Attributes:
        posterior: (C, H, W) float32, the mean of the members' softmax.
        entropy: (H, W) float32 in nats, the mean of the entropies of the members' softmax.
    """

    posterior: Tensor
    entropy: Tensor


@dataclass(frozen=True)
class Prediction:
    """One image's outputs, float32, at the resolution of the image that was asked about.

    All tensors lie on one device. The optional fields are ``None`` where a model does not give them, or
    where no score that was asked for needs them.

    Attributes:
        logits: (C, H, W), what the arg-max is taken of and the cross-entropy was trained on.
        density: (C, H, W), log p(feature | class) in nats, taken before any normalisation over
            classes; ``None`` from a model without a generative classifier. Positive values are
            usual: it is a density, not a probability.
        features: (D, h, w), what the classifier reads, at its own resolution.
        head: makes logits of ``features`` at their resolution, where the classifier is linear.
        void: (H, W), the logit of a trained void class; ``logits`` then hold the other classes alone.
        perturbed: (C, H, W), the logits of the image after ODIN's step on the network's input.
        dropout: stochastic passes with dropout on.
        ensemble: several checkpoints.
    """

    logits: Tensor
    density: Tensor | None = None
    features: Tensor | None = None
    head: Head | None = None
    void: Tensor | None = None
    perturbed: Tensor | None = None
    dropout: Committee | None = None
    ensemble: Committee | None = None

    @cached_property
    def posterior(self) -> Tensor:
        """(C, H, W) softmax of the logits, computed once for all scores that read it; not to be changed."""
        return self.logits.softmax(dim=0)

    def rows(self, start: int, stop: int) -> Prediction:
        """The image's rows ``start`` to ``stop`` of logits and density, for scores that look at pixels one by one."""
        density = None if self.density is None else self.density[:, start:stop]
        return Prediction(self.logits[:, start:stop], density)
