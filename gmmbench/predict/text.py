"""Text on pictures: one font, in sizes that follow the picture's."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import matplotlib as mpl
from PIL import ImageFont

INK = (20, 20, 24)
PAPER = (255, 255, 255)
FAINT = (120, 120, 126)


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and has Latin, Greek and Cyrillic."""
    return ImageFont.truetype(str(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size)


def size_for(height: int, width: int) -> int:
    """Pixels of text that reads well beside an image of that size, shown as a whole."""
    return min(max(round(min(height, width) / 34), 12), 40)


def fitted(text: str, size: int, width: int) -> str:
    """``text``, or its beginning and an ellipsis, in at most ``width`` pixels."""
    text = " ".join(text.encode("utf-8", "replace").decode().split())
    if font(size).getlength(text) <= width:
        return text
    while text and font(size).getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
