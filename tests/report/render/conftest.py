"""Names that strangers give to models, data sets and classes, to hold every renderer against."""

from __future__ import annotations

import pytest

HOSTILE = [
    "a|b",
    "back\\slash \\| ends \\",
    "`code` ``two`` ```three```",
    "*bold* **bold** _it_ __b__ ~~gone~~",
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    "&lt; &amp; &copy; &#42;",
    "[link](http://a.b) ![x](y) [x] [^1] <http://c.d>",
    "\\ { } $x_1$ & # ^ _ ~ % < > | \" '' -- --- ,, ?` !`",
    "\\input{/etc/passwd} \\end{tabular} % gone",
    "two\nlines\r\nand\ttabs",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "2019) item",
    "> quote",
    "=cmd|'/c calc'!A0",
    "@SUM(A1)",
    'quote " and, comma',
    "nan",
    "---",
    "===",
    "::: $$x$$",
    "x" * 200,
    "a_b|" * 50,
    "ünïcödé ß Ł α Δ → ± ≈",
    "日本 😀 עברית \u202egnihton",
    "",
    " blank ",
    "http://a_b.c/d_e|f www.x_y.z ftp://a_b",
]


@pytest.fixture(params=HOSTILE, ids=range(len(HOSTILE)))
def name(request: pytest.FixtureRequest) -> str:
    """One hostile name after the other."""
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def names() -> list[str]:
    """All of them."""
    return list(HOSTILE)
