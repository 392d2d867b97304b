"""The card of a data set: where it comes from, what it holds, what its licence allows."""

from __future__ import annotations

from typing import Any

import yaml

from gmmbench.resources import CARDS


def card(name: str) -> dict[str, Any]:
    """The card ``datasets/NAME.yaml`` of a registered data set.

    Keys that every card has: name, title, task, source, licence, frames_may_be_shown, citation,
    layout, splits, labels, note.
    """
    content = yaml.safe_load((CARDS / f"{name}.yaml").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content
