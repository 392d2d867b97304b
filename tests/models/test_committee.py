"""Dropout passes and ensembles against naive loops, and what they must not depend on or change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from mmcv.cnn.bricks import DropPath as MmcvDropPath
from timm.layers.drop import DropPath as TimmDropPath
from torch import nn
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.models.committee import WithDropout, WithEnsemble, committee, dropping, seed_of, stochastic
from gmmbench.models.predictor import Predictor
from gmmbench.prediction import Prediction


@pytest.fixture
def make_predictor(make_segmentor):
    """A function of a dropout rate and a factor of the classifier's weights to a softmax predictor."""

    def make(rate: float = 0.5, factor: float = 100.0) -> Predictor:
        model = make_segmentor()
        model.decode_head.dropout = nn.Dropout2d(rate) if rate else None
        with torch.no_grad():
            model.decode_head.conv_seg.weight.mul_(factor)
        return Predictor(model.eval(), None, "camvid", "0" * 64)

    return make


def picture(seed: int = 0, height: int = 40, width: int = 56) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("members", [1, 2, 7])
def test_committee_against_scipy(members):
    logits = np.random.default_rng(0).normal(0, 5, (members, 4, 6, 7))
    posteriors = scipy.special.softmax(logits, axis=1)
    found = committee(torch.from_numpy(each) for each in logits)
    np.testing.assert_allclose(found.posterior.numpy(), posteriors.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found.entropy.numpy(), scipy.stats.entropy(posteriors, axis=1).mean(axis=0), atol=1e-12)
    mean_surer_than_members = scipy.stats.entropy(found.posterior.numpy()) < found.entropy.numpy() - 1e-12
    assert not mean_surer_than_members.any()


def test_committee_of_the_certain_has_no_entropy():
    logits = torch.tensor([1e4, 0.0, -1e4])[:, None, None]
    found = committee([logits, logits])
    assert found.entropy.item() == 0
    assert found.posterior.flatten().tolist() == [1, 0, 0]


@pytest.mark.parametrize("seed", [0, 7])
def test_dropout_against_a_loop(seed, make_predictor):
    predictor, image = make_predictor(), picture()
    prediction = WithDropout(predictor, 4, seed)(image)
    model, x = predictor.model, predictor.see(image)
    posteriors = []
    torch.manual_seed(seed_of(image, seed))
    model.decode_head.dropout.train()
    with torch.no_grad():
        for _ in range(4):
            logits = model.decode_head(model.extract_feat(x))
            logits = F.interpolate(logits, size=image.shape[:2], mode="bilinear", align_corners=False)[0]
            posteriors.append(logits.softmax(dim=0).numpy())
    assert np.abs(posteriors[0] - posteriors[1]).max() > 0.01
    np.testing.assert_allclose(prediction.dropout.posterior.numpy(), np.mean(posteriors, axis=0), atol=1e-5)
    entropies = scipy.stats.entropy(np.array(posteriors), axis=1)
    np.testing.assert_allclose(prediction.dropout.entropy.numpy(), entropies.mean(axis=0), atol=1e-5)


def test_an_images_passes_depend_on_seed_and_pixels_only(make_predictor):
    model, image = WithDropout(make_predictor(), 3, 5), picture()
    expected = model(image).dropout.posterior
    model(picture(1))
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert torch.equal(model(np.asfortranarray(image)).dropout.posterior, expected)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(WithDropout(model.predictor, 3, 6)(image).dropout.posterior, expected)
    seeds = {seed_of(each, 5) for each in (image, picture(1), image.reshape(56, 40, 3), image[:-1])}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_everything_but_dropout_is_as_in_evaluation(make_predictor):
    predictor, image = make_predictor(), picture()
    model = predictor.model
    before = {key: value.clone() for key, value in model.state_dict().items()}
    plain = predictor(image)
    training: list[set[str]] = []

    def note(module: nn.Module, args: object) -> None:
        training.append({name for name, each in model.named_modules() if each.training})

    model.backbone.register_forward_pre_hook(note)
    prediction = WithDropout(predictor, 2, 0)(image)
    assert training == [set(), {"decode_head.dropout"}, {"decode_head.dropout"}]
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert torch.equal(prediction.logits, plain.logits)
    assert torch.equal(prediction.features, plain.features)
    assert plain.dropout is None


def test_flags_are_restored_after_an_error(make_predictor, monkeypatch):
    predictor = make_predictor()
    model, passes = WithDropout(predictor, 3, 0), []
    forward = predictor.model.decode_head.forward

    def fails_at_the_third(inputs):
        passes.append(predictor.model.decode_head.dropout.training)
        if len(passes) == 3:
            raise RuntimeError("out of memory")
        return forward(inputs)

    monkeypatch.setattr(predictor.model.decode_head, "forward", fails_at_the_third)
    state = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="out of memory"):
        model(picture())
    assert passes == [False, True, True]
    assert not any(module.training for module in predictor.model.modules())
    assert torch.equal(torch.get_rng_state(), state)


def test_what_drops_out():
    attention = nn.MultiheadAttention(4, 2, dropout=0.1)
    model = nn.Sequential(
        nn.Dropout(0.1), nn.Dropout(0.0), nn.Dropout2d(0.2), nn.BatchNorm2d(3), TimmDropPath(0.1), TimmDropPath(0.0),
        MmcvDropPath(0.3), nn.Sequential(nn.AlphaDropout(0.1)), attention, nn.MultiheadAttention(4, 2),
    )  # fmt: skip
    assert stochastic(model) == [model[0], model[2], model[4], model[6], model[7][0], attention]
    model.eval()
    model[3].train()  # whoever left it so wants it so
    with dropping(model):
        assert [module.training for module in model] == [
            True, False, True, True, True, False, True, False, True, False,
        ]  # fmt: skip
    assert [index for index, module in enumerate(model) if module.training] == [3]


def test_a_model_in_which_nothing_drops_out_is_refused(make_predictor):
    predictor = make_predictor(0.0)
    with pytest.raises(InputError, match=r"nothing in this model drops out .*dropout_ratio=0\.1"):
        WithDropout(predictor, 3, 0)
    predictor.model.auxiliary_head = nn.Sequential(nn.Dropout(0.5))  # nothing of a prediction passes through it
    with pytest.raises(InputError, match="nothing in this model drops out"):
        WithDropout(predictor, 3, 0)


def test_numbers_of_passes_and_seeds_that_make_no_sense(make_predictor):
    for passes, seed in ((0, 0), (3, -1)):
        with pytest.raises(InputError, match="wanted at least 1, and a seed from 0"):
            WithDropout(make_predictor(), passes, seed)


def test_ensemble_against_a_loop(make_predictor):
    members = [make_predictor(0.0, factor) for factor in (30.0, 100.0, 300.0)]
    image = picture()
    found = WithEnsemble(members[0], tuple(members[1:]))(image)
    posteriors = np.array([each(image).logits.softmax(dim=0).numpy() for each in members])
    np.testing.assert_allclose(found.ensemble.posterior.numpy(), posteriors.mean(axis=0), atol=1e-6)
    entropies = scipy.stats.entropy(posteriors, axis=1)
    np.testing.assert_allclose(found.ensemble.entropy.numpy(), entropies.mean(axis=0), atol=1e-5)
    assert torch.equal(found.logits, members[0](image).logits)


def test_a_model_and_itself_are_that_model(make_predictor):
    predictor, image = make_predictor(), picture()
    prediction = WithEnsemble(predictor, (predictor, predictor))(image)
    torch.testing.assert_close(prediction.ensemble.posterior, prediction.posterior)
    own = torch.special.entr(prediction.posterior).sum(dim=0)
    torch.testing.assert_close(prediction.ensemble.entropy, own)


def test_what_they_say_of_themselves(make_predictor):
    predictor = make_predictor()
    dropout = WithDropout(predictor, 3, 8)
    assert dropout.gives == {"logits", "features", "head", "dropout"}
    assert dropout.network_input == f"{predictor.network_input}; 3 dropout passes, seed 8"
    both = WithEnsemble(dropout, (make_predictor(), make_predictor()))
    assert both.gives == dropout.gives | {"ensemble"}
    assert both.network_input == f"{dropout.network_input}; ensemble of 3 models"
    larger = replace(make_predictor(), short_side=80)
    words = WithEnsemble(dropout, (larger, larger)).network_input
    assert words == f"{both.network_input}; of them some see: {larger.network_input}"
    assert (both.num_classes, both.closed_set, both.config_sha256, both.device) == (5, "camvid", "0" * 64, "cpu")
    assert not both.generative
    prediction = both(picture())
    assert prediction.dropout is not None
    assert prediction.ensemble is not None


def test_members_of_other_classes_are_refused(make_predictor):
    predictor, other = make_predictor(), make_predictor()
    other.model.decode_head.out_channels = 7
    with pytest.raises(InputError, match="member 2 of the ensemble has num_classes 7, the first has 5"):
        WithEnsemble(predictor, (other,))
    elsewhere = Predictor(predictor.model, None, "cityscapes", "1" * 64)
    with pytest.raises(InputError, match="member 3 of the ensemble has closed_set cityscapes, the first has camvid"):
        WithEnsemble(predictor, (predictor, elsewhere))
    with pytest.raises(InputError, match="wanted at least one more checkpoint"):
        WithEnsemble(predictor, ())


def test_members_that_turn_out_to_have_other_classes(make_predictor):
    class Stranger:
        num_classes = closed_set = None
        network_input = "?"

        def __call__(self, image: np.ndarray) -> Prediction:
            return Prediction(torch.zeros(3, *image.shape[:2]))

    with pytest.raises(InputError, match=r"gives logits \(3, 40, 56\), the first \(5, 40, 56\)"):
        WithEnsemble(make_predictor(), (Stranger(),))(picture())
