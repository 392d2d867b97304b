"""What a shell completes: names read from files and source, as a shell waits while a key is down. Imports no room."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from gmmbench.resources import CARDS, CONFIGS

Complete = Callable[[str], list[tuple[str, str]]]
"""What has been typed of a word to (completion, help) pairs."""

PROTOCOLS = ("gmmbench", "smiyc", "fishyscapes", "pebal", "polito", "pytorch-ood")
SPLITS = ("test", "val", "train")
COVARIANCES = ("diag", "low_rank", "full", "tied")
LAUNCHERS = ("none", "pytorch", "slurm")
MAP_FORMS = ("npy", "npz", "tif", "smiyc")
BLENDS = ("alpha", "poisson")

_REGISTRY = Path(__file__).parent / "scores" / "registry.py"


def one_of(names: Iterable[str]) -> Complete:
    """Completes one of a few names."""
    return lambda incomplete: [(name, "") for name in names if name.startswith(incomplete)]


def configs(incomplete: str) -> list[tuple[str, str]]:
    """The project's experiments, as seen from the current folder; of other paths the shell knows more than we do."""
    files = sorted(file for file in CONFIGS.glob("*/*.py") if file.parent.name != "_base_")
    return [(path, "") for path in map(seen_from_here, files) if path.startswith(incomplete)]


def seen_from_here(path: Path) -> str:
    """Relative where ``path`` lies under the current folder."""
    here = os.path.relpath(path)
    return str(path) if here.startswith(os.pardir) else here


def data_sets(incomplete: str) -> list[tuple[str, str]]:
    """Every registered data set."""
    return [pair for pair in _cards() if pair[0].startswith(incomplete)]


def closed_sets(incomplete: str) -> list[tuple[str, str]]:
    """Those with a fixed list of classes."""
    return [(name, title) for name, title in data_sets(incomplete) if "closed set" in _field(name, "task")]


def ood_sets(incomplete: str) -> list[tuple[str, str]]:
    """The OOD sets, the last of several names separated by commas."""
    closed = {name for name, _ in closed_sets("")}
    return _last_of_list(incomplete, [pair for pair in _cards() if pair[0] not in closed])


def one_ood_set(incomplete: str) -> list[tuple[str, str]]:
    """An OOD set."""
    return [] if "," in incomplete else ood_sets(incomplete)


def scores(incomplete: str) -> list[tuple[str, str]]:
    """``fast``, ``all`` or scores, the last of several names separated by commas; the help is the formula."""
    groups = [("fast", "of logits and densities alone"), ("all", "that the model can give")]
    return _last_of_list(incomplete, [*_scores(), *([] if "," in incomplete else groups)])


def one_score(incomplete: str) -> list[tuple[str, str]]:
    """A score."""
    return [pair for pair in _scores() if pair[0].startswith(incomplete)]


def _last_of_list(incomplete: str, known: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    before, comma, last = incomplete.rpartition(",")
    given = before.split(",")
    return [(f"{before}{comma}{name}", text) for name, text in known if name.startswith(last) and name not in given]


@cache
def _cards() -> list[tuple[str, str]]:
    return [(file.stem, _field(file.stem, "title")) for file in sorted(CARDS.glob("*.yaml"))]


def _field(name: str, key: str) -> str:
    """A one-line field of a card, read without a YAML library."""
    with (CARDS / f"{name}.yaml").open(encoding="utf-8") as lines:
        found = next((line for line in lines if line.startswith(f"{key}:")), "")
    return found.partition(":")[2].strip().strip('"')


@cache
def _scores() -> list[tuple[str, str]]:
    """(name, formula) by the source of the registry: importing it would import torch."""
    tables = [
        node.value
        for node in ast.parse(_REGISTRY.read_text(encoding="utf-8")).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict)
    ]
    return [
        (str(ast.literal_eval(key)), _last_text(value))
        for table in tables
        for key, value in zip(table.keys, table.values, strict=True)
        if key is not None
    ]


def _last_text(entry: ast.expr) -> str:
    """A score's formula: the last text among what it is made of."""
    given = entry.args if isinstance(entry, ast.Call) else []
    texts = [part.value for part in given if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return texts[-1] if texts else ""
