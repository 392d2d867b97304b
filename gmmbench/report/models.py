"""Runs that are one model: a config trained with several seeds is one row of a table, with a mean and a spread."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gmmbench.report.runs import CLOSED, OOD_TASK, Run
from gmmbench.results import Row

GENERATIVE = ("density", "posterior")
"""Families that only the scores of a generative model have; see ``gmmbench.results.Row``."""

Key = tuple[str, str, "str | None", str, "str | None"]
"""task, data set, score, metric, class: what a number is of."""


@dataclass(frozen=True)
class Model:
    """One or more runs of one config.

    Attributes:
        label: what tables call it, unique in a report.
        runs: of different seeds; one for most models.
    """

    label: str
    runs: tuple[Run, ...]

    @cached_property
    def rows(self) -> dict[Key, list[Row]]:
        """The rows of each number, one a run that has it, in the order of the runs."""
        found: dict[Key, list[Row]] = {}
        for run in self.runs:
            for row in run.rows:
                found.setdefault((row.task, row.dataset, row.score, row.metric, row.class_name), []).append(row)
        return found

    @cached_property
    def scores(self) -> dict[str, dict[str, str]]:
        """Of each OOD set its scores, in the rows' order, with the family of each."""
        found: dict[str, dict[str, str]] = {}
        for task, dataset, score, metric, name in self.rows:
            if task == OOD_TASK and score is not None and score not in found.setdefault(dataset, {}):
                found[dataset][score] = self.rows[task, dataset, score, metric, name][0].family or "other"
        return found

    @cached_property
    def generative(self) -> bool:
        """Whether its logits are made of densities: a GMM model, not one with a density fitted afterwards."""
        families = {family for scores in self.scores.values() for family in scores.values()}
        return any(family in GENERATIVE for family in families) and "logits" not in families

    def first(self, task: str, dataset: str, score: str | None = None) -> Row | None:
        """Any row of a data set, and of a score where one is named: it speaks for the others' counts."""
        for key, rows in self.rows.items():
            if key[0] == task and key[1] == dataset and score in (None, key[2]):
                return rows[0]
        return None

    def of(self, dataset: str, score: str, metric: str) -> list[Row]:
        """The rows of an OOD number, one a run."""
        return self.rows.get((OOD_TASK, dataset, score, metric, None), [])

    def closed(self, dataset: str, metric: str, class_name: str | None = None) -> list[Row]:
        """The rows of a closed-set number, one a run."""
        return self.rows.get((CLOSED, dataset, None, metric, class_name), [])

    def recorded(self, key: str) -> object:
        """What the first row that says anything of ``key`` in its provenance says."""
        return next((value for run in self.runs for value in run.recorded(key)), None)


def models_of(runs: Sequence[Run]) -> tuple[Model, ...]:
    """Runs of one config that differ in their checkpoint and seed are one model; all others stand for themselves."""
    groups: dict[str, list[Run]] = {}
    for number, run in enumerate(runs):
        groups.setdefault(_recipe(run) or f"run {number}", []).append(run)
    found: list[Model] = []
    for group in groups.values():
        if len(group) > 1 and _differ_in_seed(group):
            found.append(Model(_free(_common(group), found), tuple(group)))
        else:
            found += [Model(_free(run.label, found), (run,)) for run in group]
    return tuple(found)


def _recipe(run: Run) -> str | None:
    """What must be equal for two runs to be seeds of one model; ``None`` where the rows do not say."""
    configs, training = run.recorded("config_sha256"), run.recorded("training")
    if not configs or run.recorded("seed") == []:
        return None
    how = [{key: record.get(key) for key in ("iterations", "overrides")} for record in training if record]
    return json.dumps([configs, how, _of_fit(run.recorded("posthoc"))], sort_keys=True, default=str)


def _of_fit(records: Iterable[object]) -> list[object]:
    """How a density was fitted afterwards, but for the checkpoint that it was fitted to."""
    kept = ("covariance", "components", "unit", "floor", "correct_only", "pixels")
    return [{key: record.get(key) for key in kept} for record in records if isinstance(record, dict)]


def _differ_in_seed(runs: Sequence[Run]) -> bool:
    """Whether these are as many trainings as runs, not one checkpoint evaluated twice."""
    return len({str(run.recorded("checkpoint_sha256")) for run in runs}) == len(runs)


def _common(runs: Sequence[Run]) -> str:
    """The name that all share."""
    return runs[0].rows[0].run


def _free(label: str, taken: Sequence[Model]) -> str:
    """``label``, numbered where another model has it."""
    labels = {model.label for model in taken}
    number, free = 1, label
    while free in labels:
        number += 1
        free = f"{label} #{number}"
    return free
