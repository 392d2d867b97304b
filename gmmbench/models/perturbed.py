"""ODIN's step on the network's input."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.models.contract import Around
from gmmbench.models.inside import known_logits, network_of
from gmmbench.models.slide import Outputs
from gmmbench.prediction import Prediction


@dataclass(frozen=True)
class WithPerturbed(Around):
    """Adds ``Prediction.perturbed``, the logits of x~ = x - epsilon sign(-grad_x sum log max_c softmax(z(x) / T)_c).

    Liang et al. 2018, arXiv 1706.02690, equation 2; the sum is over the pixels of the logits at the network's own
    resolution, over known classes. The step makes the network surer of what it says. (The code behind
    SegmentMeIfYouCan's ODIN, ``methods/utils.py`` of road-anomaly-benchmark at 2ffd4ec, takes the gradient of the
    loss with its sign reversed twice, so that it steps the other way, at T = 1 and after two softmaxes.)

    With sliding windows each window is stepped by itself. It costs a forward with gradient and a plain one; the
    other fields are those of the model inside, to the bit.

    Attributes:
        temperature: T, above 0.
        epsilon: in units of an image in [0, 1], as in the authors' code (facebookresearch/odin, code/calData.py, which
            divides the step by each channel's standard deviation): 0.002 is half a grey level of 255.

    Raises:
        InputError: the model inside is not one of ours, or the numbers make no sense.
    """

    temperature: float
    epsilon: float

    def __post_init__(self) -> None:
        network_of(self.predictor, "ODIN")
        if not 0 < self.temperature < math.inf or not 0 <= self.epsilon < math.inf:
            raise InputError(
                f"ODIN with temperature {self.temperature} and epsilon {self.epsilon}; wanted a temperature above 0"
                " and an epsilon of at least 0, in units of an image in [0, 1]; for example 1000 and 0.0014"
            )

    @property
    def gives(self) -> frozenset[str]:
        """Also "perturbed"."""
        return self.predictor.gives | {"perturbed"}

    @property
    def network_input(self) -> str:
        """Also ODIN's step."""
        return (
            f"{self.predictor.network_input}; for ODIN also the input after a step of {self.epsilon:g}, in units of an"
            f" image in [0, 1], up the sign of the gradient of log max softmax(z / {self.temperature:g})"
        )

    def __call__(self, image: NDArray[np.uint8]) -> Prediction:
        """Predict, and predict again after the step."""
        prediction = self.predictor(image)
        network = network_of(self.predictor, "ODIN")

        def forward(seen: Tensor) -> Outputs:
            return network.forward(self.stepped(seen))

        # What is made in inference mode can take no part in a gradient.
        with torch.inference_mode(False), torch.no_grad():
            return replace(prediction, perturbed=known_logits(network, image, forward))

    def stepped(self, seen: Tensor) -> Tensor:
        """(1, 3, h, w) of the network's input, or of a window of it, after the step."""
        network = network_of(self.predictor, "ODIN")
        with torch.enable_grad():
            x = seen.detach().clone().requires_grad_()
            logits = network.forward(x).logits[: network.num_classes]
            certainty = (logits.float() / self.temperature).log_softmax(dim=0).amax(dim=0).sum()
            (gradient,) = torch.autograd.grad(certainty, x)
        # The network's input is grey levels of 255 over each channel's standard deviation.
        grey: Tensor = 255 / network.model.data_preprocessor.std
        return seen + self.epsilon * grey * gradient.sign()
