"""Rounding, signs, spreads and intervals, by hand."""

from __future__ import annotations

import math

import pytest

from gmmbench.report.blocks import Column, Form, Mark, Number, Table
from gmmbench.report.render.legend import Sign, signs
from gmmbench.report.render.numbers import arrow, full, interval, shown, spread


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.94425, Form.PERCENT, "94.42"),
        (1.0, Form.PERCENT, "100.00"),
        (-0.05, Form.PERCENT, "−5.00"),
        (0.081, Form.POINTS, "+8.10"),
        (-0.081, Form.POINTS, "−8.10"),
        (18_566_747.0, Form.COUNT, "18,566,747"),
        (12.5, Form.COUNT, "12.5"),
        (0.0123456, Form.PLAIN, "0.01235"),
        (-12.3456, Form.PLAIN, "−12.35"),
        (12345.6, Form.PLAIN, "12,346"),
        (7.0, Form.PLAIN, "7"),
        (1e300, Form.PLAIN, "1e+300"),
    ],
)
def test_rounding_by_hand(value: float, form: Form, text: str) -> None:
    assert shown(Number(value, form)) == text


@pytest.mark.parametrize("form", [Form.PERCENT, Form.POINTS, Form.COUNT])
@pytest.mark.parametrize("value", [0.0, -0.0, 1e-9, -1e-9])
def test_a_zero_that_rounding_made_has_no_sign(value: float, form: Form) -> None:
    assert shown(Number(value, form)).lstrip("0.") == ""


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324])
def test_no_float_is_too_much(value: float, form: Form) -> None:
    text = full(Number(value, form, low=-math.inf, high=value, spread=value))
    assert 0 < len(text) < 60
    assert "nan" not in text
    assert "inf" not in text


def test_undefined_is_said_and_has_no_interval() -> None:
    assert full(Number(math.nan, low=0.1, high=0.2, spread=0.1)) == "n/a"


def test_interval_and_spread_stand_behind_the_value() -> None:
    assert full(Number(0.9443, low=0.9342, high=0.9551, spread=0.012)) == "94.43 ± 1.20 [93.42, 95.51]"


def test_differences_have_signs_but_their_deviation_has_none() -> None:
    number = Number(0.081, Form.POINTS, low=-0.001, high=0.113, spread=0.02)
    assert full(number) == "+8.10 ± 2.00 [−0.10, +11.30]"


def test_half_an_interval_is_none() -> None:
    assert interval(Number(0.5, low=0.4)) == ""
    assert interval(Number(0.5, low=math.nan, high=0.6)) == ""
    assert spread(Number(0.5, spread=math.nan)) == ""


def test_a_printed_number_stands_as_it_was_printed() -> None:
    assert shown(Number(0.9, printed="90.0\n*")) == "90.0 *"


def test_arrows_follow_the_direction() -> None:
    assert [arrow(Column("a", "A", better=better)) for better in ("higher", "lower", None)] == ["↑", "↓", ""]


def test_a_legend_has_what_occurs_and_no_more() -> None:
    plain = Table("t", "T", (Column("n", "N"),), ((Number(3, Form.COUNT),),))
    assert signs([plain]) == []
    rich = Table(
        "r",
        "R",
        (Column("AP", "AP", better="higher"), Column("d", "D")),
        ((Number(0.5, low=0.4, high=0.6, mark=Mark.BEST), Number(math.nan, Form.POINTS)),),
    )
    assert signs([plain, rich]) == [Sign.PERCENT, Sign.HIGHER, Sign.BEST, Sign.INTERVAL, Sign.UNDEFINED]
    assert signs([Table("e", "E", rich.columns, ())]) == []
