"""Reading an experiment's config, and what the command line may change in it."""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmengine.config import Config

from gmmbench.errors import InputError, near_path, unknown_name
from gmmbench.resources import CONFIGS


def read_config(path: Path, overrides: Iterable[str] = ()) -> Config:
    """An mmengine config with its ``_base_`` files merged and ``key.sub=value`` overrides applied.

    Raises:
        InputError: no such file, not a config, an override that is not ``key=value`` or whose key
            the config does not have, or whose value does not fit there.
    """
    if not path.is_file():
        raise InputError(
            f"no config at {path}; {_near(path)}the project's own lie under configs/, one file an experiment"
        )
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
        _check_last(config, key)
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


def _near(path: Path) -> str:
    """A hint at the config that was meant: beside ``path``, or one of the project's own as seen from here."""
    own = [file for file in CONFIGS.glob("*/*.py") if file.parent.name != "_base_"]
    own = [file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file for file in own]
    return near_path(path, [*path.parent.glob("*.py"), *own])


def _check_last(config: Config, key: str) -> None:
    """A new last key is allowed, but not one that is another one misspelt: nothing may ever read it."""
    *parents, last = key.split(".")
    node: Any = config
    for part in parents:
        node = node[int(part)] if isinstance(node, (list, tuple)) else node[part]
    if isinstance(node, (dict, Config)) and last not in node and difflib.get_close_matches(last, node, cutoff=0.85):
        raise unknown_name(f"key of {'.'.join(parents) or 'the config'} for --set:", last, node)


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
            near = [name for name in difflib.get_close_matches(part, known.split(", "), n=1) if name != part]
            raise InputError(
                f"--set: the config has no section '{'.'.join(parents[: depth + 1])}'; known here: {known}"
                f"{f'; did you mean {near[0]!r}?' if near else ''}"
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
