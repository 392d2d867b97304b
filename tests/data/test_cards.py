"""Every registered data set has a card, and the card says all that is read of it."""

from __future__ import annotations

import pytest

from gmmbench.data import CLOSED_SETS, DATASETS
from gmmbench.data.cards import card
from gmmbench.resources import CARDS

NAMES = [*CLOSED_SETS, *DATASETS]
PROMISED = (
    "name", "title", "task", "source", "licence", "frames_may_be_shown", "citation", "layout", "splits", "labels",
    "note",
)  # fmt: skip
READ_BY_PROVENANCE = ("name", "title", "citation", "licence", "note", "frames_may_be_shown")


def test_the_docstring_promises_what_is_held_here() -> None:
    assert ", ".join(PROMISED) in " ".join((card.__doc__ or "").split())
    assert set(READ_BY_PROVENANCE) < set(PROMISED)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_has_all_keys(name: str) -> None:
    content = card(name)
    missing = [key for key in PROMISED if key not in content]
    assert not missing, f"datasets/{name}.yaml has no {', '.join(missing)}"
    assert content["name"] == name
    assert type(content["frames_may_be_shown"]) is bool
    for key in ("title", "source", "licence", "citation", "layout", "note"):
        assert isinstance(content[key], str), key
        assert content[key].strip(), key
    assert ("closed set" in content["task"]) == (name in CLOSED_SETS)
    assert all(isinstance(number, int) and number > 0 for number in content["splits"].values())


@pytest.mark.parametrize("name", CLOSED_SETS)
def test_the_card_of_a_closed_set_lists_its_classes(name: str) -> None:
    assert tuple(card(name)["classes"]) == CLOSED_SETS[name].classes


def test_no_card_is_of_an_unknown_data_set() -> None:
    assert {file.stem for file in CARDS.glob("*.yaml")} == set(NAMES)
