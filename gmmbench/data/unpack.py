"""Archives, unpacked whole or not at all, and never outside their folder."""

from __future__ import annotations

import errno
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gmmbench.atomic import complaining_of
from gmmbench.data.archives import leaves_its_folder
from gmmbench.errors import InputError

Progress = Callable[..., None]
"""Told (files unpacked, files in all, a few words)."""

Member = tuple[str, int, Callable[[], IO[bytes]]]
"""Name, bytes, and how to open it."""


def unpack(archive: Path, target: Path, progress: Progress | None = None) -> None:
    """Put what a zip or tar archive holds into the folder ``target``; another file is copied there as it is.

    All is written to a temporary folder beside ``target`` first and then moved by renaming: a folder that was
    not there appears whole, and into one that was there each new top folder comes whole. An error or Ctrl-C
    before that leaves nothing. Only files and folders are taken; ``__MACOSX`` is left out.

    Raises:
        InputError: a damaged or encrypted archive; a member that is a link or a device or would lie outside
            ``target``; no room; a file where a folder has to be; a folder that cannot be written.
    """
    with complaining_of(target, " with --data-root"):
        _unpack(archive, target, progress)


def _unpack(archive: Path, target: Path, progress: Progress | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{archive.name}.", dir=_at(target)) as temporary:
        draft = Path(temporary) / "content"  # its mode is the person's umask's, other than that of its parent
        draft.mkdir()
        with _complaining_of(archive), _opened(archive) as members:
            free = shutil.disk_usage(temporary).free
            total = sum(size for _, size, _ in members)
            if total > free:
                raise InputError(
                    f"no space left to unpack {archive}: {total / 1e9:.2f} GB to write and {free / 1e9:.2f} GB free;"
                    " free some and run again"
                )
            for done, (name, _, read) in enumerate(members, start=1):
                file = draft / name
                file.parent.mkdir(parents=True, exist_ok=True)
                with read() as source, open(file, "xb") as out:
                    shutil.copyfileobj(source, out, 1 << 20)
                if progress is not None:
                    progress(done, len(members))
        _move(draft, target)


def _at(target: Path) -> Path:
    """Where the temporary folder may lie so that moving is renaming: on the file system of ``target``."""
    return target if target.is_dir() else target.parent


@contextmanager
def _opened(archive: Path) -> Iterator[list[Member]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            yield list(_zip_members(packed, archive))
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as packed_tar:
            members = list(_tar_members(packed_tar, archive))
            while packed_tar.fileobj is not None and packed_tar.fileobj.read(1 << 20):
                pass  # a compressed stream has its checksum behind the last member, where tarfile does not look
            yield members
    elif archive.name.lower().endswith((".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz")):
        raise InputError(f"{archive} is no whole archive; delete it and run again")
    else:
        yield [(archive.name, archive.stat().st_size, lambda: archive.open("rb"))]


def _zip_members(packed: zipfile.ZipFile, archive: Path) -> Iterator[Member]:
    for info in packed.infolist():
        if stat.S_ISLNK(info.external_attr >> 16):
            raise _refused(archive, info.filename, "a link")
        if not info.is_dir() and _wanted(archive, info.filename):
            yield info.filename, info.file_size, lambda info=info: packed.open(info)  # type: ignore[misc]


def _tar_members(packed: tarfile.TarFile, archive: Path) -> Iterator[Member]:
    for info in packed.getmembers():
        if not (info.isfile() or info.isdir()):
            raise _refused(archive, info.name, "a link or a device")
        if not info.isdir() and _wanted(archive, info.name):
            yield info.name, info.size, lambda info=info: packed.extractfile(info)  # type: ignore[misc]


def _wanted(archive: Path, name: str) -> bool:
    if leaves_its_folder(name):
        raise _refused(archive, name, "outside the folder that it is unpacked to")
    return not name.startswith("__MACOSX/")


def _refused(archive: Path, name: str, why: str) -> InputError:
    return InputError(f"{archive} is refused: its member '{name}' is {why}; is this the publisher's file?")


@contextmanager
def _complaining_of(archive: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise InputError(f"{archive} is no whole archive ({error}); delete it and run again") from error
    except FileExistsError as error:
        raise InputError(f"{archive} holds {Path(error.filename).name} twice; is this the publisher's file?") from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile's, of a password and of rare compressions
        raise InputError(f"{archive} cannot be unpacked ({error}); unpack it by hand") from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # bz2's of its data, and of a place beyond all files
            raise
        raise InputError(f"{archive} is no whole archive ({error}); delete it and run again") from error


def _move(draft: Path, target: Path) -> None:
    """Rename ``draft`` to ``target``; where that is a folder already, do so with what is in it."""
    if not target.exists():
        os.rename(draft, target)
    elif target.is_dir() and draft.is_dir():
        for entry in sorted(draft.iterdir()):
            _move(entry, target / entry.name)
    elif target.is_dir() or draft.is_dir():
        raise InputError(f"{target} is in the way of what was unpacked; move it away and run again")
    else:
        os.replace(draft, target)
