"""``gmmbench predict``: overlays of images and videos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from gmmbench import completion
from gmmbench.cli_ood import AnyCheckpoint, AnyConfig, FitOn, Flip, Gmm, Predictor, PredictorArguments
from gmmbench.cli_options import DataRoot, Json, Threads, use_threads
from gmmbench.console import emit, err, progress_bar, say, waiting


def predict(
    config: AnyConfig = None,
    checkpoint: AnyCheckpoint = None,
    images: Annotated[
        Optional[list[Path]],
        typer.Argument(metavar="IMAGES", help="Image files, folders of images (not the folders in them), videos."),
    ] = None,
    *,
    folder: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the pictures go.")],
    score: Annotated[
        Optional[str],
        typer.Option(
            help="One score, with options as in msp@temperature=2; gmm_lse of a model with a density, else energy. See"
            " 'gmmbench scores ls'.",
            autocompletion=completion.one_score,
        ),
    ] = None,
    threshold: Annotated[
        Optional[float],
        typer.Option(help="Outline the pixels whose score is at or above this; else none."),
    ] = None,
    alpha: Annotated[float, typer.Option(help="Share of the colours in the blend, 0 to 1.")] = 0.6,
    limits: Annotated[
        Optional[tuple[float, float]],
        typer.Option(
            "--range",
            metavar="LOW HIGH",
            help="The scores at the two ends of the heat, the same for all pictures. If not given, the 1st to 99th"
            " percentile over 16 images and frames spread evenly over all: comparable within a run, not between runs.",
        ),
    ] = None,
    maps: Annotated[
        bool, typer.Option("--maps", help="Write the scores too, float32 at image size: maps/NAME.npy.")
    ] = False,
    predictor: Predictor = None,
    predictor_arguments: PredictorArguments = None,
    fit_on: FitOn = None,
    gmm: Gmm = None,
    flip: Flip = False,
    blur: Annotated[
        Optional[float], typer.Option(metavar="SIGMA", help="Post-processing: smooth scores by a 7x7 Gaussian.")
    ] = None,
    data_root: DataRoot = Path("data"),
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Draw what a model sees in images and videos: its classes, and how anomalous each pixel is.

    An image NAME gives NAME_segmentation.png and NAME_anomaly.png.
    A video NAME gives NAME_overlay.mp4: image, segmentation and anomaly side by side.
    """
    use_threads(threads)
    paths = list(images or ())
    if predictor is not None:  # it stands for the first two words
        paths = [path for path in (config, checkpoint) if path is not None] + paths
        config = checkpoint = None
    with waiting("loading the model"):
        from gmmbench.predict import Look
        from gmmbench.predict import predict as run
        from gmmbench.verbs import subject_of

        subject = subject_of(config, checkpoint, predictor, predictor_arguments, fit_on, gmm, None, flip)
        look = Look(alpha, threshold, limits)
        drawn = run(
            subject, paths, folder, score=score, look=look, maps=maps, blur=blur, data_root=data_root, bar=progress_bar
        )
    for note in drawn.notes:
        say(note, to=err)
    if json:
        emit(
            {
                "images": drawn.images, "videos": drawn.videos, "frames": drawn.frames, "score": drawn.score,
                "range": drawn.limits, "wrote": folder,
            }
        )  # fmt: skip
        return
    what = []
    if drawn.images:
        what.append(f"{drawn.images} image{'s' * (drawn.images != 1)}")
    if drawn.videos:
        what.append(f"{drawn.videos} video{'s' * (drawn.videos != 1)} ({drawn.frames} frames)")
    say(f"wrote overlays of {' and '.join(what)} to {folder}")
