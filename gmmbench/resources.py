"""Where the files lie that are no code: configs, data-set cards, and what is kept between runs."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    """``name`` inside an installed package, or at the top of the checkout where it is edited."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


CONFIGS = _folder("configs")
CARDS = _folder("datasets")


def cache_folder() -> Path:
    """The variable GMMBENCH_CACHE, or ``gmmbench`` in the user's cache folder. Whatever lies there may be deleted."""
    named = os.environ.get("GMMBENCH_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gmmbench"
