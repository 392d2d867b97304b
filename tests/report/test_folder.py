"""The folder a report goes to: whole, or as it was; nothing of anybody else's touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from gmmbench.errors import InputError
from gmmbench.report.folder import FIGURES, REPORT, first_line, staged


def write(out: Path, *figures: str) -> None:
    with staged(out) as fresh:
        for name in figures:
            (fresh / FIGURES / name).write_text(name)
        (fresh / REPORT).write_text(f"{first_line(figures)}\n\nbody\n")


def write_half(out: Path) -> None:
    with staged(out) as fresh:
        (fresh / REPORT).write_text("half")
        raise KeyboardInterrupt


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_only_an_earlier_reports_files_are_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / FIGURES).mkdir(parents=True)
    (out / "notes.txt").write_text("mine")
    (out / FIGURES / "mine.png").write_text("mine")
    write(out, "a.png", "b.svg")
    write(out, "a.png", "c.png")
    assert listing(out) == {"notes.txt", "figures/mine.png", "report.md", "figures/a.png", "figures/c.png"}
    assert listing(tmp_path) == {f"out/{name}" for name in listing(out)}


def test_an_error_leaves_all_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for _ in range(2):  # first without an earlier report, then over one
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        with pytest.raises(KeyboardInterrupt):
            write_half(out)
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
        write(out, "a.png")


def test_a_fresh_report_can_be_read_by_others(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    write(tmp_path / "out", "a.png")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_refusals(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file; wanted a folder"):
        write(tmp_path / "file")
    with pytest.raises(InputError, match="cannot write"):
        write(tmp_path / "file" / "below")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / REPORT).write_text("# my own report")
    with pytest.raises(InputError, match="was not written by 'gmmbench report'"):
        write(tmp_path / "own")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / REPORT).write_text("")
    with pytest.raises(InputError, match="was not written by"):
        write(tmp_path / "empty")
