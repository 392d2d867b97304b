"""What a card says of its downloads, and whether the archives that are still there are the published ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from gmmbench.data.faults import Fault
from gmmbench.errors import InputError

FOLDER = "downloads"
"""Under the data root: where archives lie, ours and those that a person fetched by hand."""

_CHECKSUM = re.compile(r"(md5|sha1|sha256|sha512):[0-9a-f]{32,128}")


@dataclass(frozen=True)
class Source:
    """One file that a data set is made of.

    Attributes:
        url: where it is published.
        checksum: "md5:..." or "sha256:..." as its publisher gives it; ``None`` where he gives none.
        archive: the name that it is kept under in ``ROOT/downloads``.
        unpack_to: the folder under the data root that its content goes into, "." for the root itself.
    """

    url: str
    checksum: str | None
    archive: str
    unpack_to: str


def sources(about: Mapping[str, Any]) -> tuple[Source, ...]:
    """The entries of a card's ``download``: none for what cannot be downloaded.

    Raises:
        InputError: an entry without a URL, a checksum of no known form, or a name or folder that leaves the data root.
    """
    found = []
    for entry in about.get("download") or ():
        given = entry.get("checksum")
        checksum = None if given in (None, "", "none") else str(given)
        if "url" not in entry:
            raise InputError(f"card '{about['name']}': a download has no url")
        archive = str(entry.get("archive") or unquote(PurePosixPath(urlsplit(entry["url"]).path).name))
        folder = str(entry.get("unpack_to") or ".")
        if checksum is not None and not _CHECKSUM.fullmatch(checksum):
            raise InputError(f"card '{about['name']}': checksum '{checksum}'; wanted md5:HEX or sha256:HEX")
        if not archive or PurePosixPath(archive).name != archive or leaves_its_folder(folder):
            raise InputError(f"card '{about['name']}': '{archive}' or '{folder}' leaves the data root")
        found.append(Source(str(entry["url"]), checksum, archive, folder))
    return tuple(found)


def leaves_its_folder(name: str) -> bool:
    """Whether a relative name points elsewhere: it is absolute, has a drive letter or NUL, or climbs with ``..``."""
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or "\0" in name or re.match(r"[A-Za-z]:", name) is not None


def find_archive(source: Source, root: Path) -> Path | None:
    """Where the archive lies: in ``ROOT/downloads``, or in the data root itself."""
    return next((file for file in (root / FOLDER / source.archive, root / source.archive) if file.is_file()), None)


def is_right(source: Source, file: Path) -> bool:
    """Whether the file has the published checksum; without one, whether it has any bytes."""
    return file.stat().st_size > 0 if source.checksum is None else found_checksum(source, file) == source.checksum


def found_checksum(source: Source, file: Path) -> str:
    """The file's checksum in the algorithm of the published one, or else SHA-256: "sha256:HEX"."""
    import pooch

    algorithm = (source.checksum or "sha256").split(":")[0]
    return f"{algorithm}:{pooch.file_hash(str(file), alg=algorithm)}"


def archives(about: Mapping[str, Any], root: Path) -> tuple[dict[str, str], tuple[Fault, ...]]:
    """Archive -> "right", "wrong", "not here" or "no checksum published"; and a fault for each that is wrong."""
    states, faults = {}, []
    for source in sources(about):
        file = find_archive(source, root)
        if file is None:
            states[source.archive] = "not here"
        elif source.checksum is None:
            states[source.archive] = "no checksum published"
        else:
            found = found_checksum(source, file)
            states[source.archive] = "right" if found == source.checksum else "wrong"
            if found != source.checksum:
                faults.append(Fault("wrong checksum", f"{file} is {found}; published is {source.checksum}"))
    return states, tuple(faults)
