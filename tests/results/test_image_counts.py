"""Counts of each image on disk, one at a time."""

from __future__ import annotations

import errno
import gc
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from gmmbench.errors import InputError
from gmmbench.metrics import ImageCounts, ScoreCounts
from gmmbench.results import SavedImages
from gmmbench.results.image_counts import ImageCountsWriter


def counts_of(seed: int, bins: int = 50) -> ImageCounts:
    rng = np.random.default_rng(seed)
    keys = np.sort(rng.choice(1 << 18, bins, replace=False)).astype(np.uint32)
    sides = rng.integers(0, 1 << 32, (2, bins))
    return ImageCounts(keys, sides[0], sides[1], seed)


def write(path: Path, images: list[ImageCounts]) -> None:
    with ImageCountsWriter(path) as writer:
        for number, image in enumerate(images):
            writer.add(f"frame é/{number}", image)


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    image = ScoreCounts().update(np.array([[0.5, -np.inf, 3.0]], dtype=np.float32), np.array([[0, 1, 255]], np.uint8))
    empty = ScoreCounts().update(np.zeros((1, 1), dtype=np.float32), np.array([[255]], dtype=np.uint8))
    images = [counts_of(0), image, empty, counts_of(1)]
    write(tmp_path / "new" / "msp.images.npz", images)
    saved = SavedImages(tmp_path / "new" / "msp.images.npz")
    for _ in range(2):  # each walk opens the file anew
        assert list(saved) == images
    assert all(each.in_counts.dtype == np.int64 for each in saved)
    assert saved.names() == [f"frame é/{number}" for number in range(4)]


def test_no_image(tmp_path: Path) -> None:
    write(tmp_path / "none.npz", [])
    assert list(SavedImages(tmp_path / "none.npz")) == []
    assert SavedImages(tmp_path / "none.npz").names() == []


def test_the_same_counts_make_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "1.npz", [counts_of(0), counts_of(1)])
    monkeypatch.setattr("time.time", lambda: 2e9)
    write(tmp_path / "2.npz", [counts_of(0), counts_of(1)])
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()


def test_two_walks_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    images = [counts_of(seed) for seed in range(4)]
    write(tmp_path / "a.npz", images)
    saved = SavedImages(tmp_path / "a.npz")
    assert list(zip(saved, saved, strict=True)) == list(zip(images, images, strict=True))


def test_one_image_at_a_time_is_held(tmp_path: Path) -> None:
    """500 images of 3000 bins: 24 bytes a bin and image would be 36 MB."""
    image = counts_of(0, 3000)
    path = tmp_path / "many.npz"
    gc.collect()
    tracemalloc.start()
    with ImageCountsWriter(path) as writer:
        for number in range(500):
            writer.add(f"frame {number}", image)
    _, writing = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    total = sum(each.pixels_in for each in SavedImages(path))
    reading = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert total == 500 * image.pixels_in
    assert writing < 2e6
    assert reading < 2e6


def damage(file: Path) -> list[bytes]:
    """What a file may look like after an accident."""
    whole = file.read_bytes()
    cuts = [whole[:length] for length in (0, 1, 30, len(whole) // 2, len(whole) - 1)]
    method, locked = bytearray(whole), bytearray(whole)
    first = whole.index(b"PK\x01\x02")
    method[first + 10] = 99  # a compression that nobody knows
    locked[first + 8] |= 1  # encrypted
    flipped = [bytearray(whole) for _ in range(8)]
    for number, content in enumerate(flipped):
        content[40 + 7 * number] ^= 0xFF  # inside the first image
    return [*cuts, b"garbage" * 50, bytes(method), bytes(locked), *map(bytes, flipped)]


def test_damage_is_named(tmp_path: Path) -> None:
    file = tmp_path / "msp.images.npz"
    write(file, [counts_of(0), counts_of(1)])
    for content in damage(file):
        file.write_bytes(content)
        with pytest.raises(InputError, match=f"{re.escape(str(file))} is damaged .*evaluate again"):
            list(SavedImages(file))
    file.write_bytes(b"garbage")
    with pytest.raises(InputError, match="damaged"):
        SavedImages(file).names()


def test_another_archive_is_no_counts_of_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "msp.npz", **{"0": np.zeros(3), "ignored": np.zeros(1, dtype=np.int64)})
    with pytest.raises(InputError, match="is damaged"):
        list(SavedImages(tmp_path / "msp.npz"))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing .*none\.npz; evaluate again with the same --out"):
        list(SavedImages(tmp_path / "none.npz"))
    with pytest.raises(InputError, match=r"none\.npz is missing"):
        SavedImages(tmp_path / "none.npz").names()


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_disk_that_is_full_at_the_end_leaves_no_open_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = ImageCountsWriter(tmp_path / "a.npz")
    writer.add("one", counts_of(0))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("numpy.lib.format.write_array", full)
    with pytest.raises(InputError, match="No space left"):
        writer.__exit__(None, None, None)
    assert writer._zip.fp is None
