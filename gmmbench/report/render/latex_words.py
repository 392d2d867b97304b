"""Words -> LaTeX in ASCII that pdflatex sets without packages, whatever a stranger's name holds."""

from __future__ import annotations

import re
import unicodedata

from gmmbench.report.blocks import Code, Inline, Link, Strong, Words, inlines
from gmmbench.report.text import one_line

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\symbol{34}",
    "`": r"\`{}",
    # A row or \midrule in front of these would take them for its option, a caption for the end of one.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
}
_LETTERS = {
    **{"ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}", "ø": r"\o{}", "Ø": r"\O{}"},
    **{"ł": r"\l{}", "Ł": r"\L{}", "å": r"\aa{}", "Å": r"\AA{}", "ı": r"\i{}", "¡": "!`", "¿": "?`"},
    **{"–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''", "…": r"\ldots{}"},
    **{"‐": "-", "‑": "-", "«": r"$\ll$", "»": r"$\gg$", "\u00a0": "~", "\u202f": "~"},
    **{"§": r"\S{}", "¶": r"\P{}", "©": r"\copyright{}", "£": r"\pounds{}"},
    **{"²": "$^2$", "³": "$^3$", "¹": "$^1$", "°": r"$^\circ$", "€": "EUR", "™": "$^{TM}$"},
    **{"½": r"$\frac12$", "¼": r"$\frac14$", "¾": r"$\frac34$"},
}
_MATHS = {
    **{"±": "pm", "∓": "mp", "×": "times", "÷": "div", "·": "cdot", "•": "bullet", "∞": "infty"},
    **{"→": "rightarrow", "←": "leftarrow", "↑": "uparrow", "↓": "downarrow", "↔": "leftrightarrow"},
    **{"⇒": "Rightarrow", "⇐": "Leftarrow", "≤": "leq", "≥": "geq", "≠": "neq", "≈": "approx", "∼": "sim"},
    **{"≪": "ll", "≫": "gg", "∈": "in", "∝": "propto", "∑": "sum", "∏": "prod", "∫": "int", "∂": "partial"},
    **{"∇": "nabla", "∅": "emptyset", "∪": "cup", "∩": "cap", "⊂": "subset", "∥": "parallel", "√": "surd"},
    **{"†": "dagger", "‡": "ddagger", "✓": "surd", "µ": "mu", "ϵ": "epsilon", "ε": "varepsilon", "ϕ": "phi"},
}
_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (\w+)")
_AS_LATIN = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo", strict=True))
_GREEK_NAMES = set(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma".split()  # noqa: SIM905
) | {"varsigma", "tau", "upsilon", "phi", "chi", "psi", "omega"}
_ACCENTS = {
    **{"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u0304": "=", "\u0307": "."},
    **{"\u0306": "u ", "\u030a": "r ", "\u030b": "H ", "\u030c": "v ", "\u0327": "c "},
}
_BREAK_AFTER = "_/.-@=,:"
_UNBROKEN = 10


def words_of(words: Words, *, breakable: bool = False, addresses: bool = False) -> str:
    """``words`` as LaTeX.

    Args:
        words: what to say.
        breakable: whether long names may be broken, for columns of a given width and for running text.
        addresses: whether the web address of a link is written behind its words.
    """
    return "".join(_inline(part, breakable, addresses) for part in inlines(words)).strip()


def escape(text: object, *, breakable: bool = False) -> str:
    """``text`` as one line of LaTeX that shows these letters; "?" for a letter that pdflatex cannot set."""
    parts: list[str] = []
    plain = unicodedata.normalize("NFC", one_line(text))
    places = _breaks(plain) if breakable else set()
    for number, letter in enumerate(plain):
        parts.append(_apart(parts[-1] if parts else "", _letter(letter)))
        if number in places:
            parts.append(r"\allowbreak{}")
    return "".join(parts)


def _breaks(text: str) -> set[int]:
    """The places in ``text`` behind which a line may end: inside of words that are too long for a narrow column."""
    places: set[int] = set()
    for word in re.finditer(r"\S+", text):
        run = 0
        for place in range(word.start(), word.end() - 1):
            run += 1
            if (text[place] in _BREAK_AFTER and run > 1) or (run >= _UNBROKEN and len(word[0]) > 2 * _UNBROKEN):
                places.add(place)
                run = 0
    return places


def _apart(before: str, letter: str) -> str:
    """``letter``, kept from joining: to TeX -- is a dash, '' a closing quote, ?` an opening question mark."""
    joins = before[-1:] == letter[:1] and letter[:1] in tuple("-',`")
    return f"{{}}{letter}" if joins or (before[-1:] in ("!", "?") and letter[:1] == "`") else letter


def _inline(part: Inline, breakable: bool, addresses: bool) -> str:
    text = part if isinstance(part, str) else part.text
    line = escape(text, breakable=breakable)
    if isinstance(part, Code):
        return rf"\texttt{{{line}}}"
    if isinstance(part, Strong):
        return rf"\textbf{{{line}}}"
    if isinstance(part, Link):
        web = addresses and part.url.startswith(("http://", "https://")) and part.url != part.text
        return rf"{line} (\texttt{{{escape(part.url, breakable=breakable)}}})" if web else line
    # ``one_line`` trims: keep the blanks that stand beside other parts.
    return f"{' ' * text[:1].isspace()}{line}{' ' * text[-1:].isspace()}" if line else " " * bool(text)


def _letter(letter: str) -> str:
    if letter in _SPECIAL:
        return _SPECIAL[letter]
    if letter.isascii():
        return letter
    if letter in _LETTERS:
        return _LETTERS[letter]
    if letter in "−":
        return "$-$"
    if letter in _MATHS:
        return rf"$\{_MATHS[letter]}$"
    return _greek(letter) or _accented(letter) or "?"


def _greek(letter: str) -> str:
    """ "$\\alpha$" of the letter alpha; capitals that look like Latin ones are these."""
    if letter in _AS_LATIN:
        return _AS_LATIN[letter]
    found = _GREEK.fullmatch(unicodedata.name(letter, "").replace("FINAL SIGMA", "FINALSIGMA"))
    if not found:
        return ""
    name = {"LAMDA": "lambda", "FINALSIGMA": "varsigma"}.get(found[2], found[2].lower())
    return rf"$\{name.capitalize() if found[1] == 'CAPITAL' else name}$" if name in _GREEK_NAMES else ""


def _accented(letter: str) -> str:
    """An ASCII letter with one accent over or under it."""
    base, *marks = list(unicodedata.normalize("NFD", letter))
    if not (base.isascii() and base.isalpha() and len(marks) == 1 and marks[0] in _ACCENTS):
        return ""
    below = marks[0] == "\u0327"
    return rf"\{_ACCENTS[marks[0]]}{{{base if below or base not in 'ij' else chr(92) + base}}}"
