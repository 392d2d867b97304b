"""The table of ``gmmbench data ls``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from gmmbench.data.cards import card
from gmmbench.data.pairs import PairedSet
from gmmbench.data.registry import CLOSED_SETS, DATASETS
from gmmbench.errors import InputError


def listing(root: Path) -> Table:
    """One line a data set: name, use, images found under ``root``, title."""
    table = Table("data set", "use", f"images under {escape(str(root))}", "what", box=None)
    for name, closed in CLOSED_SETS.items():
        splits = [_images(partial(closed.load, root, split)) for split in ("train", "val", "test")]
        table.add_row(name, "closed set", " / ".join(splits), card(name)["title"])
    for name, load in DATASETS.items():
        table.add_row(name, "OOD", _images(partial(load, root)), card(name)["title"])
    return table


def _images(load: Callable[[], PairedSet]) -> str:
    try:
        return str(len(load()))
    except InputError:
        return "-"
