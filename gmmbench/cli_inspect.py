"""``gmmbench inspect``: what the mixture of a model learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from gmmbench import completion
from gmmbench.cli_options import Checkpoint, Config, DataRoot, Json, Limit, Threads, use_threads
from gmmbench.console import emit, out, progress_bar, say, waiting


def inspect(
    config: Config,
    checkpoint: Checkpoint,
    gmm: Annotated[
        Optional[Path], typer.Option(help="The mixture of a model without one: what 'gmmbench fit-gmm' wrote for it.")
    ] = None,
    data_root: DataRoot = Path("data"),
    results: Annotated[Optional[Path], typer.Option("--out", help="Run folder; eval/ beside the checkpoint.")] = None,
    test_split: Annotated[
        str,
        typer.Option(
            help="The split whose density is held against the training split's: test or val.",
            autocompletion=completion.one_of(("test", "val")),
        ),
    ] = "test",
    no_test: Annotated[bool, typer.Option("--no-test", help="Look at the training split alone.")] = False,
    pixels: Annotated[
        int, typer.Option(help="Most pixels of a class that quantiles and the plane are made of.", min=2)
    ] = 2_000,
    seed: Annotated[int, typer.Option(help="Of the pixels drawn.", min=0)] = 0,
    limit: Limit = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Describe what the Gaussian mixtures learnt: shares, spread, own and rival density, nearest training pixels.

    Looks at the training split of the model's closed set once and writes mixture/ into the run folder, where
    'gmmbench report' finds it. It holds pieces of training images, which 'report --public' leaves out where their
    licence says so.
    """
    use_threads(threads)
    run_folder = results or checkpoint.parent / "eval"
    with waiting("loading the model"):
        from gmmbench.listings_inspect import classes, classes_table, density
        from gmmbench.mixture import Budget
        from gmmbench.verbs.inspect import inspect as run
        from gmmbench.verbs.subject import OurModel

        folder, found = run(
            OurModel(config, checkpoint, gmm),
            data_root=data_root,
            out=run_folder,
            held_out=None if no_test else test_split,
            budget=Budget(pixels=pixels, seed=seed),
            limit=limit,
            bar=progress_bar,
        )
    if json:
        emit({"classes": classes(found.summary), "wrote": folder})
        return
    out.print(classes_table(found.summary))
    for line in density(found.summary, test_split):
        say(line)
    say(f"wrote {folder}")
