"""Words of a report as HTML: escaped, web addresses made links, no other address ever followed."""

from __future__ import annotations

import re
from collections.abc import Collection

from markupsafe import Markup, escape

from gmmbench.report.blocks import Code, Inline, Link, Strong, Words, inlines, plain

_PERCENT = re.compile(r"(?<=\d) %")
# An address ends before the marks that close a sentence or a bracket around it.
_ADDRESS = re.compile(r"https?://[^\s<>\"'`|\\]*[^\s<>\"'`|\\.,;:)\]}!?*]", re.IGNORECASE)


def printable(text: str) -> str:
    """``text`` with blanks for control and direction-changing letters, which could garble what stands around it."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def flat(words: Words) -> str:
    """The letters alone with single blanks between them: for attributes, and to compare cells by."""
    return " ".join(printable(plain(words)).split())


def words_html(words: Words, anchors: Collection[str]) -> Markup:
    """``words`` as HTML that shows exactly these letters; a number and its % stay on one line.

    A ``Link`` leads to a web address or to "#KEY" with KEY in ``anchors``; with any other target ("javascript:",
    a file, a section that was left out) only its words remain.
    """
    return Markup("").join(_inline(part, anchors) for part in inlines(words))


def _inline(part: Inline, anchors: Collection[str]) -> Markup:
    if isinstance(part, Code):
        return Markup("<code>{}</code>").format(printable(part.text))
    if isinstance(part, Strong):
        return Markup("<strong>{}</strong>").format(printable(part.text))
    if isinstance(part, Link):
        return _link(part, anchors)
    return _with_links(_PERCENT.sub("\N{NO-BREAK SPACE}%", printable(part)))


def _link(link: Link, anchors: Collection[str]) -> Markup:
    text = printable(link.text)
    if link.url.startswith("#"):
        return Markup('<a href="{}">{}</a>').format(link.url, text) if link.url[1:] in anchors else escape(text)
    return _away(link.url, text) if _ADDRESS.fullmatch(link.url) else escape(text)


def _with_links(text: str) -> Markup:
    """Running text; what looks like a web address in it becomes a link that says the same."""
    parts, end = [], 0
    for found in _ADDRESS.finditer(text):
        parts += [escape(text[end : found.start()]), _away(found[0], found[0])]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def _away(url: str, text: str) -> Markup:
    return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(url, text)
