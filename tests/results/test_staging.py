"""The files of an evaluation while it runs, and how they get to their place."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from gmmbench.errors import InputError
from gmmbench.results import ROWS, Row, RunFolder, Staging, staging

ROW = Row("ood", "mine", "streets", "AP", 0.5, "msp", "logits")


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def fill(stage: Staging, *names: str) -> None:
    for name in names:
        stage.save_counts(name, {"counts": np.ones(3)})
    stage.save_picture(len(names), f"frame {len(names)}", {"image": np.zeros(1)})
    stage.scratch.mkdir()
    (stage.scratch / "map.npy").write_bytes(b"big")


def test_nothing_is_in_its_place_before_the_commit_and_no_scratch_after(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with staging(run, "streets") as stage:
        fill(stage, "msp", "msp.images")
        assert not (run.path / "counts").exists()
        assert not (run.path / ROWS).exists()
        stage.commit([ROW])
    assert files(run.path) == {
        ROWS, "counts/streets/msp.npz", "counts/streets/msp.images.npz", "pictures/streets/02_frame-2.npz",
    }  # fmt: skip
    assert run.rows() == [ROW]


def test_a_commit_replaces_what_was_there_of_the_data_set_alone(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    other = Row("ood", "mine", "other", "AP", 0.5, "msp", "logits")
    closed = Row("closed", "mine", "streets", "mIoU", 0.5)
    run.replace_rows("ood", "other", [other])
    run.replace_rows("closed", "streets", [closed])
    for dataset, name in (("other", "msp"), ("streets", "old"), ("streets", "confusion")):
        run.save_counts(dataset, name, {"counts": np.zeros(1)})
    run.save_picture("streets", 5, "old", {"image": np.zeros(1)})
    with staging(run, "streets") as stage:
        fill(stage, "msp")
        stage.commit([ROW])
    assert files(tmp_path) == {
        ROWS, "counts/other/msp.npz", "counts/streets/confusion.npz", "counts/streets/msp.npz",
        "pictures/streets/01_frame-1.npz",
    }  # fmt: skip
    assert run.rows() == [other, closed, ROW]


@pytest.mark.parametrize("error", [InputError("bad"), KeyboardInterrupt(), RuntimeError("ours")])
def test_an_error_leaves_no_file_and_no_folder(tmp_path: Path, error: BaseException) -> None:
    run = RunFolder(tmp_path / "a" / "b")

    def evaluate() -> None:
        with staging(run, "streets") as stage:
            fill(stage, "msp")
            raise error

    with pytest.raises(type(error)):
        evaluate()
    assert list(tmp_path.iterdir()) == []
    run.replace_rows("ood", "other", [])
    with pytest.raises(type(error)):
        evaluate()
    assert files(tmp_path) == {f"a/b/{ROWS}"}, "a folder that was there stays"


def test_without_a_commit_nothing_is_kept(tmp_path: Path) -> None:
    with staging(RunFolder(tmp_path / "run"), "streets") as stage:
        fill(stage, "msp")
    assert list(tmp_path.iterdir()) == []


def test_others_may_read_what_was_committed(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        run = RunFolder(tmp_path / "run")
        with staging(run, "streets") as stage:
            fill(stage, "msp")
            stage.file("msp.images").write_bytes(b"")
            stage.commit([ROW])
    finally:
        os.umask(before)
    for path in (run.path, *run.path.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o044 == 0o044, path


def test_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*file: (File exists|Not a directory)"):  # noqa: SIM117
        with staging(RunFolder(tmp_path / "file"), "streets"):
            pass

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    with pytest.raises(InputError, match="No space left on device; free space or name another folder with --out"):  # noqa: SIM117
        with staging(RunFolder(tmp_path / "new"), "streets"):
            pass
    assert files(tmp_path) == {"file"}
    assert not (tmp_path / "new").exists()


def test_rows_that_cannot_be_read_are_found_at_the_start(tmp_path: Path) -> None:
    (tmp_path / ROWS).write_text("garbage\n")
    with pytest.raises(InputError, match="is not a result row"):  # noqa: SIM117
        with staging(RunFolder(tmp_path), "streets"):
            pytest.fail("an evaluation would have run for hours")
