"""Rounding, bold, arrows and escaping, on numbers and names made by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from gmmbench.report.markdown import best_bold, closed_grid, grid, header, images_seen, ood_grid
from gmmbench.report.text import escape, fence, figure_text, percent, prose, slug
from gmmbench.report.verdict import closed_verdict, ood_verdict

HOSTILE = [
    "a|b",
    "back\\slash",
    "ends with \\",
    "\\|",
    "`code`",
    "*bold* **bold** _it_ __b__",
    "<b>html</b> &lt; &amp;",
    "[link](https://example.org) ![x](y)",
    "two\nlines\r\nand\ttabs",
    "# heading",
    "~~gone~~",
    "- item",
    "$x_1$",
    "x" * 200,
    "a_b|" * 50,
]


def ood(*rows: tuple[str, str, str, float, float, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["run", "score", "family", "AUROC", "AP", "FPR95"])
    counts = {"images": 5.0, "images_total": 5.0, "pixels_in": 90.0, "pixels_ood": 10.0, "pixels_ignored": 0.0}
    return table.assign(**counts, prevalence=0.1)


def test_percent_rounds_to_two_decimals_and_says_na() -> None:
    assert [percent(value) for value in (0.12344, 1.0, 0.0, math.nan)] == ["12.34", "100.00", "0.00", "n/a"]


@pytest.mark.parametrize(
    ("higher", "expected"), [(True, ["10.00", "**20.00**", "n/a"]), (False, ["**10.00**", "20.00", "n/a"])]
)
def test_best_follows_direction_and_skips_undefined(higher: bool, expected: list[str]) -> None:
    assert best_bold(pd.Series([0.1, 0.2, math.nan]), higher) == expected


def test_best_bolds_all_that_show_the_same() -> None:
    assert best_bold(pd.Series([0.20001, 0.20004, 0.1999]), True) == ["**20.00**", "**20.00**", "19.99"]


def test_best_of_nothing_or_of_an_unknown_direction_is_not_bold() -> None:
    assert best_bold(pd.Series([math.nan, math.nan]), True) == ["n/a", "n/a"]
    assert best_bold(pd.Series([0.5, 0.6]), None) == ["50.00", "60.00"]
    assert best_bold(pd.Series([0.5]), True) == ["50.00"]


def test_headers_have_arrows() -> None:
    names = ("AUROC", "AP", "FPR95", "mIoU", "aAcc", "made_up")
    assert [header(name) for name in names] == [
        "AUROC ↑",
        "AP ↑",
        "FPR95 ↓",
        "mIoU ↑",
        "pixel accuracy (aAcc) ↑",
        "made\\_up",
    ]


def test_ood_grid_by_hand() -> None:
    table = ood(
        ("gmm", "nll", "density", 0.9, 0.4, 0.5),
        ("gmm", "energy", "logits", 0.8, 0.30001, math.nan),
        ("soft", "energy", "logits", 0.95, 0.2, 0.25),
    )
    assert ood_grid(table).splitlines() == [
        "| Model | Score | AUROC ↑ | AP ↑ | FPR95 ↓ |",
        "| --- | --- | ---: | ---: | ---: |",
        "| *density (GMM)* |  |  |  |  |",
        "| gmm | nll | 90.00 | **40.00** | 50.00 |",
        "| *logits (discriminative)* |  |  |  |  |",
        "| gmm | energy | 80.00 | 30.00 | n/a |",
        "| soft | energy | **95.00** | 20.00 | **25.00** |",
    ]


def test_closed_grid_by_hand() -> None:
    table = pd.DataFrame({"run": ["a", "b"], "mIoU": [0.5, 0.6], "images": 1.0, "images_total": 1.0, "pixels": 9.0})
    assert closed_grid(table).splitlines()[2:] == ["| a | 50.00 |", "| b | **60.00** |"]


def test_partial_evaluation_is_said() -> None:
    assert images_seen(40, 1000).startswith("**Partial evaluation: 40 of 1,000 images.**")
    assert "Partial" not in images_seen(5, 5)
    assert images_seen(math.nan, math.nan) == "Images: n/a seen, of n/a in total."


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_show_as_they_are(name: str) -> None:
    shown = " ".join(name.split())
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(grid(["Name", "n"], [[escape(name), "1"]]))
    cells = [token for token in tokens if token.type == "inline"]
    assert len(cells) == 4, "one table of two columns and two rows"
    leaves = cells[2].children or []
    assert {leaf.type for leaf in leaves} <= {"text", "text_special"}
    assert "".join(leaf.content for leaf in leaves) == shown


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_in_their_paragraph(name: str) -> None:
    tokens = MarkdownIt("commonmark").parse(f"{escape(name)}\n\nnext")
    assert [token.type for token in tokens if token.type.endswith("_open")] == ["paragraph_open", "paragraph_open"]


def test_prose_links_addresses_and_escapes_the_rest() -> None:
    assert prose("Doe_1 (https://x.org/a_b|c), *see*.") == "Doe\\_1 (<https://x.org/a_b>\\|c), \\*see\\*."
    assert prose("see https://x.org.") == "see <https://x.org>."


def test_fence_outlasts_backticks() -> None:
    text = fence("run ```\n# not a heading")
    tokens = MarkdownIt("commonmark").parse(text)
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content == "run ```\n# not a heading\n"


def test_figure_text_is_short_drawable_and_keeps_both_ends() -> None:
    assert figure_text("a\nb 漢") == "a b ?"
    assert figure_text("start" + "x" * 200 + "end", 20) == "startxxxxx…xxxxxxend"
    assert slug("a/b|c.d e") == "a-b-c-d-e"


def test_verdict_names_winner_margin_and_chance() -> None:
    table = ood(
        ("gmm", "nll", "density", 0.9, 0.311, 0.5),
        ("soft", "energy", "logits", 0.95, 0.3832, 0.25),
        ("soft", "msp", "logits", 0.95, 0.38, 0.25),
    )
    assert ood_verdict("camvid_ood", table) == (
        "On camvid\\_ood the best AP is 38.32 % (energy of soft), 7.22 points above the best density row "
        "(nll of gmm, 31.10 %); a chance score gives 10.00 %."
    )


def test_verdict_of_ties_chance_level_and_nothing() -> None:
    same = ood(("a", "x", "logits", 0.5, 0.09, 0.5), ("b", "y", "logits", 0.5, 0.09, 0.5))
    assert ood_verdict("d", same) == (
        "On d x of a and y of b share the best AP, 9.00 %; a chance score gives 10.00 %, "
        "so no row here is better than chance."
    )
    assert ood_verdict("d", ood(("a", "x", "logits", 0.5, math.nan, 0.5))) == "On d no row has a defined AP."
    alone = ood(("a", "x", "logits", 0.5, 0.2, 0.5)).assign(images=2.0)
    assert ood_verdict("d", alone) == (
        "On d the best AP is 20.00 % (x of a); a chance score gives 10.00 % (partial evaluation: 2 of 5 images)."
    )
    closed = pd.DataFrame({"run": ["a", "b"], "mIoU": [0.5, 0.51], "images": 1.0, "images_total": 1.0})
    assert closed_verdict("c", closed) == "On c the best mIoU is 51.00 % (b), 1.00 point above a."
