"""The network inside a model, for those who run it in another way than evaluation does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.models.contract import Model, innermost
from gmmbench.models.predictor import Predictor
from gmmbench.models.resize import at_size
from gmmbench.models.slide import Outputs


def network_of(model: Model, purpose: str) -> Predictor:
    """The innermost model, without a post-hoc density: that would be computed for nothing.

    Raises:
        InputError: it is not built from a config of ours; ``purpose`` needs that.
    """
    model = innermost(model)
    if not isinstance(model, Predictor):
        raise InputError(f"{purpose} looks inside the network, so it wants a CONFIG and a CHECKPOINT, no --predictor")
    return replace(model, posthoc=None)


def known_logits(
    network: Predictor, image: NDArray[np.uint8], forward: Callable[[Tensor], Outputs] | None = None
) -> Tensor:
    """(C, H, W) logits alone, as a prediction has them; by another ``forward`` where one is given."""
    height, width = image.shape[:2]
    return at_size(network.outputs(image, forward).logits[: network.num_classes], (height, width))
