"""Where the files lie that are no code: configs and data-set cards."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    """``name`` inside an installed package, or at the top of the checkout where it is edited."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


CONFIGS = _folder("configs")
CARDS = _folder("datasets")
