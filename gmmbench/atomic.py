"""Files that are either whole or not there."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from gmmbench.errors import InputError

_A_PERSON_CAN_MEND = {
    errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR,
    errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.EXDEV,
}  # fmt: skip


@contextmanager
def complaining_of(path: Path, option: str = " with --out") -> Iterator[None]:
    """Turn what keeps ``path`` from being written, where a person can mend it, into an InputError.

    Args:
        option: how to name another folder, where the command line has a way.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _A_PERSON_CAN_MEND:
            raise
        raise InputError(
            f"cannot write {path}: {os.strerror(error.errno)}; free space or name another folder{option}"
        ) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[Any]]:
    """Open ``path`` for binary writing; it appears, complete, when the block ends without an error.

    Until then the bytes lie in a temporary sibling, which an error or Ctrl-C removes. The parent
    folder is made where it is missing.

    Raises:
        InputError: the disk is full, the folder cannot be written, or a file or folder is in the way.
    """
    part = None
    try:
        with complaining_of(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
            with os.fdopen(handle, "wb") as file:
                yield file
            os.chmod(part, 0o666 & ~_umask())
            os.replace(part, path)
            part = None
    finally:
        if part is not None:
            with suppress(FileNotFoundError):
                os.unlink(part)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 with Unix line ends, whole or not at all."""
    with atomic_file(path) as file:
        file.write(text.encode())


def _umask() -> int:
    """The process's umask: ``mkstemp`` makes files private, results are meant to be shared."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
