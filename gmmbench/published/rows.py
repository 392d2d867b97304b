"""Rows of others' tables, read from ``tables/*.yaml``: one file a source, how to write one is in docs/published.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from gmmbench.errors import InputError, unknown_name
from gmmbench.metrics import CONFUSION_READINGS, READINGS
from gmmbench.metrics.components import COMPONENT_READINGS

MARK = "published, not re-run"
"""Stands beside every number of others."""

TABLES = Path(__file__).parent / "tables"

# Of a score's own scale ("F1 threshold") nothing can be compared.
METRICS = tuple(
    name
    for registry in (READINGS, COMPONENT_READINGS, CONFUSION_READINGS)
    for name, reading in registry.items()
    if reading.unit == "share"
)

DIGITS_TO_PERCENT = {"percent": 0, "fraction": 2}
"""The units that a file may be printed in: how far the point moves to make percent of them."""

_OF_FILE = {"source": True, "url": False, "protocol": True, "unit": True, "rows": True}
_OF_ROW = {"dataset": True, "method": True, "note": False, "url": False, "protocol": False, "values": True}
"""Keys, and whether they must be there."""


@dataclass(frozen=True)
class Published:
    """What somebody published of one method on one data set.

    Attributes:
        dataset: registry name of the data set; where there is none for a split, the nearest name with "_test".
        method: as printed in the source.
        values: fractions of one, by the names of ``READINGS``, ``COMPONENT_READINGS`` and ``CONFUSION_READINGS``;
            what the source does not give is absent.
        printed: the same numbers in percent, with the digits of the source; its leading zeros are kept.
        source: who published it and where: authors, venue, table; or the leaderboard with its date.
        url: where to read it; ``None`` where there is no address.
        protocol: what is known of how it was measured, and where a definition is not ours.
        note: backbone, training data, OOD data in training, marks of doubt; may be empty.
    """

    dataset: str
    method: str
    values: Mapping[str, float]
    printed: Mapping[str, str]
    source: str
    url: str | None
    protocol: str
    note: str


def published(dataset: str | None = None, *, tables: Path = TABLES) -> tuple[Published, ...]:
    """All published rows, or those of ``dataset``, in the order of the files; none of an unknown data set.

    Args:
        tables: a folder of YAML files of the same form.

    Raises:
        InputError: a file that cannot be read, lacks a key, has an unknown one, names an unknown metric, or holds a
            number that is none, is not quoted (its last zeros would be lost) or does not lie in 0..100 %.
    """
    rows = _all(tables)
    return rows if dataset is None else tuple(row for row in rows if row.dataset == dataset)


@cache
def _all(tables: Path) -> tuple[Published, ...]:
    files = sorted(tables.glob("*.yaml"))
    if not files:
        raise InputError(f"no tables of published numbers in {tables}; wanted *.yaml files; install gmmbench again")
    return tuple(row for file in files for row in _rows(file))


def _rows(file: Path) -> Iterator[Published]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file} cannot be read as YAML ({reason}); mend it or install gmmbench again") from error
    head = _checked(content, _OF_FILE, str(file))
    if not isinstance(head["rows"], list) or not head["rows"]:
        raise InputError(f"{file}: 'rows' holds no list of rows; wanted at least one")
    if head["unit"] not in DIGITS_TO_PERCENT:
        raise InputError(f"{file}: unit is {head['unit']!r}; wanted one of {', '.join(DIGITS_TO_PERCENT)}")
    seen: set[tuple[object, ...]] = set()
    for number, record in enumerate(head["rows"], start=1):
        row = _row(head, _checked(record, _OF_ROW, f"{file}, row {number}"), f"{file}, row {number}")
        # The same number may be printed twice; the same row need not be.
        identity = (row.dataset, row.method, row.note, row.protocol, *row.values)
        if identity in seen:
            raise InputError(f"{file}, row {number}: {row.method} on {row.dataset} stands here twice; remove one")
        seen.add(identity)
        yield row


def _row(head: Mapping[str, Any], record: Mapping[str, Any], where: str) -> Published:
    """One row; what it says of its own protocol comes after the file's, its own address instead of the file's."""
    if not isinstance(record["values"], dict) or not record["values"]:
        raise InputError(f"{where}: 'values' holds no numbers by metric; wanted at least one")
    printed = {
        metric: _percent(metric, value, DIGITS_TO_PERCENT[head["unit"]], where)
        for metric, value in record["values"].items()
    }
    return Published(
        dataset=record["dataset"],
        method=record["method"],
        values=MappingProxyType({metric: float(Decimal(text).scaleb(-2)) for metric, text in printed.items()}),
        printed=MappingProxyType(printed),
        source=head["source"],
        url=record.get("url", head.get("url")),
        protocol=" ".join(part for part in (head["protocol"], record.get("protocol")) if part),
        note=record.get("note", ""),
    )


def _percent(metric: object, text: object, digits: int, where: str) -> str:
    """The digits of ``text`` with its point moved ``digits`` to the right; nothing is rounded."""
    if metric not in METRICS:
        named = unknown_name("metric", str(metric), METRICS)
        raise InputError(f"{where}: {named}")
    if not isinstance(text, str):
        raise InputError(f"{where}: {metric} is {text!r}, not quoted; write it as it is printed, in quotes")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise InputError(
            f"{where}: {metric} is {text!r}; wanted a number as printed; leave out what is unknown"
        ) from error
    percent = number.scaleb(digits) if number.is_finite() else number
    if not (number.is_finite() and 0 <= percent <= 100):
        unit = "0 to 1" if digits else "0 to 100"
        raise InputError(f"{where}: {metric} is {text}; wanted {unit}, which the file's 'unit' says")
    # With no move the text stays as it is: "09.05" and ".72" too.
    return f"{percent:f}" if digits else text


def _checked(content: object, keys: Mapping[str, bool], where: str) -> dict[str, Any]:
    """``content`` as a mapping with these keys, texts where texts are wanted."""
    if not isinstance(content, dict):
        raise InputError(f"{where} is no mapping of keys to values; wanted {', '.join(keys)}")
    for name in content:
        if name not in keys:
            raise InputError(f"{where}: {unknown_name('key', str(name), keys)}")
    for name, needed in keys.items():
        if needed and name not in content:
            raise InputError(f"{where} has no '{name}'; wanted {', '.join(key for key in keys if keys[key])}")
        if (
            name in content
            and name not in ("rows", "values")
            and not (isinstance(content[name], str) and content[name])
        ):
            raise InputError(f"{where}: '{name}' is {content[name]!r}; wanted a text")
    return content
