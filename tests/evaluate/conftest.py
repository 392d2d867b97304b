"""A made-up model on made-up images, and the two loops over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gmmbench.evaluate import Measure, evaluate_closed, evaluate_ood, predicted
from gmmbench.labels import IGNORE, IN, OOD, Sample
from gmmbench.prediction import Prediction
from gmmbench.results import Row, RunFolder
from gmmbench.scores import SCORES, family_of

CLASSES = ("road", "sky", "car", "nowhere")
SIZES = ((7, 9), (12, 5), (3, 4), (8, 8), (20, 17), (5, 6), (9, 7), (4, 1000))


class FakeModel:
    """Logits and densities that depend on the pixel's colour alone; counts how often it is asked."""

    def __init__(self, spoil: Callable[[Prediction], None] | None = None) -> None:
        self.calls = 0
        self._spoil = spoil
        rng = np.random.default_rng(3)
        self._weights = torch.from_numpy(rng.normal(0, 4, (3, 3)).astype(np.float32))
        self._means = torch.from_numpy(rng.random((3, 3)).astype(np.float32))

    def __call__(self, image: NDArray[np.uint8]) -> Prediction:
        self.calls += 1
        colours = torch.tensor(image).float() / 255
        logits = torch.full((4, *image.shape[:2]), -100.0)  # nobody is ever "nowhere"
        logits[:3] = torch.einsum("hwk,ck->chw", colours, self._weights)
        distance = ((colours[None] - self._means[:, None, None]) ** 2).sum(dim=-1)
        prediction = Prediction(logits, 40 - 300 * distance)
        if self._spoil is not None and self.calls == 2:
            self._spoil(prediction)
        return prediction


def make_images(values: Sequence[int], sizes: Sequence[tuple[int, int]] = SIZES) -> list[Sample]:
    rng = np.random.default_rng(5)
    return [
        Sample(
            f"frame {number}",
            rng.integers(0, 256, (*size, 3)).astype(np.uint8),
            rng.choice(np.array(values, dtype=np.uint8), size),
        )
        for number, size in enumerate(sizes)
    ]


@pytest.fixture
def fake_model() -> type[FakeModel]:
    """``FakeModel(spoil)``; ``spoil`` changes its second prediction."""
    return FakeModel


@pytest.fixture
def images_of() -> Callable[..., list[Sample]]:
    """``images_of(label values, sizes)``: noise."""
    return make_images


@pytest.fixture
def ood_images() -> list[Sample]:
    return make_images([IN, IN, IN, OOD, IGNORE])


@pytest.fixture
def closed_images() -> list[Sample]:
    return make_images([0, 1, 2, IGNORE])


@pytest.fixture
def run_ood() -> Callable[..., list[Row]]:
    """``run_ood(folder, images, model, scores=names, measure=..., limit=..., ...)``."""

    def run(folder: Path, images: Sequence[Sample], model: Any = None, **options: Any) -> list[Row]:
        options = {"run": "fake", "dataset": "streets", "provenance": {"seed": 1}} | options
        scores = {name: SCORES[name] for name in options.pop("scores", ("msp", "gmm_lse"))}
        limit = options.pop("limit", None)
        options.setdefault("measure", Measure(limit=limit))
        families = {name: family_of(score, generative=True) for name, score in scores.items()}
        source = options.pop("source", None) or predicted(model or FakeModel(), scores)
        return evaluate_ood(source, images, options.pop("families", families), folder=RunFolder(folder), **options)

    return run


@pytest.fixture
def run_closed() -> Callable[..., list[Row]]:
    """``run_closed(folder, images, model, limit=..., ...)``."""

    def run(folder: Path, images: Sequence[Sample], model: Any = None, **options: Any) -> list[Row]:
        options = {"run": "fake", "dataset": "streets", "provenance": {"seed": 1}} | options
        return evaluate_closed(model or FakeModel(), images, CLASSES, folder=RunFolder(folder), **options)

    return run


@pytest.fixture
def run_either(request: pytest.FixtureRequest) -> Callable[..., list[Row]]:
    """One of the two loops, by a test's indirect parameter."""
    found: Callable[..., list[Row]] = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def written() -> Callable[[Path], dict[str, bytes]]:
    """All files under a folder."""

    def read(folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    return read


@pytest.fixture
def values() -> Callable[[Sequence[Row]], dict[tuple[str | None, str, str | None], float]]:
    """(score, metric, class) to value."""
    return lambda rows: {(row.score, row.metric, row.class_name): row.value for row in rows}
