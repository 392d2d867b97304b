"""``gmmbench data check``: everything that is wrong with a data set on disk, and what is in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gmmbench.data.archives import archives
from gmmbench.data.cards import card
from gmmbench.data.examine import Contents, Finding, examine, examine_frame
from gmmbench.data.faults import Fault, UncountedError, collecting
from gmmbench.data.pairs import Pair, PairedSet
from gmmbench.data.registry import CLOSED_SETS, DATASETS, UNLABELLED, existing_root, ood_set, unlabelled_set
from gmmbench.data.unlabelled import ImageFolder
from gmmbench.errors import InputError, unknown_name

Progress = Callable[..., None]
"""Told (done, in all, a few words) after each file."""

Images = PairedSet | ImageFolder
"""What a loader gives; a folder of images without labels is checked as far as it goes."""

_WORKERS = 4


@dataclass(frozen=True)
class Part:
    """An OOD set, with labels or without, or one split of a closed set.

    Attributes:
        name: for example "camvid_ood" or "camvid val".
        found: images whose two files are there; of a set without labels, images.
        expected: images as the card says; ``None`` where it does not.
        faults: all that were found, in the order of the files.
        contents: what the readable label maps hold.
    """

    name: str
    found: int
    expected: int | None
    faults: tuple[Fault, ...]
    contents: Contents


@dataclass(frozen=True)
class Report:
    """What ``check`` found.

    Attributes:
        name: of the data set.
        parts: the OOD set itself, or the splits of a closed set.
        archives: downloaded archive -> "right", "wrong", "not here" or "no checksum published".
        archive_faults: those of the archives.
    """

    name: str
    parts: tuple[Part, ...]
    archives: Mapping[str, str]
    archive_faults: tuple[Fault, ...]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Every fault, of all parts and of the archives."""
        return tuple(fault for part in self.parts for fault in part.faults) + self.archive_faults


def check(name: str, root: Path, *, splits: tuple[str, ...] = (), progress: Progress | None = None) -> Report:
    """Read every file of a data set and note all that is wrong; nothing is changed, and nothing is raised for it.

    Checked are: folders and lists; the number of images against the card; images without masks and masks without
    images; names and files that occur twice; files that a complete list does not name; empty and unreadable
    files; sizes; label values without a meaning; published checksums of archives that are still there.

    Args:
        name: any registered data set.
        root: the data root.
        splits: of a closed set, the ones to check; all of its card if empty.
        progress: told of each pair.

    Raises:
        InputError: an unknown name or split, or no data root.
    """
    loaders = part_loaders(name, root, splits)
    existing_root(root)
    parts = tuple(_check_part(title, split, load, name, root, progress) for title, split, load in loaders)
    states, archive_faults = archives(card(name), root)
    return Report(name, parts, states, archive_faults)


def part_loaders(
    name: str, root: Path, splits: tuple[str, ...] = ()
) -> list[tuple[str, str | None, Callable[[], Images]]]:
    """(title, split, how to load) of each part of a data set; the split of an OOD set is ``None``.

    Raises:
        InputError: an unknown name, or a split that the card does not have.
    """
    if name not in CLOSED_SETS:
        if name not in DATASETS and name not in UNLABELLED:
            raise unknown_name("data set", name, [*CLOSED_SETS, *DATASETS, *UNLABELLED])
        if splits:
            raise InputError(f"{name} is no closed set and has no splits; leave --split out")
        return [(name, None, lambda: ood_set(name, root) if name in DATASETS else unlabelled_set(name, root))]
    known = [split for split in card(name)["splits"] if split in ("train", "val", "test")]
    for split in splits:
        if split not in known:
            raise unknown_name(f"split of {name}", split, known)

    def loader(split: str) -> Callable[[], Images]:
        return lambda: CLOSED_SETS[name].load(root, split)

    return [(f"{name} {split}", split, loader(split)) for split in splits or known]


def expected_images(about: Mapping[str, Any], split: str | None, root: Path) -> int | None:
    """How many images a part should have: from the record of what was made here, or else from its card.

    ``None`` where a card of an OOD set has several splits and does not say which of them is evaluated.
    """
    record = root / about["counts_in"] if "counts_in" in about else None
    if record is not None and record.is_file():
        try:
            splits = json.loads(record.read_text(encoding="utf-8"))["counts"]
            return int(splits.get(split or next(iter(about["splits"])), 0))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
    said = about.get("expected")
    if split is None and said is not None:
        return int(said["images"])
    if split is not None:
        return int(about["splits"][split])
    numbers = list(about["splits"].values())
    return int(numbers[0]) if len(numbers) == 1 else None


def survey(load: Callable[[], Images], *, opening: bool = True) -> tuple[Images | None, list[Fault]]:
    """A data set as it is, and what its loader had to complain of.

    ``None`` where the loader could not go on without what is missing.

    Args:
        opening: False where no label map may be opened, not even to know which images the set has.

    Raises:
        UncountedError: that is not known without.
    """
    images = None
    with collecting(opening=opening) as faults:
        try:
            images = load()
        except UncountedError:
            raise
        except InputError as error:
            faults.append(Fault("layout", str(error)))
    return images, list(dict.fromkeys(faults))


def complete_pairs(images: Images | None) -> int:
    """How many images of different names have both their files."""
    if images is None:
        return 0
    if isinstance(images, ImageFolder):
        return len(images)
    return len({pair.name for pair in images.pairs if pair.image.is_file() and pair.labels.is_file()})


def _check_part(
    title: str, split: str | None, load: Callable[[], Images], name: str, root: Path, progress: Progress | None
) -> Part:
    images, faults = survey(load)
    found, expected = complete_pairs(images), expected_images(card(name), split, root)
    if expected is not None and 0 < found != expected:
        faults.append(Fault("wrong count", f"{title}: {found} images are complete; the card says {expected}"))
    contents = Contents()
    entries: Sequence[Pair | Path] = ()
    read: Callable[[int], Finding] | None = None
    if isinstance(images, PairedSet):
        faults += _used_twice(images)
        entries, read = images.pairs, partial(examine, images)
    elif images is not None:
        entries, read = images.files, partial(examine_frame, images)
    if read is not None:
        # An image that is listed twice is read once.
        places = list({entry: place for place, entry in enumerate(entries)}.values())
        for finding in _examined(read, places, title, progress):
            faults += finding.faults
            contents = contents + finding.contents
    return Part(title, found, expected, tuple(dict.fromkeys(faults)), contents)


def _examined(
    read: Callable[[int], Finding], places: list[int], title: str, progress: Progress | None
) -> list[Finding]:
    """What each pair holds, in order. Decoding leaves Python's lock, so a few threads read at once."""
    findings: list[Finding] = []
    with ThreadPoolExecutor(_WORKERS) as pool:
        try:
            for finding in pool.map(read, places):
                findings.append(finding)
                if progress is not None:
                    progress(len(findings), len(places), title)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return findings


def _used_twice(images: PairedSet) -> list[Fault]:
    """Files that stand in pairs of different names: a mask that belongs to another image, most often."""
    users: dict[Path, set[str]] = {}
    for pair in images.pairs:
        for file in (pair.image, pair.labels):
            users.setdefault(file, set()).add(pair.name)
    return [
        Fault("file used twice", f"{file} is in the pairs of {', '.join(sorted(names))}")
        for file, names in users.items()
        if len(names) > 1
    ]


def count_kinds(faults: tuple[Fault, ...]) -> Counter[str]:
    """How many faults there are of each kind."""
    return Counter(fault.kind for fault in faults)
