"""Markdown held against a CommonMark parser: the letters that went in come out, and nothing else does."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gmmbench.report.blocks import (
    Bullets,
    Code,
    CodeBlock,
    Column,
    Figure,
    Fold,
    Form,
    Inline,
    Link,
    Mark,
    Number,
    Paragraph,
    Report,
    Section,
    Strong,
    Table,
    Viewer,
    Words,
    plain,
)
from gmmbench.report.render.markdown import to_markdown
from gmmbench.report.render.markdown_words import text_of, words_of
from gmmbench.report.text import one_line

AP = Column("AP", "AP", better="higher", numeric=True)
OURS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "a", "img"),
    *("details", "summary", "code", "pre", "strong", "em", "blockquote", "br"),
}


class Page(HTMLParser):
    """The tags of a page and the letters in each of its cells."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.rows: list[list[str]] = []
        self.letters = ""
        self.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.letters = ""

    def handle_data(self, data: str) -> None:
        self.letters += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.rows[-1][-1] = self.letters


def report(*blocks: object) -> Report:
    return Report("Title", "Lead.", (Section("s", "Section", blocks),))  # type: ignore[arg-type]


def table(*rows: tuple[object, ...], key: str = "t", columns: tuple[Column, ...] = (Column("m", "Model"), AP)) -> Table:
    return Table(key, "A table", columns, rows)  # type: ignore[arg-type]


def lines_of(*blocks: object) -> list[str]:
    return to_markdown(report(*blocks)).splitlines()


def test_numbers_by_hand() -> None:
    shown = table(
        ("a", Number(0.5, mark=Mark.BEST)),
        ("b", Number(0.49, mark=Mark.NEAR, spread=0.01, seeds=3)),
        ("c", Number(math.nan)),
        (Strong("family"), None),
    )
    lines = lines_of(shown)
    assert "| Model | AP ↑ |" in lines
    assert lines[lines.index("| Model | AP ↑ |") + 1 :][:5] == [
        "| --- | ---: |",
        "| a | **50.00** |",
        "| b | 49.00 ± 1.00 ≈ |",
        "| c | n/a |",
        "| **family** |  |",
    ]


def test_the_legend_explains_what_occurs() -> None:
    [legend] = [line for line in lines_of(table(("a", Number(0.5, mark=Mark.BEST)))) if "percent" in line]
    assert "**bold**: best" in legend
    assert "↑ higher is better" in legend
    assert not any(sign in legend for sign in ("≈", "±", "↓", "n/a", "["))
    assert not any("percent" in line for line in lines_of(table(("a", Number(3, Form.COUNT)))))


def test_intervals_are_behind_a_fold_and_only_where_there_are_some() -> None:
    page = Page(to_markdown(report(table(("a", Number(0.9443, low=0.9342, high=0.9551)), ("b", Number(0.1))))))
    assert page.rows[1:3] == [["a", "94.43"], ["b", "10.00"]]
    assert page.rows[4:] == [["a", "94.43 [93.42,\u00a095.51]"], ["b", "10.00"]]
    assert "details" in page.tags
    assert "details" not in Page(to_markdown(report(table(("a", Number(0.9443)))))).tags


def test_folds_are_read_as_markdown() -> None:
    page = Page(to_markdown(report(Fold("<Fold> & *more*", (Bullets((Strong("x"),)), table(("a", Number(0.1))))))))
    assert page.tags.count("summary") == page.tags.count("details") == 1
    assert "strong" in page.tags
    assert page.rows[1] == ["a", "10.00"]
    assert "<summary>&lt;Fold&gt; &amp; *more*</summary>" in to_markdown(report(Fold("<Fold> & *more*", ())))


def test_headings_go_down_with_depth_and_links_find_them() -> None:
    deep = Section("deep", "Deep", (Paragraph(("See ", Link("up", "#s"), ".")),))
    lines = lines_of(Fold("f", (deep,)))
    assert '## <a id="s"></a>Section' in lines
    assert '### <a id="deep"></a>Deep' in lines
    assert "See [up](#s)." in lines


def test_figures_show_the_png_and_link_the_rest() -> None:
    lines = lines_of(Figure("f", ("a b.png", "a b.svg", "a b.pdf"), "[alt]", "How to *read*."))
    assert "![\\[alt\\]](figures/a%20b.png)" in lines
    assert "How to \\*read\\*. [SVG](figures/a%20b.svg) [PDF](figures/a%20b.pdf)" in lines


def test_a_viewer_is_its_page_or_its_caption() -> None:
    viewer = Viewer("v", "V", (), "Caption.", Figure("p", ("p.png",), "alt"))
    lines = lines_of(viewer)
    assert lines[-3:] == ["![alt](figures/p.png)", "", "Caption."]
    assert lines_of(replace(viewer, page=None))[-1] == "Caption."


def test_warnings_empty_tables_and_commands() -> None:
    lines = lines_of(Paragraph("Careful.", warning=True), table(), CodeBlock("gmmbench\n```\nx"))
    assert lines[lines.index("> [!WARNING]") + 1] == "> Careful."
    assert "*This table has no rows.*" in lines
    assert lines[-5:] == ["````text", "gmmbench", "```", "x", "````"]


def test_hostile_names_in_cells_show_as_they_are(name: str) -> None:
    row = (name, Code(name), Strong(name), Link(name, "https://a.b/c|d)"), Number(0.5, printed=name or "-"))
    columns = (Column("a", name), *(Column(key, key) for key in "bcde"))
    page = Page(to_markdown(report(table(row, columns=columns))))
    wanted = one_line(name)
    assert page.rows == [[wanted, "b", "c", "d", "e"], [wanted] * 4 + [wanted or "-"]]
    assert set(page.tags) <= OURS
    assert {key for key, _ in page.attributes} <= {"id", "href", "style"}


def test_hostile_names_in_blocks_stay_in_them(name: str) -> None:
    section = Section("key", name, (Paragraph(name), Bullets((name, (name, Code(name)))), Paragraph("end")))
    text = to_markdown(Report(name, name, (section,)))
    tokens = [token.type for token in MarkdownIt("commonmark").enable("table").parse(text)]
    blocks = [kind for kind in tokens if kind.endswith(("_open", "_block")) or kind in ("hr", "fence")]
    lead = ["paragraph_open"] * bool(name.strip())
    items = ["list_item_open", "paragraph_open"] * 2 if name.strip() else ["list_item_open"] * 2
    assert blocks == ["heading_open", *lead, "heading_open", *lead, "bullet_list_open", *items, "paragraph_open"]
    page = Page(text)
    assert set(page.tags) <= OURS
    assert {key for key, _ in page.attributes} <= {"id", "href"}


def test_only_web_addresses_and_keys_become_links() -> None:
    assert words_of(Link("x", "javascript:alert(1)")) == "x"
    assert words_of(Link("x", "https://a.b/c?d=1&copy;")) == "[x](https://a.b/c?d=1&amp;copy;)"
    assert words_of("see https://a.b/c.") == "see <https://a.b/c>."
    # GitHub would link this by itself, backslash and all.
    assert words_of("www.a_b.c") == "www&#46;a\\_b.c"


letters = st.text(st.sampled_from("ab1 \\`*_[]()|#~$!<>&-+=.:/@{}^\"'é→\n") | st.characters(), max_size=30)
parts = st.one_of(letters, st.builds(Code, letters), st.builds(Strong, letters), st.builds(Link, letters, letters))


@settings(deadline=None)
@given(letters)
def test_any_name_comes_out_of_a_cell(text: str) -> None:
    page = Page(f"| {text_of(text)} | {words_of(text)} |\n| --- | --- |\n| {words_of(Code(text))} | end |")
    assert page.rows == [[one_line(text), one_line(text)], [one_line(text), "end"]]


@settings(deadline=None)
@given(st.lists(parts, max_size=4).map(tuple))
def test_any_words_come_out_of_a_cell(words: tuple[Inline, ...]) -> None:
    shown: Words = words
    page = Page(f"| {words_of(shown)} | end |\n| --- | --- |")
    assert [re.sub(r"\s", "", cell) for cell in page.rows[0]] == [re.sub(r"\s", "", _printable(plain(shown))), "end"]
    assert page.tags.count("strong") == sum(isinstance(part, Strong) and bool(one_line(part.text)) for part in words)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


@pytest.mark.parametrize("figures", ["figures", "", "../x y"])
def test_the_folder_of_the_figures_is_said(figures: str) -> None:
    text = to_markdown(report(Figure("f", ("a.png",), "alt")), figures)
    assert f"]({figures.replace(' ', '%20')}{'/' * bool(figures)}a.png)" in text
