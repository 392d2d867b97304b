"""Arrays on disk, written whole or not at all, read with suspicion."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.atomic import atomic_file
from gmmbench.errors import InputError

Arrays = Mapping[str, NDArray[Any]]

DAMAGE = (ValueError, TypeError, KeyError, RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
"""What numpy and zipfile raise on an ``.npz`` that is none, or not whole."""


_EPOCH = (1980, 1, 1, 0, 0, 0)  # of zip: the same arrays make the same bytes at any time of day
_FASTEST = 1  # of zlib's levels: numpy's own is 6, which takes four times as long for a tenth less


def save_arrays(path: Path, arrays: Arrays) -> None:
    """Write an ``.npz``."""
    with atomic_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            write_member(archive, name, np.asarray(array))


def write_member(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    """Append an array to an ``.npz`` that is being written."""
    about = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
    about.compress_type = zipfile.ZIP_DEFLATED
    content = io.BytesIO()
    np.lib.format.write_array(content, array, allow_pickle=False)
    # Of a member that a ZipInfo describes, the level is read here and not of the archive.
    archive.writestr(about, content.getvalue(), compresslevel=_FASTEST)


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an ``.npz``. Raises InputError where it is missing or damaged."""
    try:
        # Opened here, because np.load leaves a file open that turns out to be no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError as error:
        raise InputError(f"missing {path}; evaluate again with the same --out") from error
    except DAMAGE as error:
        raise InputError(f"{path} is damaged ({error}); evaluate again with the same --out") from error
