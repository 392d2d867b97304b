"""The numbers of a report as entries that can be read again: what a leaderboard is made of, without the run folders."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gmmbench.errors import InputError
from gmmbench.report.blocks import Number
from gmmbench.report.material import Material
from gmmbench.report.models import Model
from gmmbench.report.numbers import Side, closed_side, number
from gmmbench.report.runs import CLOSED, OOD_TASK
from gmmbench.report.sections.ood import ood_metrics

_TRACE = ("config", "config_sha256", "checkpoint_sha256", "code", "command")
_HASH = 12


@dataclass(frozen=True)
class Entry:
    """A score of a model on an OOD set, or a model on a closed set.

    Attributes:
        task, dataset, model, score, family: what it is of; a closed set has no score and no family.
        numbers: by metric: value, low, high, spread; ``None`` where there is none or it is undefined.
        seeds: over how many runs values are means.
        protocol: how it was measured, label to sentence: entries of other protocols share no table with it.
        trace: config, checkpoint, code, command; hashes shortened.
        images: seen, of total.
    """

    task: str
    dataset: str
    model: str
    score: str | None
    family: str | None
    numbers: dict[str, list[float | None]]
    seeds: int
    protocol: dict[str, str]
    trace: dict[str, str]
    images: list[float | None] = field(default_factory=list)

    def number(self, metric: str) -> Number:
        """The number of a metric as a table's cell; NaN where it was not measured."""
        value, low, high, spread = self.numbers.get(metric, [None] * 4)
        return Number(math.nan if value is None else value, low=low, high=high, spread=spread, seeds=self.seeds)


def entries_of(material: Material) -> list[Entry]:
    """All numbers of the main tables."""
    found = []
    for model in material.models:
        for dataset, scores in model.scores.items():
            metrics = ood_metrics(material, dataset, headline=True)
            for score, family in scores.items():
                found.append(_entry(model, OOD_TASK, Side(model, dataset, score), metrics, family))
        for dataset in material.closed_sets:
            if model.first(CLOSED, dataset) is not None:
                found.append(_entry(model, CLOSED, closed_side(model, dataset), ["mIoU", "mAcc", "aAcc"], None))
    return found


def to_records(entries: list[Entry]) -> list[dict[str, Any]]:
    """As JSON has it."""
    return [asdict(entry) for entry in entries]


def read_entries(report: Path) -> list[Entry]:
    """The entries in a report.json. Raises InputError where it is no such file, or damaged."""
    remedy = "write that report again with this gmmbench, format json, or leave it out"
    try:
        content = json.loads(report.read_text(encoding="utf-8"))
        return [_read(record) for record in content["facts"]["entries"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{report} is no report.json of gmmbench, or is damaged ({error!r}); {remedy}") from error


def _entry(model: Model, task: str, side: Side, metrics: list[str], family: str | None) -> Entry:
    score = side.score if task == OOD_TASK else None
    row = model.first(task, side.dataset, score)
    assert row is not None
    trace = {key: str(value) for key in _TRACE if (value := row.provenance.get(key)) is not None}
    return Entry(
        task,
        side.dataset,
        model.label,
        score,
        family,
        {metric: _plain(number(side, metric)) for metric in metrics},
        len(model.runs),
        {str(key): str(value) for key, value in (row.provenance.get("protocol") or {}).items()},
        {key: value[:_HASH] if key.endswith("sha256") else value for key, value in trace.items()},
        [row.counts.get("images"), row.counts.get("images_total")],
    )


def _plain(cell: Number) -> list[float | None]:
    return [_finite(part) for part in (cell.value, cell.low, cell.high, cell.spread)]


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _read(record: Mapping[str, Any]) -> Entry:
    entry = Entry(**record)
    wrong = [parts for parts in entry.numbers.values() if len(parts) != 4 or not all(map(_is_number, parts))]
    if wrong or not isinstance(entry.protocol, dict) or not isinstance(entry.seeds, int):
        raise ValueError(f"an entry of '{entry.model}' is not as gmmbench writes it")
    return entry


def _is_number(part: object) -> bool:
    return part is None or (isinstance(part, (int, float)) and not isinstance(part, bool))
