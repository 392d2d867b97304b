"""A whole training step of SegFormer with our head, the released one, or none: what ``head.py`` compares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from released_head import ReleasedHead
from torch import Tensor, nn
from torch.nn import functional as F

from gmmbench.models.config import read_config
from gmmbench.models.segmentor import Segmentor  # before mmseg: it makes it importable

# isort: split
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

CONFIGS = Path(__file__).parents[1] / "configs" / "cityscapes"
CLASSES, COMPONENTS = 19, 5
CONFIGURED = "GMM as configured"
CONTRAST = 0.01
"""Weight of the contrast loss, as released."""


class _ReleasedInModel(nn.Module):
    """The released head where a decode head has its last convolution; the labels come from beside."""

    contrast: Tensor

    def __init__(self, head: ReleasedHead, labels: Tensor) -> None:
        super().__init__()
        self.head, self.labels = head, labels

    def forward(self, x: Tensor) -> Tensor:
        labels = F.interpolate(self.labels[:, None].float(), size=x.shape[2:]).long().flatten()
        logits, self.contrast = self.head.training_step(x, labels)
        rows: Tensor = logits
        return rows.view(x.shape[0], *x.shape[2:], -1).movedim(-1, 1)


def make_step(backbone: str, kind: str, labels: Tensor, *, slots: int, half: bool = False) -> Callable[[], None]:
    """Forward, backward, AdamW and EM on one batch of noise.

    Args:
        backbone: the config's, "segformer_b0" or "segformer_b2".
        kind: "softmax", "released", ``CONFIGURED``, or a preset and a covariance with ``COMPONENTS`` a class.
        labels: (B, H, W) int64, of Cityscapes; the images are as large and on the same device.
        slots: of a queue.
        half: float16 where autocast has it.
    """
    torch.manual_seed(0)
    init_default_scope("mmseg")
    preset, _, covariance = kind.partition(" ")
    twin = "softmax" if kind in ("softmax", "released") else "gmm"
    config = read_config(CONFIGS / f"{backbone}_{twin}.py").model
    config.decode_head.num_classes = CLASSES
    config.backbone.pop("init_cfg", None)  # the weights would be downloaded, and cost nothing later
    if twin == "gmm" and kind != CONFIGURED:
        config.classifier.update(preset=preset, covariance=covariance, components=COMPONENTS)
    if preset == "official":
        config.classifier.memory_options = {"slots": slots, "samples": 20}
    model: Segmentor = MODELS.build(config)
    head = model.decode_head
    if kind == "released":
        head.conv_seg = _ReleasedInModel(ReleasedHead(head.channels, CLASSES, COMPONENTS, slots=slots), labels)
    model.to(labels.device).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=6e-5, weight_decay=0.01)
    scaler = torch.amp.GradScaler(labels.device.type, enabled=half)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(len(labels), 3, *labels.shape[1:], generator=generator).to(labels.device)
    samples = [SegDataSample(gt_sem_seg=PixelData(data=each[None])) for each in labels]
    for sample in samples:
        sample.set_metainfo(dict.fromkeys(("img_shape", "pad_shape", "ori_shape"), tuple(labels.shape[1:])))

    def step() -> None:
        with torch.autocast(labels.device.type, torch.float16, enabled=half):
            loss, _ = model.parse_losses(model.loss(images, samples))
        if isinstance(head.conv_seg, _ReleasedInModel):
            loss = loss + CONTRAST * head.conv_seg.contrast
        optimiser.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimiser)
        scaler.update()
        model.em_step()

    return step
