"""Gradient checkpointing of a backbone (``with_cp=True``): less memory, the same training."""

from __future__ import annotations

import copy

import pytest
import torch

from gmmbench.gmm import GMMClassifier

BACKBONES = {
    "MixVisionTransformer": {
        "embed_dims": 4, "num_stages": 4, "num_layers": [1, 1, 1, 1], "num_heads": [1, 2, 5, 8],
        "patch_sizes": [7, 3, 3, 3], "sr_ratios": [8, 4, 2, 1], "out_indices": (0, 1, 2, 3), "mlp_ratio": 2,
        "drop_rate": 0.1, "drop_path_rate": 0.2,
    },
    "SwinTransformer": {
        "embed_dims": 4, "depths": (1, 2, 1, 1), "num_heads": (1, 2, 4, 4), "window_size": 3, "mlp_ratio": 2,
        "pretrain_img_size": 64, "drop_rate": 0.1, "drop_path_rate": 0.2,
    },
}  # fmt: skip
CHANNELS = {"MixVisionTransformer": [4, 8, 20, 32], "SwinTransformer": [4, 8, 16, 32]}


@pytest.fixture(params=BACKBONES)
def make(request, make_segmentor):
    """A function of ``with_cp`` to a segmentor with the backbone."""
    name = request.param

    def build(with_cp: bool):
        backbone = {"type": name, "with_cp": with_cp} | BACKBONES[name]
        head = {
            "type": "SegformerHead", "in_channels": CHANNELS[name], "in_index": [0, 1, 2, 3], "num_classes": 5,
            "channels": 16, "norm_cfg": {"type": "BN"}, "dropout_ratio": 0.1,
            "loss_decode": {"type": "CrossEntropyLoss", "avg_non_ignore": True},
        }  # fmt: skip
        return make_segmentor({"components": 2, "dim": 12}, backbone=backbone, decode_head=head).train()

    return build


def learn(model, batches):
    """Gradients of the last of a few steps."""
    torch.manual_seed(1)  # of dropout
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    for batch in batches:
        optimizer.zero_grad()
        losses = model.loss(*batch)
        sum(value for name, value in losses.items() if "loss" in name).backward()
        optimizer.step()
        model.em_step()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def test_same_gradients_and_mixtures(make, batches, monkeypatch):
    plain, saving = make(False), make(True)
    saving.load_state_dict(copy.deepcopy(plain.state_dict()))
    forwards = count_forwards(monkeypatch, type(saving.backbone))
    grads = [learn(model, batches(3)) for model in (plain, saving)]
    assert forwards["blocks again"] > 0  # or nothing was checkpointed
    for name, grad in grads[0].items():
        torch.testing.assert_close(grads[1][name], grad, rtol=1e-4, atol=1e-6, msg=name)
    for (name, a), b in zip(plain.named_buffers(), saving.buffers(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=name)


def test_em_runs_once_a_step(make, batches, monkeypatch):
    calls = {"forward": 0, "assign": 0, "update": 0}
    for name in calls:
        method = getattr(GMMClassifier, name)

        def count(self, *args, name=name, method=method, **kwargs):
            calls[name] += 1
            return method(self, *args, **kwargs)

        monkeypatch.setattr(GMMClassifier, name, count)
    model = make(True)
    learn(model, batches(3))
    assert calls == {"forward": 3, "assign": 3, "update": 3}
    assert int(model.classifier.step) == 3


def count_forwards(monkeypatch, backbone):
    """How often blocks of the backbone ran while gradients were computed."""
    import mmseg.models.backbones.mit as mit
    import mmseg.models.backbones.swin as swin

    count = {"blocks again": 0}
    for block in (mit.MixFFN, swin.FFN):
        forward = block.forward

        def counting(self, *args, forward=forward, **kwargs):
            count["blocks again"] += torch._C._current_graph_task_id() != -1
            return forward(self, *args, **kwargs)

        monkeypatch.setattr(block, "forward", counting)
    return count
