"""Reports: saved rows and saved arrays -> Markdown, tables and figures. Knows no model and no data set.

``write_report`` writes a folder, ``headline`` makes a table for the terminal; ``tables`` holds the
numbers at full precision for any other rendering.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gmmbench.atomic import write_text
from gmmbench.report.document import build
from gmmbench.report.folder import FIGURES, REPORT, first_line, staged
from gmmbench.report.headline import headline
from gmmbench.report.runs import load_runs
from gmmbench.report.saved import check_saved

__all__ = ["headline", "write_report"]


def write_report(runs: Sequence[Path], out: Path, *, public: bool = False) -> Path:
    """Write report.md and figures/ of some run folders into ``out``; returns the path of report.md.

    A function of what the run folders hold: writing again gives the same bytes. ``out`` gets the
    report whole or stays as it was, and other files in it are left alone.

    Args:
        runs: folders that the evaluation wrote, in the order in which tables shall name them.
        out: the folder to write; an earlier report in it is replaced.
        public: leave out pictures of data sets that do not allow their frames to be shown.

    Raises:
        InputError: rows or counts are missing, damaged or of different evaluations; runs whose
            protocols differ on one data set; ``out`` is a file or cannot be written.
    """
    loaded = load_runs(runs)
    check_saved(loaded)
    out = Path(out)
    with staged(out) as fresh:
        body = build(loaded, fresh / FIGURES, public=public)
        names = [file.name for file in (fresh / FIGURES).iterdir()]
        write_text(fresh / REPORT, f"{first_line(names)}\n\n{body}")
    return out / REPORT
