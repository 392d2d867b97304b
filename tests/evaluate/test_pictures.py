"""Which images are kept as pictures, and what of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gmmbench.evaluate import given
from gmmbench.evaluate.pictures import PICTURE_WIDTH, PICTURES
from gmmbench.labels import IGNORE, IN, OOD, Sample
from gmmbench.results import Row, RunFolder
from gmmbench.scores import SCORES

Run = Callable[..., list[Row]]


def test_what_is_kept(tmp_path: Path, ood_images: list[Sample], run_ood: Run, fake_model: Any) -> None:
    run_ood(tmp_path, ood_images)
    pictures = list(RunFolder(tmp_path).pictures("streets"))
    assert len(pictures) == PICTURES < len(ood_images)
    assert [name for name, _ in pictures][::5] == ["frame-0", "frame-7"], "from the first image to the last"
    by_name = {sample.name.replace(" ", "-"): sample for sample in ood_images}
    for name, arrays in pictures:
        sample = by_name[name]
        height, width = sample.labels.shape
        shape = (height, width) if width <= PICTURE_WIDTH else (round(height * PICTURE_WIDTH / width), PICTURE_WIDTH)
        shapes = dict.fromkeys(["labels", "prediction", "score/msp", "score/gmm_lse"], shape) | {"image": (*shape, 3)}
        assert {key: array.shape for key, array in arrays.items()} == shapes
        assert all(array.dtype == np.float32 for key, array in arrays.items() if key.startswith("score/"))
        assert {arrays[key].dtype for key in ("image", "labels", "prediction")} == {np.dtype(np.uint8)}
        assert set(np.unique(arrays["labels"])) <= {IN, OOD, IGNORE}
        if width <= PICTURE_WIDTH:
            np.testing.assert_array_equal(arrays["image"], sample.image)
            np.testing.assert_array_equal(arrays["labels"], sample.labels)
            prediction = fake_model()(sample.image)
            np.testing.assert_array_equal(arrays["prediction"], prediction.logits.argmax(dim=0))
            np.testing.assert_array_equal(arrays["score/msp"], SCORES["msp"](prediction))


def test_of_score_maps_there_is_no_prediction(tmp_path: Path, ood_images: list[Sample], run_ood: Run) -> None:
    source = given(lambda name, shape: np.arange(np.prod(shape), dtype=np.float32).reshape(shape), "theirs")
    run_ood(tmp_path, ood_images[:2], source=source, families={"theirs": "outside"})
    for (_, arrays), sample in zip(RunFolder(tmp_path).pictures("streets"), ood_images, strict=False):
        assert set(arrays) == {"image", "labels", "score/theirs"}
        np.testing.assert_array_equal(arrays["score/theirs"].ravel(), np.arange(sample.labels.size))


def test_those_of_an_earlier_evaluation_go(tmp_path: Path, ood_images: list[Sample], run_ood: Run) -> None:
    run_ood(tmp_path, ood_images)
    run_ood(tmp_path, ood_images[2:], limit=2)
    assert [name for name, _ in RunFolder(tmp_path).pictures("streets")] == ["frame-2", "frame-3"]


def test_a_picture_shows_an_anomaly_where_its_stretch_has_one(tmp_path: Path, run_ood: Run, images_of: Any) -> None:
    # Twelve images, two a stretch; the second of each has the anomaly, but for the last stretch.
    plain, odd = images_of([IN], [(4, 6)])[0], images_of([IN, OOD], [(4, 6)])[0]
    kinds = [plain, odd] * 5 + [plain, plain]
    images = [Sample(f"frame-{number:02d}", kind.image, kind.labels) for number, kind in enumerate(kinds)]
    run_ood(tmp_path, images, scores=["msp"])
    shown = [name for name, _ in RunFolder(tmp_path).pictures("streets")]
    assert shown == ["frame-01", "frame-03", "frame-05", "frame-07", "frame-09", "frame-10"]


def test_infinite_scores_make_a_picture(tmp_path: Path, ood_images: list[Sample], run_ood: Run) -> None:
    source = given(lambda name, shape: np.full(shape, np.inf, dtype=np.float32), "theirs")
    run_ood(tmp_path, ood_images[:2], source=source, families={"theirs": "outside"})
    assert torch.tensor(
        [bool(np.isinf(a["score/theirs"]).all()) for _, a in RunFolder(tmp_path).pictures("streets")]
    ).all()
