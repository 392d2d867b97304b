"""Words -> GitHub Markdown that shows exactly their letters, in a paragraph, a heading or a table's cell."""

from __future__ import annotations

import re
from html import escape as html_escape
from urllib.parse import quote

from gmmbench.report.blocks import Code, Inline, Link, Strong, Words, inlines
from gmmbench.report.text import escape, one_line, prose

# GitHub makes links of these by itself, and does so before it reads the backslashes in them.
_BARE_ADDRESS = re.compile(r"(?i)(<[^<>]*>)|(www)\.|://")
_LIST_NUMBER = re.compile(r"^(\d{1,9})([.)])")


def words_of(words: Words) -> str:
    """``words`` as one line of Markdown; web addresses become links."""
    line = ""
    for part in inlines(words):
        line += _inline(part, after=line)
    line = line.strip()
    # "2019. A year" would open a list.
    return _LIST_NUMBER.sub(r"\1\\\2", line)


def text_of(text: object) -> str:
    """A name or a heading: like ``words_of``, but for web addresses, which stay letters."""
    return _unlinked(escape(text))


def html_of(text: object) -> str:
    """``text`` for HTML in Markdown, where Markdown is not read: a summary, an attribute."""
    return html_escape(one_line(text), quote=True)


def address_of(url: str) -> str:
    """``url`` for the parentheses of a link; ends no link, no cell and no line."""
    return quote(one_line(url), safe="%/:?=&#+,;@~-._").replace("&", "&amp;")


def _inline(part: Inline, after: str) -> str:
    """``after`` is the Markdown in front of it."""
    if isinstance(part, Code):
        return _code(one_line(part.text), after)
    if isinstance(part, Strong):
        return _strong(one_line(part.text), after)
    if isinstance(part, Link):
        return _link(part)
    # ``prose`` trims: keep the blanks that stand beside other parts.
    line = _unlinked(prose(part))
    return f"{' ' * part[:1].isspace()}{line}{' ' * part[-1:].isspace()}" if line else " " * bool(part)


def _code(text: str, after: str) -> str:
    """Backticks where nothing in it needs care; parsers disagree on pipes and backslashes in them inside a table."""
    if not text:
        return ""
    if any(letter in text for letter in "`|\\") or after.endswith("`"):
        return f"<code>{text_of(text)}</code>"
    return f"`{text}`"


def _strong(text: str, after: str) -> str:
    """Stars where they are sure to be read as bold: next to letters, and not next to other stars."""
    if not text:
        return ""
    if text[0].isalnum() and text[-1].isalnum() and not after.endswith("*"):
        return f"**{text_of(text)}**"
    return f"<strong>{text_of(text)}</strong>"


def _link(link: Link) -> str:
    """The words alone where the address is neither of the web nor of this report."""
    if not link.url.startswith(("http://", "https://", "#")):
        return text_of(link.text)
    return f"[{text_of(link.text)}]({address_of(link.url)})"


def _unlinked(markdown: str) -> str:
    """``markdown`` without what GitHub would make a link of by itself; links in <> stay."""

    def broken(found: re.Match[str]) -> str:
        if found[1]:
            return found[1]
        return f"{found[2]}&#46;" if found[2] else "&#58;//"

    return _BARE_ADDRESS.sub(broken, markdown)
