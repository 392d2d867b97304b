"""Tiny data sets, written with their publishers' own file names; and the real ones where they are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

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
