"""Which rows of an OOD table get a curve or a heat map: rules, so that nobody picks by eye."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from gmmbench.report.families import FAMILIES
from gmmbench.report.models import Model

MOST_LINES = 6
ENOUGH_LINES = 3
MOST_MAPS = 4
RANKING = "AP"


@dataclass(frozen=True, eq=False)
class Choice:
    """A score of a model, as a row of the OOD table of a data set.

    Attributes:
        rank: its AP, of several seeds their mean; NaN where it is undefined.
    """

    model: Model
    dataset: str
    score: str
    family: str
    rank: float

    @property
    def label(self) -> str:
        """As running words name it."""
        return f"{self.score} of {self.model.label}"


def rows_of(models: Sequence[Model], dataset: str) -> list[Choice]:
    """All rows of the data set's table: density before logits, inside a family models and scores in their order."""
    found = [
        Choice(model, dataset, score, family, _rank(model, dataset, score))
        for model in models
        for score, family in model.scores.get(dataset, {}).items()
    ]
    families = [*FAMILIES, *dict.fromkeys(row.family for row in found if row.family not in FAMILIES)]
    return sorted(found, key=lambda row: families.index(row.family))


def by_rank(rows: Sequence[Choice]) -> list[Choice]:
    """From the best AP down; undefined last, ties in the table's order."""
    return sorted(rows, key=lambda row: math.inf if math.isnan(row.rank) else -row.rank)


def for_curves(rows: Sequence[Choice]) -> list[Choice]:
    """At most ``MOST_LINES`` rows: of each model its density rows and its best other row.

    Where that is fewer than ``ENOUGH_LINES``, the next best rows fill up; where it is too many, each
    model keeps its best ones. In the order of the table.
    """
    ranked = by_rank(rows)
    queues = []
    for label in dict.fromkeys(row.model.label for row in rows):
        mine = [row for row in ranked if row.model.label == label]
        density = [row for row in mine if row.family == "density"]
        others = [row for row in mine if row.family != "density"]
        # The best density row, then the best rival, then the other density rows.
        queues.append([*density[:1], *others[:1], *density[1:]])
    chosen = _take_turns(queues, ranked)[:MOST_LINES]
    chosen += [row for row in ranked if row not in chosen][: max(0, ENOUGH_LINES - len(chosen))]
    return [row for row in rows if row in chosen]


def for_heat_maps(rows: Sequence[Choice], most: int = 2) -> list[Choice]:
    """The first density row of the table and the best logits row by AP, of any model; then others up to ``most``.

    The others are the best row of each model not there yet, then the best rows of what is left.
    """
    ranked = by_rank(rows)
    chosen = [row for row in rows if row.family == "density"][:1]
    chosen += [row for row in ranked if row.family == "logits"][: 1 if chosen else 2]
    shown = {row.model.label for row in chosen}
    if len(chosen) >= 2:  # with fewer, a family is not there, and the best rows stand in
        for row in ranked:
            if row.model.label not in shown:
                shown.add(row.model.label)
                chosen.append(row)
    chosen += [row for row in ranked if row not in chosen]
    return chosen[:most]


def _rank(model: Model, dataset: str, score: str) -> float:
    values = [row.value for row in model.of(dataset, score, RANKING)]
    return statistics.fmean(values) if values else math.nan


def _take_turns(queues: Sequence[Sequence[Choice]], ranked: Sequence[Choice]) -> list[Choice]:
    """First of each queue, then second of each, and so on; inside a turn the better one first."""
    longest = max((len(queue) for queue in queues), default=0)
    turns = [[queue[turn] for queue in queues if turn < len(queue)] for turn in range(longest)]
    return [row for turn in turns for row in sorted(turn, key=ranked.index)]
