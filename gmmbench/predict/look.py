"""How overlays are to look, as a command line says it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gmmbench.errors import InputError


@dataclass(frozen=True)
class Look:
    """How overlays are to look.

    Attributes:
        alpha: share of the colour in the blend, 0 (the image alone) to 1 (the colour alone).
        threshold: a contour is drawn around pixels whose score is at or above it; ``None``: no contour.
        limits: the scores at the two ends of the heat map; ``None``: taken from the images, see ``scale_of``.
    """

    alpha: float = 0.6
    threshold: float | None = None
    limits: tuple[float, float] | None = None

    def check(self) -> None:
        """Raises InputError for numbers that make no picture."""
        if not 0 <= self.alpha <= 1:
            raise InputError(f"--alpha {self.alpha:g}: wanted a share of colour between 0 and 1, such as 0.6")
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise InputError(f"--threshold {self.threshold:g}: wanted a number, a score")
        if self.limits is not None:
            low, high = self.limits
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise InputError(f"--range {low:g} {high:g}: wanted two scores, the lower one first")
