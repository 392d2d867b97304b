"""The folder a report is written to: whole or as it was, and nothing of anybody else's touched."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gmmbench.atomic import complaining_of
from gmmbench.errors import InputError

REPORT = "report.md"
FIGURES = "figures"
MARK = "<!-- written by gmmbench report"
"""How the first line of every report starts: only such a file is replaced."""

_FIGURE = re.compile(r"[A-Za-z0-9_-]+\.(?:png|svg)")


def first_line(figures: Iterable[str]) -> str:
    """The hidden line that says whose report.md this is and which files of figures/ came with it."""
    return f"{MARK}: {' '.join(sorted(figures))} -->"


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """An empty folder to build a report in; it moves to ``out`` when the block ends without an error.

    Where ``out`` is there already, the new files take the place of those that the earlier report.md
    names in its first line; report.md comes last, so that it never speaks of figures that are not there.

    Raises:
        InputError: ``out`` is a file, holds a report.md of somebody else, or cannot be written.
    """
    out = out.resolve()
    before = _earlier_files(out)
    with complaining_of(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name[:100]}.", suffix=".part") as part:
            # One level down: the outer folder is private (mode 0700), a report is meant to be shared.
            fresh = Path(part) / "report"
            (fresh / FIGURES).mkdir(parents=True)
            yield fresh
            _move(fresh, out, before)


def _earlier_files(out: Path) -> set[str]:
    """What an earlier report left in ``out``, as paths inside it."""
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; wanted a folder to write {REPORT} and {FIGURES}/ into")
    report = out / REPORT
    if not report.exists():
        return set()
    text = report.read_text(encoding="utf-8", errors="replace") if report.is_file() else ""
    if not text.startswith(MARK):
        raise InputError(f"{report} was not written by 'gmmbench report'; move it away or name another --out")
    return {f"{FIGURES}/{name}" for name in _FIGURE.findall(text.splitlines()[0].removeprefix(MARK))}


def _move(fresh: Path, out: Path, before: set[str]) -> None:
    if not out.exists():
        fresh.replace(out)
        return
    (out / FIGURES).mkdir(exist_ok=True)
    figures = {f"{FIGURES}/{file.name}" for file in (fresh / FIGURES).iterdir()}
    for name in sorted(figures):
        (fresh / name).replace(out / name)
    (fresh / REPORT).replace(out / REPORT)
    for name in sorted(before - figures):
        (out / name).unlink(missing_ok=True)
