"""A saved row flat: a line of the DataFrames of ``gmmbench.api``, an entry of what ``--json`` prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gmmbench.results import Row

COLUMNS = (
    "task", "run", "dataset", "score", "family", "metric", "class_name", "value", "low", "high",
    "images", "images_total", "pixels_in", "pixels_ood", "protocol", "seed", "config", "checkpoint",
)  # fmt: skip
"""In this order. What each means stands in ``gmmbench.results.Row``; where a row has none of it, it is ``None``.

``value``, ``low`` and ``high`` are fractions of one, or in units of the score; ``protocol`` is the name that
``--protocol`` takes. The rest of a row's provenance stays in the run folder's results.jsonl.
"""


def record(row: Row) -> dict[str, Any]:
    """One row, its keys ``COLUMNS``."""
    about = {
        "protocol": (row.provenance.get("protocol") or {}).get("protocol"),
        **{key: row.provenance.get(key) for key in ("seed", "config", "checkpoint")},
    }
    return {key: row.counts.get(key) if key in _COUNTS else about.get(key, getattr(row, key, None)) for key in COLUMNS}


_COUNTS = ("images", "images_total", "pixels_in", "pixels_ood")


def records(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """All of them, in order."""
    return [record(row) for row in rows]
