"""``gmmbench leaderboard``: one page over all reports and run folders found; other protocols, other tables."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gmmbench.errors import InputError
from gmmbench.metrics import CONFUSION_READINGS
from gmmbench.report.blocks import Cell, Code, Column, Mark, Number, Paragraph, Report, Section, Table, Words
from gmmbench.report.entries import Entry, entries_of, read_entries
from gmmbench.report.folder import staged
from gmmbench.report.formats import DEFAULT, checked, write_formats
from gmmbench.report.material import material_of
from gmmbench.report.runs import CLOSED, NETWORK_INPUT, OOD_TASK, load_runs
from gmmbench.report.sections.ood import metric_column
from gmmbench.report.text import slug
from gmmbench.results import ROWS

REPORT_JSON = "report.json"
_RANKING = {OOD_TASK: "AP", CLOSED: "mIoU"}


@dataclass(frozen=True)
class Found:
    """An entry and where it was found."""

    place: str
    entry: Entry


def write_leaderboard(folders: Sequence[Path], out: Path, *, formats: Sequence[str] = DEFAULT) -> tuple[Path, int]:
    """Write one page over all reports (report.json) and run folders (results.jsonl) below ``folders``.

    Args:
        folders: searched with all that is below them, but for hidden folders; an entry found twice counts once.
        out: the folder to write, see ``gmmbench.report.folder``.
        formats: names of ``gmmbench.report.formats.FORMATS``.

    Returns:
        The page to look at, and how many entries it has.

    Raises:
        InputError: no such folder, nothing found in it, files that are damaged, or ``out`` cannot be written.
    """
    formats = checked(formats)
    found = _without_copies([each for folder in folders for each in _search(folder, out)])
    if not found:
        listed = ", ".join(map(str, folders))
        raise InputError(
            f"no {REPORT_JSON} and no {ROWS} in {listed}; 'gmmbench report' and 'gmmbench eval-ood' write them"
        )
    with staged(Path(out)) as fresh:
        names = write_formats(leaderboard(found), fresh, formats)
    return Path(out) / names[0], len(found)


def leaderboard(found: Sequence[Found]) -> Report:
    """One section a data set, one table a protocol, best AP (closed sets: mIoU) first."""
    sections = []
    for task in (OOD_TASK, CLOSED):
        mine = [each for each in found if each.entry.task == task]
        for dataset in dict.fromkeys(each.entry.dataset for each in mine):
            sections.append(_section(task, dataset, [each for each in mine if each.entry.dataset == dataset]))
    places = list(dict.fromkeys(each.place for each in found))
    entries, sources = len(found), len(places)
    where = "1 report or run folder" if sources == 1 else f"{sources} reports and run folders"
    lead = f"{entries} {'entry' if entries == 1 else 'entries'} of {where}. Brackets are 95 % intervals over images."
    return Report("Leaderboard", lead, tuple(sections), {"found in": places})


def _search(folder: Path, out: Path) -> list[Found]:
    if not folder.is_dir():
        raise InputError(f"no folder at {folder}; wanted one with reports or run folders")
    found = []
    for here, below, files in os.walk(folder):
        below[:] = sorted(name for name in below if not name.startswith("."))
        path = Path(here)
        if path.resolve() == out.resolve():
            continue
        place = path.relative_to(folder).as_posix()
        name = folder.name if place == "." else place
        if ROWS in files:
            below.clear()
            found += [Found(name, entry) for entry in entries_of(material_of(load_runs([path]), path, public=True))]
        elif REPORT_JSON in files and not _is_leaderboard(path / REPORT_JSON):
            found += [Found(name, entry) for entry in read_entries(path / REPORT_JSON)]
    return found


def _is_leaderboard(path: Path) -> bool:
    """An earlier page of this verb is no report: its numbers are all counted where they came from."""
    try:
        return "found in" in json.loads(path.read_text(encoding="utf-8"))["facts"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _without_copies(found: Sequence[Found]) -> list[Found]:
    """A run folder and the report made of it say the same: the first one found stays."""
    kept: dict[str, Found] = {}
    for each in found:
        entry = each.entry
        of = (entry.task, entry.dataset, entry.score, entry.trace.get("checkpoint_sha256"))
        same = (of, entry.numbers, entry.protocol)
        kept.setdefault(json.dumps(same, sort_keys=True), each)
    return list(kept.values())


def _section(task: str, dataset: str, found: Sequence[Found]) -> Section:
    groups: dict[str, list[Found]] = {}
    for each in found:
        groups.setdefault(json.dumps(_definitions(each.entry), sort_keys=True), []).append(each)
    tables = [_table(task, dataset, place, group) for place, group in enumerate(groups.values(), start=1)]
    key = f"{task}-{slug(dataset)}"
    if len(tables) == 1:
        return Section(key, dataset, (tables[0],))
    words = f"Measured by {len(tables)} protocols, which share no table: {_differing(list(groups.values()))}."
    return Section(key, dataset, (Paragraph(words, warning=True), *tables))


def _definitions(entry: Entry) -> dict[str, str]:
    return {key: value for key, value in entry.protocol.items() if key != NETWORK_INPUT}


def _differing(groups: Sequence[Sequence[Found]]) -> str:
    """In which labels of their protocols groups differ."""
    protocols = [_definitions(group[0].entry) for group in groups]
    labels = dict.fromkeys(label for protocol in protocols for label in protocol)
    return "they differ in " + ", ".join(
        label for label in labels if len({protocol.get(label) for protocol in protocols}) > 1
    )


def _table(task: str, dataset: str, place: int, found: Sequence[Found]) -> Table:
    ranking = _RANKING[task]
    metrics = list(dict.fromkeys(metric for each in found for metric in each.entry.numbers))
    rows = sorted(found, key=lambda each: _worth(each.entry.number(ranking), "higher"), reverse=True)
    heads = [metric_column(metric) if task == OOD_TASK else _closed_column(metric) for metric in metrics]
    columns = [_best([each.entry.number(head.key) for each in rows], head.better) for head in heads]
    cells: list[tuple[Cell, ...]] = []
    for number, each in enumerate(rows):
        entry = each.entry
        score, reads = ([Code(entry.score or "")], [entry.family]) if task == OOD_TASK else ([], [])
        seen = " of ".join("?" if count is None else f"{count:g}" for count in entry.images)
        trace: list[Words] = [entry.trace.get(key, "not recorded") for key in ("checkpoint_sha256", "code")]
        values = (column[number] for column in columns)
        cells.append((entry.model, *score, *values, *reads, str(entry.seeds), seen, each.place, *trace))
    named, last = [Column("model", "Model", choices=True)], [
        Column("trainings", "Seeds"), Column("images", "Images"), Column("found_in", "Found in", choices=True),
        Column("checkpoint", "Checkpoint SHA-256"), Column("code", "Code"),
    ]  # fmt: skip
    if task == OOD_TASK:
        named, last = [*named, Column("score", "Score")], [Column("reads", "Reads", choices=True), *last]
    protocol = found[0].entry.protocol
    shown = ("protocol", "resolution", "ignored pixels")
    notes = tuple(f"{label}: {protocol[label]}." for label in shown if label in protocol)
    key = f"{task}_{slug(dataset)}_{place}"
    return Table(key, f"{dataset}, %, by {ranking}", (*named, *heads, *last), tuple(cells), notes)


def _best(numbers: list[Number], better: str | None) -> list[Number]:
    """The best of a column marked; nothing where there is no choice or no direction."""
    if better is None or len(numbers) < 2:
        return numbers
    worth = [_worth(number, better) for number in numbers]
    top = max(worth)
    return [
        replace(number, mark=Mark.BEST) if value == top > -math.inf else number
        for number, value in zip(numbers, worth, strict=True)
    ]


def _worth(number: Number, better: str) -> float:
    """Higher is better; an undefined number is worth less than any."""
    if math.isnan(number.value):
        return -math.inf
    return number.value if better == "higher" else -number.value


def _closed_column(metric: str) -> Column:
    return Column(metric, metric, "higher", CONFUSION_READINGS[metric].definition, numeric=True)
