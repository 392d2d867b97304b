"""Presets are plain dictionaries of every option, and train; options that are not known say what is."""

from __future__ import annotations

import ast
import copy
from dataclasses import asdict, fields
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from gmmbench.gmm import PRESETS, GMMClassifier
from gmmbench.gmm.covariance import COVARIANCES, Full
from gmmbench.gmm.memory import MEMORIES, StreamingMemory
from gmmbench.gmm.options import CHOICES, Options, choose_options
from gmmbench.gmm.posterior import POSTERIORS


def small(preset: str, **changes: Any) -> GMMClassifier:
    if PRESETS[preset]["memory"] == "queue":
        changes = {"memory_options": {"slots": 64, "samples": 20}} | changes
    return GMMClassifier(6, 4, preset, **changes)


def train(classifier: GMMClassifier, steps: int = 4) -> None:
    for number in range(steps):
        generator = torch.Generator().manual_seed(number)
        labels = torch.randint(-1, 4, (2, 6, 7), generator=generator)
        x = torch.randn(2, 6, 6, 7, generator=generator) + 3 * F.one_hot(labels.clamp(min=0), 6).movedim(-1, 1)
        reading = classifier.read(x.requires_grad_())
        seen = classifier.assign(reading, labels.flatten())
        loss = F.cross_entropy(reading.logits, labels.flatten(), ignore_index=-1)
        (loss + classifier.component_loss(reading, seen.owner)).backward()  # type: ignore[no-untyped-call]
        classifier.update(seen)
        assert loss.isfinite()
        assert x.grad is not None
        assert x.grad.isfinite().all()
        assert all(value.isfinite().all() for value in classifier.state_dict().values())
        assert all(
            parameter.grad.isfinite().all() for parameter in classifier.parameters() if parameter.grad is not None
        )


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_is_a_plain_dictionary_of_every_option(name: str) -> None:
    preset = PRESETS[name]
    assert type(preset) is dict
    assert list(preset) == [field.name for field in fields(Options)]
    assert ast.literal_eval(repr(preset)) == preset  # nothing that a config file could not say
    assert asdict(choose_options(name, {})) == preset
    for option, choices in CHOICES.items():
        assert preset[option] in choices


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_trains(name: str) -> None:
    before = copy.deepcopy(PRESETS)
    classifier = small(name)
    classifier.pace(4)
    train(classifier)
    assert before == PRESETS
    assert int(classifier.step) == 4


@pytest.mark.parametrize("name", list(PRESETS))
@pytest.mark.parametrize(
    "changes",
    [{option: choice} for option, choices in CHOICES.items() for choice in choices if choice != "queue"]
    + [{"memory": "queue", "memory_options": {"slots": 32}}],
    ids=lambda changes: str(next(iter(changes.values()))),
)
def test_a_preset_with_another_choice_trains(name: str, changes: dict[str, Any]) -> None:
    if changes.get("memory") == "streaming" or "memory_options" in changes:
        train(GMMClassifier(6, 4, name, dim=16, **changes), steps=3)
    else:
        train(small(name, dim=16, **changes), steps=3)


def test_what_the_presets_are_of() -> None:
    official, paper = PRESETS["official"], PRESETS["paper"]
    assert (official["class_density"], official["posterior"]) == ("best", "layer_norm")
    assert (paper["class_density"], paper["posterior"]) == ("mixture", "bayes")


# --- options ---


def test_another_choice_drops_the_options_of_the_last() -> None:
    assert choose_options("official", {}).covariance_options == {"momentum": 0.0}
    assert choose_options("official", {"covariance": "diag"}).covariance_options == {"momentum": 0.0}
    assert choose_options("official", {"covariance": "full"}).covariance_options == {}
    assert choose_options("official", {"memory": "streaming"}).memory_options == {}
    chosen = choose_options("official", {"covariance_options": {"prior": 7.0}, "covariance": "full"})
    assert chosen.covariance_options == {"prior": 7.0}
    classifier = small("official", covariance="full", floor=0.5)
    assert isinstance(classifier.mixture.covariance, Full)
    assert (classifier.mixture.covariance.prior, classifier.mixture.covariance.floor) == (200.0, 0.5)
    assert isinstance(GMMClassifier(6, 4, "official", memory="streaming").memory, StreamingMemory)


@pytest.mark.parametrize(
    ("preset", "changes", "message"),
    [
        ("offical", {}, r"unknown preset 'offical'; known: official, paper, gmmbench; did you mean 'official'\?"),
        ("zzz", {}, r"unknown preset 'zzz'; known: official, paper, gmmbench$"),
        ("paper", {"component": 3}, r"unknown classifier option 'component'; .*; did you mean 'components'\?"),
        ("paper", {"covariance": "ful"}, r"unknown covariance 'ful'; known: diag, .*; did you mean 'full'\?"),
        ("paper", {"memory": "stream"}, r"unknown memory 'stream'; known: streaming, queue; did you mean 'streaming'"),
        ("paper", {"posterior": "layernorm"}, r"unknown posterior 'layernorm'; .*; did you mean 'layer_norm'\?"),
        ("paper", {"class_density": "max"}, r"unknown class_density 'max'; known: mixture, best"),
    ],
)
def test_unknown_names_list_the_known_ones(preset: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GMMClassifier(6, 4, preset, **changes)


def test_registries_are_what_is_asked_for_by_name() -> None:
    assert CHOICES["covariance"] is COVARIANCES
    assert CHOICES["memory"] is MEMORIES
    assert CHOICES["posterior"] is POSTERIORS
