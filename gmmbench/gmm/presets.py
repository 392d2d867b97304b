"""GMMSeg in three readings, each a plain dictionary of ``GMMClassifier`` options."""

from __future__ import annotations

from typing import Any

OFFICIAL: dict[str, Any] = {
    "components": 5,
    "dim": 64,
    "relu": True,
    "layer_norm": True,
    "unit": True,
    "covariance": "diag",
    "floor": 0.01,
    "covariance_options": {"momentum": 0.0},
    "class_density": "best",
    "posterior": "layer_norm",
    "posterior_options": {},
    "temperature": 0.05,
    "relative": True,
    "iterations": 3,
    "hard": True,
    "correct_only": True,
    "from_data": False,
    "memory": "queue",
    "memory_options": {"slots": 32_000, "samples": 20},
    "horizon": None,
    "interval": 5,
    "momentum": 0.999,
    "component_weight": 0.01,
}

PAPER: dict[str, Any] = {
    "components": 5,
    "dim": 64,
    "relu": True,
    "layer_norm": True,
    "unit": True,
    "covariance": "diag",
    "floor": 0.01,
    "covariance_options": {},
    "class_density": "mixture",
    "posterior": "bayes",
    "posterior_options": {},
    "temperature": 1.0,
    "relative": False,
    "iterations": 3,
    "hard": False,
    "correct_only": False,
    "from_data": True,
    "memory": "streaming",
    "memory_options": {"decay": 0.999},
    "horizon": None,
    "interval": 1,
    "momentum": 0.0,
    "component_weight": 0.0,
}

GMMBENCH: dict[str, Any] = {
    "components": 3,
    "dim": 64,
    "relu": True,
    "layer_norm": True,
    "unit": True,
    "covariance": "low_rank",
    "floor": 0.01,
    "covariance_options": {"rank": 8},
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
    "memory_options": {},
    "horizon": 0.1,
    "interval": 1,
    "momentum": 0.0,
    "component_weight": 0.01,
}

PRESETS: dict[str, dict[str, Any]] = {"official": OFFICIAL, "paper": PAPER, "gmmbench": GMMBENCH}
"""By name."""
