"""Files appear whole or not at all, whatever goes wrong."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest

from gmmbench.atomic import atomic_file, write_text
from gmmbench.errors import InputError


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "made" / "on" / "the way" / "file.bin"
    with atomic_file(target) as file:
        file.write(b"half ")
        assert not target.exists()
        file.write(b"whole")
    assert files(tmp_path) == {"made/on/the way/file.bin": b"half whole"}


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    write_text(tmp_path / "file.txt", "old and longer")
    write_text(tmp_path / "file.txt", "new\nü\n")
    assert files(tmp_path) == {"file.txt": "new\nü\n".encode()}


def test_others_may_read_the_file_as_any_new_file(tmp_path: Path) -> None:
    write_text(tmp_path / "file.txt", "x")
    (tmp_path / "plain").write_text("x")
    assert (tmp_path / "file.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [ValueError("ours"), KeyboardInterrupt(), SystemExit(3), OSError(errno.EIO, "disk")])
def test_an_error_in_the_block_leaves_all_as_it_was(tmp_path: Path, error: BaseException) -> None:
    def write_half() -> None:
        with atomic_file(tmp_path / "file.txt") as file:
            file.write(b"half")
            raise error

    for before in ({}, {"file.txt": b"old"}):
        with pytest.raises(type(error)) as caught:
            write_half()
        assert caught.value is error
        assert files(tmp_path) == before
        (tmp_path / "file.txt").write_bytes(b"old")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("where", ["mkstemp", "write", "replace"])
def test_a_full_disk_or_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, where: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    def write() -> None:
        with atomic_file(tmp_path / "file.txt") as file:
            file.write(b"new")
            if where == "write":
                fail()

    (tmp_path / "file.txt").write_bytes(b"old")
    with monkeypatch.context() as patch:
        if where == "mkstemp":
            patch.setattr("gmmbench.atomic.tempfile.mkstemp", fail)
        elif where == "replace":
            patch.setattr("gmmbench.atomic.os.replace", fail)
        wanted = re.escape(f"cannot write {tmp_path / 'file.txt'}: {os.strerror(number)}; free space or name another")
        with pytest.raises(InputError, match=wanted):
            write()
    assert files(tmp_path) == {"file.txt": b"old"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match=r"cannot write .*file\.txt: Permission denied"):
            write_text(tmp_path / "file.txt", "x")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("below", ["x.txt", "deeper/x.txt"])
def test_a_file_where_a_folder_is_wanted(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(InputError, match=r"cannot write .*x\.txt"):
        write_text(tmp_path / "file" / below, "x")
    assert files(tmp_path) == {"file": b"old"}


def test_a_folder_where_a_file_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"cannot write .*folder: Is a directory"):
        write_text(tmp_path / "folder", "x")
    assert files(tmp_path) == {}
