"""Listening in on a classifier while a decode head that knows nothing of it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from gmmbench.gmm import GMMClassifier, Reading


class Tap:
    """What passed through a classifier in its last forward.

    Attributes:
        entered: (B, in_channels, h, w), what the decode head handed to the classifier.
        logits: (B, C, h, w).
        features, component_log_prob, density: as in ``Reading``, rows in raster order; only of a
            ``GMMClassifier``.
    """

    entered: Tensor
    logits: Tensor
    features: Tensor
    component_log_prob: Tensor
    density: Tensor

    def reading(self) -> Reading:
        """The rows of a ``GMMClassifier``."""
        return Reading(self.features, self.component_log_prob, self.density, self.logits.movedim(1, -1).flatten(0, 2))


@contextmanager
def tapped(classifier: nn.Module) -> Iterator[Tap]:
    """Record what passes through ``classifier`` inside the block.

    Forward hooks do it, so a decode head needs no change to give features and densities, and
    nothing is computed twice.
    """
    tap = Tap()

    def whole(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        tap.entered, tap.logits = args[0], output

    def mixture(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        tap.features, tap.component_log_prob = args[0], output

    def posterior(module: nn.Module, args: tuple[Any, ...]) -> None:
        tap.density = args[0]

    handles = [classifier.register_forward_hook(whole)]
    if isinstance(classifier, GMMClassifier):
        handles.append(classifier.mixture.register_forward_hook(mixture))
        handles.append(classifier.posterior.register_forward_pre_hook(posterior))
    try:
        yield tap
    finally:
        for handle in handles:
            handle.remove()
