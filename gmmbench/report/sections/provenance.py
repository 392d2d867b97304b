"""Section 8, second half: where every number comes from, and the commands that make it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from gmmbench.report.blocks import Block, CodeBlock, Column, Fold, Section, Table
from gmmbench.report.material import Material
from gmmbench.report.runs import Run
from gmmbench.report.text import NOT_RECORDED, one_line

_HASH = 12
_KEYS = {
    "config": "Config",
    "config_sha256": "Config SHA-256",
    "checkpoint": "Checkpoint",
    "checkpoint_sha256": "Checkpoint SHA-256",
    "recipe_sha256": "Recipe SHA-256 (config but for the classifier: twins share it)",
    "seed": "Seed",
    "gmmbench": "gmmbench",
    "code": "Code",
    "python": "Python",
    "libraries": "Libraries",
    "device": "Device",
    "machine": "Machine",
}


def provenance_section(material: Material) -> Section:
    """A table and the commands of each run; folded where there are many."""
    parts: list[Block] = []
    for place, run in enumerate(material.runs, start=1):
        blocks: tuple[Block, ...] = (_table(run, place), CodeBlock(commands(run)))
        if len(material.runs) > 4:
            parts.append(Fold(_title(run), blocks))
        else:
            parts.append(Section(f"provenance-{place}", _title(run), blocks))
    return Section("provenance", "Provenance", tuple(parts))


def commands(run: Run) -> str:
    """The commands that made the model and the rows of ``run``, one a line."""
    values = run.recorded("training_command") + run.recorded("command")
    lines = [shlex.join(map(str, value)) if isinstance(value, list) else str(value) for value in values]
    return "\n".join(lines) or f"# {NOT_RECORDED}"


def _title(run: Run) -> str:
    return run.label


def _table(run: Run, place: int) -> Table:
    rows = [("Folder", "/".join(run.folder.path.resolve().parts[-2:]))]
    for key, title in _KEYS.items():
        values = [_flat(value) for value in run.recorded(key)]
        if key.endswith("sha256"):
            values = [value[:_HASH] for value in values]
        rows.append((title, _joined(values)))
    rows.append(("Training", _joined(_training(record) for record in run.recorded("training"))))
    rows.append(("Evaluation, wall time", _joined(_wall_time(run))))
    return Table(
        f"provenance_{place}", f"Where the numbers of {run.label} come from",
        (Column("key", "Key"), Column("value", "Value")), tuple(rows),
    )  # fmt: skip


def _joined(values: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(values)) or NOT_RECORDED


def _wall_time(run: Run) -> list[str]:
    return [f"{what} {seconds:,.0f} s" for what, seconds in run.folder.seconds().items()]


def _training(record: Any) -> str:
    """How long the model was trained, and on what."""
    if not isinstance(record, dict) or "iterations" not in record:
        return NOT_RECORDED
    return (
        f"{record['iterations']} steps in {record.get('seconds', '?')} s on {record.get('device', '?')},"
        f" {record.get('threads', '?')} CPU thread(s), code {record.get('code', '?')}"
    )


def _flat(value: Any) -> str:
    """A value in one line; a mapping as "name version, name version"."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_flat, value))
    return one_line(value)
