"""Any images and masks of one's own, with the meaning of the mask's values given in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from gmmbench.data.faults import Fault, complain
from gmmbench.data.pairs import Pair, PairedSet
from gmmbench.errors import InputError, unknown_name
from gmmbench.labels import IGNORE, IN, OOD

IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
MASK = ".png"

WORDS = {"in": IN, "ood": OOD, "ignore": IGNORE}
"""What a label map may say of a value."""

_ENTRY = re.compile(r"(\d+)(?:-(\d+))?=([a-zA-Z]+)")


def folder_set(images: Path, masks: Path, label_map: str, *, mask_suffix: str = "") -> PairedSet:
    """The images of one folder with the masks of another, in the order of names.

    Args:
        images: files of ``IMAGES``; the case of the ending does not matter.
        masks: PNG files, one channel, 8 bits, called as the images are; may be the same folder.
        label_map: as ``parse_label_map`` reads it, for example "0=in,1=ood,255=ignore".
        mask_suffix: what follows the image's name in the mask's, for example "_labels_semantic"; masks whose
            names do not end with it are left alone.

    Raises:
        InputError: a bad label map, no such folder, images without mask or masks without image (names them), or
            two images or two masks of one name.
    """
    meaning = parse_label_map(label_map)
    for folder in (images, masks):
        if not folder.is_dir():
            complain("layout", f"no folder {folder}; wanted one of images and one of masks")
    found_masks: dict[str, Path] = {}
    for file in _files(masks, (MASK,)):
        if file.stem.endswith(mask_suffix):
            name = file.stem.removesuffix(mask_suffix)
            if name in found_masks:
                complain("listed twice", f"{found_masks[name]} and {file} are two masks of one name; keep one")
            found_masks[name] = file
    taken = set(found_masks.values())
    found_images: dict[str, Path] = {}
    for file in _files(images, IMAGES):
        if file in taken:
            continue  # masks beside images
        if file.stem in found_images:
            complain("listed twice", f"{found_images[file.stem]} and {file} are two images of one name; keep one")
        found_images[file.stem] = file
    _complain_of_unpaired(found_images, found_masks, mask_suffix)
    pairs = [Pair(name, found_images[name], found_masks[name]) for name in sorted(found_images.keys() & found_masks)]
    return PairedSet("folder", pairs, meaning)


def parse_label_map(text: str) -> dict[int, int]:
    """ "0=in,2-200=ood,255=ignore" as value on disk -> ``IN``, ``OOD`` or ``IGNORE``; values 0 to 255, ends included.

    Raises:
        InputError: an entry of another form, an unknown word, a value above 255, one that comes twice, or no ood.
    """
    meaning: dict[int, int] = {}
    for entry in text.split(","):
        parts = _ENTRY.fullmatch("".join(entry.split()))
        if parts is None:
            raise InputError(
                f"label map '{text}': cannot read '{entry.strip()}'; wanted VALUE=WORD or FIRST-LAST=WORD, for example"
                " 0=in,1=ood,255=ignore"
            )
        word = parts[3].lower()
        if word not in WORDS:
            raise unknown_name(f"word in the label map '{text}'", parts[3], WORDS)
        first, last = int(parts[1]), int(parts[2] or parts[1])
        if not first <= last <= 255:
            raise InputError(f"label map '{text}': '{entry.strip()}' is no range of values from 0 to 255")
        twice = meaning.keys() & range(first, last + 1)
        if twice:
            raise InputError(f"label map '{text}': value {min(twice)} comes twice; say it once")
        meaning |= dict.fromkeys(range(first, last + 1), WORDS[word])
    if OOD not in meaning.values():
        raise InputError(f"label map '{text}' calls no value ood; wanted at least one, for example 1=ood")
    return meaning


def _files(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    if not folder.is_dir():
        return []
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in endings and file.is_file())
    return [file for file in files if not file.name.startswith(".")]  # macOS lays ._NAME.png beside NAME.png


def _complain_of_unpaired(images: dict[str, Path], masks: dict[str, Path], mask_suffix: str) -> None:
    def each() -> Iterator[Fault]:
        for name in sorted(images.keys() - masks):
            yield Fault("image without mask", f"{images[name]} has no mask called {name}{mask_suffix}{MASK}")
        for name in sorted(masks.keys() - images):
            yield Fault("mask without image", f"{masks[name]} has no image called {name}")

    faults = list(each())
    if faults:
        names = "; ".join(fault.message for fault in faults[:5])
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        complain("pair without files", f"folder: {len(faults)} files have no partner: {names}{more}", iter(faults))
