"""The table of ``gmmbench scores ls``."""

from __future__ import annotations

from rich.table import Table

from gmmbench.scores.registry import SCORES


def listing() -> Table:
    """One line a score: name, what it reads, formula."""
    table = Table("score", "reads", "formula (z logits, p = softmax z, d_c = log p(x | c))", box=None)
    for name, score in SCORES.items():
        table.add_row(name, score.needs, score.formula)
    return table
