"""What a report says before it is Markdown, HTML, LaTeX, CSV or JSON: sections of blocks, tables of typed cells.

Sections (``gmmbench.report.sections``) make blocks of rows and saved arrays; renderers turn blocks into text. So all
formats say the same: a renderer rounds, escapes and lays out, and never computes.

Texts are plain: a renderer escapes them for its format, and makes links of the web addresses in them.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Code:
    """A word to be set in typewriter letters: a score's name, a command, a path."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Words to be set bold."""

    text: str


@dataclass(frozen=True)
class Link:
    """Words that lead to ``url``: http(s), or "#KEY" of a section of this report."""

    text: str
    url: str


Inline: TypeAlias = "str | Code | Strong | Link"
Words: TypeAlias = "Inline | tuple[Inline, ...]"


def inlines(words: Words) -> tuple[Inline, ...]:
    """``words`` as a tuple, whichever way they were given."""
    return words if isinstance(words, tuple) else (words,)


def plain(words: Words) -> str:
    """The letters alone."""
    return "".join(part if isinstance(part, str) else part.text for part in inlines(words))


class Form(enum.Enum):
    """How a number is shown."""

    PERCENT = "percent"
    """A fraction of one: 100 times it, two digits, without the sign."""
    POINTS = "points"
    """The difference of two fractions: 100 times it, two digits, with + or -."""
    COUNT = "count"
    """A whole number, thousands apart."""
    PLAIN = "plain"
    """Four significant digits."""


class Mark(enum.Enum):
    """How a number stands among those of its column that it competes with."""

    NONE = ""
    BEST = "best"
    NEAR = "within noise of the best"
    """The paired 95 % interval of its difference to the best holds 0."""


@dataclass(frozen=True)
class Number:
    """A number at full precision.

    Attributes:
        value: NaN where it is undefined or was not measured.
        low, high: the ends of its 95 % interval over images; ``None`` where there is none.
        spread: its sample standard deviation over seeds, in units of ``value``; ``None`` of one seed.
        seeds: over how many seeds ``value`` is a mean.
        printed: what to show instead of ``value``, for numbers of others that are to stand as they were printed.
    """

    value: float
    form: Form = Form.PERCENT
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    seeds: int = 1
    mark: Mark = Mark.NONE
    printed: str | None = None

    @property
    def has_interval(self) -> bool:
        """Whether both ends are defined."""
        return not (self.low is None or self.high is None or math.isnan(self.low) or math.isnan(self.high))


Cell: TypeAlias = "Number | Words | None"
"""``None`` is an empty cell, which says that nothing belongs there; an undefined number is a ``Number`` of NaN."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: its name in CSV and JSON, unique in the table.
        title: its heading.
        better: "higher" or "lower", shown as an arrow; ``None``: neither.
        help: what it says, in a sentence: a tooltip where there is room for one.
        numeric: its cells are numbers, set flush right.
        choices: few different texts, worth a list to filter by.
    """

    key: str
    title: str
    better: str | None = None
    help: str = ""
    numeric: bool = False
    choices: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells, one for each column.

    Attributes:
        key: unique in the report; letters, digits, "-" and "_": the stem of its files.
        title: what it is, in a line.
        notes: said below it.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[Words, ...] = ()

    def __post_init__(self) -> None:
        wrong = [row for row in self.rows if len(row) != len(self.columns)]
        if wrong:
            raise ValueError(f"table {self.key}: a row of {len(wrong[0])} cells, wanted {len(self.columns)}")


@dataclass(frozen=True)
class Figure:
    """A drawn figure.

    Attributes:
        key: unique in the report.
        files: its names in figures/, the PNG first, then vector copies.
        alt: what it shows, for those who do not see it.
        caption: how to read it.
    """

    key: str
    files: tuple[str, ...]
    alt: str
    caption: Words = ""


@dataclass(frozen=True)
class Layer:
    """One picture of an image: itself, its ground truth, a prediction or a score map.

    Attributes:
        title: "image", "ground truth", "prediction of MODEL", "SCORE of MODEL".
        file: its name in figures/, a JPEG, PNG or WebP; all layers of a shot have one size.
    """

    title: str
    file: str


@dataclass(frozen=True)
class Shot:
    """One image with its layers; ``layers[0]`` is the image itself."""

    name: str
    layers: tuple[Layer, ...]
    note: str = ""


@dataclass(frozen=True)
class Viewer:
    """Images to look at: two layers at a time with a slider between them, where the format can do that.

    Attributes:
        page: the same images side by side, for formats that cannot; ``None``: the layers one by one.
    """

    key: str
    title: str
    shots: tuple[Shot, ...]
    caption: Words = ""
    page: Figure | None = None


@dataclass(frozen=True)
class Paragraph:
    """Running words; ``warning``: to be seen before the numbers beside it."""

    words: Words
    warning: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: tuple[Words, ...]


@dataclass(frozen=True)
class CodeBlock:
    """Commands to copy."""

    text: str


@dataclass(frozen=True)
class Fold:
    """Blocks behind a title, closed until somebody asks."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; sections in sections are a level deeper.

    Attributes:
        key: unique in the report: the anchor.
    """

    key: str
    title: str
    blocks: tuple[Block, ...]


Block: TypeAlias = "Paragraph | Bullets | CodeBlock | Table | Figure | Viewer | Fold | Section"


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes:
        title: its heading.
        lead: what was compared on what, in a sentence or two.
        sections: in order; the first holds the verdicts.
        facts: what a machine may want to know of it: models, data sets, versions; strings, numbers, lists, mappings.
    """

    title: str
    lead: Words
    sections: tuple[Section, ...]
    facts: dict[str, object] = field(default_factory=dict)


def walk(blocks: Iterable[Block]) -> Iterator[Block]:
    """All blocks in reading order, those in folds and sections too."""
    for block in blocks:
        yield block
        if isinstance(block, (Fold, Section)):
            yield from walk(block.blocks)


def tables(report: Report) -> list[Table]:
    """All tables, in reading order."""
    return [block for block in walk(report.sections) if isinstance(block, Table)]
