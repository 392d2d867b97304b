"""Tiny data sets with their publishers' own file names, and tiny models of ours; the real data where they are."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gmmbench.resources import CONFIGS

CAMVID_SPLITS = {  # split: (folder of labels, images)
    "train": ("trainannot", 4),
    "val": ("valannot", 2),
    "test": ("testannot", 3),
    "test_ood": ("testannot_ood", 3),
}
CAMVID_SIZE = (12, 16)
ROAD_ANOMALY_FRAMES = {
    "animals01_Cow.jpg": (10, 14),
    "boat_trailer.jpg": (16, 16),
    "rock02_on_the_road.jpg": (9, 20),
}

SMALL = {
    "model.data_preprocessor.size": (32, 48),
    "model.backbone.name": "test_efficientnet",
    "model.backbone.weights": None,
    "model.decode_head.in_channels": [24, 32, 48, 64],
    "model.decode_head.channels": 16,
    "train_dataloader.batch_size": 2,
    "train_dataloader.dataset.pipeline.1.scale": (64, 48),
    "train_dataloader.dataset.pipeline.2.crop_size": (32, 48),
    "train_cfg.max_iters": 4,
    "evaluation.short_side": 48,
}
SMALL_CLASSIFIER = {"model.classifier.components": 2, "model.classifier.dim": 12}


THEIRS = """
import torch


def make(scale="1"):
    def predict(image):
        grey = torch.tensor(image).float().mean(dim=-1) / 255
        return -float(scale) * (grey - torch.linspace(0, 1, 11)[:, None, None]) ** 2

    return predict


def dark(prediction):
    return prediction.logits[0]
"""


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Sums in one order, and no fight over cores between two processes of tests."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Code as a module of that name in ``tmp_path``, to be imported from there as if it were new."""

    def write(name: str, code: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)

    return write


@pytest.fixture
def theirs(importable: Callable[[str, str], None]) -> None:
    """``theirs.py``: a model and a score that are not ours."""
    importable("theirs", THEIRS)


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """An empty data root; not called "data", which is the command line's default."""
    root = tmp_path / "published"
    root.mkdir()
    return root


@pytest.fixture
def camvid_tree(data_root: Path) -> Path:
    """The data root, with CamVid in the SegNet tutorial's layout and CamVid-OOD beside it."""
    rng = np.random.default_rng(0)
    folder = data_root / "CamVid"
    for split, (masks, number) in CAMVID_SPLITS.items():
        lines = []
        for index in range(number):
            name = f"0001TP_{8550 + 30 * index:06d}.png"
            labels = rng.integers(0, 12, CAMVID_SIZE).astype(np.uint8)  # 11 is void
            if split == "test_ood":
                labels[4:8, 5:9] = 12
            save(folder / split / name, rng.integers(0, 256, (*CAMVID_SIZE, 3)).astype(np.uint8))
            save(folder / masks / name, labels)
            lines.append(f"{split}/{name} {masks}/{name}\n")
        (folder / f"{split}.txt").write_text("".join(lines))
    return data_root


@pytest.fixture
def road_anomaly_tree(data_root: Path) -> Path:
    """The data root, with RoadAnomaly_jpg: JPEG frames of mixed sizes, label values 0 and 2."""
    rng = np.random.default_rng(1)
    folder = data_root / "RoadAnomaly_jpg"
    for name, size in ROAD_ANOMALY_FRAMES.items():
        labels = np.zeros(size, dtype=np.uint8)
        labels[3:7, 2:6] = 2
        save(folder / "frames" / name, rng.integers(0, 256, (*size, 3)).astype(np.uint8))
        save(folder / "frames" / f"{Path(name).stem}.labels" / "labels_semantic.png", labels)
    (folder / "frame_list.json").write_text(json.dumps(list(ROAD_ANOMALY_FRAMES), indent="\t"))
    return data_root


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """ "gmm" or "softmax" to the path of the CamVid experiment's config in small; more keys to change may be given."""
    from mmengine.config import Config

    import gmmbench.models  # noqa: F401  (registers our parts)

    folder = tmp_path_factory.mktemp("configs")

    def write(kind: str, changes: dict[str, object] | None = None) -> Path:
        config = Config.fromfile(CONFIGS / "camvid" / f"mobilenetv2_mlp_{kind}.py", import_custom_modules=False)
        config.merge_from_dict(SMALL | (SMALL_CLASSIFIER if kind == "gmm" else {}) | (changes or {}))
        path = folder / f"{len(list(folder.iterdir()))}" / f"tiny_{kind}.py"
        path.parent.mkdir()
        config.dump(path)
        return path

    return write


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A config's path to a checkpoint of random weights, mixtures included, each time in a folder of its own."""
    import torch
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    from gmmbench.models.config import read_config

    def write(config: Path, seed: int = 0) -> Path:
        init_default_scope("mmseg")
        torch.manual_seed(seed)
        path = tmp_path_factory.mktemp("model") / "model.pth"
        state = MODELS.build(read_config(config).model).state_dict()
        for key, value in state.items():
            if key.endswith("mixture.means"):
                value.normal_()
            elif key.endswith("mixture.started"):
                value.fill_(True)
        torch.save(state, path)
        return path

    return write


@pytest.fixture(scope="session")
def tiny_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root for whole evaluations: CamVid with CamVid-OOD, and RoadAnomaly21 with a test image."""
    root, rng = tmp_path_factory.mktemp("tiny"), np.random.default_rng(2)
    for split, (masks, number) in {"train": ("trainannot", 6), "test_ood": ("testannot_ood", 4)}.items():
        lines = []
        for index in range(number):
            labels = np.kron(rng.integers(0, 12, (4, 6)), np.ones((8, 8))).astype(np.uint8)
            noise = rng.integers(0, 60, (*labels.shape, 3))
            if split == "test_ood":
                labels[10:22, 12:30] = 12
            name = f"0001TP_{index:06d}.png"
            save(root / "CamVid" / split / name, (15 * labels[..., None] + noise).astype(np.uint8))
            save(root / "CamVid" / masks / name, labels)
            lines.append(f"{split}/{name} {masks}/{name}\n")
        (root / "CamVid" / f"{split}.txt").write_text("".join(lines))
    labels = np.zeros((30, 40), dtype=np.uint8)
    labels[5:28, 4:34] = 1
    track = root / "dataset_AnomalyTrack"
    for name in ("validation0000", "validation0001", "zebra0000"):
        save(track / "images" / f"{name}.jpg", rng.integers(0, 256, (30, 40, 3)).astype(np.uint8))
        if name.startswith("validation"):
            save(track / "labels_masks" / f"{name}_labels_semantic.png", labels)
    return root


def save(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the published data sets; tests that want it are skipped without one."""
    root = os.environ.get("GMMBENCH_DATA")
    if not root:
        pytest.skip("GMMBENCH_DATA does not name a folder of real data sets")
    return Path(root)
