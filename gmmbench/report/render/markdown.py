"""A report as Markdown that renders on GitHub."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gmmbench.report.blocks import (
    Block,
    Bullets,
    Cell,
    CodeBlock,
    Column,
    Figure,
    Fold,
    Mark,
    Number,
    Paragraph,
    Report,
    Section,
    Table,
    Viewer,
    tables,
)
from gmmbench.report.render import numbers
from gmmbench.report.render.legend import Sign, signs
from gmmbench.report.render.markdown_words import address_of, html_of, text_of, words_of
from gmmbench.report.text import fence

NEAR = "≈"
"""Behind a number that is within noise of the best."""

_LEGEND = {
    Sign.HIGHER: "↑ {}",
    Sign.LOWER: "↓ {}",
    Sign.BEST: "**bold**: {}",
    Sign.NEAR: f"{NEAR}: {{}}",
    Sign.SPREAD: "±: {}",
    Sign.INTERVAL: "[ ]: {}, behind the fold below a table",
    Sign.UNDEFINED: "n/a: {}",
}
_NO_BREAK = "\u00a0"
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".svg")


def to_markdown(report: Report, figures: str = "figures") -> str:
    """A whole report as GitHub Markdown.

    Sections are headings from "##" on, with their keys as anchors; folds are ``<details>``. A table whose numbers
    have intervals is there twice, the second time behind a fold, with them.

    Args:
        report: what to say.
        figures: the figures' folder as seen from the file, with "/".
    """
    legend = _legend(tables(report))
    parts = [f"# {text_of(report.title)}", words_of(report.lead), legend, *_blocks(report.sections, figures, 2)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _blocks(blocks: Iterable[Block], figures: str, level: int) -> list[str]:
    """Markdown blocks, to be set apart by blank lines; ``level`` is that of the headings among them."""
    return [part for block in blocks for part in _block(block, figures, level) if part]


def _block(block: Block, figures: str, level: int) -> list[str]:
    match block:
        case Section():
            heading = f'{"#" * min(level, 6)} <a id="{html_of(block.key)}"></a>{text_of(block.title)}'
            return [heading, *_blocks(block.blocks, figures, level + 1)]
        case Fold():
            return _fold(block.title, _blocks(block.blocks, figures, level))
        case Paragraph():
            words = words_of(block.words)
            return [f"> [!WARNING]\n> {words}" if block.warning else words]
        case Bullets():
            return ["\n".join(f"- {words_of(item)}" for item in block.items)]
        case CodeBlock():
            return [fence(block.text)]
        case Table():
            return _table(block)
        case Figure():
            return _figure(block, figures)
        case Viewer():
            return _viewer(block, figures)


def _fold(title: str, inside: list[str]) -> list[str]:
    """The blank lines around ``inside`` make GitHub read it as Markdown."""
    return [f"<details>\n<summary>{html_of(title)}</summary>", *inside, "</details>"]


def _table(table: Table) -> list[str]:
    title = f"**{text_of(table.title)}**" if table.title.strip() else ""
    notes = [words_of(note) for note in table.notes]
    below = "\n".join(f"- {note}" for note in notes) if len(notes) > 1 else "".join(notes)
    if not (table.rows and table.columns):
        return [title, "*This table has no rows.*", below]
    parts = [title, _grid(table, intervals=False), below]
    if Sign.INTERVAL in signs([table]):
        parts += _fold("with 95 % intervals", [_grid(table, intervals=True)])
    return parts


def _grid(table: Table, *, intervals: bool) -> str:
    head = [_heading(column) for column in table.columns]
    rule = ["---:" if column.numeric else "---" for column in table.columns]
    rows = [[_cell(cell, intervals=intervals) for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])


def _heading(column: Column) -> str:
    return " ".join(part for part in (text_of(column.title), numbers.arrow(column)) if part)


def _cell(cell: Cell, *, intervals: bool) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, Number):
        return words_of(cell)
    value = text_of(cell.printed) if (cell.printed or "").strip() else numbers.shown(cell)
    deviation = numbers.spread(cell)
    parts = [
        f"**{value}**" if cell.mark is Mark.BEST else value,
        f"± {deviation}" if deviation else "",
        numbers.interval(cell).replace(" ", _NO_BREAK) if intervals else "",
        NEAR if cell.mark is Mark.NEAR else "",
    ]
    return " ".join(part for part in parts if part)


def _figure(figure: Figure, figures: str) -> list[str]:
    """The picture, and below it what it shows, with links to its other files."""
    places = [(name, address_of(f"{figures}/{name}" if figures else name)) for name in figure.files]
    shown = [place for name, place in places if name.lower().endswith(_PICTURES)][:1]
    links = [f"[{_kind(name)}]({place})" for name, place in places if place not in shown]
    below = " ".join(part for part in (words_of(figure.caption), " ".join(links)) if part)
    return [*(f"![{text_of(figure.alt)}]({place})" for place in shown), below]


def _kind(name: str) -> str:
    """ "SVG" of "curves.svg"."""
    return text_of(name.rpartition(".")[2].upper())


def _viewer(viewer: Viewer, figures: str) -> list[str]:
    """Its images side by side; there is no slider here."""
    if viewer.page is None:
        return [words_of(viewer.caption)]
    return _figure(replace(viewer.page, caption=viewer.page.caption or viewer.caption), figures)


def _legend(shown: list[Table]) -> str:
    """One line that explains the signs that occur."""
    parts = [_LEGEND.get(sign, "{}").format(sign.value) for sign in signs(shown)]
    line = "; ".join(parts)
    return f"{line[:1].upper()}{line[1:]}." if line else ""
