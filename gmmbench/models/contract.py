"""What evaluation asks of a model, and what stands around one to make it give more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gmmbench.prediction import Prediction

NO_AVERAGING = "; no flip or scale averaging"
"""In the words of ``network_input``, where nothing is averaged."""


class Model(Protocol):
    """An (H, W, 3) uint8 RGB image to a ``Prediction`` at its resolution, and what a result says of the model."""

    def __call__(self, image: NDArray[np.uint8], /) -> Prediction:
        """Predict."""

    @property
    def gives(self) -> frozenset[str]:
        """Which fields of ``Prediction`` are filled."""

    @property
    def num_classes(self) -> int | None:
        """C; ``None`` where that is not known before an image was seen."""

    @property
    def closed_set(self) -> str | None:
        """Registry name of what it was trained on, where that is known."""

    @property
    def generative(self) -> bool:
        """Whether the logits are made of densities."""

    @property
    def network_input(self) -> str:
        """How an image gets to a prediction, in words, for the protocol of a row."""

    @property
    def config_sha256(self) -> str | None:
        """Of the config or code that it was built from."""

    @property
    def device(self) -> str:
        """Where it computes."""


@dataclass(frozen=True)
class Around:
    """A model that has another one inside, and says what that one says where it does not know better."""

    predictor: Model

    @property
    def gives(self) -> frozenset[str]:
        """Which fields of ``Prediction`` are filled."""
        return self.predictor.gives

    @property
    def num_classes(self) -> int | None:
        """C of the model inside."""
        return self.predictor.num_classes

    @property
    def closed_set(self) -> str | None:
        """Of the model inside."""
        return self.predictor.closed_set

    @property
    def generative(self) -> bool:
        """Of the model inside."""
        return self.predictor.generative

    @property
    def network_input(self) -> str:
        """In the words of the model inside."""
        return self.predictor.network_input

    @property
    def config_sha256(self) -> str | None:
        """Of the model inside."""
        return self.predictor.config_sha256

    @property
    def device(self) -> str:
        """Of the model inside."""
        return self.predictor.device


def innermost(model: Model) -> Model:
    """The model that nothing stands around."""
    while isinstance(model, Around):
        model = model.predictor
    return model
