"""A model whose mixture was inspected: what is stored of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.report.models import Model
from gmmbench.report.runs import Run

DRAWN = 20
"""Classes that figures show where there are more than ``MOST_DRAWN``: those of most pixels."""

MOST_DRAWN = 30

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Inspected:
    """What is stored of a model's mixture.

    Attributes:
        model: whose.
        run: the first of its runs that has it.
        number: of the model in the section, from 1.
    """

    model: Model
    run: Run
    number: int
    summary: Arrays
    about: Mapping[str, Any]

    @property
    def names(self) -> list[str]:
        """Of the classes."""
        return [str(name) for name in self.summary["classes"]]

    @property
    def drawn(self) -> list[int]:
        """The classes that figures show, in their order."""
        count = len(self.names)
        if count <= MOST_DRAWN:
            return list(range(count))
        largest = np.argsort(-self.summary["pixels"], kind="stable")[:DRAWN]
        return sorted(largest.tolist())

    def key(self, what: str) -> str:
        """Of a block, and the stem of its files."""
        return f"mixture-{what}-{self.number}"


def of_another_model(run: Run, about: Mapping[str, Any]) -> bool:
    """Whether a run's rows say that they are of another checkpoint, or of another density fitted to it."""
    known = run.recorded("checkpoint_sha256")
    if known and about.get("checkpoint_sha256") not in known:
        return True
    fits = [fit.get("file_sha256") for fit in run.recorded("posthoc") if isinstance(fit, dict)]
    mine = (about.get("posthoc") or {}).get("file_sha256")
    return bool(fits) and mine is not None and mine not in fits


def sibling_distance(summary: Arrays) -> NDArray[np.float64]:
    """(C, M) to the nearest other component of the class; NaN where there is none."""
    apart = np.array(summary["mean_distance"], dtype=np.float64)
    apart[:, np.arange(apart.shape[1]), np.arange(apart.shape[1])] = np.nan
    nearest = np.nan_to_num(apart, nan=np.inf).min(axis=2)
    return np.where(np.isfinite(nearest), nearest, np.nan)
