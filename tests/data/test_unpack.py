"""Archives: whole or not at all, and never outside their folder."""

from __future__ import annotations

import errno
import io
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gmmbench.data.unpack import unpack
from gmmbench.errors import InputError

BODY = np.random.default_rng(0).bytes(99_000)


def write_zip(file: Path, members: dict[str, bytes]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file


def write_tar(file: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(file, "w:gz" if file.suffix == ".gz" else "w") as packed:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return file


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


MEMBERS = {"set/images/a.png": b"image", "set/list.txt": b"a"}


@pytest.mark.parametrize("name", ["data.zip", "data.tar", "data.tar.gz"])
def test_unpacking(tmp_path: Path, name: str) -> None:
    write = write_zip if name.endswith("zip") else write_tar
    archive = write(tmp_path / name, MEMBERS)
    told: list[tuple[int, int]] = []
    unpack(archive, tmp_path / "root" / "deep", lambda *what: told.append(what))
    assert contents(tmp_path / "root") == {f"deep/{member}": content for member, content in MEMBERS.items()}
    assert told == [(1, 2), (2, 2)]
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "root" / "deep").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert not stat.S_ISLNK((tmp_path / "root" / "deep").lstat().st_mode)


def test_unpacking_into_what_is_there(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "set" / "images").mkdir(parents=True)
    (root / "set" / "images" / "b.png").write_bytes(b"stays")
    (root / "set" / "list.txt").write_bytes(b"old")
    unpack(write_zip(tmp_path / "data.zip", MEMBERS | {"__MACOSX/set/._list.txt": b"junk"}), root)
    assert contents(root) == MEMBERS | {"set/images/b.png": b"stays"}
    assert [path.name for path in root.iterdir()] == ["set"]


def test_what_is_no_archive_is_copied(tmp_path: Path) -> None:
    (tmp_path / "labels.npz.txt").write_bytes(b"text")
    unpack(tmp_path / "labels.npz.txt", tmp_path / "root")
    assert contents(tmp_path / "root") == {"labels.npz.txt": b"text"}


@pytest.mark.parametrize("member", ["../outside", "set/../../outside", "/outside", "C:/outside", "..\\outside"])
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_a_member_that_would_lie_elsewhere(
    tmp_path: Path, member: str, write: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    archive = write(tmp_path / ("data.zip" if write is write_zip else "data.tar"), MEMBERS | {member: b"evil"})
    with pytest.raises(InputError, match="is refused: its member"):
        unpack(archive, tmp_path / "root")
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


def test_links_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "data.tar", "w") as packed:
        info = tarfile.TarInfo("set/link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(info)
    linked = zipfile.ZipInfo("set/link")
    linked.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as zipped:
        zipped.writestr(linked, "/etc/passwd")
    for name in ("data.tar", "data.zip"):
        with pytest.raises(InputError, match="'set/link' is a link"):
            unpack(tmp_path / name, tmp_path / "root")
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.6, 0.97])
@pytest.mark.parametrize("name", ["data.zip", "data.tar.gz"])
def test_half_an_archive(tmp_path: Path, name: str, kept: float) -> None:
    write = write_zip if name.endswith("zip") else write_tar
    archive = write(tmp_path / name, {"set/a": BODY[:50_000], "set/b": BODY[50_000:99_000]})
    archive.write_bytes(archive.read_bytes()[: int(kept * archive.stat().st_size)])
    with pytest.raises(InputError, match="is no whole archive"):
        unpack(archive, tmp_path / "root")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_zip_with_a_flipped_bit(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "data.zip", {"set/a": BODY[:50_000]})
    content = bytearray(archive.read_bytes())
    content[25_000] ^= 1
    archive.write_bytes(content)
    with pytest.raises(InputError, match="is no whole archive"):
        unpack(archive, tmp_path / "root")
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("error", "seen"),
    [(KeyboardInterrupt(), KeyboardInterrupt), (OSError(errno.ENOSPC, "No space left on device"), InputError)],
)
def test_an_interruption_leaves_nothing(tmp_path: Path, error: BaseException, seen: type[BaseException]) -> None:
    def stop(*_: object) -> None:
        raise error

    archive = write_zip(tmp_path / "data.zip", MEMBERS)
    with pytest.raises(seen):
        unpack(archive, tmp_path / "root", stop)
    assert [path.name for path in tmp_path.iterdir()] == ["data.zip"]


def test_no_room_to_unpack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write_zip(tmp_path / "data.zip", MEMBERS)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 5))  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="no space left to unpack"):
        unpack(archive, tmp_path / "root")


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "set").write_bytes(b"a file")
    with pytest.raises(InputError, match="is in the way"):
        unpack(write_zip(tmp_path / "data.zip", MEMBERS), tmp_path / "root")
    assert contents(tmp_path / "root") == {"set": b"a file"}


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz"])
def test_a_packed_tar_with_damage_that_no_member_shows(tmp_path: Path, ending: Any) -> None:
    archive = tmp_path / f"data.tar.{ending}"
    with tarfile.open(archive, f"w:{ending}") as packed:  # type: ignore[call-overload]
        info = tarfile.TarInfo("set/a")
        info.size = len(BODY)
        packed.addfile(info, io.BytesIO(BODY))
    content = bytearray(archive.read_bytes())
    content[3000:3100] = bytes(byte ^ 255 for byte in content[3000:3100])
    archive.write_bytes(content)
    with pytest.raises(InputError, match="is no whole archive"):
        unpack(archive, tmp_path / "root")
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_other_compressions_with_damage(tmp_path: Path, method: int) -> None:
    archive = tmp_path / "data.zip"
    with zipfile.ZipFile(archive, "w", method) as packed:
        packed.writestr("set/a", BODY)
    content = bytearray(archive.read_bytes())
    content[60:400] = b"\xff" * 340
    archive.write_bytes(content)
    with pytest.raises(InputError, match="is no whole archive"):
        unpack(archive, tmp_path / "root")


def test_a_tar_that_claims_a_petabyte(tmp_path: Path) -> None:
    info = tarfile.TarInfo("set/a")
    info.size = 10**15
    (tmp_path / "data.tar").write_bytes(info.tobuf() + bytes(512))
    with pytest.raises(InputError, match=r"is no whole archive|no space left"):
        unpack(tmp_path / "data.tar", tmp_path / "root")


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "long.tar", {"a" * 300: b"a"})
    with pytest.raises(InputError, match="File name too long"):
        unpack(archive, tmp_path / "root")
    with tarfile.open(tmp_path / "nul.tar", "w", format=tarfile.PAX_FORMAT) as packed:
        info = tarfile.TarInfo("a")
        info.pax_headers = {"path": "a\0b"}
        packed.addfile(info)
    with pytest.raises(InputError, match="is refused"):
        unpack(tmp_path / "nul.tar", tmp_path / "root")


def test_a_target_that_cannot_be_made(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "data.zip", MEMBERS)
    (tmp_path / "gone").symlink_to(tmp_path / "unmounted")
    for target in (tmp_path / "gone", archive / "root"):
        with pytest.raises(InputError, match=r"cannot write .*--data-root"):
            unpack(archive, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.zip", "gone"]
