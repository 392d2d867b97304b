"""The whole of gmmbench in minutes, on scenes that it draws itself: a story in five steps, told while it happens."""

from __future__ import annotations

import os
import time
from pathlib import Path

from rich.markup import escape

from gmmbench.console import out as console
from gmmbench.console import progress_bar
from gmmbench.data.street import write_street
from gmmbench.report import headline, verdicts, write_report
from gmmbench.resources import CONFIGS
from gmmbench.train import WEIGHTS, train
from gmmbench.verbs import OodSets, OurModel, eval_closed, eval_model, inspect

TWINS = {
    "softmax": CONFIGS / "street" / "fastscnn_softmax.py",
    "gmm": CONFIGS / "street" / "fastscnn_gmm.py",
}


def run_demo(*, work_dir: Path, out: Path, seed: int = 0) -> Path:
    """Draw ``street``, train the twins, evaluate both, look into the mixture, report; returns the path of the page.

    Scenes and finished trainings found in ``work_dir`` are used again. Nothing is opened.

    Raises:
        InputError: ``work_dir`` holds scenes of another kind, or cannot be written.
    """
    story = _Story()
    data = work_dir / "data"
    story.tell(
        "1. A street",
        "A small world is drawn: streets to learn from, and streets with objects on them that no training scene has.",
    )
    with progress_bar("drawing street scenes") as progress:
        write_street(data, seed=seed, progress=progress)
    story.done(f"street scenes, train to test_ood: {data / 'Street'}")

    story.tell(
        "2. Two twins learn it",
        "One network twice, by one recipe: same weights to start with, same images in the same order. One ends in a"
        " softmax layer, the other in a Gaussian mixture for each class, which also says how likely a pixel is at all.",
    )
    for name, file in TWINS.items():
        _train(name, file, work_dir, data, seed)
        story.done(f"{name}: {work_dir / name / WEIGHTS}")

    story.tell(
        "3. Both meet the unknown",
        "Every pixel of the test streets gets anomaly scores. Do they tell the objects from the street?",
    )
    runs = []
    for name, file in TWINS.items():
        runs.append(_evaluate(name, file, work_dir, data))
        story.done(f"rows, counts and pictures: {runs[-1]}")

    story.tell(
        "4. What did the mixture learn?", "Which components it uses, how wide they are, what lies close to them."
    )
    inspect(_model("gmm", TWINS["gmm"], work_dir), data_root=data, out=work_dir / "gmm" / "eval", bar=progress_bar)
    story.done(f"a description of it: {work_dir / 'gmm' / 'eval' / 'mixture'}")

    story.tell("5. The report", "Everything so far, with definitions, intervals and the commands that make it again.")
    write_report(runs, out, bar=progress_bar)
    console.print(headline(runs))
    for line in verdicts(runs):
        console.print(f"  {escape(line)}", highlight=False)
    page = out / "report.html"
    story.done(f"the page to look at: {page}, and report.md beside it")
    console.print(
        "\nThe twins have learnt for a minute or two, from scratch, and it shows: this says that everything works, not"
        " how good a method is.\n"
        f"Next: open {escape(str(page))} in a browser; for your own data, docs/train_your_own.md.",
        highlight=False,
        soft_wrap=True,
    )
    return page


def _train(name: str, file: Path, work_dir: Path, data: Path, seed: int) -> None:
    folder = work_dir / name
    if (folder / WEIGHTS).is_file():
        return
    begun = (folder / "last_checkpoint").is_file()
    with progress_bar(f"training {name}", unit="steps") as progress:
        train(_as_named(file), work_dir=folder, data_root=data, seed=seed, resume=begun, progress=progress)


def _evaluate(name: str, file: Path, work_dir: Path, data: Path) -> Path:
    model, run = _model(name, file, work_dir), work_dir / name / "eval"
    eval_closed(model.config, model.checkpoint, data_root=data, out=run, bar=progress_bar)
    eval_model(model, OodSets(("street_ood",), None, data), out=run, bar=progress_bar)
    return run


def _model(name: str, file: Path, work_dir: Path) -> OurModel:
    return OurModel(_as_named(file), work_dir / name / WEIGHTS)


def _as_named(file: Path) -> Path:
    """A config's path as a person in this folder would name it."""
    return Path(os.path.relpath(file))


class _Story:
    """Says what comes, and how long the demo has been running when it is there."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def tell(self, title: str, words: str) -> None:
        console.print(f"\n[bold]{escape(title)}[/bold]  {escape(words)}", highlight=False)

    def done(self, what: str) -> None:
        seconds = time.monotonic() - self._began
        console.print(f"[dim]{seconds:4.0f} s[/dim]  {escape(what)}", soft_wrap=True, highlight=False)
