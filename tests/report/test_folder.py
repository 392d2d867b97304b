"""The folder a report goes to: whole, or as it was; nothing of anybody else's touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gmmbench.errors import InputError
from gmmbench.report.folder import FIGURES, MANIFEST, staged


def write(out: Path, *names: str) -> None:
    with staged(out) as fresh:
        for name in names:
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).write_text(name)


def write_half(out: Path) -> None:
    with staged(out) as fresh:
        (fresh / "report.md").write_text("half")
        raise KeyboardInterrupt


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_only_an_earlier_reports_files_are_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / FIGURES).mkdir(parents=True)
    (out / "notes.txt").write_text("mine")
    (out / FIGURES / "mine.png").write_text("mine")
    write(out, "report.md", "figures/a.png", "figures/b.svg", "tables/t.tex")
    write(out, "report.md", "figures/a.png", "figures/c.png")
    ours = {"report.md", "figures/a.png", "figures/c.png", MANIFEST}
    assert listing(out) == {"notes.txt", "figures/mine.png", *ours}
    assert listing(tmp_path) == {f"out/{name}" for name in listing(out)}
    assert not (out / "tables").exists(), "a folder that only we used goes with its files"


def test_an_error_leaves_all_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for _ in range(2):  # first without an earlier report, then over one
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        with pytest.raises(KeyboardInterrupt):
            write_half(out)
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
        write(out, "report.md", "figures/a.png")


def test_a_fresh_report_can_be_read_by_others(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    write(tmp_path / "out", "report.md")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_refusals(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file; wanted a folder"):
        write(tmp_path / "file", "report.md")
    with pytest.raises(InputError, match="cannot write"):
        write(tmp_path / "file" / "below", "report.md")
    own = tmp_path / "own"
    own.mkdir()
    (own / "report.md").write_text("# my own report")
    with pytest.raises(InputError, match=r"report\.md was not written by 'gmmbench report'"):
        write(own, "figures/a.png", "report.md")
    assert listing(own) == {"report.md"}
    assert (own / "report.md").read_text() == "# my own report"
    write(own, "report.html")  # beside it there is room


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"files": []}', '{"written by": "gmmbench report", "files": 3}', '{"written by": "you", "files": []}'],
)
def test_a_manifest_of_another_kind(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(InputError, match="was not written by 'gmmbench report'"):
        write(tmp_path, "report.md")


@pytest.mark.parametrize("name", ["../precious.txt", "/etc/passwd", "a/../../precious.txt"])
def test_a_manifest_cannot_name_files_outside_the_folder(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "precious.txt").write_text("mine")
    (out / MANIFEST).write_text(json.dumps({"written by": "gmmbench report", "files": [name]}))
    with pytest.raises(InputError, match="was not written by 'gmmbench report'"):
        write(out, "report.md")
    assert (tmp_path / "precious.txt").read_text() == "mine"
