"""A report as one HTML page that holds all it needs: styles, script, figures, pictures; it asks no network for any.

What the page promises (tests/browser holds it to that): every text is escaped, nothing but its own script runs and no
request leaves it (a Content-Security-Policy with the hashes of its script and styles), it can be read and worked
without a mouse, without colours, on a phone and on paper, and without JavaScript all but the image viewers is there.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jinja2
from markupsafe import Markup

from gmmbench.report.blocks import Block, Report, Section, tables, walk
from gmmbench.report.render import html_table
from gmmbench.report.render.html_images import embed, pictures
from gmmbench.report.render.html_words import flat, words_html
from gmmbench.report.render.legend import Sign, signs

_PAGE = Path(__file__).parent / "page"
_LISTED = 2  # levels of headings in the table of contents


@dataclass(frozen=True)
class Entry:
    """A line of the table of contents, with those below it."""

    key: str
    title: str
    below: tuple[Entry, ...]


def to_html(report: Report, figures: Path) -> str:
    """The page of ``report``, UTF-8 once written; ``figures`` is the folder with the files of figures and viewers.

    Sections have their keys as anchors, tables, figures and viewers "table-KEY", "figure-KEY" and "viewer-KEY".

    Raises:
        InputError: a file that the report names is not in ``figures`` or is no image.
    """
    anchors = frozenset(block.key for block in walk(report.sections) if isinstance(block, Section))
    style, script = (_PAGE / "page.css").read_text("utf-8"), (_PAGE / "page.js").read_text("utf-8")
    found = signs(tables(report))
    return (
        _environment(anchors, figures)
        .get_template("page.html.j2")
        .render(
            report=report,
            contents=_contents(report.sections, _LISTED),
            has_intervals=Sign.INTERVAL in found,
            legend=html_table.legend(sign for sign in found if sign not in html_table.AT_TABLES),
            folder=figures.name,
            policy=_policy(style, script),
            # Ours, without end tags of their elements; the policy's hashes are of exactly these letters.
            style=Markup(style),
            script=Markup(script),
        )
    )


def _environment(anchors: frozenset[str], figures: Path) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGE),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    environment.filters["words"] = partial(words_html, anchors=anchors)
    environment.filters["flat"] = flat
    environment.filters["layout"] = partial(html_table.view, anchors=anchors)
    environment.filters["embed"] = lambda file: embed(figures / file)
    environment.filters["pictures"] = partial(pictures, folder=figures)
    environment.tests["kind"] = lambda block, name: type(block).__name__ == name
    return environment


def _policy(style: str, script: str) -> str:
    """A Content-Security-Policy that lets in these two texts and data: pictures, and nothing else."""

    def source(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"

    return (
        f"default-src 'none'; img-src data:; style-src {source(style)}; script-src {source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _contents(blocks: Iterable[Block], levels: int) -> tuple[Entry, ...]:
    if not levels:
        return ()
    sections = (block for block in blocks if isinstance(block, Section))
    return tuple(Entry(section.key, section.title, _contents(section.blocks, levels - 1)) for section in sections)
