"""``gmmbench doctor``: can it work here, and what to do where it cannot."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gmmbench.cli_options import DataRoot, Json
from gmmbench.console import emit, err, out, waiting

if TYPE_CHECKING:
    from gmmbench.doctor import Finding

BROKEN = 2
"""Exit code where something necessary is broken."""

_STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}
_NARROW = 60


def doctor(data_root: DataRoot = Path("data"), json: Json = False) -> None:
    """Look at libraries, devices, data, disks and the terminal, and say what to do where something is wrong.

    Exit code 0: gmmbench can work (what is marked "note" may be wanted one day); 2: something necessary is broken.
    """
    from gmmbench.doctor import examine

    with waiting("importing the libraries"):
        found = [*examine(data_root, named=data_root != Path("data")), *_terminal(out)]
    problems = sum(finding.state == "problem" for finding in found)
    if json:
        emit({"problems": problems, "findings": [vars(finding) for finding in found]})
    else:
        out.print(_table(found))
        out.print(_verdict(problems), highlight=False)
    if problems:
        raise typer.Exit(BROKEN)


def _table(found: Sequence[Finding]) -> Table:
    """A line a finding under the title of its part; its remedy below it."""
    table = Table(box=None, padding=(0, 1, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for part, findings in groupby(found, key=lambda finding: finding.part):
        table.add_row("", Text(part, style="bold"), "")
        for finding in findings:
            words = Text(finding.found)
            if finding.remedy:
                words.append(f"\n-> {finding.remedy}", style=_STYLES[finding.state])
            table.add_row(Text(finding.state, style=_STYLES[finding.state]), Text(finding.what), words)
    return table


def _verdict(problems: int) -> Text:
    if problems:
        many = f"{problems} problems" if problems > 1 else "One problem"
        return Text(f"{many}: gmmbench cannot work here before what stands behind -> is done.", style="bold red")
    return Text("gmmbench can work here.", style="bold green")


def _terminal(console: Console) -> Iterator[Finding]:
    """What a person sees of tables and bars."""
    from gmmbench.doctor import NOTE, OK, Finding

    encoding = console.encoding
    wide = encoding.lower().replace("-", "").startswith("utf")
    yield Finding(
        "terminal", "encoding", encoding, OK if wide else NOTE,
        "" if wide else "arrows and accents are spelt out; PYTHONUTF8=1 or a UTF-8 locale (LC_ALL=C.UTF-8) shows them",
    )  # fmt: skip
    if not console.is_terminal:
        yield Finding("terminal", "output", "no terminal: no colours, lines of 80 columns, COLUMNS=120 widens them")
        return
    width = shutil.get_terminal_size().columns
    narrow = width < _NARROW
    remedy = "widen the window to 80 columns, or tables are folded" if narrow else ""
    yield Finding("terminal", "width", f"{width} columns", NOTE if narrow else OK, remedy)
    colours = "off by NO_COLOR" if os.environ.get("NO_COLOR") else str(console.color_system or "none")
    bars = "bars on standard error" if err.is_terminal else "no bars, as standard error is no terminal"
    yield Finding("terminal", "colours", f"{colours}; {bars}")
