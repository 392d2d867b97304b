"""gmmbench: open-world anomaly segmentation benchmarks with generative and discriminative models.

``import gmmbench`` loads nothing. ``gmmbench.evaluate``, ``compare``, ``read`` and ``report`` are what the command
line does, as functions; ``gmmbench.api`` documents them.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gmmbench.api import compare as compare
    from gmmbench.api import evaluate as evaluate
    from gmmbench.api import read as read
    from gmmbench.api import report as report

__version__ = "0.1.0"

_VERBS = ("compare", "evaluate", "read", "report")


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module 'gmmbench' has no attribute '{name}'")
    from gmmbench import api

    return globals().get(name) or getattr(api, name)  # importing it may have brought the room of that name


def __dir__() -> list[str]:
    return sorted({*globals(), *_VERBS})


class _Room(ModuleType):
    """A room that bears a verb's name, and is callable as that verb."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        from gmmbench import api

        return getattr(api, self.__name__.rpartition(".")[2])(*args, **options)


class _Package(ModuleType):
    """Python sets a package's attribute to a room when that is imported; ``gmmbench.report`` stays callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _VERBS and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
