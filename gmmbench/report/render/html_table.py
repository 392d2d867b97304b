"""Tables as HTML: one light element a cell, whatever the reader may ask for in its attributes."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from markupsafe import Markup

from gmmbench.report.blocks import Cell, Column, Mark, Number, Table, Words
from gmmbench.report.render import numbers
from gmmbench.report.render.html_words import flat, words_html
from gmmbench.report.render.legend import Sign, signs
from gmmbench.report.text import MISSING

SYMBOLS = {Mark.BEST: "★", Mark.NEAR: "≈"}
"""Beside a marked number, so that it is not told by weight or colour alone."""

_SIGNS = {
    Sign.PERCENT: "",
    Sign.POINTS: "",
    Sign.HIGHER: numbers.ARROWS["higher"],
    Sign.LOWER: numbers.ARROWS["lower"],
    Sign.BEST: SYMBOLS[Mark.BEST],
    Sign.NEAR: SYMBOLS[Mark.NEAR],
    Sign.SPREAD: "±",
    Sign.INTERVAL: "[ ]",
    Sign.UNDEFINED: MISSING,
}
AT_TABLES = (Sign.BEST, Sign.NEAR, Sign.SPREAD, Sign.INTERVAL)
"""Told under each table that has them; the others once, at the top of the page."""

_JOINT = re.compile(r"(_|(?<!<)/(?=\w))")  # not the slash of an end tag

_SEARCHABLE = 6  # rows; what is shorter is seen at a glance
_TALL = 30  # rows; a longer table scrolls in a box of its own, under its heading
_LONG, _MIDDLE = 32, 14  # letters; longer cells wrap where room is short, the longest first
_MARKED = {mark: Markup(f"{{}}<i>{sign}</i>") for mark, sign in SYMBOLS.items()}
_MARKED[Mark.BEST] = Markup(f"<b>{{}}</b><i>{SYMBOLS[Mark.BEST]}</i>")


@dataclass(frozen=True)
class Choice:
    """A column to filter by: its place, its name and its texts in the order in which they come."""

    place: int
    title: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class TableView:
    """A table as the template wants it.

    Attributes:
        heads: the cells of the heading row.
        rows: all rows, without the end tags that HTML does without.
        legend: what the signs in the cells mean, of those that are there.
    """

    table: Table
    heads: tuple[Markup, ...]
    rows: tuple[Markup, ...]
    searchable: bool
    tall: bool
    choices: tuple[Choice, ...]
    legend: tuple[str, ...]


def view(table: Table, anchors: Collection[str]) -> TableView:
    """``table`` laid out; ``anchors`` are the sections that links in its cells may lead to."""
    return TableView(
        table,
        heads=tuple(_head(column) for column in table.columns),
        rows=tuple(_row(row, table.columns, anchors) for row in table.rows),
        searchable=len(table.rows) > _SEARCHABLE,
        tall=len(table.rows) > _TALL,
        choices=_choices(table),
        legend=legend(sign for sign in signs([table]) if sign in AT_TABLES),
    )


def _head(column: Column) -> Markup:
    """A heading that is a button; its first press puts the best, the largest or the first letter on top."""
    better = numbers.arrow(column)
    tip = " ".join(part for part in (flat(column.help), f"({numbers.ARROW_WORDS[better]})" if better else "") if part)
    descending = column.numeric and column.better != "lower"
    return Markup('<th scope="col"{}{}><button type="button"{}>{}{}</button></th>').format(
        Markup(' class="n"' if column.numeric else ""),
        Markup(' data-first="descending"' if descending else ""),
        Markup(' title="{}"').format(tip) if tip else "",
        flat(column.title) or column.key,
        Markup("&nbsp;{}").format(better) if better else "",
    )


def _row(row: tuple[Cell, ...], columns: tuple[Column, ...], anchors: Collection[str]) -> Markup:
    cells = [
        _number(cell, column) if isinstance(cell, Number) else _words(cell, column, anchors, first=not place)
        for place, (cell, column) in enumerate(zip(row, columns, strict=True))
    ]
    return Markup("<tr>") + Markup("").join(cells)


def _number(number: Number, column: Column) -> Markup:
    """A number with its full value to sort by, undefined ones without, and its interval for those who ask."""
    deviation, interval = numbers.spread(number), numbers.interval(number)
    text = f"{numbers.shown(number)} ± {deviation}" if deviation else numbers.shown(number)
    about = [f"95 % interval {interval}"] if interval else []
    if number.seeds > 1:
        about.append(f"mean of {number.seeds} seeds")
    return Markup('<td{} data-value="{}"{}>{}').format(
        Markup("" if column.numeric else ' class="l"'),
        _exact(number.value),
        Markup(' title="{}"').format(", ".join(about)) if about else "",
        _MARKED[number.mark].format(text) if number.mark in _MARKED else text,
    )


def _words(cell: Words | None, column: Column, anchors: Collection[str], *, first: bool) -> Markup:
    """Text; in the first column it heads its row."""
    words = () if cell is None else cell
    length = len(flat(words))
    width = "w" if length > _LONG else "m" if length > _MIDDLE else ""
    classes = [name for name in ("n" if column.numeric else "", width) if name]
    return Markup("<{}{}>{}").format(
        Markup('th scope="row"' if first and cell is not None else "td"),
        Markup(' class="{}"').format(" ".join(classes)) if classes else "",
        _breakable(words_html(words, anchors)) if width else words_html(words, anchors),
    )


def _breakable(text: Markup) -> Markup:
    """A name or path that may break behind its underscores and slashes; one with an address in it stays as it is."""
    return text if "href" in text else Markup(_JOINT.sub(r"\1<wbr>", str(text)))


def _exact(value: float) -> str:
    """All digits, as JavaScript's ``Number`` reads them; "" for NaN."""
    if math.isnan(value):
        return ""
    return repr(float(value)) if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def _choices(table: Table) -> tuple[Choice, ...]:
    """The columns worth a list: those said to be, with more than one text."""
    found = []
    for place, column in enumerate(table.columns):
        if column.choices:
            cells = [row[place] for row in table.rows]
            texts = dict.fromkeys(flat(cell) for cell in cells if cell is not None and not isinstance(cell, Number))
            if len(texts) > 1:
                found.append(Choice(place, flat(column.title) or column.key, tuple(texts)))
    return tuple(found)


def legend(found: Iterable[Sign]) -> tuple[str, ...]:
    """What these signs say, each behind its sign."""
    return tuple(f"{_SIGNS[sign]} {sign.value}".strip() for sign in found)
