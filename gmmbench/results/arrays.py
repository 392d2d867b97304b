"""Arrays on disk, written whole or not at all, read with suspicion."""

from __future__ import annotations

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


def save_arrays(path: Path, arrays: Arrays) -> None:
    """Write an ``.npz``."""
    with atomic_file(path) as file:
        np.savez_compressed(file, **dict[str, Any](arrays))


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
