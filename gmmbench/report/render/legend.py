"""Which signs the numbers of some tables carry, and what each says: a legend explains what occurs, and nothing else."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable

from gmmbench.report.blocks import Form, Mark, Number, Table
from gmmbench.report.render import numbers


class Sign(enum.Enum):
    """What may stand at a number or a heading; the value says what it means."""

    PERCENT = "fractions are in percent, without the sign"
    POINTS = "numbers with + or − are differences in percentage points"
    HIGHER = "higher is better"
    LOWER = "lower is better"
    BEST = "best"
    NEAR = "within noise of the best (the paired 95 % interval of the difference holds 0)"
    SPREAD = "standard deviation over seeds"
    INTERVAL = "95 % interval over images"
    UNDEFINED = "undefined or not measured"


def signs(tables: Iterable[Table]) -> list[Sign]:
    """The signs that occur in ``tables``, in the order above."""
    found: set[Sign] = set()
    for table in tables:
        if not table.rows:
            continue
        found |= {Sign.HIGHER for column in table.columns if column.better == "higher"}
        found |= {Sign.LOWER for column in table.columns if column.better == "lower"}
        for number in numbers_of(table):
            found |= _signs(number)
    return [sign for sign in Sign if sign in found]


def numbers_of(table: Table) -> list[Number]:
    """All numbers of a table, row by row."""
    return [cell for row in table.rows for cell in row if isinstance(cell, Number)]


def _signs(number: Number) -> set[Sign]:
    if not number.printed and math.isnan(number.value):
        return {Sign.UNDEFINED}
    facts = {
        Sign.PERCENT: number.form is Form.PERCENT,
        Sign.POINTS: number.form is Form.POINTS,
        Sign.BEST: number.mark is Mark.BEST,
        Sign.NEAR: number.mark is Mark.NEAR,
        Sign.SPREAD: bool(numbers.spread(number)),
        Sign.INTERVAL: bool(numbers.interval(number)),
    }
    return {sign for sign, holds in facts.items() if holds}
