"""Fishyscapes: Lost & Found relabelled, and Static, objects pasted into Cityscapes, in its three versions."""

from __future__ import annotations

import re
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from gmmbench.data.archives import find_archive, is_right, sources
from gmmbench.data.cards import card
from gmmbench.data.faults import complain, is_collecting
from gmmbench.data.pairs import Pair, PairedSet, read_image
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD

MEANING = {0: IN, 1: OOD, IGNORE: IGNORE}

_LABELS = re.compile(r"(\d+)_(.+)_labels\.png")
"""Number in the benchmark, and the frame of the data set that it was taken from."""


def fishyscapes_lost_and_found(root: Path) -> PairedSet:
    """Blum et al., "The Fishyscapes Benchmark", IJCV 2021, arXiv 1904.03215: the 100 validation frames, 2048x1024.

    ``ROOT/fishyscapes/fishyscapes_lostandfound/0000_FRAME_labels.png`` on the images of Lost and Found,
    ``ROOT/lost_and_found/leftImg8bit/{train,test}/SEQUENCE/FRAME_leftImg8bit.png``. 0 IN, 1 OOD, 255 void.
    A sample is called by its frame, as SegmentMeIfYouCan calls it.
    """
    images = root / "lost_and_found" / "leftImg8bit"
    _expect(images, root)
    pairs = []
    for labels, _, frame in _label_files(root / "fishyscapes" / "fishyscapes_lostandfound", root):
        sequence = frame.rsplit("_", 2)[0]
        places = [images / split / sequence / f"{frame}_leftImg8bit.png" for split in ("train", "test")]
        image = next((place for place in places if place.is_file()), places[-1])
        pairs.append(Pair(frame, image, labels))
    return PairedSet("fishyscapes_lost_and_found", pairs, MEANING)


class FishyscapesStatic(PairedSet):
    """Cityscapes validation images, each with an overlay that is added to it; labels from files of their own.

    The overlay, ``rgb`` in ``0000_FRAME_rgb.npz``, is (H, W, 3) and signed; sums are clipped to 0..255. What is
    pasted need not be an anomaly (version 3 also pastes objects of Cityscapes), so no mask is made of it.

    Args:
        overlays: one file a pair.
        verified: whether the files were compared with the published archive.

    Raises:
        InputError: as ``PairedSet``, and for overlays that are missing.
    """

    def __init__(self, name: str, pairs: Sequence[Pair], overlays: Sequence[Path], verified: bool) -> None:
        self.overlays = tuple(overlays)
        self.verified = verified
        for missing in (file for file in self.overlays if not file.is_file()):
            complain("pair without files", f"{name}: no overlay {missing}; unpack the archive again")
        super().__init__(name, pairs, MEANING)

    def image(self, index: int) -> NDArray[np.uint8]:
        """(H, W, 3) uint8, the Cityscapes image with its overlay. Raises InputError where one cannot be read."""
        plain, overlay = read_image(self.pairs[index].image), read_overlay(self.overlays[index])
        if plain.shape != overlay.shape:
            raise InputError(
                f"{self.name}: {self.overlays[index]} is of shape {overlay.shape} but its image"
                f" {self.pairs[index].image.name} of {plain.shape}; wanted the full-size Cityscapes image"
            )
        both: NDArray[np.uint8] = np.clip(plain + overlay, 0, 255).astype(np.uint8)
        return both


def read_overlay(file: Path) -> NDArray[np.int16]:
    """(H, W, 3) int16, ``rgb`` of an overlay file; beyond -255..255 a difference has no further effect.

    Raises:
        InputError: a missing or damaged file, no array ``rgb``, or one that holds no three-channel numbers.
    """
    try:
        # numpy leaves a damaged file open that it opened itself.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            overlay = arrays["rgb"]
    except FileNotFoundError as error:
        raise InputError(f"no overlay at {file}") from error
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        TypeError,
        AttributeError,
        SyntaxError,
        MemoryError,  # a header that claims terabytes
        RuntimeError,
        tokenize.TokenError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise InputError(f"{file} has no readable array 'rgb' ({error}); unpack the archive again") from error
    if overlay.ndim != 3 or overlay.shape[2] != 3 or overlay.dtype.kind not in "iuf":
        raise InputError(f"{file}: 'rgb' is {overlay.dtype} of shape {overlay.shape}; wanted numbers, (H, W, 3)")
    if not np.isfinite(overlay).all():
        raise InputError(f"{file}: 'rgb' has values that are not finite; unpack the archive again")
    difference: NDArray[np.int16] = np.clip(overlay, -255, 255).astype(np.int16)
    return difference


def fishyscapes_static(version: int, root: Path) -> FishyscapesStatic:
    """Blum et al., arXiv 1904.03215: the 30 validation images of Static, in the version 1, 2 or 3.

    ``ROOT/fishyscapes/fs_val_v3/0000_CITY_000000_000000_{rgb.npz,labels.png}`` (for version 3) on
    ``ROOT/cityscapes/leftImg8bit/val/CITY/``. 0 IN, 1 OOD, 255 void. The versions are different data sets whose
    files have the same names: where ``fs_val_v3.zip`` still lies in ``ROOT/downloads``, every file is compared with
    it, and the zip with its published checksum. Without it the folder's name is believed, and ``verified`` is False.
    """
    name = f"fishyscapes_static_v{version}"
    folder = root / "fishyscapes" / f"fs_val_v{version}"
    images = root / "cityscapes" / "leftImg8bit" / "val"
    _expect(images, root)
    found = _label_files(folder, root)
    pairs = [
        Pair(f"{number}_{frame}", images / frame.split("_", 1)[0] / f"{frame}_leftImg8bit.png", labels)
        for labels, number, frame in found
    ]
    overlays = [folder / f"{pair.name}_rgb.npz" for pair in pairs]
    return FishyscapesStatic(name, pairs, overlays, _is_version(name, folder, root))


STATIC: dict[str, Callable[[Path], PairedSet]] = {
    f"fishyscapes_static_v{version}": partial(fishyscapes_static, version) for version in (1, 2, 3)
}
"""Functions of the data root, by name."""


def _expect(folder: Path, root: Path) -> None:
    if not folder.is_dir():
        complain(
            "layout",
            f"no {folder}; wanted the data set in its publisher's layout under the data root,"
            f" which --data-root or the variable GMMBENCH_DATA names (now: {root}); its card is in datasets/",
        )


def _label_files(folder: Path, root: Path) -> list[tuple[Path, str, str]]:
    """(label file, number, frame) of each ``*_labels.png`` in the folder, in the order of numbers."""
    _expect(folder, root)
    found = []
    for file in sorted(folder.glob("*_labels.png")):
        parts = _LABELS.fullmatch(file.name)
        if parts is None:
            complain("layout", f"{file} is not called NUMBER_FRAME_labels.png; unpack the archive again")
            continue
        found.append((file, parts[1], parts[2]))
    return found


def _is_version(name: str, folder: Path, root: Path) -> bool:
    """Whether ``folder`` holds what the published archive of that name holds; False where there is no archive."""
    [source] = sources(card(name))
    archive = find_archive(source, root)
    if archive is None or not folder.is_dir():
        return False
    if not is_right(source, archive):
        if not is_collecting():  # who collects faults looks at the archives himself
            complain("wrong checksum", f"{archive} is not the published {source.archive}; remove it and fetch it again")
        return False
    different = []
    with zipfile.ZipFile(archive) as content:
        for entry in content.infolist():
            file = folder / PurePosixPath(entry.filename).name
            if entry.filename.endswith(("_labels.png", "_rgb.npz")) and not _is_entry(file, entry):
                different.append(file)
    if different:
        complain(
            "wrong checksum",
            f"{name}: {len(different)} files are not those of {archive}, first {different[0]};"
            f" {folder} holds another version, unpack the archive again",
        )
    return not different


def _is_entry(file: Path, entry: zipfile.ZipInfo) -> bool:
    if not file.is_file() or file.stat().st_size != entry.file_size:
        return False
    return zlib.crc32(file.read_bytes()) == entry.CRC
