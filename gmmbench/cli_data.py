"""``gmmbench data ...``: what is there, how to get it, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from gmmbench import completion
from gmmbench.cli_options import DataRoot, Json, example
from gmmbench.console import emit, err, out, progress_bar, say
from gmmbench.errors import InputError

if TYPE_CHECKING:
    from gmmbench.data.check import Report

FAULTY = 2
"""Exit code where faults were found, or where a person has to do something first."""

data_app = typer.Typer(no_args_is_help=True, help="The data sets.")

DataSet = Annotated[
    str,
    typer.Argument(metavar="NAME", help="As 'gmmbench data ls' lists them.", autocompletion=completion.data_sets),
]


@data_app.command("ls", epilog=example("gmmbench data ls --data-root /data", "gmmbench data ls --json"))
def data_ls(data_root: DataRoot = Path("data"), json: Json = False) -> None:
    """List the data sets: how many images the data root holds of how many, and where they come from.

    States: ready; incomplete; absent; gated (absent, only to be had by hand); needs X (made from X, which is not
    there); unchecked (which images it has is known once 'gmmbench data check' has read the label maps). Goes by
    file names alone.
    """
    from gmmbench.listings import data_set_records, data_sets

    if json:
        emit({"data_root": data_root, "data_sets": data_set_records(data_root)})
    else:
        out.print(data_sets(data_root))


@data_app.command(
    "prepare",
    epilog=example(
        "gmmbench data prepare road_anomaly21 --data-root /data",
        "gmmbench data prepare street",
    ),
)
def data_prepare(name: DataSet, data_root: DataRoot = Path("data")) -> None:
    """Download, unpack and check a data set; or say what has to be done by hand.

    Archives are kept in ROOT/downloads. What broke off goes on where it stopped, and an archive that you put
    there yourself is not downloaded again. Exit code 0: the data set is there and whole; 2: it has faults, or
    its publisher wants something of you first, and what that is is printed.
    """
    from gmmbench.data.prepare import prepare

    prepared = prepare(name, data_root, say=say, bar=progress_bar)
    if prepared.report is None:
        say(prepared.instructions)
        raise typer.Exit(FAULTY)
    _show(prepared.report)


@data_app.command(
    "check",
    epilog=example(
        "gmmbench data check road_anomaly --data-root /data",
        "gmmbench data check cityscapes --split val",
    ),
)
def data_check(
    name: DataSet,
    split: Annotated[
        Optional[list[str]],
        typer.Option(
            help="Of a closed set, only this one; may be repeated; all if not given.",
            autocompletion=completion.one_of(completion.SPLITS),
        ),
    ] = None,
    data_root: DataRoot = Path("data"),
) -> None:
    """Read every file of a data set and name all that is wrong with it; show what it holds.

    Number of images, pairing, sizes, label values, damaged files, checksums of archives where published.
    Exit code 0: no fault; 2: faults, each named in a line on standard output.
    """
    from gmmbench.data.check import check

    with progress_bar(f"checking {name}") as progress:
        report = check(name, data_root, splits=tuple(split or ()), progress=progress)
    _show(report)


@data_app.command(
    "synth",
    epilog=example(
        "gmmbench data synth synth/camvid --cutouts cutouts --closed-set camvid --split test",
        "gmmbench data synth synth/mine --cutouts cutouts --images photos --horizon 0.4 --seed 1",
        "gmmbench data synth synth/p --cutouts cutouts --closed-set cityscapes --split val --blend poisson",
    ),
)
def data_synth(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make: images/, masks/, synth.json.")],
    cutouts: Annotated[Path, typer.Option(help="RGBA pictures, or images/ and masks/; metres.json may give lengths.")],
    closed: Annotated[
        Optional[str],
        typer.Option("--closed-set", help="Whose images to paste into.", autocompletion=completion.closed_sets),
    ] = None,
    split: Annotated[
        str, typer.Option(help="Of the closed set.", autocompletion=completion.one_of(completion.SPLITS))
    ] = "test",
    images: Annotated[Optional[Path], typer.Option(help="Instead of a closed set, a folder of pictures.")] = None,
    count: Annotated[Optional[int], typer.Option(help="Images to make; as many as backgrounds.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.", min=0)] = 0,
    empty: Annotated[float, typer.Option(help="Share of the images with nothing pasted.")] = 0.1,
    known: Annotated[
        Optional[float],
        typer.Option(help="Share with only known objects pasted, labelled IN; 0.2, or 0 with --images."),
    ] = None,
    most: Annotated[int, typer.Option(help="Objects an image, at most.", min=1)] = 2,
    metres: Annotated[tuple[float, float], typer.Option(metavar="MIN MAX", help="Length of objects.")] = (0.5, 2.0),
    camera: Annotated[float, typer.Option(help="Height of the camera over the ground in metres.")] = 1.4,
    horizon: Annotated[
        Optional[float], typer.Option(help="Share of the height from the top; of each image's labels, if not given.")
    ] = None,
    ground: Annotated[Optional[str], typer.Option(help="Classes to stand on, separated by commas.")] = None,
    things: Annotated[Optional[str], typer.Option(help="Classes that known objects are cut from.")] = None,
    colour: Annotated[float, typer.Option(help="How far colours go to those of the place, 0 to 1.")] = 0.5,
    blur: Annotated[float, typer.Option(help="How far sharpness goes to that of the place, 0 to 1.")] = 1.0,
    blend: Annotated[
        str, typer.Option(help="alpha or poisson.", autocompletion=completion.one_of(completion.BLENDS))
    ] = "alpha",
    smallest: Annotated[int, typer.Option(help="Fewest pixels of an object.", min=1)] = 150,
    largest: Annotated[float, typer.Option(help="Largest share of the image that an object covers.")] = 0.15,
    workers: Annotated[int, typer.Option(help="Threads; they change no bit of the set.", min=1)] = 1,
    data_root: DataRoot = Path("data"),
) -> None:
    """Make an OOD set in the manner of Fishyscapes Static: cut-outs pasted into images that a model is at home in.

    Objects stand on the ground, sized by perspective, in the colours and sharpness of their place; masks are exact
    (0 IN, 1 OOD, 255 IGNORE). Equal commands make equal bytes. docs/synth.md tells the rules.
    """
    from gmmbench.data.synth import Recipe, load_cutouts, of_closed_set, of_folder, write_synth

    if (closed is None) == (images is None):
        raise InputError("paste into what? name either --closed-set or --images")
    if images is not None:
        if ground or things:
            raise InputError("--ground and --things are classes of labels, which --images has none of; leave them out")
        places = of_folder(images)
    else:
        places = of_closed_set(str(closed), data_root, split, _words(ground), _words(things))
    recipe = Recipe(
        seed=seed, empty=empty, known=known if known is not None else Recipe.known if closed else 0.0, most=most,
        metres=metres, camera=camera, horizon=horizon, colour=colour, blur=blur, blend=blend, smallest=smallest,
        largest=largest,
    )  # fmt: skip
    with progress_bar("pasting") as progress:
        written = write_synth(
            folder, places, load_cutouts(cutouts), recipe, count=count, workers=workers, progress=progress
        )
    for why in written.skipped:
        say(f"left out: {why}", to=err)
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(written.kinds.items()))
    say(f"{'wrote' if written.new else 'found, unchanged,'} {written.folder}: {kinds}")


def _words(text: str | None) -> list[str] | None:
    """The words between commas; of no text, none."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _show(report: Report) -> None:
    """Print a report; ends the command with ``FAULTY`` where there are faults."""
    from gmmbench.data.check import count_kinds
    from gmmbench.listings import data_report

    out.print(data_report(report))
    for archive, state in report.archives.items():
        say(f"archive {archive}: {state}")
    for fault in report.faults:
        say(f"{fault.kind}: {fault.message}")
    if report.faults:
        kinds = ", ".join(f"{number} x {kind}" for kind, number in count_kinds(report.faults).items())
        say(f"{report.name}: {len(report.faults)} faults ({kinds})", to=err)
        raise typer.Exit(FAULTY)
    say(f"{report.name}: no fault found")
