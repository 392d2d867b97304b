"""Which room may import what. The table is the architecture; read it before you add an arrow."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gmmbench"
ALL = "*"

# room: (rooms of ours, libraries). Imports inside functions count. What is not listed is forbidden.
ROOMS = {
    # What everybody may know.
    "errors":       ("", ""),
    "labels":       ("", "numpy"),
    "prediction":   ("", "torch"),
    "resources":    ("", ""),
    "atomic":       ("errors", ""),
    "provenance":   ("gmmbench", ""),
    "console":      ("", "rich"),
    # Maths: no data, no disk.
    "gmm":          ("", "torch"),
    "scores":       ("prediction gmm errors", "torch"),
    "metrics":      ("labels errors", "numpy cv2"),
    # Disk. data.street also writes: it draws its own data set.
    "data":         ("labels errors atomic resources", "numpy PIL cv2 yaml pooch requests urllib3"),
    "score_maps":   ("errors atomic", "numpy PIL h5py"),
    "published":    ("errors metrics", "yaml"),
    "results":      ("metrics atomic errors", "numpy"),
    # The only rooms that know MMSegmentation and its kin.
    "models":       ("gmm prediction data labels errors atomic resources", "numpy torch torchvision cv2"
                     " timm mmengine mmcv mmseg onnx onnxscript onnxruntime"),
    "train":        ("models data provenance atomic errors", "torch mmengine"),
    # What brings them together. Evaluation is handed its model and its data set, and knows neither room.
    "evaluate":     ("scores metrics results prediction labels errors atomic", "numpy torch cv2 PIL"),
    "report":       ("results published metrics labels errors atomic", "numpy pandas matplotlib jinja2 markupsafe"
                     " rich PIL"),
    "mixture":      ("gmm scores metrics evaluate labels errors", "numpy torch cv2"),
    "fitting":      ("scores evaluate labels prediction errors atomic", "torch"),
    "outside":      ("prediction scores errors", "numpy torch"),
    "verbs":        ("data scores metrics results labels errors provenance models train evaluate fitting outside"
                     " score_maps mixture gmm gmmbench", "numpy torch"),
    "predict":      ("verbs evaluate scores score_maps data labels errors atomic", "numpy cv2 PIL matplotlib"),
    "posthoc":      ("gmm models data labels prediction errors provenance evaluate verbs", "torch"),
    "demo":         ("console data report resources train verbs", "rich"),
    # What a person types and reads.
    "listings":     ("data scores", "rich"),
    "listings_ood": ("metrics results verbs", "rich"),
    "listings_inspect": ("", "rich"),
    "cli_inspect":  ("cli_options completion console listings_inspect mixture verbs", "typer"),
    "api":          ("console errors listings_ood records report results verbs", "numpy pandas"),
    "completion":   ("resources", ""),
    "records":      ("results", ""),
    "installed":    ("", ""),
    "doctor":       ("installed resources data gmmbench", ""),
    "cli_options":  ("completion", "typer torch cv2"),
    "cli_run":      ("console errors gmmbench", "typer"),
    "cli_doctor":   ("cli_options console doctor", "typer rich"),
    "cli_data":     ("cli_options completion console listings data errors", "typer"),
    "cli_report":   ("cli_options completion console report", "typer"),
    "cli_ood":      ("cli_options completion console errors listings_ood records verbs", "typer"),
    "cli_predict":  ("cli_ood cli_options completion console predict verbs", "typer"),
    "cli":          (ALL, "typer"),
    "__main__":     ("cli", ""),
    "gmmbench":     ("api", ""),  # gmmbench/__init__.py: the version, and the way to the API
}  # fmt: skip

HEAVY = {"torch", "torchvision", "timm", "mmengine", "mmcv", "mmseg", "pandas", "matplotlib", "cv2", "numpy", "PIL"}


def room_of(parts: tuple[str, ...]) -> str:
    """("gmmbench", "data", "pairs") lives in the room "data"; the package itself is the room "gmmbench"."""
    return parts[1] if len(parts) > 1 else "gmmbench"


def is_module(parts: tuple[str, ...]) -> bool:
    path = ROOT.joinpath(*parts)
    return path.is_dir() or path.with_suffix(".py").is_file()


def imports(source: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, wherever it stands; a relative one comes out with its dots."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            stem = "." * node.level + (node.module or "")
            if stem == "gmmbench":  # "from gmmbench import data" means gmmbench.data
                yield from (
                    (node.lineno, f"gmmbench.{alias.name}" if is_module(("gmmbench", alias.name)) else stem)
                    for alias in node.names
                )
            else:
                yield node.lineno, stem


def violations(source: str, module: tuple[str, ...], file: str) -> list[str]:
    """What in ``source`` the table forbids, each with its file, line and import."""
    room = room_of(module)
    ours, libraries = (set(names.split()) for names in ROOMS[room])
    found = []
    for line, name in imports(source):
        parts = tuple(name.split("."))
        if name.startswith("."):
            allowed = False  # absolute imports show the arrow
        elif parts[0] == "gmmbench":
            allowed = ours == {ALL} or room_of(parts) in ours | {room}
        else:
            allowed = parts[0] in sys.stdlib_module_names or parts[0] in libraries
        if not allowed:
            found.append(f"{file}:{line}: room '{room}' may not import {name}")
    return found


def modules() -> list[tuple[str, ...]]:
    found = [path.relative_to(ROOT).with_suffix("").parts for path in sorted(PACKAGE.rglob("*.py"))]
    return [parts[:-1] if parts[-1] == "__init__" else parts for parts in found]


def test_every_room_is_in_the_table_and_every_line_is_a_room() -> None:
    assert {room_of(parts) for parts in modules()} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    found = []
    for parts in modules():
        if room_of(parts) == room:
            path = ROOT.joinpath(*parts)
            path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            found += violations(path.read_text(encoding="utf-8"), parts, str(path.relative_to(ROOT)))
    assert not found, "\n".join(["the table in tests/test_rooms.py forbids:", *found])


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("gmmbench.gmm.em", "import torch\ndef f():\n    import mmseg.registry", "3: room 'gmm' may not import mmseg"),
        ("gmmbench.scores.msp", "from gmmbench.models import x", "1: room 'scores' may not import gmmbench.models"),
        ("gmmbench.results", "from gmmbench import report", "1: room 'results' may not import gmmbench.report"),
        ("gmmbench.report.text", "import gmmbench.data.pairs", "1: room 'report' may not import gmmbench.data.pairs"),
        ("gmmbench.data.pairs", "from ..labels import IN", "1: room 'data' may not import ..labels"),
        ("gmmbench.evaluate.ood", "import os, timm", "1: room 'evaluate' may not import timm"),
        ("gmmbench.evaluate.ood", "from gmmbench.data import x", "1: room 'evaluate' may not import gmmbench.data"),
    ],
)
def test_a_forbidden_arrow_is_found(module: str, source: str, wrong: str) -> None:
    [found] = violations(source, tuple(module.split(".")), "file.py")
    assert found.startswith(f"file.py:{wrong}")


def test_only_models_and_train_know_mmseg() -> None:
    kin = {"mmseg", "mmcv", "mmengine", "timm"}
    knowing = {room: kin & set(libraries.split()) for room, (_, libraries) in ROOMS.items()}
    assert {room: found for room, found in knowing.items() if found} == {"models": kin, "train": {"mmengine"}}


@pytest.mark.parametrize("arguments", [["--help"], ["eval-ood", "--help"], ["data", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import json, sys; from gmmbench.cli import main; code = main(sys.argv[1:]);"
        " print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    code, loaded = json.loads(ran.stderr.splitlines()[-1])
    assert code == 0
    assert HEAVY & set(loaded) == set()
    assert {name for name in loaded if name.startswith("gmmbench.")} <= {
        "gmmbench.cli", "gmmbench.cli_data", "gmmbench.cli_inspect", "gmmbench.cli_ood",
        "gmmbench.cli_report", "gmmbench.cli_options", "gmmbench.cli_predict",
        "gmmbench.cli_doctor", "gmmbench.cli_run", "gmmbench.completion", "gmmbench.console", "gmmbench.errors",
        "gmmbench.resources",
    }  # fmt: skip
