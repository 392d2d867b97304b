"""Under mixed precision the network computes in half precision, densities and EM in float32."""

from __future__ import annotations

import copy
from contextlib import contextmanager

import pytest
import torch

from gmmbench.gmm import GMMClassifier
from gmmbench.models.hooks import EMHook
from gmmbench.models.tap import tapped
from gmmbench.train import train


@contextmanager
def half(on: bool = True):
    with torch.autocast("cpu", torch.bfloat16, enabled=on):
        yield


def step(model, batch, optimizer=None):
    """One training step as MMEngine takes it: forward under autocast, backward and EM outside."""
    with half(), tapped(model.classifier) as tap:
        losses = model.loss(*batch)
    total = sum(value for name, value in losses.items() if "loss" in name)
    if optimizer is not None:
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    assignment = model._observed[-1]
    model.em_step()
    return losses, tap, assignment


def test_training_step(classifier_options, make_segmentor, batches):
    model = make_segmentor(classifier_options).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for batch in batches(3):
        losses, tap, assignment = step(model, batch, optimizer)
    assert tap.entered.dtype == torch.bfloat16  # or nothing here would be under test
    for value in (tap.features, tap.component_log_prob, tap.density, tap.logits):
        assert value.dtype == torch.float32
    assert assignment.features.dtype == assignment.responsibility.dtype == torch.float32
    assert all(value.dtype == torch.float32 for value in losses.values())
    assert [name for name, value in losses.items() if not torch.isfinite(value).all()] == []
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert [name for name, grad in gradients.items() if grad is None or not torch.isfinite(grad).all()] == []
    assert model.backbone.body.conv_stem.weight.grad.abs().sum() > 0
    for name, buffer in model.classifier.named_buffers():
        assert buffer.dtype in (torch.float32, torch.int64, torch.bool), name
        assert torch.isfinite(buffer).all(), name
    assert bool(model.classifier.mixture.started.all())


def test_em_is_the_same_inside_autocast(classifier_options, make_segmentor, batches):
    outside = make_segmentor(classifier_options).train()
    inside = copy.deepcopy(outside)
    for batch in batches(2):
        for model, on in ((outside, False), (inside, True)):
            model.loss(*batch)
            with half(on):
                model.em_step()
    for (name, a), b in zip(outside.classifier.named_buffers(), inside.classifier.buffers(), strict=True):
        assert torch.equal(a, b), name


def test_e_step_is_the_same_inside_autocast(classifier_options):
    torch.manual_seed(0)
    classifier = GMMClassifier(12, 3, **classifier_options).eval()
    labels = torch.arange(2 * 9 * 9) % 4  # the last is no class
    for _ in range(2):
        reading = classifier.read(torch.randn(2, 12, 9, 9))
        outside = classifier.assign(reading, labels)
        with half():
            inside = classifier.assign(reading, labels)
        for name, value in vars(outside).items():
            assert torch.equal(value, getattr(inside, name)), name
        classifier.update(outside)


def test_densities_lose_only_what_the_network_lost(classifier_options):
    """What enters the classifier is rounded to bfloat16; from the embedding on the arithmetic is float32's."""
    torch.manual_seed(0)
    classifier = GMMClassifier(12, 3, **classifier_options).eval()
    x, labels = torch.randn(2, 12, 9, 9), torch.arange(2 * 9 * 9) % 3
    for _ in range(3):
        classifier.update(classifier.assign(classifier.read(x), labels))
    with torch.no_grad(), half():
        projected = classifier.embed.projection(x)
        lossy = classifier.read(x)
    assert projected.dtype == torch.bfloat16
    with torch.no_grad():
        classifier.embed.projection = torch.nn.Identity()
        exact = classifier.read(projected.float())
    for name, value in vars(exact).items():
        assert torch.equal(value, getattr(lossy, name)), name


def test_prediction_under_autocast_is_float32(covariance_options, make_segmentor, batches):
    model = make_segmentor(covariance_options)
    [batch] = batches(1)
    step(model.train(), batch)
    with torch.no_grad(), half():
        logits = model.eval()(batch[0], mode="tensor")
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("kind", ["gmm", "softmax"])
def test_runner_trains_in_mixed_precision(kind, tiny, data_root, tmp_path, monkeypatch):
    """MMEngine's AmpOptimWrapper refuses to be built without a GPU; told that there is one, it works in bfloat16."""
    import mmengine.optim.optimizer.amp_optimizer_wrapper as amp

    monkeypatch.setattr(amp, "is_cuda_available", lambda: True)
    monkeypatch.setattr(amp, "GradScaler", lambda: torch.amp.GradScaler("cpu"))
    seen = []
    after = EMHook.after_train_iter

    def look(self, runner, *args, **kwargs):
        observed = runner.model._observed
        seen.extend(part.features.dtype for part in observed)
        after(self, runner, *args, **kwargs)

    monkeypatch.setattr(EMHook, "after_train_iter", look)
    config = tiny(kind, {"optim_wrapper.type": "AmpOptimWrapper", "optim_wrapper.dtype": "bfloat16"})
    weights = torch.load(train(config, work_dir=tmp_path / "run", data_root=data_root), weights_only=True)
    assert set(seen) == ({torch.float32} if kind == "gmm" else set())
    assert not [key for key, value in weights.items() if value.dtype == torch.bfloat16]
    assert not [key for key, value in weights.items() if not torch.isfinite(value.float()).all()]
