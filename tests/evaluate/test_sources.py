"""Score maps of a prediction, in strips or whole, of files, and smoothed."""

from __future__ import annotations

from functools import partial
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import correlate
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.evaluate import Scored, blurred, given, maps_of, predicted
from gmmbench.evaluate.sources import STRIP, sized
from gmmbench.labels import IGNORE, IN, OOD, Sample
from gmmbench.metrics.protocols import PROTOCOLS
from gmmbench.prediction import Prediction
from gmmbench.scores import FITTED, SCORES, Score
from gmmbench.scores.training_pixels import TrainingPixels

PIXELWISE = {name: score for name, score in SCORES.items() if score.pixelwise}


def prediction_of(height: int, width: int) -> Prediction:
    generator = torch.Generator().manual_seed(0)
    logits, density = (5 * torch.randn(4, height, width, generator=generator) for _ in range(2))
    return Prediction(logits, density, torch.randn(6, 3, 4, generator=generator))


@pytest.mark.parametrize("height", [1, STRIP - 1, STRIP, STRIP + 1, 2 * STRIP + 7])
def test_strips_are_the_whole(height: int) -> None:
    prediction = prediction_of(height, 19)
    maps = maps_of(prediction, PIXELWISE)
    assert list(maps) == list(PIXELWISE)
    for name, score in PIXELWISE.items():
        assert maps[name].dtype == torch.float32
        torch.testing.assert_close(maps[name], score(prediction), rtol=1e-6, atol=1e-6)


def test_each_score_is_given_what_it_may_be_given() -> None:
    seen: dict[str, list[tuple[int, int, bool]]] = {}

    def note(prediction: Prediction, *, name: str) -> Tensor:
        shape = prediction.logits.shape
        seen.setdefault(name, []).append((shape[1], shape[2], prediction.features is not None))
        return prediction.logits.sum(dim=0)

    needs = {"pixels": "logits", "whole": "logits", "features": "features"}
    scores = {name: Score(partial(note, name=name), field, "", whole=name == "whole") for name, field in needs.items()}
    prediction = prediction_of(2 * STRIP + 5, 7)
    maps = maps_of(prediction, {name: scores[name] for name in ("whole", "pixels", "features")})
    assert seen == {
        "pixels": [(STRIP, 7, False), (STRIP, 7, False), (5, 7, False)],
        "whole": [(2 * STRIP + 5, 7, True)],
        "features": [(2 * STRIP + 5, 7, True)],
    }
    assert list(maps) == ["whole", "pixels", "features"], "in the order asked"
    assert all(torch.equal(values, prediction.logits.sum(dim=0)) for values in maps.values())


def test_a_fitted_score_of_logits_is_given_the_whole_image() -> None:
    """SML smooths: of strips it would see an edge at each of their ends."""
    prediction = prediction_of(2 * STRIP + 5, 21)
    logits = prediction.logits.flatten(1).t()
    state = FITTED["sml"].fitted(TrainingPixels(torch.empty(len(logits), 0), logits, logits.argmax(dim=1)))
    bound = FITTED["sml"].bound(state)
    assert bound.needs == "logits"
    assert not bound.pixelwise
    assert torch.equal(maps_of(prediction, {"sml": bound})["sml"], FITTED["sml"].compute(prediction, state))
    strips = [bound(prediction.rows(start, start + STRIP)) for start in range(0, 2 * STRIP + 5, STRIP)]
    assert not torch.allclose(torch.cat(strips), bound(prediction)), "the case tells the two apart"


def sample_of(labels: NDArray[np.uint8], name: str = "a") -> Sample:
    return Sample(name, np.random.default_rng(0).integers(0, 256, (*labels.shape, 3)).astype(np.uint8), labels)


def test_one_forward_gives_all_maps_and_the_prediction() -> None:
    asked = []
    prediction = prediction_of(5, 6)

    def predict(image: NDArray[np.uint8]) -> Prediction:
        asked.append(image.shape)
        return prediction

    scored = predicted(predict, {name: SCORES[name] for name in ("msp", "gmm_lse")})(
        sample_of(np.zeros((5, 6), dtype=np.uint8))
    )
    assert asked == [(5, 6, 3)]
    assert scored.prediction is prediction
    torch.testing.assert_close(scored.maps["msp"], SCORES["msp"](prediction))


def test_maps_of_files_are_asked_for_by_name_and_size() -> None:
    asked = []

    def read(name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
        asked.append((name, shape))
        return np.full(shape, 7.5, dtype=np.float32)

    scored = given(read, "theirs")(sample_of(np.zeros((3, 5), dtype=np.uint8), "city/1"))
    assert asked == [("city/1", (3, 5))]
    assert scored.prediction is None
    assert torch.equal(scored.maps["theirs"], torch.full((3, 5), 7.5))


@pytest.mark.parametrize("sigma", [1.0, 0.3, 2.5])
def test_blurring_is_a_gaussian_of_seven_by_seven(sigma: float) -> None:
    """Against scipy with the kernel written out; the border is mirrored without its last pixel, as torchvision does."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, 3, (20, 11)).astype(np.float32)
    steps = np.arange(-3, 4)
    kernel = np.exp(-(steps[:, None] ** 2 + steps[None] ** 2) / (2 * sigma**2))
    expected = correlate(values.astype(np.float64), kernel / kernel.sum(), mode="mirror")

    def source(sample: Sample) -> Scored:
        return Scored({"x": torch.from_numpy(values)}, prediction)

    prediction = prediction_of(20, 11)
    before = values.copy()
    scored = blurred(source, sigma)(sample_of(np.zeros((20, 11), dtype=np.uint8)))
    np.testing.assert_allclose(scored.maps["x"].numpy(), expected, atol=1e-5)
    assert scored.maps["x"].dtype == torch.float32
    assert scored.prediction is prediction
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan")])
def test_a_blur_that_makes_no_sense(sigma: float) -> None:
    with pytest.raises(InputError, match=f"--blur {sigma}: wanted a standard deviation above 0"):
        blurred(given(lambda *_: np.zeros((1, 1), dtype=np.float32), "x"), sigma)


def test_a_sample_at_the_size_of_a_protocol() -> None:
    sample = sample_of(np.random.default_rng(2).choice(np.array([IN, OOD, IGNORE], dtype=np.uint8), (300, 700)))
    at_size = sized(sample, PROTOCOLS["polito"])
    assert (at_size.name, at_size.image.shape, at_size.labels.shape) == ("a", (512, 1024, 3), (512, 1024))
    rows, columns = np.arange(512), np.arange(1024)
    near = sample.labels[np.ix_((2 * rows + 1) * 300 // 1024, (2 * columns + 1) * 700 // 2048)]
    np.testing.assert_array_equal(at_size.labels, near)
    # Enlarging, Pillow's bilinear filter is the plain one.
    plain = cv2.resize(sample.image, (1024, 512), interpolation=cv2.INTER_LINEAR).astype(int)
    assert np.abs(plain - at_size.image).max() <= 1
    native: Any = PROTOCOLS["gmmbench"]
    assert sized(sample, native) is sample
    assert sized(at_size, PROTOCOLS["polito"]) is at_size
