"""One config key exchanges the last convolution of MMSegmentation's heads."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from gmmbench.gmm import GMMClassifier
from gmmbench.models.segmentor import Segmentor
from gmmbench.models.tap import tapped

CLASSES = 5
CHANNELS = [24, 32, 48, 64]
CLASSIFIER = {"components": 2, "dim": 6, "covariance": "diag", "posterior": "tempered"}
LOSS = {"type": "CrossEntropyLoss", "avg_non_ignore": True}
COMMON = {"num_classes": CLASSES, "channels": 8, "norm_cfg": {"type": "BN"}, "loss_decode": LOSS}
HEADS = {
    "FCNHead": {"in_channels": 32, "in_index": 1, "num_convs": 1},
    "SegformerHead": {"in_channels": CHANNELS, "in_index": [0, 1, 2, 3]},
    "DepthwiseSeparableASPPHead": {
        "in_channels": 64, "in_index": 3, "dilations": (1, 2), "c1_in_channels": 24, "c1_channels": 4,
    },
    "UPerHead": {"in_channels": CHANNELS, "in_index": [0, 1, 2, 3], "pool_scales": (1, 2)},
    "DepthwiseSeparableFCNHead": {"in_channels": 32, "in_index": 1, "num_convs": 1, "concat_input": False},
}  # fmt: skip
HEAD_NAMES = pytest.mark.parametrize("head", list(HEADS))


def build(head: str, classifier: dict[str, object] | None = None, **more: object) -> Segmentor:
    from mmengine.config import ConfigDict
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    init_default_scope("mmseg")
    torch.manual_seed(0)
    config = {
        "type": "Segmentor",
        "backbone": {"type": "TimmFeatures", "name": "test_efficientnet", "out_indices": (1, 2, 3, 4)},
        "decode_head": {"type": head} | COMMON | HEADS[head],
        "train_cfg": {},
        "test_cfg": {"mode": "whole"},
    }
    model = MODELS.build(ConfigDict(config | {"classifier": classifier} | more))
    model.init_weights()
    return model


@pytest.fixture(scope="module")
def batch():
    """Inputs (2, 3, 64, 96) and their labels, some ignored."""
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 64, 96, generator=generator)
    labels = torch.randint(0, CLASSES, (2, 1, 64, 96), generator=generator)
    labels[:, :, :8] = 255
    size = {"img_shape": (64, 96), "ori_shape": (64, 96)}
    return images, [SegDataSample(metainfo=size, gt_sem_seg=PixelData(data=each)) for each in labels]


def learn(model: Segmentor, batch, steps: int = 2) -> dict[str, torch.Tensor]:
    model.train()
    for _ in range(steps):
        losses = model.loss(*batch)
        model.em_step()
    return losses


@HEAD_NAMES
def test_exchanges_the_last_convolution_and_nothing_else(head):
    gmm, softmax = build(head, CLASSIFIER), build(head)
    assert isinstance(gmm.classifier, GMMClassifier)
    assert gmm.generative
    assert isinstance(softmax.classifier, nn.Conv2d)
    assert not softmax.generative
    names = [[name for name in model.state_dict() if ".conv_seg." not in name] for model in (gmm, softmax)]
    assert names[0] == names[1]
    assert type(gmm.decode_head) is type(softmax.decode_head)
    assert gmm.classifier.embed.projection[0].in_channels == gmm.decode_head.channels


@HEAD_NAMES
def test_loss_backward_and_em_step(head, batch):
    model = build(head, CLASSIFIER).train()
    losses = model.loss(*batch)
    sum(value for name, value in losses.items() if "loss" in name).backward()
    grads = {name: value.grad for name, value in model.decode_head.named_parameters()}
    assert [name for name, grad in grads.items() if grad is None or not torch.isfinite(grad).all()] == []
    assert model.backbone.body.conv_stem.weight.grad.abs().sum() > 0
    assert not model.classifier.mixture.started.any()  # the M-step is no part of the loss
    model.em_step()
    assert model.classifier.mixture.started.any(dim=1).all()
    assert int(model.classifier.step) == 1
    model.em_step()  # nothing new was read
    assert int(model.classifier.step) == 1
    assert model.loss(*batch)["decode.loss_component"] > 0


@HEAD_NAMES
def test_predicts_the_same_after_save_and_load(head, batch, tmp_path):
    model = build(head, CLASSIFIER)
    learn(model, batch)
    torch.save(model.state_dict(), tmp_path / "model.pth")
    other = build(head, CLASSIFIER)
    other.load_state_dict(torch.load(tmp_path / "model.pth", weights_only=True))
    images, _ = batch
    with torch.no_grad():
        before, after = (each.eval()(images, mode="tensor") for each in (model, other))
    assert before.shape[1] == CLASSES
    assert torch.equal(before, after)


@HEAD_NAMES
def test_prediction_and_evaluation_change_nothing(head, batch):
    model = build(head, CLASSIFIER)
    learn(model, batch)
    before = copy.deepcopy(model.state_dict())
    model.eval()
    with torch.no_grad():
        first = model.predict(batch[0])
        second = model.predict(batch[0])
    assert first[0].seg_logits.data.shape == (CLASSES, 64, 96)
    assert torch.equal(first[1].seg_logits.data, second[1].seg_logits.data)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_forward_in_training_moves_no_mixture(batch):
    model = build("FCNHead", CLASSIFIER)
    learn(model, batch)
    own = {"mixture", "memory", "step"}
    before = {key: value.clone() for key, value in model.classifier.state_dict().items() if key.split(".")[0] in own}
    model.loss(*batch)
    now = model.classifier.state_dict()
    assert len(before) == 7
    assert all(torch.equal(now[key], value) for key, value in before.items())


def test_twin_has_the_losses_of_mmsegmentation(batch):
    softmax, gmm = build("FCNHead"), build("FCNHead", CLASSIFIER)
    assert set(learn(softmax, batch)) == {"decode.loss_ce", "decode.acc_seg"}
    assert set(learn(gmm, batch)) == {"decode.loss_ce", "decode.acc_seg", "decode.loss_component"}


def test_logits_are_of_the_density_before_any_normalisation(batch):
    model = build("SegformerHead", CLASSIFIER)
    learn(model, batch)
    model.eval()
    with torch.no_grad(), tapped(model.classifier) as tap:
        logits = model(batch[0], mode="tensor")
    classifier = model.classifier
    means = classifier.mixture.directed_means()
    deviations = classifier.mixture.covariance.variances.view_as(means).sqrt()
    components = torch.distributions.Independent(torch.distributions.Normal(means.double(), deviations.double()), 1)
    features = classifier.embed(tap.entered)[:, None, None].double()
    naive = components.log_prob(features).exp().mean(dim=2).log().float()
    torch.testing.assert_close(tap.density, naive, rtol=1e-4, atol=1e-3)
    posterior = classifier.posterior
    expected = GMMClassifier.to_map(posterior.log_sharpness.exp() * naive + posterior.bias, like=tap.logits)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-3)


def test_tap_leaves_no_hooks_behind(batch):
    model = build("FCNHead", CLASSIFIER)
    learn(model, batch)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_auxiliary_head_keeps_its_convolution(batch):
    auxiliary = {"type": "FCNHead", "num_convs": 1, "in_channels": 48, "in_index": 2} | COMMON
    gmm = build("FCNHead", CLASSIFIER, auxiliary_head=auxiliary)
    softmax = build("FCNHead", auxiliary_head=auxiliary)
    assert isinstance(gmm.auxiliary_head.conv_seg, nn.Conv2d)
    start = [model.auxiliary_head.state_dict() for model in (gmm, softmax)]
    assert all(torch.equal(value, start[1][key]) for key, value in start[0].items())
    assert "aux.loss_ce" in learn(gmm, batch)


def test_initialisation_leaves_the_classifier_alone():
    model = build("FCNHead", CLASSIFIER)
    embed = model.classifier.embed
    for norm in (embed.projection[1], embed.norm):
        assert torch.equal(norm.weight, torch.ones_like(norm.weight))
        assert torch.equal(norm.bias, torch.zeros_like(norm.bias))
    before = copy.deepcopy(model.classifier.state_dict())
    model.init_weights()
    assert all(torch.equal(value, before[key]) for key, value in model.classifier.state_dict().items())
    assert build("FCNHead").classifier.weight.std() < 0.02  # while MMSegmentation's rule reaches the twin's


def test_needs_no_process_group(batch):
    assert not torch.distributed.is_initialized()
    learn(build("FCNHead", CLASSIFIER), batch)
    assert not torch.distributed.is_initialized()


def test_batch_without_a_label_is_survived(batch):
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    images, samples = batch
    void = [SegDataSample(gt_sem_seg=PixelData(data=torch.full_like(each.gt_sem_seg.data, 255))) for each in samples]
    model = build("SegformerHead", CLASSIFIER)
    learn(model, batch)
    before = {key: value.clone() for key, value in model.classifier.mixture.state_dict().items()}
    assert learn(model, (images, void), steps=1)["decode.loss_component"] == 0
    for key, value in model.classifier.mixture.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=1e-6)  # means are brought to unit length again
