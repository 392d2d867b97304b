"""How a ``Number`` is shown: rounding, percent, signs, spreads and intervals, alike in every format for people.

The texts hold the letters "−" (U+2212, minus), "±" and "∞", and nothing that Markdown or HTML would read as its own.
"""

from __future__ import annotations

import math

from gmmbench.report.blocks import Column, Form, Number
from gmmbench.report.text import MISSING

ARROWS = {"higher": "↑", "lower": "↓"}
"""Behind a heading, by ``Column.better``."""

ARROW_WORDS = {"↑": "higher is better", "↓": "lower is better"}

_EXACT = 1e15  # from here on a float has no digits behind the point to speak of


def shown(number: Number) -> str:
    """The value alone: "94.43", "+8.10", "−1.20", "18,566,747", "0.0123", "n/a" where it is undefined."""
    return _as_printed(number) or _rounded(number.value, number.form)


def spread(number: Number) -> str:
    """The standard deviation over seeds, in the value's unit and without a sign: "1.20"; "" where there is none."""
    if number.spread is None or math.isnan(number.spread) or math.isnan(number.value):
        return ""
    form = Form.PERCENT if number.form is Form.POINTS else number.form
    return _rounded(number.spread, form)


def interval(number: Number) -> str:
    """The 95 % interval: "[93.42, 95.51]", of differences "[+5.00, +11.30]"; "" where there is none."""
    if not number.has_interval or number.low is None or number.high is None or math.isnan(number.value):
        return ""
    return f"[{_rounded(number.low, number.form)}, {_rounded(number.high, number.form)}]"


def full(number: Number) -> str:
    """Value, spread and interval, as far as they are known: "94.43 ± 1.20 [93.42, 95.51]"."""
    deviation = spread(number)
    parts = (shown(number), f"± {deviation}" if deviation else "", interval(number))
    return " ".join(part for part in parts if part)


def arrow(column: Column) -> str:
    """ "↑" or "↓" where one direction is better, else ""."""
    return ARROWS.get(column.better or "", "")


def _as_printed(number: Number) -> str:
    return " ".join((number.printed or "").split())


def _rounded(value: float, form: Form) -> str:
    """``value`` in the digits of ``form``; a zero that rounding made has no sign."""
    if math.isnan(value):
        return MISSING
    size = abs(value) * (100 if form in (Form.PERCENT, Form.POINTS) else 1)
    if math.isinf(size):
        text = "∞"
    elif size >= _EXACT:
        text = f"{size:.4g}"
    else:
        text = _DIGITS[form](size)
    if not any(letter in text for letter in "123456789∞"):
        return text
    return f"{'−' if value < 0 else '+' if form is Form.POINTS else ''}{text}"


def _whole(size: float) -> str:
    """Thousands apart; a mean over seeds that is not whole keeps a digit."""
    return f"{size:,.0f}" if size == int(size) else f"{size:,.1f}"


def _significant(size: float) -> str:
    """Four significant digits, an integer part in full: "0.0123", "12.35", "12,346"."""
    return f"{size:,.0f}" if size >= 1000 else f"{size:.4g}"


_DIGITS = {Form.PERCENT: "{:.2f}".format, Form.POINTS: "{:.2f}".format, Form.COUNT: _whole, Form.PLAIN: _significant}
