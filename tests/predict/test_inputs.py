"""Which files a list of paths means, and what is refused before any model is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gmmbench.errors import InputError
from gmmbench.predict.inputs import inputs_of
from gmmbench.predict.places import Places

Filmed = Callable[..., Path]


def touch(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()


def test_a_folder_is_its_images_by_name_and_nothing_else() -> None:
    touch("in/b.JPG", "in/a.png", "in/c.tiff", "in/notes.txt", "in/._a.png", "in/.hidden.jpg", "in/deep/d.png")
    touch("in/folder.png/e.txt")
    assert [str(still.path) for still in inputs_of([Path("in")]).stills] == ["in/a.png", "in/b.JPG", "in/c.tiff"]


def test_the_order_is_as_given_and_a_file_counts_once(filmed: Filmed) -> None:
    filmed("clip.avi")
    touch("in/b.png", "in/a.png", "c.bmp")
    found = inputs_of([Path(name) for name in ("c.bmp", "in/b.png", "clip.avi", "in", "./in/../c.bmp")])
    assert [still.name for still in found.stills] == ["c", "b", "a"]
    assert [video.name for video in found.videos] == ["clip"]


def test_names_do_not_hide_what_is_written() -> None:
    touch(".png.png", "x.tar.png")
    assert [still.name for still in inputs_of([Path(".png.png"), Path("x.tar.png")]).stills] == ["png", "x.tar"]


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ("", "no image named; wanted image files, video files, or folders of images"),
        ("gone.png", "no file or folder gone.png; wanted"),
        ("notes.txt", "notes.txt is neither an image nor a video by its name; wanted one of .bmp .jpeg"),
        ("empty", "no image in empty; wanted files that end in .bmp .jpeg .jpg .pgm .png .ppm .tif .tiff .webp$"),
        ("deep", "no image in deep; .*; the folders in it are not searched, name them$"),
        ("clips", "no image in clips; .*; name its 2 videos themselves$"),
        ("a/1.png b/1.png", "a/1.png and b/1.png have one name, '1', and would write the same files; predict them"),
        ("a/1.png a/1.jpg", "a/1.png and a/1.jpg have one name"),
        ("a b", "a/1.jpg and a/1.png have one name"),
        ("bad.mp4", "bad.mp4 cannot be read as a video, or has no frames; copy it again, or convert it to .mp4"),
        ("clip.mp4 x/clip.avi", "clip.mp4 and x/clip.avi have one name, 'clip'"),
    ],
)
def test_what_is_refused(paths: str, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    touch("notes.txt", "deep/in/a.png", "clips/a.mp4", "clips/b.mov", "a/1.png", "a/1.jpg", "b/1.png", "clip.mp4")
    touch("x/clip.avi")
    Path("empty").mkdir()
    Path("bad.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(InputError, match=f"^{said}"):
        inputs_of([Path(path) for path in paths.split()])
    assert capfd.readouterr().err == ""  # neither OpenCV nor ffmpeg speaks


def test_a_folder_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("in").mkdir()

    def closed(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(InputError, match=r"in cannot be read \(Permission denied\)"):
        inputs_of([Path("in")])


@pytest.mark.parametrize(
    ("paths", "out", "said"),
    [
        ("in", "file", "--out file: file is a file; name a folder"),
        ("in", "file/deep/er", "--out file/deep/er: .*file is a file; name a folder"),
        ("in", "./in/../in", "is the folder of the images: the next run would take its pictures for images"),
        ("in/a.png in/a_anomaly.png", "in", "in/a_anomaly.png is to be read and would be overwritten"),
    ],
)
def test_where_pictures_may_not_go(paths: str, out: str, said: str) -> None:
    touch("in/a.png", "in/a_anomaly.png", "file")
    named = [Path(path) for path in paths.split()]
    with pytest.raises(InputError, match=said):
        Places(Path(out)).check(named, inputs_of(named))


def test_pictures_may_lie_beside_an_image_that_was_named() -> None:
    touch("in/a.png")
    Places(Path("in")).check([Path("in/a.png")], inputs_of([Path("in/a.png")]))
