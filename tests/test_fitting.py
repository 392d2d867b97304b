"""Training pixels drawn in one pass; fits saved with what they were fitted on, reused, refitted where it differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from gmmbench import fitting
from gmmbench.errors import InputError
from gmmbench.fitting import draw, fitted_scores
from gmmbench.labels import IGNORE, Sample
from gmmbench.prediction import Head, Prediction
from gmmbench.scores import FITTED, SCORES, FittedScore, Score, choose
from gmmbench.scores.training_pixels import State, TrainingPixels

C, D = 4, 6
HEAD = Head(torch.randn(C, D, generator=torch.Generator().manual_seed(7)), torch.zeros(C))
ABOUT = {
    "checkpoint_sha256": "ab12", "closed_set": "camvid", "split": "train", "images": 3, "pixels": 300, "seed": 0,
    "network_input": "whole image",
}  # fmt: skip
NAMES = "mahalanobis,mahalanobis_class,relative_mahalanobis,mahalanobis_pp,knn,vim,gmm_posthoc@covariance=tied"


def sample(name: str, size: tuple[int, int] = (12, 18), seed: int = 0) -> Sample:
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([0, 1, 2, 3, IGNORE], dtype=np.uint8), size)
    return Sample(name, rng.integers(0, 256, (*size, 3)).astype(np.uint8), labels)


IMAGES = [sample("a"), sample("b", (20, 10), 1), sample("c", (9, 9), 2)]


def predict(image: NDArray[np.uint8]) -> Prediction:
    """Features of a third of the size that say where they are and what image they are of; logits likewise."""
    height, width = image.shape[:2]
    h, w = -(-height // 3), -(-width // 3)
    features = torch.randn(D, h, w, generator=torch.Generator().manual_seed(int(image.sum())))
    features[0] = torch.arange(h * w).view(h, w)
    logits = torch.stack([torch.full((height, width), float(image[0, 0, 0])), *torch.from_numpy(image).movedim(2, 0)])
    return Prediction(logits.float(), features=features, head=HEAD)


def places(pixels: TrainingPixels) -> set[tuple[float, ...]]:
    return {tuple(row) for row in torch.cat([pixels.features, pixels.logits, pixels.labels[:, None]], dim=1).tolist()}


def test_every_labelled_pixel_with_its_own_label_logits_and_feature() -> None:
    got = draw(predict, IMAGES, C, pixels=10_000)
    wanted = set()
    for each in IMAGES:
        said = predict(each.image)
        assert said.features is not None
        near = F.interpolate(said.features[None], size=each.labels.shape, mode="nearest-exact")[0]
        for y, x in np.argwhere(each.labels != IGNORE):
            wanted.add((*near[:, y, x].tolist(), *said.logits[:, y, x].tolist(), float(each.labels[y, x])))
    assert len(got.labels) == len(wanted)
    assert places(got) == wanted
    assert (got.features.dtype, got.logits.dtype, got.labels.dtype) == (torch.float32, torch.float32, torch.int64)
    assert got.head is not None
    assert torch.equal(got.head.weight, HEAD.weight)


def test_an_equal_share_of_each_image() -> None:
    got = draw(predict, IMAGES, C, pixels=100)
    assert got.features.shape == (99, D)
    # The first logit is the same all over an image.
    assert got.logits[:, 0].unique(return_counts=True)[1].tolist() == [33, 33, 33]
    assert len(places(got)) == 99


def test_what_is_drawn_of_an_image_depends_on_nothing_else() -> None:
    a, b, c = IMAGES
    whole, turned = draw(predict, [a, b, c], C, pixels=60), draw(predict, [c, a, b], C, pixels=60)
    assert places(whole) == places(turned)
    assert places(draw(predict, [b], C, pixels=20)) < places(whole)
    assert places(draw(predict, IMAGES, C, pixels=30)) < places(whole)
    assert places(draw(predict, IMAGES, C, pixels=60, seed=1)) != places(whole)


def test_limit_and_progress() -> None:
    told: list[tuple[int, int]] = []
    got = draw(predict, IMAGES, C, pixels=40, limit=2, progress=lambda *done: told.append(done))
    assert told == [(1, 2), (2, 2)]
    assert places(got) == places(draw(predict, IMAGES[:2], C, pixels=40))


def test_at_least_one_pixel_of_each_image_and_no_more_than_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(draw(predict, IMAGES, C, pixels=2).labels) == 3
    monkeypatch.setattr(fitting, "MOST_BYTES", 60 * 4 * (C + D))
    assert len(draw(predict, IMAGES, C).labels) == 60


def test_images_without_labels_are_passed_over() -> None:
    void = Sample("void", IMAGES[0].image, np.full_like(IMAGES[0].labels, IGNORE))
    got = draw(predict, [void, IMAGES[1]], C, pixels=40)
    assert places(got) == places(draw(predict, [IMAGES[1]], C, pixels=20))
    with pytest.raises(InputError, match="no labelled pixel in 1 training images"):
        draw(predict, [void], C)


def test_a_model_without_features_or_head() -> None:
    got = draw(lambda image: Prediction(predict(image).logits), IMAGES, C, pixels=30)
    assert got.features.shape == (30, 0)
    assert got.head is None
    assert got.classes == C


def spoilt(change: Callable[[Prediction], Prediction]) -> Callable[[NDArray[np.uint8]], Prediction]:
    return lambda image: change(predict(image)) if image.shape == IMAGES[1].image.shape else predict(image)


def nan_logits(p: Prediction) -> Prediction:
    p.logits[2, 3, 3] = torch.nan
    return p


def infinite_features(p: Prediction) -> Prediction:
    assert p.features is not None
    p.features[1, 0, 0] = torch.inf
    return p


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (nan_logits, "image 'b': the model's logits are not finite"),
        (infinite_features, "image 'b': the model's features are not finite"),
        (lambda p: Prediction(p.logits[:, ::2], features=p.features), r"image 'b': logits of shape \(4, 10, 10\)"),
    ],
)
def test_bad_outputs_name_the_image(change: Callable[[Prediction], Prediction], message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw(spoilt(change), IMAGES, C, pixels=30)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="image 'a': label 3, but the model has 3 classes"):
        draw(lambda image: Prediction(predict(image).logits[:3]), IMAGES, 3)
    with pytest.raises(InputError, match="0 training pixels"):
        draw(predict, IMAGES, C, pixels=0)
    with pytest.raises(InputError, match="at least one image"):
        draw(predict, IMAGES, C, limit=0)


class Drawing:
    """Training pixels on demand, and how often they were asked for."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> TrainingPixels:
        self.times += 1
        return draw(predict, IMAGES, C, pixels=300)


def chosen(names: str = NAMES) -> dict[str, Score | FittedScore]:
    return choose(names, ["logits", "features", "head"])


def maps(scores: dict[str, Score]) -> dict[str, torch.Tensor]:
    return {name: score(predict(IMAGES[0].image)) for name, score in scores.items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)


def test_fitted_once_saved_and_reused(tmp_path: Path) -> None:
    drawing = Drawing()
    first, said = fitted_scores(chosen("energy," + NAMES), folder=tmp_path / "fitted", about=ABOUT, pixels=drawing)
    assert drawing.times == 1
    assert list(first) == ["energy", *NAMES.split(",")]
    assert first["energy"] is SCORES["energy"]
    assert list(said) == NAMES.split(",")
    assert not any(origin.reused for origin in said.values())
    known = drawing()
    for name, score in chosen().items():
        assert isinstance(score, FittedScore)
        direct = score.bound(score.fitted(known))
        assert torch.equal(maps(first)[name], maps({name: direct})[name])
    again, said = fitted_scores(chosen("energy," + NAMES), folder=tmp_path / "fitted", about=ABOUT, pixels=drawing)
    assert drawing.times == 2  # ours above
    assert all(origin.reused for origin in said.values())
    assert same(maps(again), maps(first))
    assert str(said["knn"]) == f"fitted on {said['knn'].pixels:,} pixels of 3 images of camvid train, seed 0"
    assert said["knn"].pixels == len(known.labels)
    assert sorted(path.name for path in (tmp_path / "fitted").iterdir()) == sorted(
        f"{name}.pth" for name in NAMES.split(",")
    )


def test_nothing_is_drawn_or_written_for_pure_scores(tmp_path: Path) -> None:
    drawing = Drawing()
    scores, said = fitted_scores(chosen("energy,msp"), folder=tmp_path / "fitted", about=ABOUT, pixels=drawing)
    assert (drawing.times, said, list(scores)) == (0, {}, ["energy", "msp"])
    assert not (tmp_path / "fitted").exists()


@pytest.mark.parametrize(
    "change", [{"checkpoint_sha256": "cd34"}, {"seed": 1}, {"images": 2}, {"more": [1, {"x": None}]}], ids=str
)
def test_refitted_and_replaced_where_anything_differs(change: dict[str, Any], tmp_path: Path) -> None:
    drawing = Drawing()
    for about, reused in ((ABOUT, False), (ABOUT | change, False), (ABOUT | change, True), (ABOUT, False)):
        _, said = fitted_scores(chosen("knn"), folder=tmp_path, about=about, pixels=drawing)
        assert said["knn"].reused == reused
    assert len(list(tmp_path.iterdir())) == 1


def test_refitted_by_a_newer_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted_scores(chosen("knn"), folder=tmp_path, about=ABOUT, pixels=Drawing())
    monkeypatch.setattr(fitting, "FIT_VERSION", fitting.FIT_VERSION + 1)
    _, said = fitted_scores(chosen("knn"), folder=tmp_path, about=ABOUT, pixels=Drawing())
    assert not said["knn"].reused


def test_options_of_the_fit_have_files_of_their_own_and_others_share(tmp_path: Path) -> None:
    names = "knn,knn@bank=8,knn@k=3,knn@bank=8@k=2"
    scores, said = fitted_scores(chosen(names), folder=tmp_path, about=ABOUT, pixels=Drawing())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["knn.pth", "knn@bank=8.pth"]
    assert [origin.reused for origin in said.values()] == [False, False, True, True]
    assert said["knn@bank=8"].about["options"] == {"bank": 8, "seed": 0}
    got = maps(scores)
    assert (got["knn"] <= got["knn@bank=8"]).all()
    assert (got["knn"] < got["knn@k=3"]).any()
    assert (got["knn@bank=8"] <= got["knn@bank=8@k=2"]).all()


def write(path: Path, content: Any) -> None:
    torch.save(content, path)


def good(path: Path, **changes: Any) -> None:
    fitted_scores(chosen("knn"), folder=path.parent, about=ABOUT, pixels=Drawing())
    write(path, torch.load(path, weights_only=True) | changes)


def cut(path: Path) -> None:
    good(path)
    path.write_bytes(path.read_bytes()[:-700])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut, "cannot be read as a fitted score; delete it"),
        (lambda path: path.write_bytes(b"knn"), "cannot be read as a fitted score; delete it"),
        (lambda path: write(path, {"w": torch.zeros(2)}), "another kind of file"),
        (lambda path: write(path, torch.zeros(2)), "another kind of file"),
        (lambda path: good(path, state={"bank": torch.full((3, D), torch.nan)}), "holds no whole state"),
        (lambda path: good(path, state={"bank": [1.0]}), "holds no whole state"),
        (lambda path: good(path, pixels="many"), "holds no whole state"),
        (lambda path: good(path, about=None), "holds no whole state"),
    ],
)
def test_a_damaged_file_is_left_and_named(spoil: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    path = tmp_path / "knn.pth"
    spoil(path)
    before, drawing = path.read_bytes(), Drawing()
    with pytest.raises(InputError, match=message) as caught:
        fitted_scores(chosen("knn"), folder=tmp_path, about=ABOUT, pixels=drawing)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before
    assert drawing.times == 0


def test_a_fit_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bank=0"):
        fitted_scores(chosen("knn@bank=0"), folder=tmp_path, about=ABOUT, pixels=Drawing())
    assert list(tmp_path.iterdir()) == []


def test_views_are_saved_without_what_they_are_views_of(tmp_path: Path) -> None:
    def fit(pixels: TrainingPixels) -> State:
        return {"few": torch.zeros(1_000_000)[:3]}

    def compute(p: Prediction, state: State) -> torch.Tensor:
        return p.logits[0] + state["few"].sum()

    outside: dict[str, Score | FittedScore] = {"package.module:function": FittedScore(fit, compute, "logits", "z_0")}
    scores, said = fitted_scores(outside, folder=tmp_path, about=ABOUT, pixels=Drawing())
    path = said["package.module:function"].path
    assert path.name == "package.module_function.pth"
    assert path.stat().st_size < 5000
    assert maps(scores)["package.module:function"].shape == (12, 18)


def test_states_follow_a_prediction_to_its_device(tmp_path: Path) -> None:
    asked = []

    def compute(p: Prediction, state: State) -> torch.Tensor:
        asked.append(state["few"].device.type)
        return p.logits[0]

    score = FittedScore(lambda pixels: {}, compute, "logits", "z_0").bound({"few": torch.ones(1)})
    for device in ("cpu", "meta"):
        score(Prediction(torch.zeros(2, 3, 4, device=device)))
    assert asked == ["cpu", "meta"]


def test_the_list_of_fitted_scores(tmp_path: Path) -> None:
    wanted: Sequence[str] = [name.partition("@")[0] for name in NAMES.split(",")]
    assert set(wanted) <= set(FITTED)
    assert {name: FITTED[name].needs for name in wanted} == dict.fromkeys(wanted, "features") | {"vim": "head"}
