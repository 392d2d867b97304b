"""The whole of gmmbench in minutes, on scenes that it draws itself."""

from __future__ import annotations

import os
import time
from pathlib import Path

from rich.markup import escape

from gmmbench.console import out as console
from gmmbench.console import progress_bar
from gmmbench.data.street import write_street
from gmmbench.report import headline, write_report
from gmmbench.resources import CONFIGS
from gmmbench.train import WEIGHTS, train
from gmmbench.verbs import OodSets, OurModel, eval_closed, eval_model

TWINS = {
    "softmax": CONFIGS / "street" / "fastscnn_softmax.py",
    "gmm": CONFIGS / "street" / "fastscnn_gmm.py",
}


def run_demo(*, work_dir: Path, out: Path, seed: int = 0) -> Path:
    """Draw ``street``, train the twins, evaluate both, report; returns the path of the report.

    Scenes and finished trainings found in ``work_dir`` are used again.

    Raises:
        InputError: ``work_dir`` holds scenes of another kind, or cannot be written.
    """
    began = time.monotonic()
    data = work_dir / "data"
    with progress_bar("drawing street scenes") as progress:
        write_street(data, seed=seed, progress=progress)
    _say(began, f"street scenes, train to test_ood, in {data / 'Street'}")
    runs = []
    for name, file in TWINS.items():
        config = Path(os.path.relpath(file))  # as a person in this folder would name it
        folder = work_dir / name
        if not (folder / WEIGHTS).is_file():
            begun = (folder / "last_checkpoint").is_file()
            with progress_bar(f"training {name}", unit="steps") as progress:
                train(config, work_dir=folder, data_root=data, seed=seed, resume=begun, progress=progress)
        _say(began, f"trained {name}: {folder / WEIGHTS}")
        run = folder / "eval"
        eval_closed(config, folder / WEIGHTS, data_root=data, out=run, bar=progress_bar)
        sets = OodSets(("street_ood",), None, data)
        eval_model(OurModel(config, folder / WEIGHTS), sets, out=run, bar=progress_bar)
        _say(began, f"evaluated {name}: {run}")
        runs.append(run)
    page = write_report(runs, out)
    console.print(headline(runs))
    _say(began, f"report: {page}")
    return page


def _say(began: float, what: str) -> None:
    console.print(f"[dim]{time.monotonic() - began:4.0f} s[/dim]  {escape(what)}", soft_wrap=True, highlight=False)
