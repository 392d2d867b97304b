"""Reading an experiment's config, and what the command line may change in it."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmengine.config import Config

from gmmbench.errors import InputError


def read_config(path: Path, overrides: Iterable[str] = ()) -> Config:
    """An mmengine config with its ``_base_`` files merged and ``key.sub=value`` overrides applied.

    Raises:
        InputError: no such file, not a config, an override that is not ``key=value`` or whose key
            the config does not have, or whose value does not fit there.
    """
    if not path.is_file():
        raise InputError(f"no config at {path}; the project's own lie under configs/, one file an experiment")
    try:
        config = Config.fromfile(path, import_custom_modules=False)
    except Exception as error:  # a config is code: anything may come out of it
        raise InputError(f"{path} is not a usable config ({type(error).__name__}: {error})") from error
    if "model" not in config:
        raise InputError(f"{path} has no 'model'; wanted an experiment's config, not a piece of one")
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key:
            raise InputError(f"--set wants key=value, got '{override}'; for example --set train_cfg.max_iters=200")
        _check_parents(config, key.split(".")[:-1])
        try:
            config.merge_from_dict({key: _value(value)})
        except (TypeError, KeyError) as error:  # a list's missing number, a section for a plain value
            raise InputError(f"--set {override} does not fit the config: {error}") from error
    return config


def _value(text: str) -> object:
    """A Python literal, or else the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _check_parents(config: Config, parents: list[str]) -> None:
    """A misspelt path would otherwise be stored and read by nobody. A new last key is allowed: optional
    arguments are not spelt out in configs, and those who build from them refuse what they do not know."""
    node: object = config
    for depth, part in enumerate(parents):
        if isinstance(node, (list, tuple)):
            child = node[int(part)] if part.isdigit() and int(part) < len(node) else None
            known = f"0 to {len(node) - 1}"
        else:
            assert isinstance(node, (dict, Config))
            child, known = node.get(part), ", ".join(sorted(node.keys()))
        if not isinstance(child, (dict, list, tuple)):
            raise InputError(
                f"--set: the config has no section '{'.'.join(parents[: depth + 1])}'; known here: {known}"
            )
        node = child


def for_prediction(model: Any) -> Any:
    """A config's ``model`` without what a checkpoint's weights replace and what only training reads; in place.

    The backbone's own start would only be downloaded for nothing, and GMMSeg's memory as released takes
    gigabytes: 32,000 features a component.
    """
    for start in ("weights", "init_cfg"):
        model.backbone.pop(start, None)
    if model.get("classifier") is not None:
        model.classifier.pop("memory_options", None)
        model.classifier.memory = "streaming"
    return model


def config_sha256(config: Config) -> str:
    """Hex SHA-256 of the merged config's content: equal configs hash equal, however they are spelt.

    ``expected``, the numbers that a run gave, is left out: it does not change what is run.
    """
    content = {key: value for key, value in config.to_dict().items() if key != "expected"}
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def recipe_sha256(path: Path) -> str:
    """Hex SHA-256 of a config but for its classifier: that of a GMM model and of its softmax twin are equal."""
    config = read_config(path)
    config.model.pop("classifier", None)
    return config_sha256(config)
