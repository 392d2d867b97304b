"""Run folders read and checked: what may stand side by side in one report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gmmbench.errors import InputError
from gmmbench.results import ROWS, Row, RunFolder
from gmmbench.results.resamples import Resamples

CLOSED = "closed"
OOD_TASK = "ood"

NETWORK_INPUT = "network input"
"""A label of protocols that is a model's own affair: it is printed of each model, and refuses nothing."""


@dataclass(frozen=True)
class Run:
    """One evaluated model: ``label`` is what tables call it, unique in a report."""

    label: str
    folder: RunFolder
    rows: tuple[Row, ...]
    _resamples: dict[tuple[str, str], Resamples | None] = field(default_factory=dict, repr=False, compare=False)

    def of(self, task: str, dataset: str | None = None) -> list[Row]:
        """The rows of one task, and of one data set where it is named."""
        return [row for row in self.rows if row.task == task and dataset in (None, row.dataset)]

    def resamples(self, dataset: str, name: str) -> Resamples | None:
        """The resampled values of a score, or of "confusion", read once. Raises InputError on a damaged file."""
        if (dataset, name) not in self._resamples:
            self._resamples[dataset, name] = self.folder.resamples(dataset, name)
        return self._resamples[dataset, name]

    def recorded(self, key: str) -> list[Any]:
        """The different values that the rows' provenance holds for ``key``, in order."""
        values: list[Any] = []
        for row in self.rows:
            value = row.provenance.get(key)
            if value is not None and value not in values:
                values.append(value)
        return values


def load_runs(paths: Sequence[Path]) -> list[Run]:
    """Read the run folders and check that their rows may be compared.

    Raises:
        InputError: no folder, a folder twice, a folder without rows or with rows of two models, a
            number twice, or runs measured by different protocols on one data set.
    """
    if not paths:
        raise InputError("no run folders given; wanted at least one folder that 'gmmbench eval-ood' wrote")
    resolved = [Path(path).resolve() for path in paths]
    for path, times in Counter(resolved).items():
        if times > 1:
            raise InputError(f"{path} is given {times} times; name each run folder once")
    found = [(RunFolder(path), tuple(RunFolder(path).rows())) for path in paths]
    names = [_name(folder, rows) for folder, rows in found]
    runs = [Run(label, folder, rows) for label, (folder, rows) in zip(_labels(names, resolved), found, strict=True)]
    _check_protocols(runs)
    return runs


def datasets(runs: Sequence[Run], task: str) -> list[str]:
    """The data sets of ``task``, in the order in which the runs name them."""
    return list(dict.fromkeys(row.dataset for run in runs for row in run.of(task)))


def definitions(row: Row) -> dict[str, Any]:
    """What must be equal for two rows to share a table: the protocol, but for how each network sees an image."""
    return {key: words for key, words in (row.provenance.get("protocol") or {}).items() if key != NETWORK_INPUT}


def dataset_facts(runs: Sequence[Run], dataset: str) -> dict[str, Any]:
    """``provenance["dataset"]`` of ``dataset``; frames may be shown only where no row forbids it."""
    records = [
        record
        for run in runs
        for row in run.rows
        if row.dataset == dataset and isinstance(record := row.provenance.get("dataset"), dict)
    ]
    facts: dict[str, Any] = {}
    for record in records:
        for key, value in record.items():
            facts.setdefault(key, value)
    if any(record.get("frames_may_be_shown") is False for record in records):
        facts["frames_may_be_shown"] = False
    return facts


def _name(folder: RunFolder, rows: Sequence[Row]) -> str:
    """The one run name in ``rows``."""
    names = list(dict.fromkeys(row.run for row in rows))
    if not names:
        raise InputError(f"{folder.path / ROWS} is empty; evaluate again with --out {folder.path}")
    if len(names) > 1:
        listed = ", ".join(f"'{name}'" for name in names)
        raise InputError(f"{folder.path} holds rows of several runs ({listed}); evaluate each into its own folder")
    seen = Counter((row.task, row.dataset, row.metric, row.score, row.class_name) for row in rows)
    for (_, dataset, metric, score, class_name), times in seen.items():
        if times > 1:
            which = " ".join(part for part in (metric, score, class_name) if part)
            raise InputError(
                f"{folder.path / ROWS} holds {times} rows of {which} on {dataset}; remove all but one or evaluate again"
            )
    return names[0]


def _labels(names: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """Names made unique: equal ones get as much of their folder's path as tells them apart."""
    labels = list(names)
    for name, times in Counter(names).items():
        if times == 1:
            continue
        same = [number for number, other in enumerate(names) if other == name]
        depth = 1
        while len({folders[number].parts[-depth:] for number in same}) < times:
            depth += 1
        for number in same:
            labels[number] = f"{name} ({'/'.join(folders[number].parts[-depth:])})"
    # One run may be called what another was just renamed to.
    for number, label in enumerate(labels):
        if label in labels[:number]:
            labels[number] = f"{label} #{number + 1}"
    return labels


def _check_protocols(runs: Sequence[Run]) -> None:
    """Refuse numbers of one data set that were not measured alike."""
    first: dict[tuple[str, str], tuple[Run, Row]] = {}
    for run in runs:
        for row in run.rows:
            other, reference = first.setdefault((row.task, row.dataset), (run, row))
            here, there = (definitions(one) for one in (row, reference))
            if here == there:
                continue
            key = next(key for key in [*there, *here] if there.get(key) != here.get(key))
            raise InputError(
                f"runs '{other.label}' ({other.folder.path}) and '{run.label}' ({run.folder.path}) were measured by "
                f"different protocols on {row.dataset}: '{key}' is {there.get(key)!r} in one and {here.get(key)!r} in "
                "the other; evaluate both alike or report them apart"
            )
