"""The command line: parses, prints, exits. Everything heavy is imported inside a verb, so help is instant."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Optional

import typer

from gmmbench import cli_inspect, cli_ood, cli_predict, cli_report, completion
from gmmbench.cli_data import data_app
from gmmbench.cli_doctor import doctor
from gmmbench.cli_options import Checkpoint, Config, DataRoot, Json, Limit, Name, Threads, example, use_threads
from gmmbench.cli_run import EXIT_CODES, StoppedError, run_app
from gmmbench.console import emit, out, progress_bar, say, waiting

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Which segmentation model notices what it was never shown? Train GMMSeg and its softmax twin,"
    " evaluate both on known classes and on anomalies, report.",
    epilog=EXIT_CODES,
)
convert_app = typer.Typer(no_args_is_help=True, help="Checkpoints of other code.")
scores_app = typer.Typer(no_args_is_help=True, help="The anomaly scores.")
app.add_typer(convert_app, name="convert")
app.add_typer(data_app, name="data")
app.add_typer(scores_app, name="scores")


@app.command(
    epilog=example(
        "gmmbench train configs/camvid/mobilenetv2_mlp_gmm.py --data-root data",
        "gmmbench train configs/camvid/mobilenetv2_mlp_gmm.py --set train_cfg.max_iters=500 --work-dir runs/short",
        "gmmbench train configs/camvid/mobilenetv2_mlp_gmm.py --resume",
        "torchrun --nproc-per-node 4 -m gmmbench train CONFIG --launcher pytorch",
    )
)
def train(
    config: Config,
    work_dir: Annotated[Optional[Path], typer.Option(help="Where to write; runs/CONFIG if not given.")] = None,
    data_root: DataRoot = Path("data"),
    seed: Annotated[int, typer.Option(help="Of weights, data order, augmentation, dropout and EM.", min=0)] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in the work dir.")] = False,
    changes: Annotated[
        Optional[list[str]], typer.Option("--set", metavar="KEY=VALUE", help="Change the config; may be repeated.")
    ] = None,
    launcher: Annotated[
        str,
        typer.Option(
            help="Of one training in several processes: pytorch (torchrun) or slurm (srun).",
            autocompletion=completion.one_of(completion.LAUNCHERS),
        ),
    ] = "none",
    threads: Threads = None,
) -> None:
    """Train a model: a config to a checkpoint.

    Writes the resolved config, the log, checkpoints and model.pth, a bare state dict. Ctrl-C stops
    after the current step and leaves a checkpoint for --resume. A batch of the config is one process's.
    """
    use_threads(threads)
    with waiting("loading torch and MMSegmentation"):
        from gmmbench.models.launch import place
        from gmmbench.train import train as run

    rank, _ = place(launcher)
    bar = progress_bar(f"training {config.stem}", unit="steps") if rank == 0 else nullcontext()
    work_dir = work_dir or Path("runs") / config.stem
    try:
        with bar as progress:
            weights = run(
                config,
                work_dir=work_dir,
                data_root=data_root,
                seed=seed,
                resume=resume,
                overrides=changes or (),
                launcher=launcher,
                progress=progress,
            )
    except KeyboardInterrupt as stop:
        what = str(stop) or "stopped in the middle of a step, the last checkpoint stands"
        raise StoppedError(f"{what}; the same command with --resume goes on") from None
    if rank == 0:
        say(f"wrote {weights}")


@app.command(
    "eval-closed",
    epilog=example("gmmbench eval-closed configs/camvid/mobilenetv2_mlp_gmm.py runs/mobilenetv2_mlp_gmm/model.pth"),
)
def eval_closed(
    config: Config,
    checkpoint: Checkpoint,
    data_root: DataRoot = Path("data"),
    results: Annotated[Optional[Path], typer.Option("--out", help="Run folder; eval/ beside the checkpoint.")] = None,
    split: Annotated[
        str, typer.Option(help="train, val or test.", autocompletion=completion.one_of(completion.SPLITS))
    ] = "test",
    name: Name = None,
    limit: Limit = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Measure segmentation of the known classes: mIoU, per-class IoU, accuracies."""
    use_threads(threads)
    folder = results or checkpoint.parent / "eval"
    with waiting("evaluating"):
        from gmmbench.records import records
        from gmmbench.verbs import eval_closed as run

        rows = run(
            config, checkpoint, data_root=data_root, out=folder, split=split, name=name, limit=limit, bar=progress_bar
        )
    if json:
        emit({"rows": records(rows), "wrote": folder})
        return
    for row in rows:
        out.print(f"{row.class_name or '':>14} {row.metric:<5} {100 * row.value:6.2f} %", highlight=False)
    say(f"wrote {folder}")


app.command(
    "eval-ood",
    epilog=example(
        "gmmbench eval-ood configs/camvid/mobilenetv2_mlp_gmm.py runs/mobilenetv2_mlp_gmm/model.pth"
        " --datasets camvid_ood,road_anomaly --scores all",
        "gmmbench eval-ood CONFIG CHECKPOINT --datasets road_anomaly --scores gmm_lse,energy,knn@k=5 --protocol smiyc",
        "gmmbench eval-ood CONFIG CHECKPOINT --folder mine photos masks '0=in,1=ood,255=ignore'",
        "gmmbench eval-ood --predictor my_models:deeplab --datasets road_anomaly --out runs/deeplab",
        "gmmbench eval-ood --score-maps maps --datasets road_anomaly --out runs/theirs",
    ),
)(cli_ood.eval_ood)

app.command(
    "export-scores",
    epilog=example(
        "gmmbench export-scores CONFIG CHECKPOINT --datasets road_anomaly21_test --score msp --format smiyc --out sent",
        "gmmbench export-scores CONFIG CHECKPOINT --datasets camvid_ood --score energy --format tif --out maps",
    ),
)(cli_ood.export_scores)

app.command(
    "predict",
    epilog=example(
        "gmmbench predict CONFIG CHECKPOINT photos --out drawn",
        "gmmbench predict CONFIG CHECKPOINT a.jpg drive.mp4 --score msp@temperature=2 --threshold 0.5 --out drawn",
        "gmmbench predict --predictor my_models:deeplab photos --range -12 -2 --maps --out drawn",
    ),
)(cli_predict.predict)

app.command(
    "compare",
    epilog=example(
        "gmmbench compare runs/gmm/eval runs/softmax/eval --dataset road_anomaly",
        "gmmbench compare runs/gmm/eval runs/softmax/eval --scores gmm_lse,energy",
    ),
)(cli_ood.compare)


app.command(
    "inspect",
    epilog=example(
        "gmmbench inspect configs/camvid/mobilenetv2_mlp_gmm.py runs/mobilenetv2_mlp_gmm/model.pth",
        "gmmbench inspect CONFIG CHECKPOINT --gmm gmm_full.pth --no-test --out runs/mine",
    ),
)(cli_inspect.inspect)


@app.command(
    "fit-gmm",
    epilog=example(
        "gmmbench fit-gmm configs/camvid/mobilenetv2_mlp_softmax.py runs/mobilenetv2_mlp_softmax/model.pth",
        "gmmbench fit-gmm CONFIG CHECKPOINT --covariance diag --components 3 --out runs/mine",
    ),
)
def fit_gmm(
    config: Config,
    checkpoint: Checkpoint,
    covariance: Annotated[
        str,
        typer.Option(help="full, diag, tied or low_rank.", autocompletion=completion.one_of(completion.COVARIANCES)),
    ] = "full",
    components: Annotated[int, typer.Option(help="Gaussians a class.", min=1)] = 1,
    unit: Annotated[bool, typer.Option("--unit/--no-unit", help="Bring features to unit length first.")] = True,
    floor: Annotated[float, typer.Option(help="Added to variances: share of the mean variance within classes.")] = 0.1,
    correct_only: Annotated[
        bool, typer.Option("--correct-only/--all-pixels", help="Leave out pixels that the model gets wrong.")
    ] = False,
    pixels: Annotated[int, typer.Option(help="Most pixels sampled of a class; in all at most 1 GiB.", min=1)] = 20_000,
    seed: Annotated[int, typer.Option(help="Of the sample and of where EM starts.", min=0)] = 0,
    data_root: DataRoot = Path("data"),
    folder: Annotated[Optional[Path], typer.Option("--out", help="Where to write; beside the checkpoint.")] = None,
    limit: Annotated[Optional[int], typer.Option(help="Only the first N training images.", min=1)] = None,
    threads: Threads = None,
) -> None:
    """Fit a Gaussian mixture a class to a trained model's frozen features: a density for one that has none.

    Writes gmm_COVARIANCE.pth, which 'gmmbench eval-ood --gmm' reads. The model itself stays as it is.
    """
    use_threads(threads)
    with waiting("fitting Gaussians to features"):
        from gmmbench.posthoc import fit_gmm as run

        fitted = run(
            config,
            checkpoint,
            data_root=data_root,
            out=folder or checkpoint.parent,
            covariance=covariance,
            components=components,
            unit=unit,
            floor=floor,
            correct_only=correct_only,
            pixels=pixels,
            seed=seed,
            limit=limit,
            bar=progress_bar,
        )
    for line in fitted.lines():
        say(line)


@convert_app.command(
    "official",
    epilog=example(
        "gmmbench convert official GMMSeg-Segformer-b5-512x512-80k-cocostuff10k.pth runs/official/coco_stuff10k.pth",
        "gmmbench convert official CHECKPOINT OUT --config configs/cityscapes/mine.py",
    ),
)
def convert_official(
    checkpoint: Annotated[Path, typer.Argument(help="What the authors' GMMSeg-SegFormer code saved.")],
    weights: Annotated[Path, typer.Argument(metavar="OUT", help="Where the state dict goes, for example NAME.pth.")],
    config: Annotated[
        Optional[Path], typer.Option(help="Check against this config's model, instead of writing OUT's NAME.py.")
    ] = None,
) -> None:
    """Turn a checkpoint of github.com/leonnnop/GMMSeg into one that eval-closed and eval-ood read.

    Every key must be known and fit; names that change and what is left out are listed. Code in the file is
    refused, and numpy values beside its weights are skipped.
    """
    from gmmbench.models.official import convert_official as run

    for line in run(checkpoint, weights, config).lines():
        say(line)


app.command(
    "report",
    epilog=example(
        "gmmbench report runs/mobilenetv2_mlp_gmm/eval runs/mobilenetv2_mlp_softmax/eval --out reports/camvid",
        "gmmbench report runs/*/eval --out reports/paper --public --format all",
    ),
)(cli_report.report)

app.command("leaderboard", epilog=example("gmmbench leaderboard reports/", "gmmbench leaderboard reports runs"))(
    cli_report.leaderboard
)


@app.command(
    epilog=example(
        "gmmbench export CONFIG CHECKPOINT model.onnx",
        "gmmbench export CONFIG CHECKPOINT model.onnx --size 480 640",
    )
)
def export(
    config: Config,
    checkpoint: Checkpoint,
    path: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write, for example model.onnx.")],
    size: Annotated[
        Optional[tuple[int, int]],
        typer.Option(metavar="H W", help="One image of this size alone, where any number of any size is not possible."),
    ] = None,
    threads: Threads = None,
) -> None:
    """Write a model as ONNX: an image to logits and, of a GMM model, densities.

    Written only once ONNX Runtime gives what PyTorch gives. Needs gmmbench's extra 'onnx'.
    """
    use_threads(threads)
    with waiting("exporting, and running the file in ONNX Runtime"):
        from gmmbench.models.export import export as run
        from gmmbench.models.predictor import load_predictor

        outputs = run(load_predictor(config, checkpoint, device="cpu"), path, size=size)
    say(f"wrote {path} ({', '.join(outputs)})")


@app.command(epilog=example("gmmbench demo", "gmmbench demo --out reports/demo --work-dir runs/demo"))
def demo(
    folder: Annotated[Path, typer.Option("--out", help="Where the report goes.")] = Path("reports/demo"),
    work_dir: Annotated[Path, typer.Option(help="Where the scenes, models and rows go.")] = Path("runs/demo"),
    threads: Threads = None,
) -> None:
    """Make street scenes, train a GMM model and its softmax twin on them, evaluate both, report.

    Takes minutes on two cores.
    """
    use_threads(threads)
    from gmmbench.demo import run_demo

    run_demo(work_dir=work_dir, out=folder)


@scores_app.command("ls", epilog=example("gmmbench scores ls", "gmmbench scores ls --json | jq -r '.scores[].name'"))
def scores_ls(json: Json = False) -> None:
    """List the anomaly scores and their formulas."""
    from gmmbench.listings import scores, scores_table

    if json:
        emit({"scores": scores()})
    else:
        out.print(scores_table())


app.command("doctor", epilog=example("gmmbench doctor --data-root /data", "gmmbench doctor --json | jq '.problems'"))(
    doctor
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 a fault of ours, 2 bad input, 130 interrupted."""
    return run_app(app, arguments)


def console_main() -> None:
    """The ``gmmbench`` script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an arrow in a table is no reason to fail under ASCII
    sys.exit(main())
