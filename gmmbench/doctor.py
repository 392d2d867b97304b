"""What gmmbench needs of a machine, looked at part by part; what is broken is a finding, never an exception."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gmmbench import __version__
from gmmbench.installed import Installed, Requirement, installed, python_bounds, requirements, stale, within
from gmmbench.resources import cache_folder

OK, NOTE, PROBLEM = "ok", "note", "problem"
GIB = 2**30
LITTLE, FULL = 5 * GIB, GIB // 4
"""Free bytes below which a disk is worth a note (a run folder with pictures takes up to 1 GiB), or is a problem."""

_BESIDE = {
    "onedl-mmcv": ("mmcv", "mmcv-lite"),
    "onedl-mmengine": ("mmengine",),
    "onedl-mmsegmentation": ("mmsegmentation",),
}
"""Distributions whose files would lie in the same folders as ours."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        part: "libraries", "devices", "data", "disk", "extras" or "terminal".
        what: its name.
        found: what it is, in words.
        state: "ok"; "note" (gmmbench works, something that may be wanted does not); "problem" (it cannot work so).
        remedy: what to do, empty where nothing has to be done.
    """

    part: str
    what: str
    found: str
    state: str = OK
    remedy: str = ""


def examine(data_root: Path, *, named: bool = False) -> Iterator[Finding]:
    """Everything, in the order of a table; each part looks when it is its turn.

    Args:
        data_root: of the data sets.
        named: whether somebody said so: a default that is not there is no problem.
    """
    there = installed()
    yield from _libraries(there)
    yield from _devices(there)
    yield from _data(data_root, named, there)
    yield from _disk(data_root)
    yield from _extras(there)


def _libraries(there: Installed) -> Iterator[Finding]:
    why = there.failure("gmmbench")
    yield Finding(
        "libraries", "gmmbench", f"{__version__}, but {why}" if why else __version__, PROBLEM if why else OK,
        "mend the libraries below that are marked so" if why else "",
    )  # fmt: skip
    if stale():
        yield Finding(
            "libraries",
            "setup.py",
            "newer than what pip read of it: its bounds are not all checked here",
            NOTE,
            "pip install -e .",
        )
    bounds, version = python_bounds(), platform.python_version()
    fits = within(version, bounds)
    remedy = f"make .venv with a Python {bounds}" if not fits else ""
    yield Finding("libraries", "Python", version, OK if fits else PROBLEM, remedy)
    wanted = requirements()
    if not wanted:
        yield Finding(
            "libraries", "bounds", "gmmbench is not installed, so nothing says which versions it wants", NOTE,
            "pip install -e . in its checkout",
        )  # fmt: skip
    for requirement in wanted:
        if not requirement.extra:
            yield _library(requirement, there)
    for ours, others in _BESIDE.items():
        for other in others:
            if there.version(other) is not None and there.version(ours) is not None:
                yield Finding(
                    "libraries", other, f"installed beside {ours}: each overwrites files of the other", PROBLEM,
                    f"pip uninstall {other} {ours}, then pip install {ours}",
                )  # fmt: skip


def _library(requirement: Requirement, there: Installed) -> Finding:
    name, version, failure = requirement.name, there.version(requirement.name), there.failure(requirement.name)
    install = f"pip install '{requirement}'"
    if version is None:
        # Another distribution may bring the same module, as opencv-python-headless does.
        other = there.module_version(name)
        if other is not None:
            return Finding("libraries", name, f"not installed under this name; its module imports as {other}", NOTE)
        return Finding("libraries", name, "not installed", PROBLEM, install)
    if failure:
        return Finding(
            "libraries", name, f"{version}, but {failure}", PROBLEM, f"pip install --force-reinstall '{requirement}'"
        )
    if not within(version, requirement.bounds):
        return Finding("libraries", name, f"{version}, wanted {requirement.bounds}", PROBLEM, install)
    return Finding("libraries", name, version)


def _devices(there: Installed) -> Iterator[Finding]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = there.facts.get("threads")
    said = f", torch computes with {threads} threads" if threads else ""
    few = usable > 1 and threads == 1
    yield Finding(
        "devices", "CPU", f"{usable} of {os.cpu_count()} cores usable{said}", NOTE if few else OK,
        f"unset OMP_NUM_THREADS, or --threads {usable}" if few else "",
    )  # fmt: skip
    memory = _memory()
    if memory:
        yield Finding("devices", "memory", memory)
    if not there.facts:
        yield Finding("devices", "GPU", "not known, torch does not import", NOTE, "mend torch first")
        return
    gpus = there.facts["gpus"]
    for number, gpu in enumerate(gpus):
        used = f"{gpu['free'] / GIB:.1f} of {gpu['total'] / GIB:.1f} GiB free"
        yield Finding("devices", f"GPU {number}", f"{gpu['name']}, {used}, CUDA {there.facts['cuda']}")
    if not gpus:
        yield _no_gpu(there.facts["cuda"])
    if there.facts["mps"]:
        yield Finding("devices", "MPS", "Apple's GPU is there, gmmbench computes on the CPU instead", NOTE)


def _no_gpu(cuda: str | None) -> Finding:
    if shutil.which("nvidia-smi") is None:
        return Finding("devices", "GPU", "none, the CPU computes")
    if cuda is None:
        return Finding(
            "devices", "GPU", "there is an NVIDIA driver, but this torch was built for CPUs alone", NOTE,
            "pip install torch and torchvision from an index with CUDA, see https://pytorch.org",
        )  # fmt: skip
    return Finding(
        "devices", "GPU", f"torch is built for CUDA {cuda} and finds no GPU", NOTE,
        "see whether nvidia-smi lists one, whether CUDA_VISIBLE_DEVICES hides it, and whether the driver is new enough",
    )  # fmt: skip


def _memory() -> str:
    try:
        pages = {key: os.sysconf(key) for key in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES", "SC_PAGE_SIZE")}
    except (ValueError, OSError, AttributeError):  # not every system tells
        return ""
    total, free = (pages[key] * pages["SC_PAGE_SIZE"] / GIB for key in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    return f"{total:.1f} GiB, {free:.1f} of them free"


def _data(root: Path, named: bool, there: Installed) -> Iterator[Finding]:
    if not root.is_dir():
        yield Finding(
            "data", "data root", f"no folder {root}", PROBLEM if named else NOTE,
            "name the folder of data sets by --data-root or GMMBENCH_DATA; 'gmmbench data prepare street' makes one",
        )  # fmt: skip
        return
    yield Finding("data", "data root", str(root.resolve()))
    if not there.reads_images:
        yield Finding("data", "data sets", "not looked at, a library that reads them does not import", NOTE)
        return
    from gmmbench.data.presence import present

    sets = present(root)
    ready = [entry.name for entry in sets if entry.state == "ready"]
    yield Finding(
        "data", "ready", ", ".join(ready) or "none", OK if ready else NOTE,
        "" if ready else f"gmmbench data prepare NAME --data-root {root}",
    )  # fmt: skip
    for entry in sets:
        if entry.state in ("incomplete", "unchecked"):
            yield Finding("data", entry.name, entry.state, NOTE, f"gmmbench data check {entry.name} --data-root {root}")


def _disk(root: Path) -> Iterator[Finding]:
    try:
        temporary: Path | None = Path(tempfile.gettempdir())
    except OSError:
        temporary = None
        yield Finding("disk", "temporary files", "no folder for them can be written", PROBLEM, "set TMPDIR to one")
    yield _folder("current folder", Path.cwd(), "where runs/ and reports/ go by default; name others by --out", NOTE)
    if root.is_dir():
        yield _folder("data root", root, "'gmmbench data prepare' could not write there", OK)
    if temporary is not None:
        yield _folder("temporary files", temporary, "set TMPDIR to another folder", PROBLEM)
    yield _folder("cache", cache_folder(), "set GMMBENCH_CACHE to another folder", NOTE)


def _folder(what: str, path: Path, remedy: str, if_read_only: str) -> Finding:
    """Room and writeability of a folder, or of the one that it would be made in."""
    place = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    found = f"{path}, {free / GIB:.1f} GiB free"
    if not _writeable(place):
        return Finding("disk", what, f"{found}, cannot be written", if_read_only, remedy)
    if free < FULL and what == "temporary files":
        return Finding("disk", what, found, PROBLEM, f"free space, or {remedy}")
    return Finding("disk", what, found, NOTE if free < LITTLE else OK, "free space" if free < LITTLE else "")


def _writeable(folder: Path) -> bool:
    """Tried, as permissions do not tell of read-only disks."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _extras(there: Installed) -> Iterator[Finding]:
    extras: dict[str, list[Requirement]] = {}
    for requirement in requirements():
        if requirement.extra and requirement.extra != "dev":
            extras.setdefault(requirement.extra, []).append(requirement)
    for extra, wanted in extras.items():
        bad = [each for each in wanted if not within(there.version(each.name) or "0", each.bounds)]
        found = ", ".join(f"{each.name} {there.version(each.name) or 'not installed'}" for each in wanted)
        remedy = f"if you want it: pip install {' '.join(repr(str(each)) for each in bad)}" if bad else ""
        yield Finding("extras", extra, found, NOTE if bad else OK, remedy)
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next((path for path in map(shutil.which, names) if path is not None), None)
    yield Finding(
        "extras", "chromium", browser or "not found, the tests of report pages in a browser are skipped",
        OK if browser else NOTE, "" if browser else "apt-get install chromium",
    )  # fmt: skip
