"""Which image contains which class: counted once, kept, and counted again when it must be."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data import pairs
from gmmbench.data.camvid import camvid
from gmmbench.data.class_index import ClassIndex, class_index
from gmmbench.data.pairs import PairedSet
from gmmbench.errors import InputError
from gmmbench.resources import cache_folder

CLASSES = 11


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were decoded, in order."""
    decoded: list[Path] = []
    real = pairs.Image.open

    def counting(path: Path) -> Image.Image:
        decoded.append(Path(path))
        return real(path)

    monkeypatch.setattr(pairs.Image, "open", counting)
    return decoded


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def index(root: Path, cache: Path) -> ClassIndex:
    return class_index(camvid(root, "train"), CLASSES, cache)


def naive(images: PairedSet) -> np.ndarray:
    return np.array([[(sample.labels == number).any() for number in range(CLASSES)] for sample in images])


def relabel(root: Path, number: int, value: int) -> None:
    file = camvid(root, "train").pairs[number].labels
    Image.fromarray(np.full_like(np.asarray(Image.open(file)), value)).save(file)


def test_it_is_what_a_naive_loop_finds(camvid_tree: Path, cache: Path) -> None:
    for number, value in ((0, 3), (1, 11), (2, 10)):  # 11 is void
        relabel(camvid_tree, number, value)
    found = index(camvid_tree, cache)
    assert found.contains.shape == (4, CLASSES)
    assert found.contains.dtype == bool
    np.testing.assert_array_equal(found.contains, naive(camvid(camvid_tree, "train")))
    assert found.contains.sum(axis=1).tolist()[:3] == [1, 0, 1]
    assert "made of 4 label maps, kept as" in found.news


def test_images_are_not_opened_and_label_maps_once(camvid_tree: Path, cache: Path, reads: list[Path]) -> None:
    images = camvid(camvid_tree, "train")
    first = index(camvid_tree, cache)
    assert reads == [pair.labels for pair in images.pairs]
    again = index(camvid_tree, cache)
    assert len(reads) == 4
    np.testing.assert_array_equal(again.contains, first.contains)
    assert "read from" in again.news


def test_a_data_set_that_moved_is_known(camvid_tree: Path, cache: Path, reads: list[Path], tmp_path: Path) -> None:
    first = index(camvid_tree, cache)
    shutil.move(camvid_tree, tmp_path / "elsewhere")
    assert np.array_equal(index(tmp_path / "elsewhere", cache).contains, first.contains)
    assert len(reads) == 4


def test_a_changed_label_map_is_seen(camvid_tree: Path, cache: Path, reads: list[Path]) -> None:
    index(camvid_tree, cache)
    relabel(camvid_tree, 2, 7)
    reads.clear()
    found = index(camvid_tree, cache)
    assert len(reads) == 4
    assert np.flatnonzero(found.contains[2]).tolist() == [7]


def test_order_meaning_and_number_of_classes_are_part_of_the_question(
    camvid_tree: Path, cache: Path, reads: list[Path]
) -> None:
    relabel(camvid_tree, 0, 3)
    reads.clear()
    images = camvid(camvid_tree, "train")
    one = PairedSet("one", images.pairs, {value: value for value in range(12)})
    backwards = PairedSet("backwards", images.pairs[::-1], {value: value for value in range(12)})
    swapped = PairedSet("swapped", images.pairs, {value: 11 - value for value in range(12)})
    found = [class_index(each, 12, cache).contains for each in (one, backwards, swapped)]
    np.testing.assert_array_equal(found[1], found[0][::-1])
    np.testing.assert_array_equal(found[2], found[0][:, ::-1])
    np.testing.assert_array_equal(class_index(one, 5, cache).contains, found[0][:, :5])
    assert len(reads) == 4 * 4
    assert len(list(cache.iterdir())) == 4


def test_a_damaged_cache_is_not_believed(camvid_tree: Path, cache: Path, reads: list[Path]) -> None:
    whole = index(camvid_tree, cache).contains
    [file] = cache.iterdir()
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    for damaged in (b"", content[:-1], content[:20], content + b"\0", bytes(flipped), b"PK\3\4 a foreign file"):
        file.write_bytes(damaged)
        reads.clear()
        np.testing.assert_array_equal(index(camvid_tree, cache).contains, whole)
        assert len(reads) == 4, damaged
        assert file.read_bytes() == content


def test_another_indexs_file_is_not_believed(camvid_tree: Path, cache: Path, reads: list[Path]) -> None:
    index(camvid_tree, cache)
    [before] = cache.iterdir()
    relabel(camvid_tree, 0, 3)
    expected = index(camvid_tree, cache).contains
    [after] = set(cache.iterdir()) - {before}
    shutil.copy(before, after)
    reads.clear()
    np.testing.assert_array_equal(index(camvid_tree, cache).contains, expected)
    assert len(reads) == 4


def test_a_cache_that_cannot_be_written_costs_only_time(camvid_tree: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    found = class_index(camvid(camvid_tree, "train"), CLASSES, tmp_path / "file")
    np.testing.assert_array_equal(found.contains, naive(camvid(camvid_tree, "train")))
    assert not found.kept
    assert "cannot be written" in found.news
    assert "GMMBENCH_CACHE" in found.news


def test_nothing_is_kept_of_labels_that_cannot_be_read(camvid_tree: Path, cache: Path) -> None:
    relabel(camvid_tree, 3, 99)
    with pytest.raises(InputError, match="label value 99"):
        index(camvid_tree, cache)
    assert not cache.exists()


def test_somebody_is_told(camvid_tree: Path, cache: Path) -> None:
    heard: list[tuple[int, int, str]] = []
    class_index(camvid(camvid_tree, "train"), CLASSES, cache, lambda *words: heard.append(words))
    assert heard == [(number, 4, "reading label maps") for number in (1, 2, 3, 4)]


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GMMBENCH_CACHE", str(tmp_path / "named"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "named"
    monkeypatch.delenv("GMMBENCH_CACHE")
    assert cache_folder() == tmp_path / "xdg" / "gmmbench"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "gmmbench"
