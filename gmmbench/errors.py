"""Errors that a person caused and a person can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class InputError(ValueError):
    """Bad input: what came, what was wanted, what to do, in one line.

    The command line prints the message as it is and exits with code 2; every other
    exception is a fault of ours, exit code 1, and ``--debug`` shows its traceback.
    """


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a ``name`` that no registry of ``kind`` holds; lists the known ones."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return InputError(f"unknown {kind} '{name}'; {hint}known: {', '.join(names) or 'none'}")


def near_path(path: Path, there: Iterable[Path], *, least: float = 0.7) -> str:
    """``did you mean 'OTHER'? `` of the path in ``there`` that is spelt most like ``path``, or nothing.

    Args:
        least: how like the last parts of the two must be, 1 where they are equal.
    """
    found = [(_likeness(path.name, other.name), _likeness(str(path), str(other)), str(other)) for other in there]
    near = max((each for each in found if each[0] >= least), default=None)
    return f"did you mean '{near[2]}'? " if near else ""


def _likeness(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, first, second).ratio()
