"""``gmmbench eval-closed``: a config and a checkpoint to saved rows of segmentation."""

from __future__ import annotations

from pathlib import Path

from gmmbench.data import closed_set
from gmmbench.data.registry import existing_root
from gmmbench.errors import InputError, unknown_name
from gmmbench.evaluate import evaluate_closed
from gmmbench.models.predictor import load_predictor
from gmmbench.results import Row, RunFolder
from gmmbench.verbs.setting import (
    IGNORED,
    INTERVALS,
    RESOLUTION,
    ProgressBar,
    code_and_machine,
    command_line,
    facts_of,
    quiet,
    timed,
    trained,
)

SPLITS = ("train", "val", "test")


def eval_closed(
    config: Path,
    checkpoint: Path,
    *,
    data_root: Path,
    out: Path,
    split: str = "test",
    name: str | None = None,
    limit: int | None = None,
    bar: ProgressBar = quiet,
) -> list[Row]:
    """mIoU, per-class IoU, pixel accuracy and mean accuracy on the closed set that the config trains on.

    Args:
        split: "train", "val" or "test".
        name: of the model in tables; the config's file name if not given.
        limit: at most so many images, the first ones.

    Raises:
        InputError: bad input of any kind, before anything is written.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    root = existing_root(data_root)
    predictor = load_predictor(config, checkpoint)
    dataset = predictor.closed_set
    closed = closed_set(dataset)
    images = closed.load(root, split)
    if predictor.num_classes != len(closed.classes):
        raise InputError(
            f"{config} has {predictor.num_classes} classes but its closed set '{dataset}' has"
            f" {len(closed.classes)}; mend decode_head.num_classes or evaluation.closed_set"
        )
    protocol = {
        "network input": predictor.network_input,
        "resolution": RESOLUTION,
        "ignored pixels": IGNORED,
        "prediction": "arg-max of the logits at label resolution",
        "pooling": "one confusion matrix over all pixels of all images",
        "split": split,
        "intervals": INTERVALS,
    }
    provenance = trained(config, predictor.config_sha256, checkpoint) | code_and_machine(predictor.device)
    provenance["command"] = command_line("eval-closed", config, checkpoint, split=split, limit=limit)
    with bar(f"{dataset} {split}") as progress, timed(RunFolder(out), "closed", dataset):
        return evaluate_closed(
            predictor,
            images,
            closed.classes,
            folder=RunFolder(out),
            run=name or config.stem,
            dataset=dataset,
            provenance=provenance | {"protocol": protocol, "dataset": facts_of(dataset)},
            limit=limit,
            progress=progress,
        )
