"""Every registered data set has a card, and the card says all that is read of it."""

from __future__ import annotations

import pytest

from gmmbench.data import CLOSED_SETS, DATASETS
from gmmbench.data.archives import sources
from gmmbench.data.cards import card
from gmmbench.data.registry import UNLABELLED
from gmmbench.resources import CARDS

NAMES = [*CLOSED_SETS, *DATASETS, *UNLABELLED]
MADE_HERE = ("street", "street_ood")
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


@pytest.mark.parametrize("name", [*DATASETS, *UNLABELLED])
def test_the_card_of_an_ood_set_says_how_it_is_measured_and_checked(name: str) -> None:
    content = card(name)
    assert content["components"] in ("anomaly", "obstacle")
    assert bool(content["values_on_disk"]) == (name in DATASETS)
    assert ("unlabelled" in content["task"]) == (name in UNLABELLED)
    if "expected" in content:
        assert content["expected"]["images"] == sum(content["splits"].values())
    else:
        assert name in ("ade_ood", *MADE_HERE)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in MADE_HERE])
def test_a_card_says_how_to_get_the_data(name: str) -> None:
    content = card(name)
    assert sources(content) or content["gated"].strip()
    for source in sources(content):
        assert source.url.startswith(("http://", "https://"))
        assert source.archive.endswith((".zip", ".tar"))


def test_one_archive_has_one_checksum_and_one_place() -> None:
    """Cards share archives; what one says of them all must say."""
    found: dict[str, set[tuple[str, str | None, str]]] = {}
    for name in NAMES:
        for source in sources(card(name)):
            found.setdefault(source.archive, set()).add((source.url, source.checksum, source.unpack_to))
    assert {archive: len(said) for archive, said in found.items()} == dict.fromkeys(found, 1)


def test_the_tracks_of_segment_me_if_you_can() -> None:
    """Its README: SegEval-ObstacleTrack on ObstacleTrack and LostAndFound, SegEval-AnomalyTrack on the others."""
    obstacle = {name for name in (*DATASETS, *UNLABELLED) if card(name)["components"] == "obstacle"}
    assert obstacle == {
        "lost_and_found", "lost_and_found_noknown", "polito_road_obstacle21", "road_obstacle21", "road_obstacle21_test",
    }  # fmt: skip
