"""The files of a report: which format writes which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from gmmbench.atomic import write_text
from gmmbench.errors import unknown_name
from gmmbench.report.blocks import Report, tables
from gmmbench.report.folder import FIGURES
from gmmbench.report.render.data import to_csv, to_json
from gmmbench.report.render.html import to_html
from gmmbench.report.render.latex import to_latex
from gmmbench.report.render.markdown import to_markdown

TABLES = "tables"

Write = Callable[[Report, Path], list[str]]


def _markdown(report: Report, folder: Path) -> list[str]:
    return [_written(folder, "report.md", to_markdown(report, FIGURES))]


def _html(report: Report, folder: Path) -> list[str]:
    return [_written(folder, "report.html", to_html(report, folder / FIGURES))]


def _json(report: Report, folder: Path) -> list[str]:
    return [_written(folder, "report.json", to_json(report))]


def _latex(report: Report, folder: Path) -> list[str]:
    names = []
    for table in tables(report):
        names.append(_written(folder, f"{TABLES}/{table.key}.tex", to_latex(table, report=report.title)))
        if any(getattr(cell, "has_interval", False) for row in table.rows for cell in row):
            with_intervals = to_latex(table, intervals=True, report=report.title)
            names.append(_written(folder, f"{TABLES}/{table.key}_intervals.tex", with_intervals))
    return names


def _csv(report: Report, folder: Path) -> list[str]:
    return [_written(folder, f"{TABLES}/{table.key}.csv", to_csv(table)) for table in tables(report)]


FORMATS: dict[str, Write] = {"markdown": _markdown, "html": _html, "json": _json, "latex": _latex, "csv": _csv}
"""By name, in the order in which they are written."""

DEFAULT = ("markdown", "html", "json")
"""For people, for people, for programs ('gmmbench leaderboard' reads it)."""


def checked(names: Sequence[str]) -> tuple[str, ...]:
    """``names`` in the order of ``FORMATS``, each once. Raises InputError for an unknown one or none."""
    for name in names:
        if name not in FORMATS:
            raise unknown_name("format of a report", name, FORMATS)
    if not names:
        raise unknown_name("format of a report", "", FORMATS)
    return tuple(name for name in FORMATS if name in names)


def write_formats(report: Report, folder: Path, formats: Sequence[str]) -> list[str]:
    """Write the files of ``formats``; returns their names in ``folder``, in order."""
    return [name for each in formats for name in FORMATS[each](report, folder)]


def _written(folder: Path, name: str, text: str) -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    write_text(folder / name, text)
    return name
