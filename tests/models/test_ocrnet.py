"""OCRNet as one decode head computes what MMSegmentation's cascade of two does."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import gmmbench.models  # noqa: F401  (registers our parts)
from gmmbench.gmm import GMMClassifier

CLASSES = 5
COMMON = {
    "in_channels": [32, 64],
    "in_index": (1, 3),
    "input_transform": "resize_concat",
    "dropout_ratio": -1,
    "norm_cfg": {"type": "BN"},
    "align_corners": False,
}
LOSS = {"type": "CrossEntropyLoss", "avg_non_ignore": True}
FIRST = COMMON | {"type": "FCNHead", "channels": 96, "kernel_size": 1, "num_convs": 1, "concat_input": False}
FIRST["loss_decode"] = LOSS | {"loss_weight": 0.4}
LAST = COMMON | {"channels": 16, "ocr_channels": 8, "num_classes": CLASSES, "loss_decode": LOSS}
MODEL = {
    "backbone": {"type": "TimmFeatures", "name": "test_efficientnet", "out_indices": (1, 2, 3, 4)},
    "train_cfg": {},
    "test_cfg": {"mode": "whole"},
}


def build(config):
    init_default_scope("mmseg")
    torch.manual_seed(0)
    return MODELS.build(ConfigDict(copy.deepcopy(MODEL | config)))


@pytest.fixture(scope="module")
def ours():
    return build({"type": "Segmentor", "decode_head": LAST | {"type": "OCRNetHead", "first": FIRST}})


@pytest.fixture(scope="module")
def theirs(ours):
    heads = [FIRST | {"num_classes": CLASSES}, LAST | {"type": "OCRHead"}]
    model = build({"type": "CascadeEncoderDecoder", "num_stages": 2, "decode_head": heads})
    model.load_state_dict(
        {
            key.replace("decode_head.first.", "decode_head.0.")
            if ".first." in key
            else key.replace("decode_head.", "decode_head.1."): value
            for key, value in ours.state_dict().items()
        }
    )
    return model


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 64, 96, generator=generator)
    labels = torch.randint(0, CLASSES, (2, 1, 64, 96), generator=generator)
    labels[:, :, :8] = 255
    size = {"img_shape": (64, 96), "ori_shape": (64, 96)}
    return images, [SegDataSample(metainfo=size, gt_sem_seg=PixelData(data=each)) for each in labels]


def test_predicts_as_the_cascade(ours, theirs, batch):
    with torch.no_grad():
        logits = [model.eval()(batch[0], mode="tensor") for model in (ours, theirs)]
        whole = [model.predict(batch[0])[0].seg_logits.data for model in (ours, theirs)]
    assert logits[0].shape[:2] == (2, CLASSES)
    torch.testing.assert_close(*logits)
    torch.testing.assert_close(*whole)


def test_learns_as_the_cascade(ours, theirs, batch):
    models = [copy.deepcopy(model).train() for model in (ours, theirs)]
    losses = [model.loss(*batch) for model in models]
    assert set(losses[0]) == {"decode.first.loss_ce", "decode.first.acc_seg", "decode.loss_ce", "decode.acc_seg"}
    pairs = {
        "decode.first.loss_ce": "decode_0.loss_ce",
        "decode.loss_ce": "decode_1.loss_ce",
        "decode.first.acc_seg": "decode_0.acc_seg",
    }
    for name, other in pairs.items():
        torch.testing.assert_close(losses[0][name], losses[1][other])
    for each in losses:
        sum(value for name, value in each.items() if "loss" in name).backward()
    stem = [model.backbone.body.conv_stem.weight.grad for model in models]
    torch.testing.assert_close(*stem, rtol=1e-3, atol=1e-5)


def test_first_head_keeps_its_convolution(batch):
    head = LAST | {"type": "OCRNetHead", "first": FIRST}
    gmm = build({"type": "Segmentor", "decode_head": head, "classifier": {"preset": "gmmbench"}})
    gmm.init_weights()
    assert isinstance(gmm.classifier, GMMClassifier)
    assert isinstance(gmm.decode_head.first.conv_seg, torch.nn.Conv2d)
    assert "decode.loss_component" in gmm.train().loss(*batch)
