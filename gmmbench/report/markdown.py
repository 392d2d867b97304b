"""Tables -> GitHub Markdown: the only place of rounding, percent, bold and arrows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from gmmbench.metrics import CLASS_READINGS, CONFUSION_READINGS, READINGS
from gmmbench.metrics.components import COMPONENT_READINGS
from gmmbench.report.tables import COUNTS, FAMILIES
from gmmbench.report.text import count, escape, percent

_TEMPLATES = Path(__file__).parent / "templates"
_WORDS = {"mAcc": "mean accuracy (mAcc)", "aAcc": "pixel accuracy (aAcc)"}


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fill a template; a name that is not there is an error. ``values`` are Markdown already."""
    environment = jinja2.Environment(  # Markdown, not HTML: text.escape has made the values safe
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    text = environment.get_template(template).render(values)
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    return "\n".join(kept).strip() + "\n"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int = 1) -> str:
    """A Markdown table of cells that are Markdown; columns from ``numbers_from`` on are right-aligned."""
    rule = ["---" if number < numbers_from else "---:" for number in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])


def ood_grid(ood: pd.DataFrame) -> str:
    """The OOD table: a block for each family, metrics in percent, the best of each column bold."""
    metrics = [column for column in ood.columns if column not in ("run", "score", "family", *COUNTS, "prevalence")]
    columns = [best_bold(ood[metric], _direction(metric)) for metric in metrics]
    rows: list[list[str]] = []
    family = None
    for number in range(len(ood)):
        row = ood.iloc[number]
        if row["family"] != family:
            family = row["family"]
            rows.append([f"*{escape(FAMILIES.get(family, family))}*", *[""] * (1 + len(metrics))])
        rows.append([escape(row["run"]), escape(row["score"]), *(column[number] for column in columns)])
    return grid(["Model", "Score", *map(header, metrics)], rows, numbers_from=2)


def closed_grid(closed: pd.DataFrame) -> str:
    """The closed-set table: one row a run, in percent, the best of each column bold."""
    metrics = [column for column in closed.columns if column not in ("run", "images", "images_total", "pixels")]
    columns = [best_bold(closed[metric], _direction(metric)) for metric in metrics]
    rows = [[escape(run), *(column[number] for column in columns)] for number, run in enumerate(closed["run"])]
    return grid(["Model", *map(header, metrics)], rows)


def class_grid(classes: pd.DataFrame) -> str:
    """The per-class table: one row a class, one column a run, the best of each row bold."""
    labels = [str(label) for label in classes.columns[1:]]
    rows = []
    for number in range(len(classes)):
        values = classes.iloc[number, 1:].astype(float)
        rows.append([escape(classes.iloc[number, 0]), *best_bold(values, True)])
    return grid(["Class", *(f"{escape(label)} ↑" for label in labels)], rows)


def best_bold(values: pd.Series, higher_is_better: bool | None) -> list[str]:
    """Percent cells; those that show the best number are bold, all of them where several do.

    Nothing is bold where there is nothing to choose from, or with ``None`` as direction, for a metric
    that the registry does not know.
    """
    cells = [percent(float(value)) for value in values]
    defined = [float(value) for value in values if not math.isnan(value)]
    if higher_is_better is None or not defined or len(cells) == 1:
        return cells
    best = percent(max(defined) if higher_is_better else min(defined))
    return [f"**{cell}**" if cell == best else cell for cell in cells]


def header(metric: str) -> str:
    """A column's name with the arrow that says which way is better."""
    arrow = {True: " ↑", False: " ↓", None: ""}[_direction(metric)]
    return f"{escape(_WORDS.get(metric, metric))}{arrow}"


def images_seen(images: float, total: float) -> str:
    """How much of the data set was seen, and plainly so where it was not all of it."""
    if images < total:
        return (
            f"**Partial evaluation: {count(images)} of {count(total)} images.** The numbers speak of these images only."
        )
    if math.isnan(total) or math.isnan(images):
        return f"Images: {count(images)} seen, of {count(total)} in total."
    return f"Images: {count(images)} of {count(total)}, all of them."


def pixels_counted(row: pd.Series) -> str:
    """The pixels behind an OOD table, and what a chance score would get."""
    normal, anomalous, ignored = (count(row[name]) for name in ("pixels_in", "pixels_ood", "pixels_ignored"))
    return (
        f"Pixels: {normal} IN, {anomalous} OOD, {ignored} ignored. "
        f"OOD prevalence {percent(row['prevalence'])} %, which is the AP of a chance score."
    )


def _direction(metric: str) -> bool | None:
    for registry in (READINGS, COMPONENT_READINGS, CONFUSION_READINGS, CLASS_READINGS):
        if metric in registry:
            return registry[metric].higher_is_better
    return None
