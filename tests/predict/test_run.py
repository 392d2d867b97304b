"""From a model and files to pictures: with small models on drawn streets, against the model asked directly."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gmmbench.data import closed_set
from gmmbench.errors import InputError
from gmmbench.models.predictor import load_predictor
from gmmbench.predict import Look, Predicted, predict
from gmmbench.predict.inputs import inputs_of
from gmmbench.predict.overlay import over_classes, over_scores
from gmmbench.predict.page import GAP, NARROWEST
from gmmbench.predict.scale import FRAMES, limits_of
from gmmbench.scores import SCORES
from gmmbench.verbs import OurModel, OutsideModel

Filmed = Callable[..., Path]
SIZE = (48, 64)


@pytest.fixture
def photos(tmp_path: Path, scenes: list[NDArray[np.uint8]]) -> Path:
    """A folder of three scenes."""
    (tmp_path / "photos").mkdir()
    for number, scene in enumerate(scenes[:3]):
        Image.fromarray(scene).save(tmp_path / "photos" / f"{number}.png")
    return tmp_path / "photos"


def tree(folder: str | Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def picture(path: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path))


def test_pictures_hold_what_the_model_says(gmm: OurModel, photos: Path, scenes: list[NDArray[np.uint8]]) -> None:
    drawn = predict(gmm, [photos], Path("out"), maps=True, look=Look(alpha=0.4))
    assert tree("out") == sorted(
        [f"{n}_{kind}.png" for n in range(3) for kind in ("anomaly", "segmentation")]
        + [f"maps/{n}.npy" for n in range(3)]
    )
    model, (height, width) = load_predictor(gmm.config, gmm.checkpoint), SIZE
    scores = [SCORES["gmm_lse"](model(scene)).numpy() for scene in scenes[:3]]
    limits = limits_of(scores)
    assert drawn == Predicted(3, 0, 0, "gmm_lse", limits, drawn.notes)
    for number, scene in enumerate(scenes[:3]):
        np.testing.assert_array_equal(np.load(f"out/maps/{number}.npy"), scores[number])
        heat = picture(f"out/{number}_anomaly.png")[:height, :width]
        np.testing.assert_array_equal(heat, over_scores(scene, scores[number], limits, 0.4))
        classes = model(scene).logits.argmax(dim=0).numpy()
        expected = over_classes(scene, classes, closed_set("camvid").palette, 0.4)
        found = picture(f"out/{number}_segmentation.png")[:height, :width]
        assert (found == expected).all(axis=-1).mean() > 0.6  # the rest is under class names
    assert f"--range {limits[0]!r} {limits[1]!r} draws others on the same scale" in drawn.notes[0]
    assert "over 3 images" in drawn.notes[0]


def test_one_scale_for_all_so_that_a_calm_image_looks_calm(outside: OutsideModel) -> None:
    for name, values in {"calm": (100, 110), "wild": (0, 255)}.items():
        Image.fromarray(np.linspace(*values, 64 * 48 * 3).reshape(48, 64, 3).astype(np.uint8)).save(f"{name}.png")
    both = predict(outside, [Path("calm.png"), Path("wild.png")], Path("both"), look=Look(alpha=1))
    predict(outside, [Path("calm.png")], Path("alone"), look=Look(alpha=1))
    predict(outside, [Path("calm.png")], Path("again"), look=Look(alpha=1, limits=both.limits))
    calm, alone, again = (picture(f"{folder}/calm_anomaly.png")[:48, :64] for folder in ("both", "alone", "again"))
    assert np.ptp(alone.astype(int).sum(axis=-1)) > 3 * np.ptp(calm.astype(int).sum(axis=-1))
    np.testing.assert_array_equal(again, calm)


def test_few_images_are_predicted_once_and_many_at_most_16_times_more(
    photos: Path, scenes: list[NDArray[np.uint8]], outside: OutsideModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    import not_ours  # type: ignore[import-not-found]

    monkeypatch.setattr(not_ours, "seen", asked.append)
    predict(outside, [photos], Path("few"), look=Look(limits=(0, 1)))
    with_a_range = len(asked)
    predict(outside, [photos], Path("same"))
    assert len(asked) == 2 * with_a_range
    asked.clear()
    monkeypatch.setattr("gmmbench.predict.survey.KEPT_BYTES", 0)
    for number in range(20):
        Image.fromarray(scenes[0]).save(photos / f"more{number}.png")
    predict(outside, [photos], Path("many"))
    assert len(asked) == 1 + FRAMES + 23  # one to learn how many classes it has


def test_the_score_and_its_default(gmm: OurModel, softmax: OurModel, photos: Path) -> None:
    image = [photos / "0.png"]
    assert predict(softmax, image, Path("a")).score == "energy"
    assert predict(gmm, image, Path("b"), score="msp@temperature=2", maps=True).score == "msp@temperature=2"
    model = load_predictor(gmm.config, gmm.checkpoint)
    expected = SCORES["msp"].compute(model(picture(str(image[0]))), temperature=2)
    np.testing.assert_array_equal(np.load("b/maps/0.npy"), expected.numpy())
    predict(gmm, image, Path("c"), score="msp@temperature=2", maps=True, blur=1.0)
    assert np.abs(np.diff(np.load("c/maps/0.npy"))).mean() < np.abs(np.diff(np.load("b/maps/0.npy"))).mean()


def test_a_fitted_score(softmax: OurModel, photos: Path, tiny_tree: Path) -> None:
    drawn = predict(softmax, [photos], Path("out"), score="mahalanobis", data_root=tiny_tree)
    assert drawn.score == "mahalanobis"
    assert drawn.notes[0].startswith("mahalanobis: fitted on ")
    assert (softmax.checkpoint.parent / "fitted" / "mahalanobis.pth").is_file()
    with pytest.raises(InputError, match="no data root at nowhere"):
        predict(softmax, [photos], Path("out"), score="vim", data_root=Path("nowhere"))


def test_a_model_from_outside(outside: OutsideModel, photos: Path) -> None:
    drawn = predict(outside, [photos], Path("out"), look=Look(threshold=-0.5))
    assert (drawn.images, drawn.score) == (3, "energy")
    assert len(tree("out")) == 6


def test_a_video(gmm: OurModel, filmed: Filmed) -> None:
    video = inputs_of([filmed("drive.avi", frames=5, fps=12)]).videos[0]
    drawn = predict(gmm, [video.path], Path("out"), maps=True, look=Look(alpha=1))
    assert (drawn.images, drawn.videos, drawn.frames) == (0, 1, 5)
    assert tree("out") == ["drive_overlay.mp4"] + [f"maps/drive/{number:06d}.npy" for number in range(5)]
    model, (height, width) = load_predictor(gmm.config, gmm.checkpoint), SIZE
    capture = cv2.VideoCapture("out/drive_overlay.mp4")
    assert capture.get(cv2.CAP_PROP_FPS) == 12
    for number, frame in enumerate(video.frames()):
        scores = SCORES["gmm_lse"](model(frame)).numpy()
        np.testing.assert_array_equal(np.load(f"out/maps/drive/{number:06d}.npy"), scores)
        page = cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB).astype(int)
        assert np.abs(page[:height, :width] - frame).mean() < 15
        heat = page[:height, 2 * (NARROWEST + GAP) :][:, :width]
        assert np.abs(heat - over_scores(frame, scores, drawn.limits, 1)).mean() < 30
    assert not capture.read()[0]
    limits = limits_of(np.load(f"out/maps/drive/{number:06d}.npy") for number in range(5))
    assert drawn.limits == limits


def test_images_and_videos_share_one_scale(outside: OutsideModel, photos: Path, filmed: Filmed) -> None:
    drawn = predict(outside, [photos, filmed("a.avi", frames=30), filmed("b.mp4", 4, codec="mp4v")], Path("out"))
    assert (drawn.images, drawn.videos, drawn.frames) == (3, 2, 34)
    assert f"over {FRAMES} images" in drawn.notes[0]
    assert {"a_overlay.mp4", "b_overlay.mp4"} < set(tree("out"))


def test_a_video_that_is_shorter_than_its_header_says(
    outside: OutsideModel, filmed: Filmed, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filmed("drive.avi", frames=6)
    content = path.read_bytes()
    path.write_bytes(content[: content.rfind(b"00dc", 0, int(0.55 * len(content)))])  # the index is lost with the rest
    drawn = predict(outside, [path], Path("out"))
    assert 0 < drawn.frames < 6
    assert drawn.notes[-1] == f"{path}: its header promises 6 frames, {drawn.frames} could be read"
    assert tree("out") == ["drive_overlay.mp4"]


def test_bad_input_is_refused_before_a_model_is_loaded(
    gmm: OurModel, photos: Path, filmed: Filmed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("gmmbench.verbs.subject.load_predictor", loaded)
    (photos / "cut.jpg").write_bytes(b"\xff\xd8\xff no more")
    Path("file").touch()
    good: dict[str, Any] = {"paths": [photos / "0.png"], "folder": Path("out")}
    for change, said in (
        ({"paths": [photos]}, r"cut\.jpg cannot be read as an image"),
        ({"paths": []}, "no image named"),
        ({"folder": Path("file")}, "file is a file"),
        ({"score": "gmm_lsd"}, "unknown score 'gmm_lsd'; did you mean 'gmm_lse'"),
        ({"score": "msp,energy"}, "--score msp,energy names 2 scores; wanted one"),
        ({"score": "all"}, "--score all names [0-9]+ scores; wanted one"),
        ({"score": ""}, "no score named"),
        ({"score": "msp@temperature=x"}, "msp@temperature=x: wanted a number"),
        ({"blur": 0.0}, "--blur 0.0"),
        ({"look": Look(alpha=2)}, "--alpha 2"),
    ):
        with pytest.raises(InputError, match=said):
            predict(gmm, **(good | change))
    assert not Path("out").exists()


def test_a_score_that_the_model_cannot_give(softmax: OurModel, photos: Path) -> None:
    with pytest.raises(InputError, match="score 'gmm_lse' needs density, which this model does not give"):
        predict(softmax, [photos], Path("out"), score="gmm_lse")
    assert not Path("out").exists()


@pytest.mark.parametrize("kind", ["photos", "video"])
def test_ctrl_c_leaves_whole_files_alone(kind: str, outside: OutsideModel, photos: Path, filmed: Filmed) -> None:
    def bar(title: str) -> AbstractContextManager[Callable[[int, int], None] | None]:
        def tell(done: int, _: int) -> None:
            if done == 2:
                raise KeyboardInterrupt

        return nullcontext(tell if title in ("predicting", "drive.avi") else None)

    paths = [photos] if kind == "photos" else [filmed("drive.avi")]
    with pytest.raises(KeyboardInterrupt):
        predict(outside, paths, Path("out"), bar=bar)
    whole = ["0_anomaly.png", "0_segmentation.png", "1_anomaly.png", "1_segmentation.png"]
    assert tree("out") == (whole if kind == "photos" else [])
    for name in tree("out"):
        Image.open(Path("out", name)).load()


def test_a_full_disk(outside: OutsideModel, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(InputError, match=r"cannot write out/0_segmentation\.png: No space left on device; free space"):
        predict(outside, [photos], Path("out"))
    assert os.listdir("out") == []


def test_progress_is_told(outside: OutsideModel, photos: Path, filmed: Filmed) -> None:
    told: dict[str, list[tuple[int, int]]] = {}

    def bar(title: str) -> AbstractContextManager[Callable[[int, int], None]]:
        return nullcontext(lambda done, total: told.setdefault(title, []).append((done, total)))

    predict(outside, [photos, filmed("drive.avi", frames=2)], Path("out"), bar=bar)
    three, five = [(n, 3) for n in (1, 2, 3)], [(n, 5) for n in (1, 2, 3, 4, 5)]
    assert told == {
        "reading images": three, "scale of energy": five, "predicting": three, "drive.avi": [(1, 2), (2, 2)],
    }  # fmt: skip
