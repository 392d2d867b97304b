"""``gmmbench data prepare``: a data set from its publisher to the data root, as far as a program may go."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gmmbench.atomic import complaining_of
from gmmbench.data.archives import FOLDER, Source, find_archive, found_checksum, is_right, sources
from gmmbench.data.cards import card
from gmmbench.data.check import Report, check, part_loaders
from gmmbench.data.presence import look, missing_needs
from gmmbench.data.street import write_street
from gmmbench.data.unpack import unpack
from gmmbench.errors import InputError

Bar = Callable[..., AbstractContextManager[Callable[..., None] | None]]
"""(title, unit=...) to a context that is told of progress; see ``gmmbench.console.progress_bar``."""

MADE = {"street": write_street, "street_ood": write_street}
"""What is drawn here, and by what."""


@dataclass(frozen=True)
class Prepared:
    """How far ``prepare`` came.

    Attributes:
        report: what ``check`` found, where the data set is there.
        instructions: what a person has to do first; empty where ``report`` is.
    """

    name: str
    report: Report | None
    instructions: str

    @property
    def ready(self) -> bool:
        """Whether the data set is there without a fault."""
        return self.report is not None and not self.report.faults


def quiet(title: str, *, unit: str = "") -> AbstractContextManager[None]:
    """The progress bar of those who want none."""
    return nullcontext()


def prepare(
    name: str,
    root: Path,
    *,
    say: Callable[[str], object] = lambda line: None,
    bar: Bar = quiet,
    sleep: Callable[[float], object] = time.sleep,
) -> Prepared:
    """Download, unpack and check a data set; what is there already is only checked.

    Archives are kept in ``ROOT/downloads``, where a person may also put them; one that has its published
    checksum is not asked for again. What may only be had by hand ends in instructions.

    Args:
        say: told each step in a line.
        sleep: waits between attempts to download.

    Raises:
        InputError: an unknown name; a download or an archive that is at fault; another prepare at work there.
    """
    part_loaders(name, root)
    about = card(name)
    ready = look(name, root, opening=True).state == "ready"
    if not ready and (name in MADE or sources(about)):
        with _alone(root):
            if name in MADE:
                with bar(f"drawing {name}", unit="img") as progress:
                    say(f"drawn: {MADE[name](root, progress=progress)}")
            for source in sources(about):
                _bring(source, root, say, bar, sleep)
        ready = look(name, root, opening=True).state == "ready"
    if not ready and (missing_needs(about, root) or not _comes_by_itself(name, about)):
        return Prepared(name, None, instructions(about, root))
    with bar(f"checking {name}", unit="img") as progress:
        return Prepared(name, check(name, root, progress=progress), "")


def instructions(about: Mapping[str, Any], root: Path) -> str:
    """What a person has to do to have a data set: the card's words, its layout, and what else it needs."""
    lines = []
    for needed in missing_needs(about, root):
        lines.append(f"{about['name']} is made from '{needed}', which is not there: gmmbench data prepare {needed}")
    if about.get("gated"):
        lines.append(str(about["gated"]).rstrip())
    elif not about.get("download") or not lines:
        lines.append(f"{about['name']} has no public download that a program may use. It comes from: {about['source']}")
    lines.append(f"Wanted layout, with ROOT = {root}:\n{str(about['layout']).rstrip()}")
    lines.append(f"Then: gmmbench data check {about['name']} --data-root {root}")
    return "\n".join(lines)


def _comes_by_itself(name: str, about: Mapping[str, Any]) -> bool:
    return name in MADE or (bool(about.get("download")) and not about.get("gated"))


def _bring(
    source: Source,
    root: Path,
    say: Callable[[str], object],
    bar: Bar,
    sleep: Callable[[float], object],
) -> None:
    from gmmbench.data.download import download

    file = find_archive(source, root)
    if file is None or not is_right(source, file):
        file = root / FOLDER / source.archive
        say(f"downloading {source.url}")
        with bar(f"downloading {source.archive}", unit="MB") as progress:
            download(source.url, file, checksum=source.checksum, progress=progress, sleep=sleep)
    if source.checksum is None:
        say(f"{file}: no checksum is published; this one is {found_checksum(source, file)}")
    else:
        say(f"{file}: {source.checksum} as published")
    with bar(f"unpacking {source.archive}", unit="files") as progress:
        unpack(file, root / source.unpack_to, progress)
    say(f"unpacked {source.archive} into {root / source.unpack_to}")


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the data root's downloads; the system lets go of them when the process ends, however it ends."""
    folder = root / FOLDER
    with complaining_of(folder, " with --data-root"):
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / ".lock", "w")  # noqa: SIM115 (closed below)
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"another 'gmmbench data prepare' is at work in {folder}; wait for it") from error
        yield
