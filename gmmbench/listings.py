"""The tables of ``gmmbench data ls``, ``gmmbench data check`` and ``gmmbench scores ls``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from gmmbench.data.check import Report
from gmmbench.data.examine import Contents
from gmmbench.data.presence import present
from gmmbench.data.registry import DATASETS


def data_sets(root: Path) -> Table:
    """One line a data set: name, use, images found under ``root`` of those expected, state, title, where from."""
    table = Table(box=None)
    for title in ("data set", "use"):
        table.add_column(title, no_wrap=True)
    table.add_column(f"images under {escape(str(root))}")
    table.add_column("state", no_wrap=True)
    table.add_column("what")
    table.add_column("from", overflow="fold")
    for entry in present(root):
        table.add_row(
            entry.name,
            entry.use,
            f"{_numbers(entry.found, '-')} of {_numbers(entry.expected, '?')}",
            entry.state,
            escape(entry.title),
            escape(entry.source),
        )
    return table


def _numbers(numbers: Sequence[int | None], unknown: str) -> str:
    return " / ".join(unknown if number is None else str(number) for number in numbers)


def data_report(report: Report) -> Table:
    """One line a part of a checked data set: images, faults, sizes, and what its label maps hold."""
    columns = ["part", "images", "faults", "height x width", "ignored"]
    ood = report.name in DATASETS
    table = Table(*columns, *(["OOD share of valid pixels", "images without OOD"] if ood else []), box=None)
    for part in report.parts:
        held = part.contents
        row = [
            part.name,
            f"{part.found} of {'?' if part.expected is None else part.expected}",
            str(len(part.faults)),
            _sizes(held),
            percent(held.ignore_share),
        ]
        table.add_row(*row, *([percent(held.prevalence), str(held.clean)] if ood else []))
    return table


def percent(share: float) -> str:
    """A share in percent with three decimals; what is undefined is a dash."""
    return "-" if math.isnan(share) else f"{100 * share:.3f} %"


def _sizes(held: Contents, most: int = 3) -> str:
    """The commonest sizes with their numbers of images."""
    ordered = sorted(held.sizes.items(), key=lambda entry: (-entry[1], entry[0]))
    shown = ", ".join(f"{height}x{width} ({number})" for (height, width), number in ordered[:most])
    return (f"{shown} and {len(ordered) - most} more" if len(ordered) > most else shown) or "-"


def scores() -> Table:
    """One line a score: name, what it reads, formula."""
    from gmmbench.scores import SCORES  # brings torch, which the other tables do without

    table = Table("score", "reads", "formula (z logits, p = softmax z, d_c = log p(x | c))", box=None)
    for name, score in SCORES.items():
        table.add_row(name, score.needs, score.formula)
    return table
