"""Which values the options of scores may have: one line an option, which means the same in every score."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from gmmbench.errors import InputError, unknown_name
from gmmbench.gmm.covariance import COVARIANCES


class Limit(NamedTuple):
    """Numbers from ``low`` to ``high``; an end that is open is not one of them. Infinities and NaN never are."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: float) -> bool:
        """Whether ``value`` is one of them."""
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below and math.isfinite(value)

    def __str__(self) -> str:
        low = f"a number above {self.low:g}" if self.open_low else f"{self.low:g} or more"
        if self.high == math.inf:
            return low
        return f"{low}, {'below' if self.open_high else 'at most'} {self.high:g}"


POSITIVE, COUNT = Limit(0, open_low=True), Limit(1)

LIMITS: dict[str, Limit] = {
    "temperature": POSITIVE,
    "epsilon": Limit(0),
    "gamma": POSITIVE,
    "top": COUNT,
    "percentile": Limit(0, 100, open_high=True),
    "quantile": Limit(0, 1),
    "sparsity": Limit(0, 1, open_high=True),
    "prior": Limit(0),
    "k": COUNT,
    "bank": COUNT,
    "dim": Limit(0),
    "components": COUNT,
    "floor": POSITIVE,
    "passes": COUNT,
    "seed": Limit(0, 2**63 - 1),
}
"""Of all options that are numbers, by name."""


def check_options(score: str, options: Mapping[str, Any]) -> None:
    """Raise InputError for a value that no model and no data could make sense of: to be seen before any work."""
    for key, value in options.items():
        limit = LIMITS.get(key)
        if limit is not None and not limit.holds(value):
            finite = "" if math.isfinite(value) else ", finite"
            raise InputError(f"{score}@{key}={value}: wanted {limit}{finite}")
    if "covariance" in options and options["covariance"] not in COVARIANCES:
        raise unknown_name(f"covariance of score '{score}':", options["covariance"], COVARIANCES)
    if {"k", "bank"} <= set(options) and options["k"] > options["bank"]:
        raise InputError(f"{score}@k={options['k']}: wanted 1 to {options['bank']}, the size of the bank (bank=...)")
