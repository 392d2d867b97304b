"""``predict`` as a person types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from gmmbench.cli import main
from gmmbench.data.street import render

Refused = Callable[..., str]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, theirs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two photos, a video, and a model that is not ours; nothing is written beside the code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GMMBENCH_DATA", raising=False)
    Path("photos").mkdir()
    writer = cv2.VideoWriter("drive.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for seed in range(2):
        scene = render(seed, (48, 64), anomaly=True)[0]
        Image.fromarray(scene).save(f"photos/{seed}.png")
        writer.write(cv2.cvtColor(scene, cv2.COLOR_RGB2BGR))
    writer.release()


@pytest.fixture(scope="module")
def model(tiny: Callable[..., Path], tiny_checkpoint: Callable[..., Path]) -> list[str]:
    """CONFIG CHECKPOINT of a GMM model."""
    config = tiny("gmm")
    return [str(config), str(tiny_checkpoint(config))]


def tree(folder: str) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def test_photos_and_a_video(model: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", *model, "photos", "drive.avi", "--out", "drawn", "--maps", "--threads", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "wrote overlays of 2 images and 1 video (2 frames) to drawn\n"
    assert printed.err.startswith("heat of gmm_lse: ")
    assert printed.err.endswith(" draws others on the same scale\n")
    assert len(printed.err.splitlines()) == 1
    assert tree("drawn") == [
        "0_anomaly.png", "0_segmentation.png", "1_anomaly.png", "1_segmentation.png", "drive_overlay.mp4",
        "maps/0.npy", "maps/1.npy", "maps/drive/000000.npy", "maps/drive/000001.npy",
    ]  # fmt: skip


def test_the_range_that_is_told_draws_the_same_again(model: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", *model, "photos", "--out", "first"]) == 0
    _, said = capsys.readouterr().err.split("--range ")
    low, high = said.split()[:2]
    assert main(["predict", *model, "photos", "--out", "second", "--range", low, high]) == 0
    assert capsys.readouterr().err == ""
    for name in tree("first"):
        assert Path("first", name).read_bytes() == Path("second", name).read_bytes()


def test_for_scripts_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    ask = ["predict", "--predictor", "theirs:make", "photos", "drive.avi", "--out", "drawn", "--json"]
    assert main(ask) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    low, high = told.pop("range")
    assert told == {"images": 2, "videos": 1, "frames": 2, "score": "energy", "wrote": "drawn"}
    assert f"--range {low!r} {high!r} " in printed.err


def test_every_flag_of_another_model(capsys: pytest.CaptureFixture[str]) -> None:
    plain = ["predict", "--predictor", "theirs:make", "photos/0.png", "--range", "0", "0.0025", "--score", "max_logit"]
    assert main([*plain, "--out", "plain"]) == 0
    assert capsys.readouterr().out == "wrote overlays of 1 image to plain\n"
    before = np.asarray(Image.open("plain/0_anomaly.png"))
    for flags in (
        "--predictor-arg scale=2", "--alpha 0.1", "--threshold 0.0001", "--blur 1", "--score msp@temperature=2",
    ):  # fmt: skip
        assert main([*plain, "--out", "drawn", *flags.split()]) == 0, flags
        assert (np.asarray(Image.open("drawn/0_anomaly.png"))[:48, :64] != before[:48, :64]).any(), flags
    # With this model words that follow are all images: the first two are no CONFIG and CHECKPOINT.
    assert (
        main(["predict", "photos/0.png", "photos/1.png", "drive.avi", "--predictor", "theirs:make", "--out", "o"]) == 0
    )
    assert capsys.readouterr().out.endswith("wrote overlays of 2 images and 1 video (2 frames) to o\n")


def test_flags_that_change_the_model(model: list[str], tiny_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask = ["predict", *model, "photos/0.png", "--maps", "--out"]
    assert main([*ask, "plain"]) == 0
    assert main([*ask, "flip", "--flip"]) == 0
    assert not np.array_equal(np.load("plain/maps/0.npy"), np.load("flip/maps/0.npy"))
    assert main([*ask, "fitted", "--score", "mahalanobis", "--data-root", str(tiny_tree)]) == 0
    assert "mahalanobis: fitted on" in capsys.readouterr().err
    assert main(["fit-gmm", *model, "--data-root", str(tiny_tree), "--out", "fits"]) == 0
    assert main([*ask, "posthoc", "--gmm", "fits/gmm_full.pth"]) == 0
    assert not np.array_equal(np.load("plain/maps/0.npy"), np.load("posthoc/maps/0.npy"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("photos --out o", "no model named; wanted CONFIG CHECKPOINT, or --predictor"),
        ("a.py b.pth --out o", "no image named; wanted image files, video files, or folders of images"),
        ("a.py b.pth photos --out o", "no config at a.py"),
        ("a.py b.pth photos", "--out"),
        ("a.py b.pth gone.png --out o", "no file or folder gone.png"),
        ("a.py b.pth theirs.py --out o", "theirs.py is neither an image nor a video by its name"),
        ("a.py b.pth photos --out photos", "--out photos is the folder of the images"),
        ("a.py b.pth photos --out theirs.py", "theirs.py is a file; name a folder"),
        ("a.py b.pth photos --out o --score enrgy", "unknown score 'enrgy'; did you mean 'energy'?"),
        ("a.py b.pth photos --out o --score fast", "--score fast names 7 scores; wanted one"),
        ("a.py b.pth photos --out o --alpha 7", "--alpha 7: wanted a share of colour between 0 and 1"),
        ("a.py b.pth photos --out o --range 2 1", "--range 2 1: wanted two scores, the lower one first"),
        ("a.py b.pth photos --out o --threshold nan", "--threshold nan"),
        ("a.py b.pth photos --out o --predictor-arg a=1", "--predictor-arg and --fit-on go with --predictor"),
        ("--predictor theirs:mak photos --out o", "'mak'; did you mean 'make'"),
        ("--predictor theirs:make --out o", "no image named"),
        ("--predictor theirs:make photos --score gmm_lse --out o", "'gmm_lse' needs density"),
        ("--predictor theirs:make photos --score sml --out o", "--fit-on"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    arguments: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert main(["predict", *arguments.split()]) == 2
    printed = capsys.readouterr()
    [line] = printed.err.splitlines()
    assert printed.out == ""
    assert line.startswith("error: ")
    assert said in line
    assert [path for path in sorted(tmp_path.rglob("*")) if "__pycache__" not in str(path)] == before


def test_ctrl_c(model: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gmmbench.predict.page.Reel.frame", stop)
    assert main(["predict", *model, "photos", "drive.avi", "--out", "drawn", "--range", "-9", "9"]) == 130
    assert capsys.readouterr().err.strip() == "interrupted"
    assert tree("drawn") == ["0_anomaly.png", "0_segmentation.png", "1_anomaly.png", "1_segmentation.png"]
