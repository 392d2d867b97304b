"""Reports: saved rows and saved arrays -> Markdown, HTML, LaTeX, CSV, JSON. Knows no model and no data set.

``write_report`` writes a folder, ``headline`` makes a table for the terminal. Sections make blocks of the material
(``sections``, ``blocks``), renderers make texts of the blocks (``render``): all formats say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from gmmbench.report.blocks import plain
from gmmbench.report.document import build
from gmmbench.report.folder import FIGURES, staged
from gmmbench.report.formats import DEFAULT, checked, write_formats
from gmmbench.report.headline import headline
from gmmbench.report.material import material_of
from gmmbench.report.runs import load_runs
from gmmbench.report.saved import check_saved
from gmmbench.report.sections.headline import verdict_lines

__all__ = ["headline", "verdicts", "write_report"]

Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None] | None]]


def verdicts(runs: Sequence[Path]) -> list[str]:
    """The verdict of a report of these run folders, a line each. Raises InputError as ``write_report`` does of rows."""
    return [plain(words) for words in verdict_lines(material_of(load_runs(runs), Path(), public=True))]


def _no_bar(title: str) -> AbstractContextManager[None]:
    return nullcontext()


def write_report(
    runs: Sequence[Path], out: Path, *, public: bool = False, formats: Sequence[str] = DEFAULT, bar: Bar = _no_bar
) -> Path:
    """Write a report of some run folders into ``out``; returns the path of its first file: the page to look at.

    A function of what the run folders hold: writing again gives the same bytes. ``out`` gets the report whole or stays
    as it was, and other files in it are left alone.

    Args:
        runs: folders that the evaluation wrote, in the order in which tables shall name them; those that share a config
            and differ in their seed become one row.
        out: the folder to write; an earlier report in it is replaced.
        public: leave out pictures of data sets that do not allow their frames to be shown.
        formats: names of ``gmmbench.report.formats.FORMATS``.
        bar: a title to a progress bar, see ``gmmbench.console.progress_bar``.

    Raises:
        InputError: rows or counts are missing, damaged or of different evaluations; runs whose protocols differ on one
            data set; an unknown format; ``out`` is a file or cannot be written, or holds files of somebody else.
    """
    formats = checked(formats)
    loaded = load_runs(runs)
    with bar("reading runs") as told:
        check_saved(loaded, told)
    out = Path(out)
    with staged(out) as fresh:
        with bar("drawing data sets") as told:
            report = build(material_of(loaded, fresh / FIGURES, public=public), told)
        names = write_formats(report, fresh, formats)
    return out / names[0]
