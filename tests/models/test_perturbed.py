"""ODIN's step against a transcription, finite differences, and what it must leave alone."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.models.perturbed import WithPerturbed
from gmmbench.models.predictor import Predictor
from gmmbench.models.slide import Window, slide

GMM = {"preset": "gmmbench", "components": 2, "dim": 12}
FIELDS = ("logits", "density", "features")


@pytest.fixture(scope="module")
def predictors(make_segmentor, batches):
    """A softmax and a GMM model after one step of EM, none of descent."""
    found = {}
    for kind, classifier in (("softmax", None), ("gmm", GMM)):
        model = make_segmentor(classifier)
        with torch.no_grad():
            for batch in batches(2):
                model.train().loss(*batch)
                model.em_step()
            if kind == "softmax":
                model.decode_head.conv_seg.weight.mul_(100)  # or its logits say next to nothing
        found[kind] = Predictor(model.eval(), None, "camvid", "0" * 64)
    return found


def picture(height: int = 40, width: int = 56) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4, (height, width, 3)).astype(np.uint8)


def certainty(model, x: torch.Tensor, temperature: float) -> torch.Tensor:
    posterior = F.softmax(model.decode_head(model.extract_feat(x)) / temperature, dim=1)
    return posterior.max(dim=1).values.log().sum()


@pytest.mark.parametrize("kind", ["softmax", "gmm"])
@pytest.mark.parametrize(("temperature", "grey"), [(1.0, 0.01), (3.0, 0.1), (1000.0, 0.002)])
def test_against_a_transcription(kind, temperature, grey, predictors):
    """A step of so many grey levels, which is one of the input: the model here divides by 1."""
    predictor, image = predictors[kind], picture()
    x = predictor.see(image).requires_grad_()
    certainty(predictor.model, x, temperature).neg().backward()
    with torch.no_grad():
        stepped = x - grey * torch.sign(x.grad)
        logits = predictor.model.decode_head(predictor.model.extract_feat(stepped))
        expected = F.interpolate(logits, size=image.shape[:2], mode="bilinear", align_corners=False)[0]
        before = certainty(predictor.model, x, temperature)
        assert grey > 0.01 or certainty(predictor.model, stepped, temperature) > before  # surer, if it is small
    for parameter in predictor.model.parameters():
        parameter.grad = None
    model = WithPerturbed(predictor, temperature, grey / 255)
    agree = ((model.stepped(predictor.see(image)) - stepped).abs() < grey / 1000 + 1e-6).float().mean()
    assert agree > 0.999  # a gradient of about 0 may have either sign
    prediction = model(image)
    torch.testing.assert_close(prediction.perturbed, expected, rtol=1e-3, atol=1e-3 * float(expected.std()))
    assert not torch.equal(prediction.perturbed, prediction.logits)


def test_against_finite_differences(predictors):
    predictor, temperature = predictors["softmax"], 2.0
    exact = copy.deepcopy(predictor.model).double()
    seen = predictor.see(picture())
    step = WithPerturbed(predictor, temperature, 1 / 255).stepped(seen) - seen
    assert set(step.round(decimals=3).unique().tolist()) <= {-1.0, 0.0, 1.0}
    checked = 0
    with torch.no_grad():
        for place in np.random.default_rng(0).choice(seen.numel(), 40, replace=False):
            nudge = torch.zeros(seen.numel(), dtype=torch.float64)
            nudge[place] = 1e-4
            nudge = nudge.view(seen.shape)
            slope = certainty(exact, seen + nudge, temperature) - certainty(exact, seen - nudge, temperature)
            slope = float(slope) / 2e-4
            if abs(slope) > 1e-4:
                assert np.sign(slope) == round(float(step.flatten()[place]))
                checked += 1
    assert checked > 20


@pytest.mark.parametrize("kind", ["softmax", "gmm"])
def test_the_rest_is_the_models_own(kind, predictors):
    predictor, image = predictors[kind], picture()
    before = {key: value.clone() for key, value in predictor.model.state_dict().items()}
    model = WithPerturbed(predictor, 1000.0, 0.002)
    prediction, plain = model(image), predictor(image)
    for field in FIELDS:
        first, second = getattr(prediction, field), getattr(plain, field)
        assert (first is None and second is None) or torch.equal(first, second)
    assert plain.perturbed is None
    assert not prediction.perturbed.requires_grad
    assert all(parameter.grad is None for parameter in predictor.model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in predictor.model.state_dict().items())
    assert model.gives == predictor.gives | {"perturbed"}
    assert (model.num_classes, model.closed_set, model.generative) == (5, "camvid", kind == "gmm")
    assert "step of 0.002" in model.network_input
    assert model.network_input.startswith(predictor.network_input)


def test_epsilon_is_of_an_image_in_0_to_1(predictors):
    predictor = replace(predictors["softmax"], model=copy.deepcopy(predictors["softmax"].model))
    std = torch.tensor([58.0, 57.0, 51.0]).view(3, 1, 1)
    predictor.model.data_preprocessor.std = std
    seen = predictor.see(picture())
    step = WithPerturbed(predictor, 1.0, 0.0014).stepped(seen) - seen
    there = step != 0
    assert there.float().mean() > 0.9
    wanted = (0.0014 / (std / 255)).expand_as(step[0])[None]  # as facebookresearch/odin, code/calData.py
    torch.testing.assert_close(step.abs()[there], wanted[there], rtol=1e-3, atol=1e-6)


def test_no_step_changes_nothing(predictors):
    prediction = WithPerturbed(predictors["softmax"], 1.0, 0.0)(picture())
    torch.testing.assert_close(prediction.perturbed, prediction.logits)


def test_works_where_gradients_are_switched_off(predictors):
    model, image = WithPerturbed(predictors["softmax"], 1.0, 0.1 / 255), picture()
    expected = model(image).perturbed
    with torch.inference_mode():
        assert torch.equal(model(image).perturbed, expected)
    with torch.no_grad():
        assert torch.equal(model(image).perturbed, expected)


@pytest.mark.parametrize("kind", ["softmax", "gmm"])
def test_windows_are_stepped_by_themselves(kind, predictors):
    window = Window((32, 32), (16, 24))
    predictor, image = replace(predictors[kind], window=window), picture()
    model = WithPerturbed(predictor, 2.0, 0.1 / 255)
    with torch.no_grad():
        expected = slide(lambda seen: predictor.forward(model.stepped(seen)), predictor.see(image), window)
    torch.testing.assert_close(model(image).perturbed, expected.logits)
    whole = WithPerturbed(predictors[kind], 2.0, 0.1 / 255)(image).perturbed
    assert not torch.allclose(whole, model(image).perturbed)


@pytest.mark.parametrize(("temperature", "epsilon"), [(0.0, 0.1), (-1.0, 0.1), (1.0, -0.1), (float("nan"), 0.1)])
def test_numbers_that_make_no_sense(temperature, epsilon, predictors):
    with pytest.raises(InputError, match="wanted a temperature above 0 and an epsilon of at least 0"):
        WithPerturbed(predictors["softmax"], temperature, epsilon)
