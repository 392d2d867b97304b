"""What mkdocs does beside building: the site holds the pages alone, so links to files of the checkout become words."""

from __future__ import annotations

import re
from typing import Any

_OUT = re.compile(r"\[([^\]]+)\]\(\.\./[^)]*\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page without links that lead out of docs/."""
    return _OUT.sub(r"\1", markdown)
