"""The error for an unknown name, and what an InputError is."""

from __future__ import annotations

from pathlib import Path

from gmmbench.errors import InputError, near_path, unknown_name


def test_a_near_miss_gets_a_suggestion_and_the_known_names_in_order() -> None:
    error = unknown_name("score", "max_logits", ["msp", "max_logit", "energy"])
    assert isinstance(error, InputError)
    assert str(error) == "unknown score 'max_logits'; did you mean 'max_logit'? known: energy, max_logit, msp"


def test_nothing_near_gets_no_suggestion() -> None:
    assert str(unknown_name("data set", "xyz", {"camvid": 1})) == "unknown data set 'xyz'; known: camvid"


def test_an_empty_registry() -> None:
    assert str(unknown_name("score", "msp", [])) == "unknown score 'msp'; known: none"


def test_the_nearest_path_is_like_in_its_name_first_and_then_as_a_whole() -> None:
    there = [Path("configs/camvid/segformer_gmm.py"), Path("configs/ade20k/segformer_gmm.py"), Path("configs/x/sgd.py")]
    assert (
        near_path(Path("configs/camvid/segfomer_gmm.py"), there) == "did you mean 'configs/camvid/segformer_gmm.py'? "
    )
    assert near_path(Path("ade20k/segformer_gmm.py"), there) == "did you mean 'configs/ade20k/segformer_gmm.py'? "
    assert near_path(Path("configs/camvid/nothing.py"), there) == ""
    assert near_path(Path("a"), []) == ""


def test_an_input_error_is_a_value_error() -> None:
    assert issubclass(InputError, ValueError)
