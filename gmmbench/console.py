"""What a person sees while a verb runs, and what a script reads: bars on a terminal, one JSON document in a pipe."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from os import PathLike, fspath
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

out = Console()
err = Console(stderr=True)

_document: ContextVar[TextIO | None] = ContextVar("document", default=None)
_waiting: list[Progress] = []


def say(line: str, *, to: Console | None = None) -> None:
    """Print one line as it is: no markup, no colours, no line breaks of ours. Names of files need not be text."""
    line = line.encode(errors="backslashreplace").decode()
    (to or out).print(line, soft_wrap=True, highlight=False, markup=False)


@contextmanager
def only_json() -> Iterator[None]:
    """Inside the block all that is printed goes to standard error, but for ``emit``."""
    token = _document.set(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _document.reset(token)


def emit(document: object) -> None:
    """Print a document of mappings, sequences, texts and numbers as strict JSON on standard output.

    What is undefined (NaN) is ``null``, an infinite number "inf" or "-inf", a path its text.

    Raises:
        TypeError: an object of another kind.
    """
    file = _document.get() or sys.stdout
    file.write(json.dumps(strict(document), indent=2, allow_nan=False) + "\n")
    file.flush()


def strict(value: object) -> object:
    """The same in what JSON knows: mappings with texts as keys, lists, texts, numbers, true, false, null."""
    if isinstance(value, float):
        return None if math.isnan(value) else float(value) if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): strict(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(each) for each in value]
    return fspath(value) if isinstance(value, PathLike) else value


class _Speed(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} {self.unit}/s" if speed else f"- {self.unit}/s")


@contextmanager
def progress_bar(title: str, *, unit: str = "img") -> Iterator[Callable[..., None] | None]:
    """A bar with count, ETA and speed on standard error; gives the function to call after each image or step.

    That function takes (done, total) and, where there is more to say, a few words. Where there is no
    terminal it is ``None``: nobody has to find out what to say (a loss to read back from the GPU at each step).
    """
    if not err.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        _Speed(unit),
    )
    with _aside(), Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(title, total=None)

        def tell(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, description=f"{title} {note}".rstrip())

        yield tell


@contextmanager
def waiting(title: str) -> Iterator[None]:
    """A spinner and the seconds gone by, for what takes a while and cannot be counted; a bar takes its place."""
    if not err.is_terminal:
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with _aside(), Progress(*columns, console=err, transient=True) as spinner:
        spinner.add_task(title, total=None)
        _waiting.append(spinner)
        try:
            yield
        finally:
            _waiting.remove(spinner)


@contextmanager
def _aside() -> Iterator[None]:
    """The spinner that turns outside, if any, gone while the block runs: a terminal has one such place."""
    outer = _waiting[-1] if _waiting else None
    if outer is not None:
        outer.stop()
    try:
        yield
    finally:
        if outer is not None:
            outer.start()
