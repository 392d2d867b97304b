"""How a number was measured and where it comes from: the words and the provenance of rows."""

from __future__ import annotations

import json
import os
import platform
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from gmmbench import __version__
from gmmbench.data.cards import card
from gmmbench.evaluate import Progress
from gmmbench.models.config import recipe_sha256
from gmmbench.provenance import code_version, library_versions, sha256
from gmmbench.results import RunFolder
from gmmbench.train import RECORD

ProgressBar = Callable[[str], AbstractContextManager[Progress | None]]
"""A title to a context that is told of each image; see ``gmmbench.console.progress_bar``."""

RESOLUTION = (
    "that of the label files; logits and class log-densities are brought there bilinearly (align_corners=False),"
    " scores of features likewise, labels are never resized"
)
IGNORED = "void (value 255 after mapping) is dropped before anything is counted"

INTERVALS = "95 %, percentile bootstrap over images, 1,000 resamples, seed 0"

_CARD_KEYS = ("name", "title", "citation", "licence", "note", "frames_may_be_shown")


def quiet(title: str) -> AbstractContextManager[None]:
    """The progress bar of those who want none."""
    return nullcontext()


@contextmanager
def timed(folder: RunFolder, task: str, dataset: str) -> Iterator[None]:
    """Notes in the run folder how long an evaluation took, once it is done."""
    began = time.monotonic()
    yield
    folder.record_seconds(task, dataset, time.monotonic() - began)


def facts_of(dataset: str) -> dict[str, Any]:
    """What a report says of a registered data set."""
    about = card(dataset)
    return {key: about[key] for key in _CARD_KEYS}


def code_and_machine(device: str) -> dict[str, Any]:
    """Which code on which libraries and device."""
    return {
        "code": code_version(),
        "gmmbench": __version__,
        "python": platform.python_version(),
        "libraries": library_versions(),
        "device": device,
        "machine": _machine(device),
    }


def _machine(device: str) -> str:
    """The hardware that computes, in words."""
    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    return f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"


def trained(config: Path, config_sha256: str, checkpoint: Path) -> dict[str, Any]:
    """A model of ours: config, checkpoint, and how it was trained, where the training's record lies beside it."""
    record = checkpoint.parent / RECORD
    training = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    changes = "".join(f" --set {shlex.quote(change)}" for change in training.get("overrides", ()))
    command = f"gmmbench train {training['config']} --seed {training['seed']}{changes}" if training else None
    return {
        "config": str(config),
        "config_sha256": config_sha256,
        "recipe_sha256": recipe_sha256(config),
        "checkpoint": str(checkpoint),
        "checkpoint_sha256": sha256(checkpoint),
        "seed": training.get("seed"),
        "training": training,
        "training_command": command,
    }


def command_line(verb: str, *words: object, **options: object) -> str:
    """The command that measures this again; options that are not set are left out."""
    parts = ["gmmbench", verb, *(shlex.quote(str(word)) for word in words)]
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            parts.append(flag)
        elif isinstance(value, Mapping):
            parts += [f"{flag} {shlex.quote(f'{key}={text}')}" for key, text in value.items()]
        elif isinstance(value, list):  # one flag, several words
            parts.append(f"{flag} {' '.join(shlex.quote(str(each)) for each in value)}")
        elif isinstance(value, tuple):  # a flag that may be repeated
            parts += [f"{flag} {shlex.quote(str(each))}" for each in value]
        elif value is not None and value is not False:
            parts.append(f"{flag} {shlex.quote(str(value))}")
    return " ".join(parts)
