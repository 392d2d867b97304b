"""A CamVid tree of a few small pictures, and small models; the project's own configs in small are a folder up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gmmbench.models  # noqa: F401  (registers our parts)
from gmmbench.data.camvid import ANOMALY, PALETTE, VOID

CONFIGS = Path(__file__).parents[2] / "configs"

COVARIANCES = {
    "diag": {},
    "low_rank": {"covariance_options": {"rank": 2}},
    "full": {},
    "tied": {},
}
"""Options beside ``covariance`` that fit a classifier of 8 dimensions."""
PRESETS = {"official": {"memory_options": {"slots": 16, "samples": 4}}, "paper": {}, "gmmbench": {}}
"""Changes that make a preset small."""
CLASSES = 5


@pytest.fixture(scope="session")
def configs():
    """The repository's configs/."""
    return CONFIGS


@pytest.fixture(scope="session")
def data_root(tmp_path_factory):
    """ROOT/CamVid with 8 training images of 64x48 and 2 in every other list."""
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    colours = np.array([*PALETTE, (0, 0, 0), (255, 0, 255)])
    for split, count in {"train": 8, "val": 2, "test": 2, "test_ood": 2}.items():
        lines = []
        for number in range(count):
            labels = np.repeat(np.repeat(random.integers(0, VOID + 1, (6, 8)), 8, axis=0), 8, axis=1)
            if split == "test_ood":
                labels[16:32, 16:40] = ANOMALY
            image = np.clip(colours[labels] + random.integers(-20, 20, (48, 64, 3)), 0, 255)
            for folder, pixels in ((split, image), (f"{split}annot", labels)):
                file = root / "CamVid" / folder / f"{split}{number}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels.astype(np.uint8)).save(file)
            lines.append(
                f"/SegNet/CamVid/{split}/{split}{number}.png /SegNet/CamVid/{split}annot/{split}{number}.png\n"
            )
        (root / "CamVid" / f"{split}.txt").write_text("".join(lines))
    return root


@pytest.fixture(params=[f"{preset}-{covariance}" for preset in PRESETS for covariance in COVARIANCES])
def classifier_options(request):
    """Options of a small classifier, for every preset and covariance."""
    preset, covariance = request.param.split("-")
    return {"preset": preset, "components": 2, "dim": 8, "covariance": covariance} | (
        PRESETS[preset] | COVARIANCES[covariance]
    )


@pytest.fixture(params=COVARIANCES)
def covariance_options(request):
    """Options of a small classifier of the default preset, for every covariance."""
    return {"components": 2, "dim": 8, "covariance": request.param} | COVARIANCES[request.param]


@pytest.fixture(scope="session")
def make_segmentor():
    """A function of a classifier's options and more keys of the config to an initialised ``Segmentor``."""
    from mmengine.config import ConfigDict
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    def make(classifier: dict[str, object] | None = None, **more: object):
        init_default_scope("mmseg")
        torch.manual_seed(0)
        config = {
            "type": "Segmentor",
            "data_preprocessor": {"type": "SegDataPreProcessor", "mean": [0.0] * 3, "std": [1.0] * 3},
            "backbone": {"type": "TimmFeatures", "name": "test_efficientnet", "out_indices": (1, 2, 3, 4)},
            "decode_head": {
                "type": "SegformerHead",
                "in_channels": [24, 32, 48, 64],
                "in_index": [0, 1, 2, 3],
                "num_classes": CLASSES,
                "channels": 16,
                "norm_cfg": {"type": "BN"},
                "dropout_ratio": 0.0,
                "loss_decode": {"type": "CrossEntropyLoss", "avg_non_ignore": True},
            },
            "train_cfg": {},
            "test_cfg": {"mode": "whole"},
        }
        model = MODELS.build(ConfigDict(config | {"classifier": classifier} | more))
        model.init_weights()
        return model

    return make


@pytest.fixture(scope="session")
def batches():
    """A function of a number to as many batches: images (2, 3, 64, 96), whose colour is their class, and samples."""
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    def make(count: int):
        generator = torch.Generator().manual_seed(0)
        colours = torch.randn(CLASSES, 3, generator=generator)
        made = []
        for _ in range(count):
            labels = torch.randint(0, CLASSES, (2, 1, 8, 12), generator=generator)
            labels = labels.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
            images = colours[labels[:, 0]].movedim(-1, 1) + 0.3 * torch.randn(2, 3, 64, 96, generator=generator)
            labels[:, :, :8] = 255
            made.append((images, [SegDataSample(gt_sem_seg=PixelData(data=each)) for each in labels]))
        return made

    return make
