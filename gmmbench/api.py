"""What the command line does, as functions of Python that give DataFrames.

::

    import gmmbench

    table = gmmbench.evaluate("configs/camvid/mobilenetv2_mlp_gmm.py", "runs/gmm/model.pth",
                              datasets=["camvid_ood", "road_anomaly"], data_root="data")
    print(table.pivot_table(index=["dataset", "score"], columns="metric", values="value"))

Every function raises ``gmmbench.errors.InputError``, a ValueError of one line, where the command line would print
that line and end with exit code 2. Progress bars show where standard error is a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from gmmbench.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from gmmbench.results import Row

AnyPath = str | os.PathLike[str]


def evaluate(
    config: AnyPath | None = None,
    checkpoint: AnyPath | None = None,
    *,
    predictor: Callable[[NDArray[np.uint8]], Any] | str | None = None,
    datasets: str | Iterable[str] = (),
    scores: str | Iterable[str] = "fast",
    closed: bool | None = None,
    split: str = "test",
    data_root: AnyPath | None = None,
    out: AnyPath | None = None,
    name: str | None = None,
    protocol: str = "gmmbench",
    components: bool | None = None,
    exact: bool = False,
    flip: bool = False,
    blur: float | None = None,
    gmm: AnyPath | None = None,
    ensemble: Sequence[AnyPath] = (),
    fit_on: str | None = None,
    limit: int | None = None,
    quiet: bool = False,
) -> pd.DataFrame:
    """Evaluate a model on its closed set and on OOD sets: ``gmmbench eval-closed`` and ``eval-ood`` in one.

    Args:
        config, checkpoint: a model of ours: an experiment's config, and model.pth or a training checkpoint of it.
        predictor: any other model instead: a function of an (H, W, 3) uint8 RGB image to (C, h, w) logits or to a
            ``gmmbench.prediction.Prediction`` (see ``gmmbench.outside.OutsidePredictor`` for the attributes that it
            may have), or "package.module:factory" as on the command line.
        datasets: names of OOD sets, as a list or as one text with commas.
        scores: "fast", "all", or names with options such as "msp@temperature=2", as a list or with commas.
        closed: measure mIoU, IoU and accuracies too; if not given, of a config and checkpoint but not of a
            predictor, which has none. Needs the images of ``split`` under ``data_root``.
        split: of the closed set: "train", "val" or "test".
        data_root: the folder of the data sets; if not given, the variable GMMBENCH_DATA, then ./data.
        out: a run folder, to keep rows and counts for ``read``, ``compare`` and ``report``; if not given, only what
            is returned is left. Scores that are fitted to training images are kept beside the checkpoint either way.
        name: what tables call the model; if not given, the config's file name or the predictor's.
        protocol, components, exact, blur: how score maps are measured; see ``gmmbench.verbs.Measuring``.
        flip: average each image with its mirror image.
        gmm: what ``gmmbench fit-gmm`` wrote for the checkpoint: a density for a model without one.
        ensemble: more checkpoints of the config.
        fit_on: the closed set that fitted scores of a predictor are fitted to.
        limit: at most so many images of each set, the first ones.
        quiet: no progress bars.

    Returns:
        A row a number, with the columns of ``gmmbench.records.COLUMNS``: what was measured (task, run, dataset, score,
        family, metric, class_name), value, low and high (a fraction of one, or in units of the score; low and high are
        the ends of the 95 % interval), the images and pixels it was measured on, and where it comes from.

    Raises:
        InputError: bad input of any kind.
    """
    from gmmbench.console import progress_bar
    from gmmbench.verbs import Measuring, OodSets, eval_closed, eval_model
    from gmmbench.verbs import quiet as no_bar
    from gmmbench.verbs.ready import wanted as check_names

    names = _names(datasets)
    with_closed = predictor is None if closed is None else closed
    if predictor is not None and with_closed:
        raise InputError("closed=True measures a config and checkpoint; a predictor is measured on OOD sets alone")
    if not names and not with_closed:
        raise InputError("nothing to evaluate on: name OOD sets with datasets=[...]")
    subject = _subject(config, checkpoint, predictor, fit_on, gmm, ensemble, flip)
    measuring = Measuring(protocol=protocol, exact=exact, components=components, blur=blur, limit=limit)
    wanted_scores = ",".join(_names(scores))
    bar = no_bar if quiet else progress_bar
    sets = OodSets(tuple(names), None, Path(data_root or os.environ.get("GMMBENCH_DATA") or "data"))
    rows: list[Row] = []
    with nullcontext(out) if out is not None else TemporaryDirectory(prefix="gmmbench-") as path:
        folder = Path(path)
        if names and with_closed:  # what is misspelt is said before hours of the other half
            sets.load()
            check_names(wanted_scores, ())
            measuring.check()
        if with_closed:
            model = Path(str(config)), Path(str(checkpoint))
            rows += eval_closed(
                *model, data_root=sets.data_root, out=folder, split=split, name=name, limit=limit, bar=bar
            )
        if names:
            rows += eval_model(subject, sets, measuring, scores=wanted_scores, out=folder, name=name, bar=bar)[0]
    return _frame(rows)


def read(run: AnyPath, *more: AnyPath) -> pd.DataFrame:
    """The saved rows of one or several run folders, in the columns that ``evaluate`` gives.

    Raises:
        InputError: a folder without rows, or a line that is not a row.
    """
    from gmmbench.results import RunFolder

    return _frame([row for folder in (run, *more) for row in RunFolder(Path(folder)).rows()])


def compare(
    first: AnyPath, second: AnyPath | None = None, *, scores: str | None = None, dataset: str | None = None
) -> pd.DataFrame:
    """Differences of two scores on the same images, with paired 95 % intervals: ``gmmbench compare``.

    Args:
        first, second: run folders that hold OOD rows; the second is the first if not given.
        scores: "A,B": a score of the first and one of the second; if not given, the best of each by AP.
        dataset: one OOD set; all that both folders hold, if not given.

    Returns:
        A row a metric of each data set: dataset, metric, first_run, first_score, second_run, second_score,
        difference (first less second, in the metric's unit), low, high, and better: "first", "second", "none" where
        the interval holds 0, or nothing where the metric has no better.

    Raises:
        InputError: bad input of any kind.
    """
    import pandas as pd

    from gmmbench.listings_ood import difference_records
    from gmmbench.verbs import compare as run

    one = Path(first)
    other = one if second is None else Path(second)
    return pd.DataFrame(difference_records(run(one, other, scores=scores, dataset=dataset)))


def report(
    runs: AnyPath | Sequence[AnyPath],
    out: AnyPath,
    *,
    public: bool = False,
    formats: str | Iterable[str] | None = None,
    quiet: bool = False,
) -> Path:
    """Write a report of some run folders into ``out``: ``gmmbench report``. Returns the path of its first page.

    Args:
        runs: one run folder or several, in the order in which tables shall name them.
        public: leave out pictures of data sets that do not allow their frames to be shown.
        formats: names of ``gmmbench report --format``, as a list or with commas; markdown, html, json if not given.
        quiet: no progress bars.

    Raises:
        InputError: as ``gmmbench.report.write_report``.
    """
    from gmmbench.console import progress_bar
    from gmmbench.report import write_report
    from gmmbench.verbs import quiet as no_bar

    several = [runs] if isinstance(runs, (str, os.PathLike)) else runs
    chosen = {} if formats is None else {"formats": _names(formats)}
    bar = no_bar if quiet else progress_bar
    return write_report([Path(run) for run in several], Path(out), public=public, bar=bar, **chosen)


def _subject(
    config: AnyPath | None,
    checkpoint: AnyPath | None,
    predictor: Callable[..., Any] | str | None,
    fit_on: str | None,
    gmm: AnyPath | None,
    ensemble: Sequence[AnyPath],
    flip: bool,
) -> Any:
    """The model that the arguments name. Raises InputError where that is none, or two."""
    from gmmbench.verbs import subject_of
    from gmmbench.verbs.given import GivenModel

    one, two, density = (None if path is None else Path(path) for path in (config, checkpoint, gmm))
    spec = predictor if isinstance(predictor, str) or predictor is None else "given:predictor"
    checked = subject_of(one, two, spec, None, fit_on, density, [Path(path) for path in ensemble], flip)
    if predictor is None or isinstance(predictor, str):
        return checked
    return GivenModel(predictor, fit_on, flip)


def _names(names: str | Iterable[str]) -> list[str]:
    parts = names.split(",") if isinstance(names, str) else list(names)
    return [part.strip() for part in parts if part.strip()]


def _frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Numbers as numbers, also in a column that no row fills."""
    import pandas as pd

    from gmmbench.records import COLUMNS, records

    frame = pd.DataFrame(records(rows), columns=list(COLUMNS))
    floats = dict.fromkeys(("value", "low", "high"), "float64")
    whole = dict.fromkeys(("images", "images_total", "pixels_in", "pixels_ood", "seed"), "Int64")
    return frame.astype(floats | whole)
