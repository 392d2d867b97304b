"""The folder a report is written to: whole or as it was, and nothing of anybody else's touched."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from gmmbench.atomic import complaining_of, write_text
from gmmbench.errors import InputError

FIGURES = "figures"
MANIFEST = ".gmmbench-report.json"
"""Names the files that belong to a report: only these are replaced by the next one."""

_WRITER = "gmmbench report"


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """An empty folder to build a report in; it moves to ``out`` when the block ends without an error.

    Where ``out`` is there already, the new files take the place of those that an earlier report left.

    Raises:
        InputError: ``out`` is a file, holds somebody else's file that the report would replace, or cannot be written.
    """
    out = out.resolve()
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; wanted a folder to write a report into")
    before = earlier_files(out)
    with complaining_of(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name[:100]}.", suffix=".part") as part:
            # One level down: the outer folder is private (mode 0700), a report is meant to be shared.
            fresh = Path(part) / "report"
            (fresh / FIGURES).mkdir(parents=True)
            yield fresh
            names = _files(fresh)
            _refuse_strangers(out, names, before)
            content = {"written by": _WRITER, "files": names}
            write_text(fresh / MANIFEST, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
            _move(fresh, out, names, before)


def earlier_files(out: Path) -> set[str]:
    """What an earlier report left in ``out``, as paths inside it. Raises InputError for a manifest of another kind."""
    manifest = out / MANIFEST
    if not manifest.exists():
        return set()
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
        names = content["files"] if content["written by"] == _WRITER else None
    except (OSError, ValueError, KeyError, TypeError):
        names = None
    # A name that leads out of the folder was not written by us.
    if not isinstance(names, list) or not all(isinstance(name, str) and _inside(name) for name in names):
        raise InputError(f"{manifest} was not written by 'gmmbench report'; move it away or name another --out")
    return set(names)


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _refuse_strangers(out: Path, names: list[str], before: set[str]) -> None:
    for name in names:
        if name not in before and (out / name).exists():
            raise InputError(f"{out / name} was not written by 'gmmbench report'; move it away or name another --out")


def _move(fresh: Path, out: Path, names: list[str], before: set[str]) -> None:
    if not out.exists():
        fresh.replace(out)
        return
    # Pages last: they never speak of figures that are not there.
    for name in sorted(names, key=lambda each: (not each.startswith(f"{FIGURES}/"), each)):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh / name).replace(out / name)
    (fresh / MANIFEST).replace(out / MANIFEST)
    gone = before - set(names)
    for name in sorted(gone):
        (out / name).unlink(missing_ok=True)
    for folder in {(out / name).parent for name in gone} - {out}:
        with suppress(OSError):  # it holds something yet
            folder.rmdir()
