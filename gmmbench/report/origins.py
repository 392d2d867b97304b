"""What the rows record beside their numbers: protocol, score formulas, data sets, provenance."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from gmmbench.metrics import READINGS
from gmmbench.report.runs import CLOSED, OOD_TASK, Run, dataset_facts, datasets
from gmmbench.report.tables import FAMILIES
from gmmbench.report.text import NOT_RECORDED, escape, one_line, prose

_HASH = 12
_PROVENANCE = {
    "config": "Config",
    "config_sha256": "Config SHA-256",
    "checkpoint": "Checkpoint",
    "checkpoint_sha256": "Checkpoint SHA-256",
    "seed": "Seed",
    "gmmbench": "gmmbench",
    "code": "Code",
    "python": "Python",
    "libraries": "Libraries",
    "device": "Device",
}


def protocol_rows(runs: Sequence[Run]) -> list[list[str]]:
    """label, sentence, where it holds: one row for all data sets that share a sentence."""
    sentences: dict[tuple[str, str], list[str]] = {}
    kinds = {OOD_TASK: "OOD", CLOSED: "closed set"}
    every = [f"{dataset} ({kind})" for task, kind in kinds.items() for dataset in datasets(runs, task)]
    for task, kind in kinds.items():
        for dataset in datasets(runs, task):
            # load_runs has refused runs whose protocols differ: any row speaks for all.
            row = next(row for run in runs for row in run.of(task, dataset))
            for label, sentence in (row.provenance.get("protocol") or {}).items():
                if label in READINGS:  # said where the metrics are defined
                    continue
                sentences.setdefault((str(label), str(sentence)), []).append(f"{dataset} ({kind})")
    return [
        [escape(label), prose(sentence), "all" if where == every else escape(", ".join(where))]
        for (label, sentence), where in sentences.items()
    ]


def definition(runs: Sequence[Run], metric: str) -> str:
    """What the rows' protocols say of an OOD metric, each wording once; "" where they are silent."""
    said = (str((row.provenance.get("protocol") or {}).get(metric, "")) for run in runs for row in run.of(OOD_TASK))
    return "; or: ".join(dict.fromkeys(words for words in said if words))


def score_rows(runs: Sequence[Run]) -> list[list[str]]:
    """score, what it reads, formula, runs: of the scores that the tables show."""
    formulas: dict[tuple[str, str, str], list[str]] = {}
    for run in runs:
        for row in run.of(OOD_TASK):
            formula = (row.provenance.get("scores") or {}).get(row.score, NOT_RECORDED)
            labels = formulas.setdefault((str(row.score), str(row.family or "other"), str(formula)), [])
            if run.label not in labels:
                labels.append(run.label)
    order = [*FAMILIES, *sorted({family for _, family, _ in formulas} - set(FAMILIES))]
    ranked = sorted(formulas.items(), key=lambda item: order.index(item[0][1]))
    return [
        [escape(score), escape(FAMILIES.get(family, family)), prose(formula), ", ".join(map(escape, labels))]
        for (score, family, formula), labels in ranked
    ]


def dataset_rows(runs: Sequence[Run]) -> list[list[str]]:
    """data set, title, citation, licence."""
    rows = []
    for dataset in dict.fromkeys([*datasets(runs, OOD_TASK), *datasets(runs, CLOSED)]):
        facts = dataset_facts(runs, dataset)
        rows.append([escape(dataset), *(_fact(facts, key) for key in ("title", "citation", "licence"))])
    return rows


def provenance_rows(run: Run) -> list[list[str]]:
    """key, value: where the numbers of ``run`` come from. Several values stand side by side."""
    rows = [["Folder", escape("/".join(run.folder.path.resolve().parts[-2:]))]]
    for key, title in _PROVENANCE.items():
        values = [_flat(value) for value in run.recorded(key)]
        if key.endswith("sha256"):
            values = [value[:_HASH] for value in values]
        rows.append([title, "; ".join(map(escape, dict.fromkeys(values))) or NOT_RECORDED])
    rows.append(
        ["Training", "; ".join(escape(_training(record)) for record in run.recorded("training")) or NOT_RECORDED]
    )
    return rows


def commands(run: Run) -> str:
    """The commands that made the model and the rows of ``run``, one a line."""
    values = run.recorded("training_command") + run.recorded("command")
    lines = [shlex.join(map(str, value)) if isinstance(value, list) else str(value) for value in values]
    return "\n".join(lines) or f"# {NOT_RECORDED}"


def _training(record: Any) -> str:
    """How long the model was trained, and on what."""
    if not isinstance(record, dict) or "iterations" not in record:
        return NOT_RECORDED
    return (
        f"{record['iterations']} steps in {record.get('seconds', '?')} s on {record.get('device', '?')},"
        f" {record.get('threads', '?')} CPU thread(s), code {record.get('code', '?')}"
    )


def _fact(facts: dict[str, Any], key: str) -> str:
    return prose(facts[key]) if facts.get(key) else NOT_RECORDED


def _flat(value: Any) -> str:
    """A value in one line; a mapping as "name version, name version"."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_flat, value))
    return one_line(value)
