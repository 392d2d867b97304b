"""Which rows of an OOD table get a curve or a heat map: rules, so that nobody picks by eye."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

MOST_LINES = 6
ENOUGH_LINES = 3
RANKING = "AP"


def by_rank(ood: pd.DataFrame) -> pd.DataFrame:
    """``ood`` from the best AP down; undefined last, ties in the table's order. The index is kept."""
    if RANKING not in ood:
        return ood
    return ood.sort_values(RANKING, ascending=False, kind="stable", na_position="last")


def for_curves(ood: pd.DataFrame) -> pd.DataFrame:
    """At most ``MOST_LINES`` rows: of each run its density rows and its best other row.

    Where that is fewer than ``ENOUGH_LINES``, the next best rows fill up; where it is too many, each
    run keeps its best ones. In the order of the table.
    """
    ranked = by_rank(ood)
    queues: list[list[int]] = []
    for run in ood["run"].unique():
        mine = ranked[ranked["run"] == run]
        density = mine[mine["family"] == "density"]
        others = mine[mine["family"] != "density"]
        # The best density row, then the best rival, then the other density rows.
        queues.append([*density.index[:1], *others.index[:1], *density.index[1:]])
    chosen = _take_turns(queues, list(ranked.index))[:MOST_LINES]
    chosen += [index for index in ranked.index if index not in chosen][: max(0, ENOUGH_LINES - len(chosen))]
    return ood.loc[sorted(chosen)]


def for_heat_maps(ood: pd.DataFrame) -> pd.DataFrame:
    """Two rows: the first density row of the table and the best logits row by AP, of any run.

    Where a family is not there, the best rows of what is there.
    """
    ranked = by_rank(ood)
    density = list(ood.index[ood["family"] == "density"][:1])
    logits = list(ranked.index[ranked["family"] == "logits"][: 1 if density else 2])
    chosen = [*density, *logits]
    chosen += [index for index in ranked.index if index not in chosen][: 2 - len(chosen)]
    return ood.loc[chosen]


def _take_turns(queues: Sequence[Sequence[int]], ranking: list[int]) -> list[int]:
    """First of each queue, then second of each, and so on; inside a turn the better one first."""
    longest = max((len(queue) for queue in queues), default=0)
    turns = [[queue[turn] for queue in queues if turn < len(queue)] for turn in range(longest)]
    return [index for turn in turns for index in sorted(turn, key=ranking.index)]
