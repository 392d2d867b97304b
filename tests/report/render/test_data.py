"""CSV read back by pandas, JSON by the standard library: every number bit by bit."""

from __future__ import annotations

import io
import json
import math
import struct
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmmbench.report.blocks import (
    Bullets,
    Code,
    Column,
    Figure,
    Fold,
    Form,
    Layer,
    Link,
    Mark,
    Number,
    Paragraph,
    Report,
    Section,
    Shot,
    Strong,
    Table,
    Viewer,
    tables,
)
from gmmbench.report.render.data import NUMBER_COLUMNS, SCHEMA, to_csv, to_json
from gmmbench.report.text import one_line

MODEL, AP, IMAGES = Column("model", "Model"), Column("AP", "AP", numeric=True), Column("images", "Images", numeric=True)
FACTS: dict[str, object] = {"n": [math.nan, np.float32(0.5)], "versions": {"a": 1}}
numbers = st.builds(
    Number,
    st.floats(),
    st.sampled_from(Form),
    st.none() | st.floats(),
    st.none() | st.floats(),
    st.none() | st.floats(min_value=0),
    st.integers(1, 9),
    st.sampled_from(Mark),
)


def table(*rows: tuple[object, ...], columns: tuple[Column, ...] = (MODEL, AP, IMAGES)) -> Table:
    return Table("t", "T", columns, rows)  # type: ignore[arg-type]


def pandas_version() -> tuple[int, ...]:
    return tuple(map(int, pd.__version__.split(".")[:2]))


def loaded(text: str) -> pd.DataFrame:
    """As the docstring of ``to_csv`` advises."""
    exact = {} if pandas_version() >= (3, 1) else {"float_precision": "round_trip"}
    missing = {"value": ["", "nan"], "low": [""], "high": [""], "sd": [""]}
    return pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=missing, **exact)


def same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return (math.isnan(one) and math.isnan(other)) or struct.pack("d", one) == struct.pack("d", other)


def test_csv_by_hand() -> None:
    best = Number(0.1 + 0.2, low=0.25, high=0.5, spread=0.01, seeds=3, mark=Mark.BEST)
    text = to_csv(
        table(
            (Strong("density"), None, None),
            (("gmm ", Code("x")), best, Number(np.float64(117), Form.COUNT)),
            ("soft", Number(math.nan), None),
            ("theirs", Number(-0.081, Form.POINTS, printed="-8.1"), "not said"),
        )
    )
    assert text.splitlines() == [
        "model,metric,value,low,high,sd,seeds,unit,mark,printed",
        "gmm x,AP,0.30000000000000004,0.25,0.5,0.01,3,fraction,best,",
        "gmm x,images,117.0,,,,1,count,,",
        "soft,AP,nan,,,,1,fraction,,",
        "theirs,AP,-0.081,,,,1,difference of fractions,,-8.1",
        "theirs,images,,,,,,,,not said",
    ]


def test_a_table_of_texts_is_written_as_it_is() -> None:
    text = to_csv(table(("AP", None, "a, b"), columns=(MODEL, Column("empty", "E"), Column("what", "W"))))
    assert text == 'model,empty,what\nAP,,"a, b"\n'


def test_a_text_column_gives_way_to_ours() -> None:
    columns = (Column("metric", "Metric"), Column("value", "Value", numeric=True))
    frame = loaded(to_csv(table(("AP", Number(0.5)), columns=columns)))
    assert frame[["metric_", "metric", "value"]].values.tolist() == [["AP", "value", 0.5]]


@settings(deadline=None, max_examples=50)
@given(st.lists(numbers, min_size=1, max_size=5))
def test_pandas_reads_every_number_bit_by_bit(found: list[Number]) -> None:
    frame = loaded(to_csv(table(*((f"m{place}", number, None) for place, number in enumerate(found)))))
    assert list(frame["model"]) == [f"m{place}" for place in range(len(found))]
    for number, (_, row) in zip(found, frame.iterrows(), strict=True):
        assert same(float(row["value"]), number.value)
        for end, value in (("low", number.low), ("high", number.high), ("sd", number.spread)):
            assert same(float(row[end]), math.nan if value is None else value)
        assert (row["seeds"], row["mark"]) == (number.seeds, number.mark.value)


def test_hostile_names_come_back_and_run_nothing(names: list[str]) -> None:
    rows = [(name, Number(place / 10, printed=name), None) for place, name in enumerate(names)]
    frame = loaded(to_csv(table(*rows)))
    assert list(frame.columns) == ["model", *NUMBER_COLUMNS]
    for column in ("model", "printed"):
        for name, cell in zip(names, frame[column], strict=True):
            assert cell.removeprefix("'") == one_line(name)
            assert cell[:1] not in ("=", "+", "-", "@")
    texts = pd.read_csv(io.StringIO(to_csv(table(*((name, name) for name in names), columns=(MODEL, MODEL)))), header=0)
    assert len(texts) == len(names)


@pytest.mark.parametrize("numeral", ["-8.1", "+3", "-1,234.5"])
def test_a_numeral_keeps_its_sign(numeral: str) -> None:
    assert to_csv(table((numeral, None, None))).splitlines()[1].strip('",') == numeral


def whole(names: list[str], found: list[Number]) -> Report:
    """A report with a block of every kind."""
    shown = table(*((name, number, None) for name, number in zip(names * len(found), found, strict=False)))
    page = Figure("f", ("a.png", "a.svg"), "alt", "caption")
    viewer = Viewer("v", "V", (Shot("s", (Layer("image", "a.jpg"),)),), "caption", page)
    inner = Section("in", "Inner", (Fold("more", (shown, viewer)), Bullets(("a", (Code("b"), Link("c", "#in"))))))
    outer = Section("out", names[0], (Paragraph("careful", warning=True), page, inner))
    return Report(
        names[-1], (names[0], Strong("x")), (outer,), {"n": [math.nan, np.float32(0.5)], "versions": {"a": 1}}
    )


def numbers_in(record: Any) -> list[dict[str, Any]]:
    if isinstance(record, dict):
        here = [record] if record.get("type") == "number" else []
        return here + [found for value in record.values() for found in numbers_in(value)]
    return [found for item in record for found in numbers_in(item)] if isinstance(record, list) else []


def refuse(constant: str) -> float:
    raise AssertionError(f"{constant} is not JSON")


def measured(value: float | str | None, *, optional: bool) -> float | None:
    """What a field of JSON stands for; null is no end of an interval, but a value of NaN."""
    return (None if optional else math.nan) if value is None else float(value)


@settings(deadline=None, max_examples=50)
@given(st.lists(numbers, max_size=6))
def test_json_has_every_number_bit_by_bit(found: list[Number]) -> None:
    record = json.loads(to_json(whole(["a"], found)), parse_constant=refuse)
    read = numbers_in(record)
    assert len(read) == len(found)
    for number, other in zip(found, read, strict=True):
        assert same(measured(other["value"], optional=False), number.value)
        for field, value in (("low", number.low), ("high", number.high), ("spread", number.spread)):
            # An end of NaN is as good as none.
            wanted = None if value is not None and math.isnan(value) else value
            assert same(measured(other[field], optional=True), wanted)
        assert (other["form"], other["mark"], other["seeds"]) == (number.form.value, number.mark.value, number.seeds)


def test_json_has_every_block_and_every_letter(names: list[str]) -> None:
    report = whole(names, [Number(0.1)] * len(names))
    text = to_json(report)
    assert text.isascii()
    record = json.loads(text, parse_constant=refuse)
    assert record["schema"] == SCHEMA
    assert record["title"] == names[-1]
    assert record["lead"] == [names[0], {"type": "strong", "text": "x"}]
    assert record["facts"] == {"n": [None, 0.5], "versions": {"a": 1}}
    [outer] = record["sections"]
    assert [block["type"] for block in outer["blocks"]] == ["paragraph", "figure", "section"]
    fold, bullets = outer["blocks"][2]["blocks"]
    assert bullets["items"] == ["a", [{"type": "code", "text": "b"}, {"type": "link", "text": "c", "url": "#in"}]]
    assert [block["type"] for block in fold["blocks"]] == ["table", "viewer"]
    [shown] = tables(report)
    assert [row[0] for row in fold["blocks"][0]["rows"]] == [row[0] for row in shown.rows] == names
    assert fold["blocks"][0]["rows"][0][2] is None
    assert fold["blocks"][1]["shots"][0]["layers"] == [{"type": "layer", "title": "image", "file": "a.jpg"}]
