"""Data sets without lists: an image and its label map have the same name in two folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gmmbench.data.faults import complain, is_collecting
from gmmbench.data.pairs import Pair
from gmmbench.errors import InputError


def matching_pairs(images: Path, labels: Path, image_suffix: str, label_suffix: str) -> list[Pair]:
    """A pair for each name under ``images`` or ``labels``, in the order of names.

    A file's name is its path below the folder without the suffix, which also tells apart the other kinds of
    files that publishers lay beside it. A name that only one folder has still makes a pair, for
    ``PairedSet`` to complain of: an image without labels must not drop out unseen.

    Raises:
        InputError: no such folder.
    """
    for folder in (images, labels):
        if not folder.is_dir():
            complain(
                "layout",
                f"no {folder}; wanted the data set in its publisher's layout under the data root,"
                " which --data-root or the variable GMMBENCH_DATA names; its card is in datasets/",
            )
    names = _names(images, image_suffix) | _names(labels, label_suffix)
    return [
        Pair(Path(name).name, images / f"{name}{image_suffix}", labels / f"{name}{label_suffix}")
        for name in sorted(names)
    ]


def _names(folder: Path, suffix: str) -> set[str]:
    files = (file for file in folder.rglob(f"*{suffix}") if not file.name.startswith("."))  # macOS lays ._NAME beside
    return {str(file.relative_to(folder))[: -len(suffix)] for file in files}


def split_folder(name: str, split: str, folders: Mapping[str, str], why: str) -> str:
    """What the publisher calls a split.

    Args:
        folders: our names of the labelled splits to the publisher's; the last is the one to evaluate on.
        why: there is no other, in words.

    Raises:
        InputError: ``split`` is none of them.
    """
    if split not in folders:
        known = list(folders)
        raise InputError(
            f"{name} has no labelled split '{split}': {why}; wanted {' or '.join(known)};"
            f" evaluate on {known[-1]} with --split {known[-1]}"
        )
    return folders[split]


def complain_of_unlisted(pairs: Sequence[Pair], listing: Path, there: Iterable[Path]) -> None:
    """Note the files that lie ``there`` and that no pair of ``listing`` names, where all faults are collected.

    Only for publishers whose list is of all that lies in the folder; an evaluation goes by the list alone, and
    does not look.
    """
    if is_collecting():
        listed = {file for pair in pairs for file in (pair.image, pair.labels)}
        for file in sorted(set(there) - listed):
            complain("not in the list", f"{file} is not in {listing}")
