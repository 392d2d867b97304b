"""Frames out of a video and into one; what is not whole is not there."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.predict.video import Video, written_video

Filmed = Callable[..., Path]
SIZE = (48, 64)

FRAME = np.zeros((48, 64, 3), np.uint8)


def write(path: Path, frames: int = 3, fps: float = 7.5) -> None:
    with written_video(path, fps) as add:
        for number in range(frames):
            add(np.full_like(FRAME, 50 * number))


def test_what_is_written_is_read_again() -> None:
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0] = 200
    with written_video(Path("made/on the way/clip.mp4"), 7.5) as add:
        assert not list(Path("made/on the way").glob("*.mp4"))
        for picture in (FRAME, red):
            add(picture)
    video = Video.opened("clip", Path("made/on the way/clip.mp4"))
    assert (video.fps, video.count) == (7.5, 2)
    black, again = video.frames()
    assert black.max() < 20
    assert np.abs(again.astype(int) - red).max() < 20  # the codec loses a little; red is still red
    assert os.listdir("made/on the way") == ["clip.mp4"]


def test_frames_of_a_drawn_video(filmed: Filmed, scenes: list[NDArray[np.uint8]]) -> None:
    video = Video.opened("drive", filmed(frames=6, fps=12))
    assert (video.fps, video.count) == (12, 6)
    frames = list(video.frames())
    assert len(frames) == 6
    assert all(frame.shape == (*SIZE, 3) and frame.dtype == np.uint8 for frame in frames)
    for frame, scene in zip(frames, scenes * 2, strict=False):
        assert np.abs(frame.astype(int) - scene).mean() < 12
    some = list(video.frames({1, 4, 99}))
    np.testing.assert_array_equal(some, [frames[1], frames[4]])
    assert list(video.frames(set())) == []


def test_names_that_ffmpeg_would_take_for_protocols_or_patterns(filmed: Filmed) -> None:
    for name in ("a:b.avi", "pipe:.avi", "%03d.avi", "-y.avi", "ümlaut.avi"):
        filmed(name, frames=2)
        assert Video.opened("x", Path(name)).count == 2


def test_a_header_that_says_nothing(filmed: Filmed, monkeypatch: pytest.MonkeyPatch) -> None:
    path, capture = filmed(frames=4), cv2.VideoCapture

    class Silent:
        def __init__(self, *arguments: Any) -> None:
            self.inner = capture(*arguments)

        def get(self, what: int) -> float:
            return {cv2.CAP_PROP_FPS: 0.0, cv2.CAP_PROP_FRAME_COUNT: -9.2e18}[what]

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    monkeypatch.setattr(cv2, "VideoCapture", Silent)
    video = Video.opened("drive", path)
    assert (video.fps, video.count) == (25, 4)


def test_what_cannot_be_read(
    filmed: Filmed, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("empty.mp4").touch()
    filmed("none.mp4", frames=0, codec="mp4v")
    whole = filmed("whole.mp4", codec="mp4v").read_bytes()
    Path("cut.mp4").write_bytes(whole[: len(whole) // 2])
    for name in ("empty", "none", "cut"):
        with pytest.raises(
            InputError, match=rf"^{name}\.mp4 cannot be read as a video, or has no frames; copy it again"
        ):
            Video.opened(name, Path(f"{name}.mp4"))
    with pytest.raises(InputError, match=r"no video at gone\.mp4"):
        Video.opened("gone", Path("gone.mp4"))
    assert capfd.readouterr().err == ""

    class Dark:
        def __init__(self, *_: object) -> None:
            self.released = False

        def isOpened(self) -> bool:  # noqa: N802
            return True

        def get(self, _: int) -> float:
            return 10.0

        def grab(self) -> bool:
            return False

        def release(self) -> None:
            self.released = True

    monkeypatch.setattr(cv2, "VideoCapture", Dark)
    with pytest.raises(InputError, match=r"whole\.mp4 has no frames that can be read"):
        Video.opened("whole", Path("whole.mp4"))


@pytest.mark.parametrize("error", [ValueError("ours"), KeyboardInterrupt(), OSError(errno.EIO, "disk")])
def test_an_error_leaves_the_old_video_and_nothing_else(error: BaseException) -> None:
    def write_half() -> None:
        with written_video(Path("out/clip.mp4"), 5) as add:
            add(FRAME)
            raise error

    for before in ([], ["clip.mp4"]):
        with pytest.raises(type(error)):
            write_half()
        assert os.listdir("out") == before
        Path("out/clip.mp4").write_bytes(b"old")
    write(Path("out/clip.mp4"))
    assert Path("out/clip.mp4").read_bytes() != b"old"


@pytest.fixture
def _small_files() -> Iterator[None]:
    """Files end at 2000 bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("_small_files")
def test_a_full_disk_is_seen_though_opencv_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0)

    def write_much() -> None:
        with written_video(Path("out/clip.mp4"), 5) as add:
            for _ in range(30):
                add(noise.integers(0, 256, FRAME.shape).astype(np.uint8))

    with pytest.raises(InputError, match=r"cannot write out/clip\.mp4: 0 of 30 frames arrived; free space"):
        write_much()
    assert os.listdir("out") == []
    assert capfd.readouterr().err == ""


def test_where_no_video_can_be_written(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    Path("file").touch()
    with pytest.raises(InputError, match=r"cannot write file/clip\.mp4: "):
        write(Path("file/clip.mp4"))
    with (
        pytest.raises(InputError, match="OpenCV cannot write an mp4v video of 9000x48 pixels to out"),
        written_video(Path("out/clip.mp4"), 5) as add,
    ):
        add(np.zeros((48, 9000, 3), np.uint8))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("gmmbench.predict.video.tempfile.TemporaryDirectory", full)
    with pytest.raises(InputError, match=r"cannot write out/clip\.mp4: No space left on device"):
        write(Path("out/clip.mp4"))
    assert os.listdir("out") == []
    assert capfd.readouterr().err == ""
