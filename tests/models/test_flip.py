"""Averaging over the mirror image, and the whole stack of what a model may be given."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from torch import nn

from gmmbench.errors import InputError
from gmmbench.models.committee import WithDropout, WithEnsemble
from gmmbench.models.equipped import equipped
from gmmbench.models.flip import Flipped
from gmmbench.models.perturbed import WithPerturbed
from gmmbench.models.predictor import Predictor
from gmmbench.prediction import Committee, Prediction

GMM = {"preset": "gmmbench", "components": 2, "dim": 12}


@pytest.fixture(scope="module")
def predictors(make_segmentor, batches):
    found = {}
    for kind, classifier in (("softmax", None), ("gmm", GMM)):
        model = make_segmentor(classifier)
        model.decode_head.dropout = nn.Dropout2d(0.5)
        with torch.no_grad():
            model.train().loss(*batches(1)[0])
            model.em_step()
        found[kind] = Predictor(model.eval(), None, "camvid", "0" * 64)
    return found


def picture(height: int = 40, width: int = 56) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("kind", ["softmax", "gmm"])
@pytest.mark.parametrize("width", [56, 55])
def test_is_the_mean_of_two_predictions(kind, width, predictors):
    predictor, image = predictors[kind], picture(width=width)
    found, here, there = Flipped(predictor)(image), predictor(image), predictor(image[:, ::-1].copy())
    for name in ("logits", "density", "features"):
        first, second = getattr(here, name), getattr(there, name)
        if first is None:
            assert getattr(found, name) is None
        else:
            expected = np.stack([first.numpy(), second.numpy()[..., ::-1]]).mean(axis=0)
            np.testing.assert_allclose(getattr(found, name).numpy(), expected, rtol=1e-5, atol=1e-6)
            assert not torch.equal(getattr(found, name), first)


@pytest.mark.parametrize("kind", ["softmax", "gmm"])
def test_a_mirror_image_gives_the_mirrored_maps(kind, predictors):
    model, image = Flipped(predictors[kind]), picture()
    here, there = model(image), model(image[:, ::-1])
    torch.testing.assert_close(there.logits, here.logits.flip(-1))
    torch.testing.assert_close(there.features, here.features.flip(-1))


def test_a_symmetric_image_gives_symmetric_maps(predictors):
    half = picture(width=28)
    symmetric = np.concatenate([half, half[:, ::-1]], axis=1)
    found = Flipped(predictors["softmax"])(symmetric)
    torch.testing.assert_close(found.logits, found.logits.flip(-1))
    assert not torch.allclose(predictors["softmax"](symmetric).logits, found.logits)  # the network alone is not


def test_head_still_makes_logits_of_features(predictors):
    found = Flipped(predictors["softmax"])(picture())
    made = torch.einsum("cd,dhw->chw", found.head.weight, found.features) + found.head.bias[:, None, None]
    expected = torch.nn.functional.interpolate(made[None], size=(40, 56), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(found.logits, expected, rtol=1e-4, atol=1e-5)


def test_every_field_is_averaged():
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    def make() -> Prediction:
        return Prediction(
            draw(3, 4, 5), draw(3, 4, 5), draw(6, 2, 3), None, draw(4, 5), draw(3, 4, 5),
            Committee(draw(3, 4, 5), draw(4, 5)), Committee(draw(3, 4, 5), draw(4, 5)),
        )  # fmt: skip

    image, both = picture(4, 5), [make(), make()]
    found = Flipped(lambda seen: both[0] if np.array_equal(seen, image) else both[1])(image)
    for field in fields(Prediction):
        mine, here, there = (getattr(each, field.name) for each in (found, *both))
        if field.name == "head":
            continue
        parts = ("posterior", "entropy") if isinstance(mine, Committee) else (None,)
        for part in parts:
            a, b, c = (getattr(each, part) if part else each for each in (mine, here, there))
            torch.testing.assert_close(a, (b + c.flip(-1)) / 2)


@pytest.mark.parametrize("size", [(1, 1), (3, 1)])
def test_an_image_one_pixel_wide(size, predictors):
    prediction = Flipped(predictors["softmax"])(picture(*size))
    torch.testing.assert_close(prediction.logits, predictors["softmax"](picture(*size)).logits)


def test_words(predictors):
    predictor = predictors["softmax"]
    words = Flipped(predictor).network_input
    assert words.startswith(predictor.network_input.partition(";")[0])
    assert "no flip" not in words
    assert "averaged over the image and its mirror image; no scale averaging" in words
    assert Flipped(predictor).gives == predictor.gives


def test_equipped_with_nothing_is_the_model_itself(predictors):
    assert equipped(predictors["softmax"]) is predictors["softmax"]


@pytest.mark.parametrize("kind", ["softmax", "gmm"])
def test_equipped_with_everything(kind, predictors):
    predictor, image = predictors[kind], picture()
    model = equipped(predictor, perturbed=(3.0, 1e-2), dropout=(2, 5), members=[predictor], flip=True)
    assert isinstance(model, Flipped)
    assert model.gives == predictor.gives | {"perturbed", "dropout", "ensemble"}
    for part in ("step of 0.01", "2 dropout passes, seed 5", "ensemble of 2 models", "mirror image"):
        assert part in model.network_input
    found = model(image)
    torch.testing.assert_close(found.perturbed, Flipped(WithPerturbed(predictor, 3.0, 1e-2))(image).perturbed)
    alone = Flipped(WithDropout(predictor, 2, 5))(image).dropout
    torch.testing.assert_close(found.dropout.posterior, alone.posterior)
    alone = Flipped(WithEnsemble(predictor, (predictor,)))(image).ensemble
    torch.testing.assert_close(found.ensemble.entropy, alone.entropy)
    for name in model.gives:
        assert getattr(found, name) is not None


def test_what_looks_inside_the_network_wants_one_of_ours():
    class Stranger:
        gives = frozenset({"logits"})

    for options in ({"perturbed": (1.0, 0.1)}, {"dropout": (2, 0)}):
        with pytest.raises(InputError, match="looks inside the network, so it wants a CONFIG and a CHECKPOINT"):
            equipped(Stranger(), **options)
