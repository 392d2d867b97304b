"""The tables of ``gmmbench data ls`` and ``gmmbench scores ls``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from gmmbench.data import CLOSED_SETS, DATASETS
from gmmbench.data.cards import card
from gmmbench.data.pairs import PairedSet
from gmmbench.errors import InputError
from gmmbench.scores import SCORES


def data_sets(root: Path) -> Table:
    """One line a data set: name, use, images found under ``root``, title."""
    table = Table("data set", "use", f"images under {escape(str(root))}", "what", box=None)
    for name, closed in CLOSED_SETS.items():
        splits = [_images(partial(closed.load, root, split)) for split in ("train", "val", "test")]
        table.add_row(name, "closed set", " / ".join(splits), card(name)["title"])
    for name, load in DATASETS.items():
        table.add_row(name, "OOD", _images(partial(load, root)), card(name)["title"])
    return table


def scores() -> Table:
    """One line a score: name, what it reads, formula."""
    table = Table("score", "reads", "formula (z logits, p = softmax z, d_c = log p(x | c))", box=None)
    for name, score in SCORES.items():
        table.add_row(name, score.needs, score.formula)
    return table


def _images(load: Callable[[], PairedSet]) -> str:
    try:
        return str(len(load()))
    except InputError:
        return "-"
