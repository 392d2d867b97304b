"""A small classifier whose every option is said here, whatever the presets are tuned to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from gmmbench.gmm import GMMClassifier

OPTIONS: dict[str, Any] = {
    "components": 2,
    "dim": 8,
    "relu": True,
    "layer_norm": True,
    "unit": True,
    "covariance": "diag",
    "covariance_options": {},
    "floor": 0.01,
    "class_density": "mixture",
    "posterior": "tempered",
    "posterior_options": {},
    "temperature": 1.0,
    "relative": False,
    "iterations": 3,
    "hard": True,
    "correct_only": True,
    "from_data": True,
    "memory": "streaming",
    "memory_options": {"decay": 0.9},
    "horizon": None,
    "interval": 1,
    "momentum": 0.0,
    "component_weight": 0.01,
}

Build = Callable[..., GMMClassifier]


@pytest.fixture
def build() -> Build:
    """``build(in_channels, classes, **changes)``: with the same weights at each call."""

    def make(in_channels: int = 6, classes: int = 4, *, seed: int = 0, **changes: Any) -> GMMClassifier:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return GMMClassifier(in_channels, classes, "paper", seed=seed, **(OPTIONS | changes))

    return make
