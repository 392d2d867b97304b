"""``gmmbench report`` and ``leaderboard``: saved rows to pages that people keep."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from gmmbench import completion
from gmmbench.cli_options import Json
from gmmbench.console import emit, out, progress_bar, say, waiting

Formats = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAMES",
        help="Separated by commas, or all: markdown, html (one page, no network), json (every number; what leaderboard"
        " reads), latex and csv (one file a table, in tables/).",
        autocompletion=completion.one_of(("markdown", "html", "json", "latex", "csv", "all")),
    ),
]
USUAL = "markdown,html,json"


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders that eval-closed, eval-ood and inspect wrote.")],
    folder: Annotated[Path, typer.Option("--out", help="Where to write, for example reports/NAME.")],
    public: Annotated[
        bool, typer.Option("--public", help="Leave out pictures of data sets whose licence forbids showing frames.")
    ] = False,
    formats: Formats = USUAL,
    json: Json = False,
) -> None:
    """Write a report from saved rows: verdict, tables with intervals, curves, pictures. Needs no model and no data.

    Runs that share a config and differ in their seed become one row, with mean and deviation.
    """
    with waiting("loading"):
        from gmmbench.report import headline, verdicts, write_report

    page = write_report(runs, folder, public=public, formats=_names(formats), bar=_bar)
    if json:
        emit({"runs": runs, "wrote": page})
        return
    out.print(headline(runs))
    for line in verdicts(runs):
        say(line)
    say(f"wrote {_pages(folder)}")


def leaderboard(
    folders: Annotated[list[Path], typer.Argument(help="Searched for reports (report.json) and run folders.")],
    folder: Annotated[Path, typer.Option("--out", help="Where to write.")] = Path("reports/leaderboard"),
    formats: Formats = USUAL,
    json: Json = False,
) -> None:
    """Write one page over all reports and run folders found. What was measured by other protocols shares no table."""
    with waiting("reading reports"):
        from gmmbench.report.leaderboard import write_leaderboard

        page, number = write_leaderboard(folders, folder, formats=_names(formats))
    if json:
        emit({"entries": number, "wrote": page})
        return
    say(f"wrote {_pages(folder)} ({number} {'entry' if number == 1 else 'entries'})")


def _names(formats: str) -> tuple[str, ...]:
    from gmmbench.report.formats import FORMATS

    if formats.strip() == "all":
        return tuple(FORMATS)
    return tuple(part.strip() for part in formats.split(",") if part.strip())


def _pages(folder: Path) -> str:
    """The pages that a report has, for the last line of a verb."""
    from gmmbench.report.folder import earlier_files

    return ", ".join(str(folder / name) for name in sorted(earlier_files(folder)) if "/" not in name)


def _bar(title: str) -> AbstractContextManager[Any]:
    return progress_bar(title, unit="runs" if "run" in title else "sets")
