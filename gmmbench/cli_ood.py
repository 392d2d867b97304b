"""``gmmbench eval-ood``, ``export-scores`` and ``compare``: anomalies, of our models, other models, and score maps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from gmmbench import completion
from gmmbench.cli_options import DataRoot, Json, Limit, Threads, use_threads
from gmmbench.console import emit, err, out, progress_bar, say, waiting
from gmmbench.errors import InputError

AnyConfig = Annotated[
    Optional[Path],
    typer.Argument(metavar="CONFIG", help="An experiment's config.", autocompletion=completion.configs),
]
AnyCheckpoint = Annotated[
    Optional[Path], typer.Argument(metavar="CHECKPOINT", help="model.pth or a training checkpoint of that config.")
]
Predictor = Annotated[
    Optional[str], typer.Option(metavar="PACKAGE.MODULE:FACTORY", help="Any other model, instead of CONFIG CHECKPOINT.")
]
PredictorArguments = Annotated[
    Optional[list[str]], typer.Option("--predictor-arg", metavar="KEY=VALUE", help="Of the factory; may be repeated.")
]
FitOn = Annotated[
    Optional[str],
    typer.Option(
        help="The closed set that fitted scores of a --predictor are fitted to, its train split.",
        autocompletion=completion.closed_sets,
    ),
]
Datasets = Annotated[
    Optional[str],
    typer.Option(help="Names separated by commas; 'gmmbench data ls' lists them.", autocompletion=completion.ood_sets),
]
Folder = Annotated[
    Optional[tuple[str, Path, Path, str]],
    typer.Option(
        metavar="NAME IMAGES MASKS MAP",
        help="A data set of your own: what to call it, its two folders, and what mask values mean, such as"
        " '0=in,1=ood,255=ignore'.",
    ),
]
Scores = Annotated[
    str,
    typer.Option(
        help="'fast' (of logits and densities alone), 'all' that the model can give, or names separated by commas,"
        " with options as in msp@temperature=2; see 'gmmbench scores ls'.",
        autocompletion=completion.scores,
    ),
]
OutsideScores = Annotated[
    Optional[list[str]],
    typer.Option("--score", metavar="PACKAGE.MODULE:FUNCTION", help="A score of your own; may be repeated."),
]
Gmm = Annotated[
    Optional[Path], typer.Option(help="A density for a model without one: what 'gmmbench fit-gmm' wrote for it.")
]
Ensemble = Annotated[
    Optional[list[Path]],
    typer.Option(metavar="CHECKPOINT", help="Another checkpoint of CONFIG, for the ensemble scores; may be repeated."),
]
Flip = Annotated[bool, typer.Option("--flip", help="Post-processing: average each image with its mirror image.")]
Blur = Annotated[
    Optional[float], typer.Option(metavar="SIGMA", help="Post-processing: smooth score maps by a 7x7 Gaussian.")
]
RunName = Annotated[Optional[str], typer.Option(help="What tables call this model.")]


def eval_ood(
    config: AnyConfig = None,
    checkpoint: AnyCheckpoint = None,
    datasets: Datasets = None,
    folder: Folder = None,
    scores: Scores = "fast",
    outside_scores: OutsideScores = None,
    predictor: Predictor = None,
    predictor_arguments: PredictorArguments = None,
    fit_on: FitOn = None,
    score_maps: Annotated[
        Optional[Path], typer.Option(metavar="DIR", help="Score maps computed elsewhere, instead of any model.")
    ] = None,
    negated: Annotated[
        bool, typer.Option("--negated", help="The score maps hold confidence: lower = more anomalous.")
    ] = False,
    gmm: Gmm = None,
    ensemble: Ensemble = None,
    flip: Flip = False,
    blur: Blur = None,
    protocol: Annotated[
        str,
        typer.Option(
            help="Whose definitions: gmmbench, smiyc, fishyscapes, pebal, polito or pytorch-ood.",
            autocompletion=completion.one_of(completion.PROTOCOLS),
        ),
    ] = "gmmbench",
    components: Annotated[
        Optional[bool],
        typer.Option(
            "--components/--no-components",
            help="sIoU, PPV and F1* of objects; all maps lie on disk meanwhile. As the protocol if not said.",
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Sort all scores instead of counting them in bins: 4 bytes a pixel and score."),
    ] = False,
    data_root: DataRoot = Path("data"),
    results: Annotated[Optional[Path], typer.Option("--out", help="Run folder; eval/ beside the checkpoint.")] = None,
    name: RunName = None,
    limit: Limit = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Measure how well anomalies are told from the known: AUROC, AP, FPR95 and more of every score, with intervals.

    Scores come from a CONFIG and CHECKPOINT, from any other model (--predictor), or from files (--score-maps).
    Scores that need the training set are fitted to it once and kept beside the checkpoint.
    """
    use_threads(threads)
    with waiting("loading torch and MMSegmentation"):
        from gmmbench.listings_ood import ood_results
        from gmmbench.records import records
        from gmmbench.verbs import Measuring, OodSets, eval_maps, eval_model, subject_of

    sets = OodSets(_names(datasets), folder, data_root)
    measuring = Measuring(protocol=protocol, exact=exact, components=components, blur=blur, limit=limit)
    if score_maps is not None:
        _refuse(
            "--score-maps",
            {
                "CONFIG": config, "--predictor": predictor, "--predictor-arg": predictor_arguments,
                "--scores": scores if scores != "fast" else None, "--score": outside_scores, "--gmm": gmm,
                "--ensemble": ensemble, "--flip": flip or None, "--fit-on": fit_on,
            },
        )  # fmt: skip
        where = results
        if where is None:
            raise InputError("--score-maps has no checkpoint to write beside; say where with --out FOLDER")
        with waiting("evaluating"):
            rows, notes = eval_maps(
                score_maps, sets, measuring, negated=negated, out=where, name=name, bar=progress_bar
            )
    else:
        if negated:
            raise InputError("--negated speaks of --score-maps; leave it out, or name their folder")
        subject = subject_of(config, checkpoint, predictor, predictor_arguments, fit_on, gmm, ensemble, flip)
        where = results or subject.folder
        if where is None:
            raise InputError("--predictor has no checkpoint to write beside; say where with --out FOLDER")
        with waiting("evaluating"):
            rows, notes = eval_model(
                subject,
                sets,
                measuring,
                scores=scores,
                outside=outside_scores or (),
                out=where,
                name=name,
                bar=progress_bar,
            )
    for note in notes:
        say(note, to=err)
    if json:
        emit({"rows": records(rows), "notes": notes, "wrote": where})
        return
    for table in ood_results(rows):
        out.print(table)
    say(f"wrote {where}")


def export_scores(
    config: AnyConfig = None,
    checkpoint: AnyCheckpoint = None,
    *,
    datasets: Datasets = None,
    folder: Annotated[Path, typer.Option("--out", help="Where the maps go.")],
    score: Annotated[
        str,
        typer.Option(help="One score; options as in msp@temperature=2.", autocompletion=completion.one_score),
    ] = "gmm_lse",
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="npy, npz, tif or smiyc (.hdf5, float16).",
            autocompletion=completion.one_of(completion.MAP_FORMS),
        ),
    ] = "npy",
    predictor: Predictor = None,
    predictor_arguments: PredictorArguments = None,
    fit_on: FitOn = None,
    gmm: Gmm = None,
    flip: Flip = False,
    blur: Blur = None,
    data_root: DataRoot = Path("data"),
    name: RunName = None,
    limit: Limit = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Write score maps: of test sets whose labels are not public, for a submission, or for other tools.

    Higher = more anomalous. Nothing is evaluated.
    """
    use_threads(threads)
    with waiting("computing score maps"):
        from gmmbench.verbs import export_maps, subject_of

        subject = subject_of(config, checkpoint, predictor, predictor_arguments, fit_on, gmm, None, flip)
        written = export_maps(
            subject, _names(datasets), data_root, folder, score=score, form=form, blur=blur, name=name, limit=limit,
            bar=progress_bar,
        )  # fmt: skip
    if json:
        emit({"maps": written, "wrote": folder})
    else:
        say(f"wrote {written} maps to {folder}")


def compare(
    first: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder that eval-ood wrote.")],
    second: Annotated[Optional[Path], typer.Argument(metavar="RUN", help="Another one; the same if not given.")] = None,
    scores: Annotated[
        Optional[str],
        typer.Option(
            metavar="A,B", help="A score of the first and one of the second run; each run's best AP if not given."
        ),
    ] = None,
    dataset: Annotated[
        Optional[str],
        typer.Option(help="One data set; all that both have if not given.", autocompletion=completion.one_ood_set),
    ] = None,
    json: Json = False,
) -> None:
    """Compare two scores: the difference of each metric with its 95 % interval, both resampled over the same images."""
    with waiting("resampling images"):
        from gmmbench.listings_ood import difference_records, differences
        from gmmbench.verbs.compare import compare as run

        found = run(first, second or first, scores=scores, dataset=dataset)
    if json:
        emit({"differences": difference_records(found)})
        return
    for table in differences(found):
        out.print(table)


def _names(datasets: str | None) -> tuple[str, ...]:
    names = tuple(part.strip() for part in (datasets or "").split(",") if part.strip())
    if datasets is not None and not names:
        raise InputError("--datasets names none; 'gmmbench data ls' lists them")
    return names


def _refuse(flag: str, others: dict[str, object]) -> None:
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise InputError(f"{flag} stands for the model; leave out {', '.join(given)}")
