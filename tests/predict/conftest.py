"""Drawn street scenes as files and as a video, and small models with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gmmbench.data.street import render
from gmmbench.verbs import OurModel, OutsideModel

SIZE = (48, 64)

Filmed = Callable[..., Path]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes beside the code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GMMBENCH_DATA", raising=False)


@pytest.fixture(scope="session")
def scenes() -> list[NDArray[np.uint8]]:
    """Street scenes, some with an anomaly."""
    return [render(seed, SIZE, anomaly=seed % 2 == 1)[0] for seed in range(4)]


@pytest.fixture(scope="session")
def gmm(tiny: Callable[..., Path], tiny_checkpoint: Callable[..., Path]) -> OurModel:
    """With a density."""
    config = tiny("gmm")
    return OurModel(config, tiny_checkpoint(config))


@pytest.fixture(scope="session")
def softmax(tiny: Callable[..., Path], tiny_checkpoint: Callable[..., Path]) -> OurModel:
    """Without one."""
    config = tiny("softmax")
    return OurModel(config, tiny_checkpoint(config))


@pytest.fixture
def filmed(tmp_path: Path, scenes: list[NDArray[np.uint8]]) -> Filmed:
    """A video of the scenes, over and over."""

    def write(name: str = "drive.avi", frames: int = 5, fps: float = 12.0, codec: str = "MJPG") -> Path:
        path, (height, width) = tmp_path / name, SIZE
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (width, height))
        for number in range(frames):
            writer.write(cv2.cvtColor(scenes[number % len(scenes)], cv2.COLOR_RGB2BGR))
        writer.release()
        return path

    return write


OUTSIDE = '''
"""A model that is not ours: three classes by brightness."""
import torch


def seen(shape):
    """Told of each image."""


def make():
    def predict(image):
        seen(image.shape)
        grey = torch.tensor(image).float().mean(dim=-1) / 255
        return -9 * (grey - torch.tensor([0.1, 0.5, 0.9])[:, None, None]) ** 2
    return predict
'''


@pytest.fixture
def outside(importable: Callable[[str, str], None]) -> OutsideModel:
    """``not_ours:make``, quick and with classes that have no names."""
    importable("not_ours", OUTSIDE)
    return OutsideModel("not_ours:make")
