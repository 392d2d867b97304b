"""Which libraries are wanted, which are there, and whether they import: tried in a process that may die of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, files, metadata, requires, version
from pathlib import Path
from typing import Any

MODULES = {
    "torch": "torch", "torchvision": "torchvision", "timm": "timm", "numpy": "numpy", "opencv-python": "cv2",
    "pillow": "PIL", "pandas": "pandas", "matplotlib": "matplotlib", "Jinja2": "jinja2",
    "MarkupSafe": "markupsafe", "PyYAML": "yaml",
    "onedl-mmcv": "mmcv", "onedl-mmengine": "mmengine", "onedl-mmsegmentation": "mmseg", "pooch": "pooch",
    "requests": "requests", "urllib3": "urllib3", "gmmbench": "gmmbench.models",
}  # fmt: skip
"""Distribution to the module that is imported, in this order; those not named here are taken to import."""

_COMPAT = Path(__file__).parent / "models" / "compat.py"

_SECONDS = 120.0
_TRY = """
import importlib, importlib.util, json, sys
from pathlib import Path
print = lambda *words, to=sys.stdout: (to.write(json.dumps(words) + "\\n"), to.flush())
sys.path.insert(0, str(Path(sys.argv[1]).parents[2]))
for name in sys.argv[2:]:
    print("begin", name)
    try:
        if name in ("torchvision", "timm") and "torch" in sys.modules:  # as gmmbench imports them
            spec = importlib.util.spec_from_file_location("compat", sys.argv[1])
            sys.modules["compat"] = compat = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(compat)
            compat.ensure_torchvision()
        module = importlib.import_module(name)
        print("done", name, str(getattr(module, "__version__", "present")))
    except BaseException as error:
        print("failed", name, f"{type(error).__name__}: {error}"[:300])
if "torch" in sys.modules:
    import torch
    gpus = []
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(number)
        gpus.append({"name": torch.cuda.get_device_name(number), "free": free, "total": total})
    print("facts", {"threads": torch.get_num_threads(), "cuda": torch.version.cuda, "gpus": gpus,
                    "mps": torch.backends.mps.is_available()})
"""


@dataclass(frozen=True)
class Requirement:
    """A line of ``setup.py``: a distribution, its bounds as in ">=2.6,<2.14", and the extra it belongs to, if any."""

    name: str
    bounds: str
    extra: str = ""

    def __str__(self) -> str:
        return f"{self.name}{self.bounds}"


@dataclass(frozen=True)
class Installed:
    """What is there.

    Attributes:
        imports: module to its version, of those that import.
        failures: module to why it does not import.
        facts: of torch: threads, cuda (version or ``None``), gpus (name, free, total bytes) and mps; empty where torch
            does not import.
    """

    imports: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def version(self, distribution: str) -> str | None:
        """Of what pip installed under this name; ``None`` where it did not."""
        try:
            return version(distribution)
        except PackageNotFoundError:
            return None

    def module_version(self, distribution: str) -> str | None:
        """Of the module that the distribution would bring, whoever brought it."""
        return self.imports.get(MODULES.get(distribution, ""))

    def failure(self, distribution: str) -> str:
        """Why its module does not import; empty where it does."""
        return self.failures.get(MODULES.get(distribution, ""), "")

    @property
    def reads_images(self) -> bool:
        """Whether what the data sets are read with imports."""
        return {"numpy", "cv2", "PIL", "yaml", "requests", "pooch", "urllib3"} <= set(self.imports)


def installed() -> Installed:
    """Import all of ``MODULES`` in another process, and a further one for what comes after one that kills it."""
    imports: dict[str, str] = {}
    failures: dict[str, str] = {}
    facts: dict[str, Any] = {}
    left = list(MODULES.values())
    while left:
        begun, died = "", ""
        for kind, *words in _tried(left):
            if kind == "begin":
                begun = words[0]
            elif kind == "done":
                imports[words[0]] = words[1]
            elif kind == "failed":
                failures[words[0]] = f"it does not import ({words[1]})"
            elif kind == "facts":
                facts = words[0]
            else:
                died = kind
        known = imports.keys() | failures.keys()
        if begun not in known:  # nothing, or a library that took the process with it
            begun = begun or left[0]
            failures[begun] = f"importing it {died or 'ends Python'}"
        left = [name for name in left if name not in imports and name not in failures]
    return Installed(imports, failures, facts)


def _tried(modules: Sequence[str]) -> list[list[Any]]:
    """What the other process said, line by line; a last line of one word says how it died, where it did."""
    try:
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _TRY, str(_COMPAT), *modules],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        text, died = ran.stdout, f"ends Python with {_ending(ran.returncode)}" if ran.returncode else ""
    except subprocess.TimeoutExpired as error:
        text = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
        died = f"takes more than {_SECONDS:.0f} s"
    lines = []
    for line in text.splitlines():
        try:
            said = json.loads(line)
        except ValueError:  # a library's own words
            continue
        if isinstance(said, list) and said:
            lines.append(said)
    return [*lines, [died]] if died else lines


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def requirements() -> list[Requirement]:
    """Those of the installed gmmbench, by its metadata; none where it is not installed."""
    try:
        lines = requires("gmmbench") or []
    except PackageNotFoundError:
        return []
    found = []
    for line in lines:
        parts = re.match(r"([\w.-]+)\s*\(?([^;)]*)\)?(?:;.*extra == ['\"](.+?)['\"])?", line)
        if parts is not None:
            found.append(Requirement(parts[1], parts[2].strip(), parts[3] or ""))
    return found


def stale() -> bool:
    """Whether this is a checkout whose setup.py was changed after pip last read it."""
    setup = Path(__file__).resolve().parents[1] / "setup.py"
    try:
        known = [file.locate() for file in files("gmmbench") or () if file.name in ("METADATA", "PKG-INFO")]
        return any(setup.stat().st_mtime > Path(str(file)).stat().st_mtime for file in known)
    except (PackageNotFoundError, OSError):  # not installed, or installed from a wheel: no setup.py
        return False


def python_bounds() -> str:
    """Of the Python that the installed gmmbench wants."""
    try:
        return metadata("gmmbench")["Requires-Python"]
    except PackageNotFoundError:
        return ">=3.10"


def within(found: str, bounds: str) -> bool:
    """Whether a version keeps bounds such as ">=2.6,<2.14"; release numbers alone are compared."""
    mine = _release(found)
    for bound in filter(None, (part.strip() for part in bounds.split(","))):
        parts = re.match(r"(>=|<=|==|!=|>|<)\s*(.+)", bound)
        if parts is None:
            continue
        other = _release(parts[2])
        length = max(len(mine), len(other))
        a, b = (numbers + (0,) * (length - len(numbers)) for numbers in (mine, other))
        holds = {">=": a >= b, "<=": a <= b, "==": a == b, "!=": a != b, ">": a > b, "<": a < b}[parts[1]]
        if not holds:
            return False
    return True


def _release(text: str) -> tuple[int, ...]:
    """The numbers of "2.13.0+cpu": (2, 13, 0)."""
    numbers = re.match(r"\s*v?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in numbers[1].split(".")) if numbers else ()
