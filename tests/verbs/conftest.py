"""Small models of ours with random weights, one that is not ours, and the sets they are evaluated on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gmmbench.results import Row
from gmmbench.verbs import OodSets, OurModel, OutsideModel

OUTSIDE = '''
"""A model that is not ours: CamVid's eleven classes by brightness."""
import torch


def make(scale="40"):
    def predict(image):
        grey = torch.tensor(image).float().mean(dim=-1) / 255
        return -float(scale) * (grey - torch.linspace(0, 1, 11)[:, None, None]) ** 2
    return predict


def darkness(prediction):
    """Nothing but the first logit."""
    return prediction.logits[0]


nothing = None
'''


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes beside the code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GMMBENCH_DATA", raising=False)


@pytest.fixture(scope="session")
def softmax(tiny: Callable[..., Path], tiny_checkpoint: Callable[..., Path]) -> OurModel:
    """With logits, features, a linear head, and dropout."""
    config = tiny("softmax")
    return OurModel(config, tiny_checkpoint(config))


@pytest.fixture(scope="session")
def second(softmax: OurModel, tiny_checkpoint: Callable[..., Path]) -> Path:
    """Another checkpoint of that config."""
    return tiny_checkpoint(softmax.config, 1)


@pytest.fixture(scope="session")
def gmm(tiny: Callable[..., Path], tiny_checkpoint: Callable[..., Path]) -> OurModel:
    """With a density."""
    config = tiny("gmm")
    return OurModel(config, tiny_checkpoint(config))


@pytest.fixture
def outside(importable: Callable[[str, str], None]) -> OutsideModel:
    """``not_ours:make``, and beside it a score, ``not_ours:darkness``."""
    importable("not_ours", OUTSIDE)
    return OutsideModel("not_ours:make")


@pytest.fixture
def camvid_ood(tiny_tree: Path) -> OodSets:
    return OodSets(("camvid_ood",), None, tiny_tree)


@pytest.fixture
def found() -> Callable[[list[Row]], dict[tuple[str | None, str], float]]:
    """(score, metric) to value."""
    return lambda rows: {(row.score, row.metric): row.value for row in rows}
