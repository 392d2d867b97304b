"""Parity with the released GMMSeg head: preset ``official`` replays what ``tests/golden/README.md`` describes.

``GMMBENCH_GOLDEN`` names another file of the same form.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gmmbench.gmm import Assignment, GMMClassifier, Reading
from gmmbench.gmm.em import UNASSIGNED, sinkhorn

FILE = Path(os.environ.get("GMMBENCH_GOLDEN") or Path(__file__).parents[1] / "golden" / "gmmseg_released.npz")
IGNORE = 255
TIE = 1e-4
"""What two choices may differ by, in log-responsibility or logits, and still be the same to float32."""

OPTIONS: dict[str, dict[str, Any]] = {
    "interval5_wrap": {"interval": 5, "momentum": 0.9},
    "momentum_both": {"momentum": 0.9, "covariance_options": {"momentum": 0.5}},
    "all_samples": {"samples": None},
}
"""What the arrays do not say of a case, beyond the preset, an M-step each step and 8 samples."""

NAMES = {
    "projection.conv.weight": "embed.projection.0.weight",
    "projection.bn.weight": "embed.projection.1.weight",
    "projection.bn.bias": "embed.projection.1.bias",
    "projection.bn.running_mean": "embed.projection.1.running_mean",
    "projection.bn.running_var": "embed.projection.1.running_var",
    "projection.bn.num_batches_tracked": "embed.projection.1.num_batches_tracked",
    "feat_norm.weight": "embed.norm.weight",
    "feat_norm.bias": "embed.norm.bias",
    "mask_norm.weight": "posterior.weight",
    "mask_norm.bias": "posterior.bias",
    "means": "mixture.means",
    "queue_ptr": "memory.pointer",
}
"""The released head's names and ours, of what both hold alike."""

Arrays = dict[str, Tensor]


@cache
def golden() -> Arrays:
    with np.load(FILE) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


CASES = sorted({name.split("/")[0] for name in golden()})


def part(case: str, name: str) -> Arrays:
    prefix = f"{case}/{name}/"
    return {key.removeprefix(prefix): value for key, value in golden().items() if key.startswith(prefix)}


def steps(case: str) -> list[Arrays]:
    names = {key.split("/")[1] for key in golden() if key.startswith(f"{case}/step")}
    return [part(case, name) for name in sorted(names, key=lambda name: int(name.removeprefix("step")))]


def our_state(released: Arrays) -> Arrays:
    """A released state dict as ours."""
    ours = {NAMES[name]: value for name, value in released.items() if name in NAMES}
    ours["mixture.covariance.variances"] = released["diagonal"].flatten(0, 1).square()
    ours["mixture.started"] = torch.ones(released["means"].shape[:2], dtype=torch.bool)
    ours["memory.features"] = released["queue"].transpose(1, 2)
    ours["step"] = released["iteration_counter"].long().squeeze()
    return ours


def released_head(case: str) -> GMMClassifier:
    """Our classifier in the place of the released head, before the first step."""
    init = part(case, "init")
    classes, components, dim = init["means"].shape
    options = {"interval": 1, "samples": 8} | OPTIONS.get(case, {})
    options["memory_options"] = {"slots": init["queue"].shape[2], "samples": options.pop("samples")}
    channels = steps(case)[0]["input"].shape[1]
    classifier = GMMClassifier(channels, classes, "official", components=components, dim=dim, **options)
    classifier.load_state_dict(our_state(init))
    return classifier.train()


def assert_near(ours: Tensor, theirs: Tensor, atol: float, rtol: float = 0.0) -> None:
    torch.testing.assert_close(ours.detach(), theirs, rtol=rtol, atol=atol)


def assert_final(ours: Arrays, theirs: Arrays) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        # The released head holds deviations, at most 1 where they start; their squares differ by twice as much.
        atol = 2e-6 if name == "mixture.covariance.variances" else 1e-6
        torch.testing.assert_close(ours[name], value, rtol=0, atol=atol, msg=lambda text, name=name: f"{name}: {text}")


def settle_ties(
    classifier: GMMClassifier, reading: Reading, seen: Assignment, labels: Tensor, step: Arrays
) -> Assignment:
    """The released head's choices where ours differ, which only ties may: of component, and of right or wrong."""
    options, components = classifier.options, classifier.options.components
    rows = labels >= 0
    target = step["component_target"].long()
    assert torch.equal(target == IGNORE, seen.owner == UNASSIGNED) or classifier.num_classes * components > IGNORE
    theirs, ours = target[rows] - labels[rows] * components, seen.owner[rows] - labels[rows] * components
    assert ((theirs >= 0) & (theirs < components)).all()
    own = step["component_log_prob"].unflatten(1, (-1, components))[rows, labels[rows]]
    shares = sinkhorn(
        own, labels[rows], classifier.num_classes,
        temperature=options.temperature, relative=options.relative, iterations=options.iterations,
    )  # fmt: skip
    margin = (shares.gather(1, theirs[:, None]) - shares.gather(1, ours[:, None])).squeeze(1).abs()
    assert (margin[theirs != ours] < TIE).all()

    def right(logits: Tensor) -> Tensor:
        return logits[rows].argmax(dim=1) == labels[rows]

    logits = step["logits"].movedim(1, -1).flatten(0, 2)
    top = logits[rows].topk(2, dim=1).values
    mistaken = right(logits) != right(reading.logits)
    assert ((top[:, 0] - top[:, 1])[mistaken] < TIE).all()

    owner = torch.where(rows, target, UNASSIGNED)
    counted = F.one_hot(theirs, components) * right(logits)[:, None]
    settled = Assignment(owner, seen.features, seen.labels, counted.to(seen.responsibility))
    if torch.equal(theirs, ours) and not mistaken.any():
        assert torch.equal(settled.owner, seen.owner)
        assert torch.equal(settled.responsibility, seen.responsibility)
    return settled


def replay(classifier: GMMClassifier, step: Arrays) -> None:
    """One training step, each array of it compared."""
    x = step["input"].clone().requires_grad_()
    labels = torch.where(step["label"] == IGNORE, -1, step["label"]).flatten()
    reading = classifier.read(x)
    assert_near(reading.features, step["feature"], atol=1e-6)
    assert_near(reading.component_log_prob.flatten(1), step["component_log_prob"], atol=1e-4, rtol=1e-5)
    assert_near(reading.density, step["class_log_prob"], atol=1e-4, rtol=1e-5)
    logits = classifier.to_map(reading.logits, x)
    assert_near(logits, step["logits"], atol=1e-4, rtol=1e-5)

    seen = settle_ties(classifier, reading, classifier.assign(reading, labels), labels, step)
    truth = F.interpolate(step["label"].float(), scale_factor=4, mode="nearest").squeeze(1).long()
    large = F.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)
    cross_entropy = F.cross_entropy(large, truth, ignore_index=IGNORE)
    component = classifier.component_loss(reading, seen.owner)
    (cross_entropy + component).backward()  # type: ignore[no-untyped-call]
    assert_near(cross_entropy, step["loss_ce"], atol=1e-5)
    assert_near(component / 0.01, step["loss_component"], atol=1e-5)
    assert x.grad is not None
    assert_near(x.grad, step["input_grad"], atol=1e-5)

    before = classifier.memory.features.clone()
    classifier.update(seen)
    ours, theirs = classifier.memory.features, step["queue_after"].transpose(1, 2)
    assert torch.equal((ours != before).any(dim=2), ((theirs - before).abs() > 1e-6).any(dim=2))  # the same slots
    assert_near(ours, theirs, atol=1e-6)
    assert torch.equal(classifier.memory.pointer, step["queue_ptr_after"])
    assert_near(classifier.mixture.means, step["means_after"], atol=1e-6)
    deviations = classifier.mixture.covariance.variances.sqrt().view_as(step["std_after"])
    assert_near(deviations, step["std_after"], atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_the_released_head(case: str) -> None:
    classifier = released_head(case)
    assert steps(case)
    for step in steps(case):
        replay(classifier, step)
    ours = dict(classifier.state_dict())
    # The arrays were taken after the evaluation, in which the released head brings its means to unit length.
    ours["mixture.means"] = classifier.mixture.directed_means()
    assert_final(ours, our_state(part(case, "final")))
    classifier.eval()
    evaluation = part(case, "eval")
    assert_near(classifier(evaluation["input"]), evaluation["logits"], atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_another_component_is_no_tie(case: str) -> None:
    classifier, step = released_head(case), steps(case)[0]
    components = classifier.options.components
    target = step["component_target"].clone()
    owned = target != IGNORE
    target[owned] = target[owned] - target[owned] % components + (target[owned] + 1) % components
    with pytest.raises(AssertionError):
        replay(classifier, step | {"component_target": target})
    replay(released_head(case), step)
