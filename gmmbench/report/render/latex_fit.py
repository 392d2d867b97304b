"""How a LaTeX table is made to fit its page: the size of its letters, which columns break their texts, its height."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_SIZES = (
    (62, ""),
    (70, r"\small"),
    (80, r"\footnotesize"),
    (100, r"\scriptsize\setlength{\tabcolsep}{3pt}"),
)
"""How many letters go across a line of article's width in each size."""

_TINIEST = (125, r"\tiny\setlength{\tabcolsep}{2pt}")
_WIDE = (40, 24)  # columns of longer texts break them; the second where the first leaves too little room
_GAP = 2  # letters between two columns
_ENOUGH = 25  # letters that a broken column should have


@dataclass(frozen=True)
class Fit:
    """How a table is set.

    Attributes:
        spec: the argument of ``tabular``.
        size: what sets the size of letters; "" is the text's own.
        broken: the places of the columns that break their texts, and how many letters go across each.
        small: the size of letters for what may be smaller.
        squeezed: whether it is wider than the line even so, and must be scaled.
    """

    spec: str
    size: str
    broken: dict[int, float]
    small: str
    squeezed: bool

    def lines(self, letters: Sequence[int]) -> int:
        """How many lines a row has whose cells have so many letters."""
        return max((math.ceil(letters[place] / across) for place, across in self.broken.items()), default=1) or 1


def fit(longest: Sequence[int], numeric: Sequence[bool], *, scalable: bool) -> Fit:
    """Fit a table whose columns have ``longest`` letters at most; numbers are never broken.

    Args:
        longest: of each column the letters of its longest text.
        numeric: of each column whether it holds numbers.
        scalable: whether it can be scaled; a table over pages cannot, and has tiny letters instead.
    """
    for wide in _WIDE:
        broken = [place for place, letters in enumerate(longest) if letters > wide and not numeric[place]]
        rigid = sum(letters + _GAP for place, letters in enumerate(longest) if place not in broken)
        needed = rigid + sum(_ENOUGH + _GAP for _ in broken)
        if needed <= _SIZES[-1][0]:
            break
    sizes = _SIZES if scalable else (*_SIZES, _TINIEST)
    room, size = next(((room, size) for room, size in sizes if needed <= room), sizes[-1])
    # Root: of texts of very different lengths the longest does not take all of it.
    weights = {place: math.sqrt(longest[place]) for place in broken}
    left = max(0.96 - (rigid + _GAP * len(broken)) / room, 0.15 * len(broken))
    widths = {place: left * weight / sum(weights.values()) for place, weight in weights.items()}
    spec = [
        rf"p{{{widths[place]:.2f}\linewidth}}" if place in widths else "r" if right else "l"
        for place, right in enumerate(numeric)
    ]
    return Fit(
        spec=f"@{{}}{''.join(spec) or 'l'}@{{}}",
        size=size,
        broken={place: width * room for place, width in widths.items()},
        small=r"\tiny" if size.startswith((r"\scriptsize", r"\tiny")) else r"\scriptsize",
        squeezed=scalable and needed > room,
    )
