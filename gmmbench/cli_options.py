"""What several verbs ask in the same words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Optional

import typer

from gmmbench import completion

Config = Annotated[
    Path,
    typer.Argument(
        help="An experiment's config, for example configs/camvid/mobilenetv2_mlp_gmm.py.",
        autocompletion=completion.configs,
    ),
]
Checkpoint = Annotated[Path, typer.Argument(help="model.pth or a training checkpoint of that config.")]
DataRoot = Annotated[
    Path,
    typer.Option(envvar="GMMBENCH_DATA", help="The folder that holds the data sets (CamVid, RoadAnomaly_jpg, ...)."),
]
Threads = Annotated[Optional[int], typer.Option(help="CPU threads; all cores if not given.", min=1)]
Limit = Annotated[Optional[int], typer.Option(help="Only the first N images; rows say so.", min=1)]
Name = Annotated[Optional[str], typer.Option(help="What tables call this model; the config's file name if not given.")]
Json = Annotated[
    bool,
    typer.Option("--json", help="For scripts: one JSON document on standard output, all else on standard error."),
]


def example(*lines: str) -> str:
    """A verb's examples, as its help shows them."""
    return "[bold]Examples[/bold]\n\n" + "\n\n".join(f"$ {line}" for line in lines)


def use_threads(threads: int | None) -> None:
    """Compute with so many CPU threads; ``None``: all cores."""
    if threads is not None:
        # Libraries read these when they load, which is after this line.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        import cv2
        import torch

        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
