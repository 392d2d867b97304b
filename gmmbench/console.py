"""What a person sees while a verb runs: a bar where there is a terminal, nothing where a script reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

out = Console()
err = Console(stderr=True)


class _Speed(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} {self.unit}/s" if task.speed else f"- {self.unit}/s")


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
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(title, total=None)

        def tell(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, description=f"{title} {note}".rstrip())

        yield tell
