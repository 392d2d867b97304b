"""A model that Python hands over as a function, where a command line would name one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.outside.predictor import OutsidePredictor
from gmmbench.verbs.subject import Loaded


@dataclass(frozen=True)
class GivenModel:
    """Any function of an image, as ``gmmbench.outside.OutsidePredictor`` takes them.

    Attributes:
        fit_on: the closed set that its scores are fitted to.
        flip: average each image with its mirror image.
    """

    predict: Callable[[NDArray[np.uint8]], Any]
    fit_on: str | None = None
    flip: bool = False

    @property
    def folder(self) -> None:
        """It has no checkpoint to write beside."""
        return None

    def load(self) -> Loaded:
        """Raises InputError where it is no function, or has an attribute that makes no sense."""
        if not callable(self.predict):
            raise InputError(f"predictor is a {type(self.predict).__name__}; wanted a function of an image")
        kind = self.predict if hasattr(self.predict, "__qualname__") else type(self.predict)
        spec = f"{kind.__module__}:{kind.__qualname__}"
        model = OutsidePredictor(self.predict, spec, None)
        now = datetime.now(timezone.utc).isoformat()  # also keeps what is fitted to it from being used for another
        provenance = {
            "config": f"predictor={spec}, handed over in Python",
            "config_sha256": None,
            "checkpoint": f"as that object held it on {now}",
            "checkpoint_sha256": None,
        }
        # No command line measures this again: what stands in the place of its model says so.
        words = (f"<{spec}, handed to gmmbench.evaluate in Python>",)
        options = {"fit_on": self.fit_on, "flip": self.flip}
        closed = self.fit_on or model.closed_set
        return Loaded(model, model.name, model.gives, provenance, words, options, closed, flip=self.flip)
