"""A report for machines: a table as tidy CSV, the whole report as JSON, both at full precision."""

from __future__ import annotations

import csv
import enum
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from gmmbench.report.blocks import Cell, Form, Number, Report, Table, plain
from gmmbench.report.text import one_line

SCHEMA = 1
"""Of ``to_json``; another number where a field has changed its meaning or is gone."""

UNITS = {
    Form.PERCENT: "fraction",
    Form.POINTS: "difference of fractions",
    Form.COUNT: "count",
    Form.PLAIN: "",
}

NUMBER_COLUMNS = ("metric", "value", "low", "high", "sd", "seeds", "unit", "mark", "printed")
"""What a line of ``to_csv`` says of a number, behind the texts of its row."""

_FORMULA = re.compile(r"[=+\-@＝＋－＠]")
_NUMERAL = re.compile(r"[+-]?\d+([.,]\d+)*")


def to_csv(table: Table) -> str:
    """A table as tidy CSV: one line a number, first the texts of its row, then ``NUMBER_COLUMNS``.

    - ``metric`` is the key of the number's column, ``value`` the number itself, "nan" where it is undefined;
      ``low`` and ``high`` end its 95 % interval, ``sd`` is its deviation over ``seeds`` seeds, all in ``unit``
      ("fraction", "difference of fractions", "count" or ""), and empty where there is none.
    - ``mark`` is "best", "within noise of the best" or "". ``printed`` is what the source of a number printed, or
      words that stand where a number was wanted; ``value`` is empty beside such words.
    - Empty cells are left out, and so are rows without numbers. A table without any number is written as it is.
    - A text that a spreadsheet would run as a formula, because it starts with =, +, - or @, has a "'" in front.
      Line breaks and control characters are blanks. The JSON has the letters as they are.

    ``pandas.read_csv(path)`` reads the floats bit by bit, before pandas 3.1 with ``float_precision="round_trip"``;
    with ``keep_default_na=False, na_values={"value": ["", "nan"], "low": [""], "high": [""], "sd": [""]}`` a model
    that is called "None" or "nan" keeps its name.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    numeric = [place for place in range(len(table.columns)) if _holds_numbers(table, place)]
    if any(isinstance(cell, Number) for row in table.rows for cell in row):
        writer.writerows(_tidy(table, numeric))
    else:
        writer.writerow([_safe(column.key) for column in table.columns])
        writer.writerows([_words(cell) for cell in row] for row in table.rows)
    return file.getvalue()


def to_json(report: Report) -> str:
    """A whole report as strict JSON in ASCII, at full precision.

    It has "schema", "title", "lead", "facts" and "sections". A block is a mapping of its "type" ("section", "table",
    "number", ..., the classes of ``gmmbench.report.blocks``) and its fields; enumerations are their values, words a
    string, a mapping of type "code", "strong" or "link", or a list of these. As in results.jsonl an undefined number
    is null, and an infinite one "inf" or "-inf".
    """
    record = {"schema": SCHEMA, **{name: _plain(getattr(report, name)) for name in ("title", "lead", "facts")}}
    record["sections"] = [_plain(section) for section in report.sections]
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def _holds_numbers(table: Table, place: int) -> bool:
    return table.columns[place].numeric or any(isinstance(row[place], Number) for row in table.rows)


def _tidy(table: Table, numeric: Sequence[int]) -> Iterator[list[str]]:
    texts = [place for place in range(len(table.columns)) if place not in numeric]
    yield [*_id_names(table.columns[place].key for place in texts), *NUMBER_COLUMNS]
    for row in table.rows:
        ids = [_words(row[place]) for place in texts]
        for place in numeric:
            cell = row[place]
            if cell is not None:
                yield [*ids, _safe(table.columns[place].key), *_numbers(cell)]


def _id_names(keys: Iterable[str]) -> list[str]:
    """The keys of text columns, with "_" behind those that ``NUMBER_COLUMNS`` has taken."""
    return [f"{_safe(key)}_" if key in NUMBER_COLUMNS else _safe(key) for key in keys]


def _numbers(cell: Cell) -> list[str]:
    """The cells of ``NUMBER_COLUMNS`` behind "metric"."""
    if not isinstance(cell, Number):
        return ["", "", "", "", "", "", "", _words(cell)]
    measured = [_exact(value) for value in (cell.value, cell.low, cell.high, cell.spread)]
    return [*measured, str(cell.seeds), UNITS[cell.form], cell.mark.value, _safe(cell.printed or "")]


def _exact(value: float | None) -> str:
    # float() takes off what numpy writes around its own.
    return "" if value is None else repr(float(value))


def _words(cell: Cell) -> str:
    return "" if cell is None or isinstance(cell, Number) else _safe(plain(cell))


def _safe(text: str) -> str:
    """``text`` on one line, and nothing that a spreadsheet would run; a numeral is harmless with its sign."""
    line = one_line(text)
    return f"'{line}" if _FORMULA.match(line) and not _NUMERAL.fullmatch(line) else line


def _plain(thing: Any) -> Any:
    """What ``json`` can write of ``thing``."""
    if thing is None or isinstance(thing, (bool, str)):
        return thing
    if isinstance(thing, enum.Enum):
        return thing.value
    if isinstance(thing, int):
        return int(thing)
    if isinstance(thing, float):
        return _strict(float(thing))
    if is_dataclass(thing) and not isinstance(thing, type):
        record = {field.name: _plain(getattr(thing, field.name)) for field in fields(thing)}
        return {"type": type(thing).__name__.lower(), **record}
    if isinstance(thing, Mapping):
        return {str(key): _plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_plain(item) for item in thing]
    if hasattr(thing, "tolist"):  # an array or a number of numpy
        return _plain(thing.tolist())
    return str(thing)


def _strict(value: float) -> float | str | None:
    """JSON knows neither NaN nor infinity."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)
