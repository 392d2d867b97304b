"""Errors that a person caused and a person can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input: what came, what was wanted, what to do, in one line.

    The command line prints the message as it is and exits with code 2; every other
    exception is a fault of ours and keeps its traceback.
    """


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a ``name`` that no registry of ``kind`` holds; lists the known ones."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return InputError(f"unknown {kind} '{name}'; {hint}known: {', '.join(names) or 'none'}")
