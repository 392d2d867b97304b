"""Names and sentences of strangers, made safe for Markdown and for figures; numbers made short."""

from __future__ import annotations

import math
import re
from functools import cache
from itertools import pairwise

from matplotlib import font_manager

MISSING = "n/a"
NOT_RECORDED = "not recorded"

_MARKDOWN = re.compile(r"([\\`*_\[\]|#~$!])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_URL = re.compile(r"https?://[^\s<>|`\\\"]+[^\s<>|`\\\".,;:)\]}!?*_]")


def one_line(text: object) -> str:
    """``text`` without line breaks, tabs and control characters, which would end a table row."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())


def escape(text: object) -> str:
    """``text`` as GitHub Markdown that shows exactly these letters, in a paragraph or a table cell."""
    plain = re.sub("[&<>]", lambda found: _HTML[found[0]], one_line(text))
    plain = _MARKDOWN.sub(r"\\\1", plain)
    # A cell that starts with a list or heading mark is harmless, a paragraph is not.
    return f"\\{plain}" if plain[:1] in ("-", "+", "=") else plain


def prose(text: object) -> str:
    """Like ``escape``, but web addresses become links: for citations, licences and notes."""
    plain = one_line(text)
    ends = [0, *(edge for found in _URL.finditer(plain) for edge in found.span()), len(plain)]
    parts = []
    for number, (start, end) in enumerate(pairwise(ends)):
        piece = plain[start:end]
        if number % 2:
            parts.append(f"<{piece}>")
        else:
            # ``escape`` trims: keep the blanks that stand beside an address.
            parts.append(f"{' ' * piece.startswith(' ')}{escape(piece)}{' ' * piece.endswith(' ')}")
    return "".join(parts).strip()


def fence(text: object) -> str:
    """``text`` as a code block, whatever runs of backticks it holds."""
    body = str(text).replace("\r\n", "\n").replace("\r", "\n")
    body = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in body)
    longest = max((len(found) for found in re.findall("`+", body)), default=0)
    bars = "`" * max(3, longest + 1)
    return f"{bars}text\n{body}\n{bars}"


def shorten(text: str, length: int) -> str:
    """``text`` with its middle left out where it is longer than ``length``: both ends tell names apart."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[-tail:]}"


def figure_text(text: object, length: int = 48) -> str:
    """``text`` for a figure: one line, short, and only letters that matplotlib's own font can draw."""
    return shorten("".join(letter if ord(letter) in _drawable() else "?" for letter in one_line(text)), length)


def slug(text: str) -> str:
    """A file name's part: ASCII letters, digits, dash and underscore, at most 60 of them."""
    safe = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in text)
    return safe[:60] or "-"


def percent(value: float, digits: int = 2) -> str:
    """A fraction of one in percent, without the sign; NaN is "n/a"."""
    return MISSING if math.isnan(value) else f"{100 * value:.{digits}f}"


def count(number: float) -> str:
    """A whole number with thousands apart; NaN is "n/a"."""
    return MISSING if math.isnan(number) else f"{int(number):,}"


@cache
def _drawable() -> frozenset[int]:
    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    return frozenset(font.get_charmap())
