"""What is wrong with a data set on disk: raised at the first fault, or collected for who wants to know all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, get_args

from gmmbench.errors import InputError

Kind = Literal[
    "layout",
    "bad list",
    "no images",
    "wrong count",
    "image without mask",
    "mask without image",
    "pair without files",
    "not in the list",
    "listed twice",
    "file used twice",
    "empty file",
    "unreadable file",
    "sizes differ",
    "unknown label value",
    "wrong checksum",
]
KINDS: tuple[str, ...] = get_args(Kind)
"""Every kind of fault that ``gmmbench data check`` names."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        kind: one of ``KINDS``; "layout" is a folder, list or archive that is not where it should be.
        message: one line that names the file.
    """

    kind: Kind
    message: str


class UncountedError(InputError):
    """Which images belong to the set is written in their label maps, and nobody wants these opened now."""


_COLLECTED: ContextVar[list[Fault] | None] = ContextVar("faults that are being collected", default=None)
_OPENING: ContextVar[bool] = ContextVar("whether loaders may open label maps", default=True)


@contextmanager
def collecting(*, opening: bool = True) -> Iterator[list[Fault]]:
    """Inside the block loaders go on after a fault; the list that it gives holds all that they complained of.

    Args:
        opening: False where only names of files may be looked at; what needs more is an ``UncountedError``.
    """
    found: list[Fault] = []
    tokens = _COLLECTED.set(found), _OPENING.set(opening)
    try:
        yield found
    finally:
        _COLLECTED.reset(tokens[0])
        _OPENING.reset(tokens[1])


def complain(kind: Kind, message: str, each: Iterator[Fault] | None = None, *, cause: Exception | None = None) -> None:
    """Say that the data set is at fault; returns only inside ``collecting``, where the caller goes on without.

    Args:
        message: the error's line.
        each: the single faults that ``message`` sums up; they are collected in its place.
        cause: what the error comes from.

    Raises:
        InputError: outside ``collecting``.
    """
    found = _COLLECTED.get()
    if found is None:
        raise InputError(message) from cause
    found.extend([Fault(kind, message)] if each is None else each)


def is_collecting() -> bool:
    """Whether somebody wants to know all: what costs time and stops no evaluation is looked for only then."""
    return _COLLECTED.get() is not None


def may_open() -> bool:
    """False where somebody wants to know quickly what is there, by names of files alone."""
    return _OPENING.get()
