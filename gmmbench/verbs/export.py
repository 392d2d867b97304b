"""``gmmbench export-scores``: score maps as files, for a submission or for other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gmmbench.data import ood_set
from gmmbench.data.pairs import PairedSet
from gmmbench.data.registry import UNLABELLED, unlabelled_set
from gmmbench.data.unlabelled import Frame, ImageFolder
from gmmbench.errors import InputError, unknown_name
from gmmbench.labels import IGNORE, Sample
from gmmbench.score_maps import FORMS, SMIYC_FOLDERS, smiyc_file, write_map
from gmmbench.scores import FIELDS, choose
from gmmbench.verbs.measuring import Measuring
from gmmbench.verbs.ready import make_ready, wanted
from gmmbench.verbs.setting import ProgressBar, quiet
from gmmbench.verbs.subject import Subject

SMIYC = "smiyc"


def export_maps(
    subject: Subject,
    datasets: Sequence[str],
    data_root: Path,
    folder: Path,
    *,
    score: str,
    form: str = "npy",
    blur: float | None = None,
    name: str | None = None,
    limit: int | None = None,
    bar: ProgressBar = quiet,
) -> int:
    """Write one score's map of each image, at the image's size; nothing is evaluated, labels are not read.

    Args:
        datasets: registry names, of labelled and of unlabelled sets.
        folder: gets DATASET/IMAGE.FORM, or SegmentMeIfYouCan's layout.
        score: one name, with options.
        form: a name of ``FORMS``, float32; or "smiyc", float16.
        blur: standard deviation of a smoothing; ``None``: none.
        name: of the method, in SegmentMeIfYouCan's layout.
        limit: at most so many images of each set, the first ones.

    Returns:
        How many maps were written.

    Raises:
        InputError: bad input of any kind.
    """
    if form not in (*FORMS, SMIYC):
        raise unknown_name("form of score maps", form, (*FORMS, SMIYC))
    if not datasets:
        raise InputError("no data set named; wanted --datasets NAMES; 'gmmbench data ls' lists them")
    strange = [dataset for dataset in datasets if form == SMIYC and dataset not in SMIYC_FOLDERS]
    if strange:
        raise InputError(f"SegmentMeIfYouCan has no '{strange[0]}'; of these it has maps: {', '.join(SMIYC_FOLDERS)}")
    asked, measuring = wanted(score, ()), Measuring(blur=blur)
    number = len(choose(score, FIELDS))
    if number != 1:
        raise InputError(f"--score {score} names {number} scores; wanted one")
    measuring.check()
    found = {
        dataset: (unlabelled_set if dataset in UNLABELLED else ood_set)(dataset, data_root) for dataset in datasets
    }
    ready = make_ready(subject, asked, data_root=data_root, out=folder, bar=bar)
    source = measuring.source(ready.source())
    written = 0
    for dataset, images in found.items():
        total = len(images) if limit is None else min(limit, len(images))
        with bar(dataset) as progress:
            for index in range(total):
                frame = _frame(images, index)
                nothing = np.full(frame.image.shape[:2], IGNORE, dtype=np.uint8)
                [values] = source(Sample(frame.name, frame.image, nothing)).maps.values()
                scores = values.cpu().numpy()
                if form == SMIYC:
                    smiyc_file(folder, name or ready.loaded.name, SMIYC_FOLDERS[dataset], frame.name, scores)
                else:
                    write_map(folder / dataset, frame.name, scores, form)
                written += 1
                if progress is not None:
                    progress(index + 1, total)
    return written


def _frame(images: PairedSet | ImageFolder, index: int) -> Frame:
    """One image, and of a labelled set its image alone."""
    if isinstance(images, ImageFolder):
        return images[index]
    return Frame(images.pairs[index].name, images.image(index))
