"""A Python name to the object."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from gmmbench.errors import InputError, unknown_name


def load_object(spec: str) -> Callable[..., Any]:
    """What ``package.module:name`` names; the current directory is looked in first.

    Raises:
        InputError: not of that form, a module that cannot be imported, or no such function or class in it. What
            the module itself raises on import, beyond a missing module or a syntax error, comes through.
    """
    module_name, colon, name = spec.partition(":")
    # A leading dot is relative to nothing, and importlib fails on it by itself.
    if not colon or not module_name or not name or module_name.startswith(".") or "/" in module_name:
        raise InputError(f"'{spec}' names no Python object; wanted package.module:name, for example my_model:make")
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)  # for good: what is loaded may itself import later
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise InputError(
                f"no module '{error.name}' for '{spec}'; wanted one that is installed or lies under {here}"
            ) from error
        raise InputError(f"'{spec}' needs the package '{error.name}', which is not installed") from error
    except (ImportError, SyntaxError) as error:
        raise InputError(
            f"'{spec}' cannot be imported ({type(error).__name__}: {error}); mend {module_name}"
        ) from error
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            public = [key for key, value in vars(found).items() if callable(value) and not key.startswith("_")]
            raise unknown_name(f"name in {module_name}:", part, public)
        found = getattr(found, part)
    if not callable(found):
        raise InputError(f"'{spec}' is a {type(found).__name__}; wanted a function or a class")
    return found
