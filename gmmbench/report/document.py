"""One report put together: tables, figures and words of each data set, as the template wants them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gmmbench.metrics import CLASS_READINGS, CONFUSION_READINGS, READINGS
from gmmbench.metrics.components import COMPONENT_READINGS
from gmmbench.report import choose, figures, markdown, origins, pictures, tables
from gmmbench.report.runs import CLOSED, OOD_TASK, Run, dataset_facts, datasets
from gmmbench.report.saved import score_counts
from gmmbench.report.text import escape, fence, prose, slug
from gmmbench.report.verdict import closed_verdict, ood_verdict


def build(runs: Sequence[Run], folder: Path, *, public: bool) -> str:
    """Draw the figures into ``folder`` and return the Markdown that shows them."""
    ood_sets, closed_sets = datasets(runs, OOD_TASK), datasets(runs, CLOSED)
    ood = {dataset: tables.ood_table(runs, dataset) for dataset in ood_sets}
    closed = {dataset: tables.closed_table(runs, dataset) for dataset in closed_sets}
    with figures.own_style():
        ood_parts = [
            _ood_part(runs, dataset, ood[dataset], folder, stem, public=public)
            for dataset, stem in zip(ood_sets, _stems(ood_sets), strict=True)
        ]
    protocol, scores = origins.protocol_rows(runs), origins.score_rows(runs)
    values = {
        "compared": _compared(runs, ood_sets, closed_sets),
        "verdicts": [
            *(ood_verdict(dataset, table) for dataset, table in ood.items()),
            *(closed_verdict(dataset, table) for dataset, table in closed.items()),
        ],
        "closed": [_closed_part(runs, dataset, table) for dataset, table in closed.items()],
        "ood": ood_parts,
        "metrics": _metric_definitions(runs, ood_sets, closed_sets),
        "protocol": markdown.grid(["What", "How", "Where"], protocol, 3) if protocol else "",
        "scores": markdown.grid(["Score", "Reads", "Formula", "Models"], scores, 4) if scores else "",
        "dataset_table": markdown.grid(["Data set", "Title", "Citation", "Licence"], origins.dataset_rows(runs), 4),
        "runs": [
            {
                "title": escape(run.label),
                "table": markdown.grid(["Key", "Value"], origins.provenance_rows(run), 2),
                "commands": fence(origins.commands(run)),
            }
            for run in runs
        ],
    }
    return markdown.render("report.md.j2", values)


def _compared(runs: Sequence[Run], ood_sets: Sequence[str], closed_sets: Sequence[str]) -> str:
    models = f"{len(runs)} model{'s' if len(runs) > 1 else ''} ({', '.join(escape(run.label) for run in runs)})"
    places = []
    if closed_sets:
        places.append(f"closed set {', '.join(map(escape, closed_sets))}")
    if ood_sets:
        places.append(f"anomaly segmentation on {', '.join(map(escape, ood_sets))}")
    return f"{models}: {'; '.join(places)}."


def _closed_part(runs: Sequence[Run], dataset: str, closed: pd.DataFrame) -> dict[str, Any]:
    facts = dataset_facts(runs, dataset)
    classes = tables.class_table(runs, dataset)
    notes = []
    for (images, total), group in closed.groupby(["images", "images_total"], sort=False, dropna=False):
        notes.append(_of_runs(markdown.images_seen(images, total), group["run"], len(closed)))
    return {
        "title": _title(dataset, facts),
        "table": markdown.closed_grid(closed),
        "classes": markdown.class_grid(classes) if len(classes) else "",
        "notes": notes + _warning(facts),
    }


def _ood_part(
    runs: Sequence[Run], dataset: str, ood: pd.DataFrame, folder: Path, stem: str, *, public: bool
) -> dict[str, Any]:
    facts = dataset_facts(runs, dataset)
    coverage = tables.coverage_table(ood)
    notes = _warning(facts)
    for _, row in coverage.iterrows():
        seen = markdown.images_seen(row["images"], row["images_total"])
        notes.append(_of_runs(f"{seen} {markdown.pixels_counted(row)}", row["runs"], ood["run"].nunique()))
    if len(coverage) > 1:
        notes.append("**The rows of this table were not all counted on the same pixels**: compare with care.")
    by_label = {run.label: run for run in runs}
    drawn = choose.for_curves(ood)
    lines = [
        figures.Line(row["run"], row["score"], score_counts(by_label[row["run"]], dataset, row["score"]))
        for _, row in drawn.iterrows()
    ]
    part = {
        "name": escape(dataset),
        "title": _title(dataset, facts),
        "table": markdown.ood_grid(ood),
        "notes": notes,
        "drawn": _drawn(len(lines), len(ood)),
        "curves": figures.save(figures.curves(lines), folder / f"curves_{stem}", vector=True),
        "histograms": figures.save(figures.histograms(lines), folder / f"histograms_{stem}", vector=True),
    }
    return part | _picture_part(runs, dataset, ood, facts, folder / f"pictures_{stem}", public=public)


def _picture_part(
    runs: Sequence[Run], dataset: str, ood: pd.DataFrame, facts: dict[str, Any], stem: Path, *, public: bool
) -> dict[str, Any]:
    if public and facts.get("frames_may_be_shown") is not True:
        why = "do not allow" if facts.get("frames_may_be_shown") is False else "are not recorded to allow"
        note = f"Pictures of {escape(dataset)} are left out: its terms {why} its frames to be shown in public."
        return {"pictures": "", "caption": "", "picture_notes": [note]}
    page = pictures.gallery(runs, dataset, ood)
    notes = [escape(note) for note in page.notes]
    if page.figure is None:
        return {"pictures": "", "caption": "", "picture_notes": notes}
    low, high = pictures.PERCENTILES
    caption = (
        "Ground truth: dark = IN, bright orange = OOD, grey = ignored. Heat maps: "
        f"{' and '.join(map(escape, page.heat))}; bright = more anomalous, from the {low}st to the {high}th "
        "percentile of each map by itself, so brightness does not compare between maps."
    )
    if page.prediction is not None:
        caption += f" Last column: the class that {escape(page.prediction)} predicts, one fixed colour a class number."
    [name] = figures.save(page.figure, stem, vector=False)
    return {"pictures": name, "caption": caption, "picture_notes": notes}


def _metric_definitions(runs: Sequence[Run], ood_sets: Sequence[str], closed_sets: Sequence[str]) -> str:
    shown = {metric for dataset in ood_sets for metric in tables.ood_metrics(runs, dataset)}
    shown |= {row.metric for run in runs for row in run.rows if row.task == CLOSED}
    known = [(name, origins.definition(runs, name) or reading.definition) for name, reading in READINGS.items()]
    known += [(name, reading.definition) for name, reading in COMPONENT_READINGS.items()]
    known += [(reading.name, reading.definition) for reading in CONFUSION_READINGS.values() if closed_sets]
    known += [(tables.CLASS_METRIC, CLASS_READINGS[tables.CLASS_METRIC].definition)] if closed_sets else []
    rows = [[markdown.header(name), prose(definition)] for name, definition in known if name in shown]
    return markdown.grid(["Metric", "Definition"], rows, 2)


def _drawn(lines: int, rows: int) -> str:
    if lines == rows:
        return "All rows of the table are drawn."
    return f"{lines} of {rows} rows are drawn: of each model the density rows and its best other row by AP first."


def _of_runs(text: str, labels: Sequence[str], of: int) -> str:
    """``text``, with the runs it speaks of where these are not all."""
    labels = list(dict.fromkeys(labels))
    return text if len(labels) == of else f"{', '.join(map(escape, labels))}: {text}"


def _title(dataset: str, facts: dict[str, Any]) -> str:
    title = facts.get("title")
    return f"{escape(title)} ({escape(dataset)})" if title and title != dataset else escape(dataset)


def _warning(facts: dict[str, Any]) -> list[str]:
    return [f"> {prose(facts['note'])}"] if facts.get("note") else []


def _stems(names: Sequence[str]) -> list[str]:
    """A file name's part for each data set; numbered where two would be the same."""
    stems: list[str] = []
    for number, name in enumerate(names, start=1):
        stem = slug(name)
        # Case too: some file systems do not tell it apart.
        stems.append(f"{stem}_{number}" if stem.lower() in map(str.lower, stems) else stem)
    return stems
