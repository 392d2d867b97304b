"""The tables of ``gmmbench data ls``, ``gmmbench data check`` and ``gmmbench scores ls``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from gmmbench.data.check import Report
from gmmbench.data.examine import Contents
from gmmbench.data.presence import Presence, present
from gmmbench.data.registry import DATASETS


def data_sets(root: Path) -> Table:
    """One line a data set: name, use, state, images found under ``root`` of those expected, title."""
    table = Table(box=None, padding=(0, 1, 0, 0), expand=True)
    for title in ("data set", "use", "state", "images"):
        table.add_column(title, no_wrap=True)
    table.add_column(f"what (under {escape(str(root))})", no_wrap=True, overflow="ellipsis", ratio=1)
    for entry in present(root):
        table.add_row(entry.name, _USES.get(entry.use, entry.use), entry.state, _images(entry), escape(entry.title))
    return table


_USES = {"closed set": "closed"}


def _images(entry: Presence) -> str:
    """Found, and of how many where that is another number."""
    found, expected = _numbers(entry.found, "-"), _numbers(entry.expected, "?")
    return found if found == expected else f"{found} of {expected}"


def _numbers(numbers: Sequence[int | None], unknown: str) -> str:
    return "/".join(unknown if number is None else str(number) for number in numbers)


def data_report(report: Report) -> Table:
    """One line a part of a checked data set: images, faults, sizes, and what its label maps hold."""
    ood = report.name in DATASETS
    table = Table(box=None)
    for title in ("part", "images", "faults"):
        table.add_column(title, no_wrap=True)
    for title in ("height x width", "ignored", *(["OOD share of valid pixels", "images without OOD"] if ood else [])):
        table.add_column(title)
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


def data_set_records(root: Path) -> list[dict[str, Any]]:
    """What ``data_sets`` shows, and where each set comes from, as mappings; images are counted part by part."""
    return [vars(entry) for entry in present(root)]


def scores() -> list[dict[str, Any]]:
    """Of each score: name, what it reads of a model, whether it is fitted and among ``--scores fast``, formula."""
    from gmmbench.scores import FAST, FITTED, SCORES, FittedScore, Score

    known: dict[str, Score | FittedScore] = {**SCORES, **FITTED}
    return [
        {
            "name": name,
            "reads": score.needs,
            "fitted": name in FITTED,
            "fast": name in FAST,
            "formula": score.formula,
        }
        for name, score in known.items()
    ]


def scores_table() -> Table:
    """One line a score: name, what it reads of a model, whether it is fitted, formula."""
    table = Table(box=None, padding=(0, 1, 0, 0), caption="f: among --scores fast; t: fitted to the training set")
    for title in ("score", "reads", ""):
        table.add_column(title, no_wrap=True)
    table.add_column("formula (z logits, p = softmax z, d_c = log p(x | c), f feature)")
    for score in scores():
        kind = "f" if score["fast"] else "t" if score["fitted"] else ""
        table.add_row(score["name"], score["reads"], kind, escape(score["formula"]))
    return table
