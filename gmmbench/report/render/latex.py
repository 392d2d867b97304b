"""A table as LaTeX to paste or ``\\input``: booktabs, for a paper."""

from __future__ import annotations

import textwrap
from collections.abc import Container, Sequence
from dataclasses import dataclass

from gmmbench.report.blocks import Cell, Column, Mark, Number, Table, plain
from gmmbench.report.render import numbers
from gmmbench.report.render.latex_fit import Fit, fit
from gmmbench.report.render.latex_words import escape, words_of
from gmmbench.report.render.legend import Sign, signs
from gmmbench.report.text import one_line, slug

LONG = 45
"""A table of more lines goes over pages, as a ``longtable``."""

_HEAD = 20  # letters in a line of a column's title
_NEW_LINE = r" \\ "
_LEGEND = {
    Sign.BEST: r"\textbf{{bold}}: {}",
    Sign.NEAR: r"\underline{{underlined}}: {}",
    Sign.SPREAD: r"$\pm$: {}",
    Sign.INTERVAL: r"in brackets: {}",
    Sign.UNDEFINED: r"n/a: {}",
}
_PACKAGES = {"booktabs": r"\toprule", "longtable": r"\begin{longtable}", "graphicx": r"\resizebox"}


def to_latex(table: Table, intervals: bool = False, report: str = "") -> str:
    """A ``table`` environment with caption, label and notes, or a ``longtable`` of more than ``LONG`` lines.

    Everything in it is ASCII, and every name escaped: it compiles with pdflatex and the packages that its first
    lines name. A row of which only the first cell says anything goes across, as a heading.

    Args:
        table: what to say; ``\\label{tab:KEY}``.
        intervals: whether each number has its 95 % interval behind it.
        report: the title of the report it comes from, for the comment.
    """
    letters = _letters(table, intervals)
    fitted = _fitted(table, letters, scalable=True)
    height = sum(map(fitted.lines, letters))
    if height > LONG:
        fitted = _fitted(table, letters, scalable=False)
    parts = _Parts.of(table, fitted, intervals)
    body = _long(table, parts) if height > LONG else _short(table, parts)
    packages = [name for name, sign in _PACKAGES.items() if any(sign in line for line in body)]
    source = f"of the report {_comment(report)}, " if report.strip() else ""
    advice = " For one column; run LaTeX until it asks no more." if "longtable" in packages else ""
    first = [
        f"% Table {_comment(table.key)} {source}written by gmmbench.",
        f"% Packages: {', '.join(packages)}.{advice}",
    ]
    return "\n".join([*first, *body]) + "\n"


@dataclass(frozen=True)
class _Parts:
    """What the two environments share; all of it LaTeX."""

    fit: Fit
    caption: str
    head: str
    rows: list[str]
    notes: list[str]

    @staticmethod
    def of(table: Table, fitted: Fit, intervals: bool) -> _Parts:
        interval = fitted.small if intervals else None
        return _Parts(
            fit=fitted,
            caption=rf"\caption{{{escape(table.title, breakable=True)}}}\label{{tab:{slug(table.key)}}}",
            head=_row([_head(_title(column)) for column in table.columns]),
            rows=[_line(row, fitted.broken, interval) for row in table.rows] or [_nothing(len(table.columns))],
            notes=_notes(table, intervals),
        )


def _short(table: Table, parts: _Parts) -> list[str]:
    notes = [r"\par\smallskip", r"\begin{minipage}{\linewidth}\footnotesize", *parts.notes, r"\end{minipage}"]
    return [
        r"\begin{table}[htbp]",
        rf"\centering{parts.fit.size}",
        parts.caption,
        *([r"\resizebox{\linewidth}{!}{%"] if parts.fit.squeezed else []),
        rf"\begin{{tabular}}{{{parts.fit.spec}}}",
        r"\toprule",
        *([parts.head, r"\midrule"] if table.columns else []),
        *parts.rows,
        r"\bottomrule",
        rf"\end{{tabular}}{'}' if parts.fit.squeezed else ''}",
        *(notes if parts.notes else []),
        r"\end{table}",
    ]


def _long(table: Table, parts: _Parts) -> list[str]:
    again = rf"\multicolumn{{{len(table.columns)}}}{{@{{}}l@{{}}}}{{\emph{{continued}}}}\tabularnewline"
    return [
        rf"\begingroup{parts.fit.size}",
        rf"\begin{{longtable}}{{{parts.fit.spec}}}",
        rf"{parts.caption}\tabularnewline",
        *(r"\toprule", parts.head, r"\midrule", r"\endfirsthead"),
        *(again, r"\toprule", parts.head, r"\midrule", r"\endhead"),
        *(r"\bottomrule", r"\endfoot"),
        *parts.rows,
        r"\end{longtable}",
        *([r"{\footnotesize\setlength{\parindent}{0pt}", *parts.notes, r"}"] if parts.notes else []),
        r"\endgroup",
    ]


def _line(row: Sequence[Cell], broken: Container[int], interval: str | None) -> str:
    if _heading(row):
        return rf"\multicolumn{{{len(row)}}}{{@{{}}l@{{}}}}{{{_cell(row[0], False, interval)}}}\tabularnewline"
    return _row([_cell(cell, place in broken, interval) for place, cell in enumerate(row)])


def _row(cells: Sequence[str]) -> str:
    # Not \\: in a ragged column that would end a line of the cell.
    return rf"{' & '.join(cells)} \tabularnewline"


def _cell(cell: Cell, broken: bool, interval: str | None) -> str:
    """``interval``: the size of letters that intervals are set in; ``None`` leaves them out."""
    if cell is None:
        return ""
    if not isinstance(cell, Number):
        words = words_of(cell, breakable=broken)
        return rf"\raggedright {words}" if broken else words
    value = escape(numbers.shown(cell))
    value = {Mark.BEST: rf"\textbf{{{value}}}", Mark.NEAR: rf"\underline{{{value}}}"}.get(cell.mark, value)
    deviation, ends = numbers.spread(cell), numbers.interval(cell)
    parts = [
        value,
        rf"$\pm$ {escape(deviation)}" if deviation else "",
        rf"{{{interval} {escape(ends)}}}" if ends and interval else "",
    ]
    return " ".join(part for part in parts if part)


def _notes(table: Table, intervals: bool) -> list[str]:
    found = [sign for sign in signs([table]) if intervals or sign is not Sign.INTERVAL]
    legend = "; ".join(
        _LEGEND.get(sign, "{}").format(escape(sign.value)) for sign in found if sign not in (Sign.HIGHER, Sign.LOWER)
    )
    said = [words_of(note, breakable=True, addresses=True) for note in table.notes]
    return [
        *([rf"{legend[:1].upper()}{legend[1:]}.\par"] if legend else []),
        *(rf"{note}\par" for note in said if note),
    ]


def _nothing(columns: int) -> str:
    return rf"\multicolumn{{{max(columns, 1)}}}{{@{{}}l@{{}}}}{{\emph{{no rows}}}}\tabularnewline"


def _fitted(table: Table, letters: Sequence[Sequence[int]], *, scalable: bool) -> Fit:
    longest = [
        max([*map(len, _head_lines(_title(column))), *(row[place] for row in letters)])
        for place, column in enumerate(table.columns)
    ]
    return fit(longest, [column.numeric for column in table.columns], scalable=scalable)


def _letters(table: Table, intervals: bool) -> list[list[int]]:
    """How many letters each cell has; a heading goes across, and needs no column to be wide."""
    return [[0] * len(row) if _heading(row) else [len(_text(cell, intervals)) for cell in row] for row in table.rows]


def _head(title: str) -> str:
    """A column's title, in lines where it is long."""
    lines = [escape(line) for line in _head_lines(title)]
    together = _NEW_LINE.join(lines)
    return lines[0] if len(lines) == 1 else rf"\begin{{tabular}}[b]{{@{{}}c@{{}}}}{together}\end{{tabular}}"


def _head_lines(title: str) -> list[str]:
    return textwrap.wrap(title, _HEAD, break_long_words=False, break_on_hyphens=False) or [""]


def _heading(row: Sequence[Cell]) -> bool:
    """Whether only its first cell says anything."""
    return len(row) > 1 and row[0] is not None and all(cell is None for cell in row[1:])


def _text(cell: Cell, intervals: bool) -> str:
    """The letters of a cell."""
    if isinstance(cell, Number):
        return numbers.full(cell) if intervals else f"{numbers.shown(cell)} {numbers.spread(cell)}".strip()
    return "" if cell is None else one_line(plain(cell))


def _title(column: Column) -> str:
    return f"{one_line(column.title)} {numbers.arrow(column)}".strip()


def _comment(text: str) -> str:
    """For a comment: one line of ASCII."""
    return one_line(text).encode("ascii", "replace").decode("ascii")
