"""Reading tensors that somebody else wrote."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from gmmbench.errors import InputError, near_path


class _Skipped:
    """What a numpy value in a file is read as: nothing. None of numpy's own code runs."""

    def __init__(self, *args: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


_NUMPY: list[Any] = [
    type(name, (_Skipped,), {"__module__": module})
    for module, name in (
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.multiarray", "_reconstruct"),
    )
]
"""Stand-ins under the names by which pickles call numpy."""


def read_checkpoint(path: Path, *, foreign: bool = False) -> dict[str, Any]:
    """A dictionary written by ``torch.save``, read with ``weights_only=True`` on the CPU.

    Args:
        foreign: of MMSegmentation 0.x. Its notes beside the weights may hold numpy values (a best mIoU, a
            palette), which ``weights_only`` refuses; they are skipped. Tensors stay on the disk until they are
            used: a released GMMSeg's queue takes gigabytes.

    Raises:
        InputError: no such file, not a checkpoint, damaged, or one that would run code.
    """
    if not path.is_file():
        near = near_path(path, path.parent.glob("*.pth"))
        raise InputError(f"no checkpoint at {path}; {near}give the path of a .pth file that 'gmmbench train' wrote")
    try:
        with torch.serialization.safe_globals(_NUMPY if foreign else []):  # type: ignore[no-untyped-call]
            mapped = foreign and zipfile.is_zipfile(path)
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # bytes that are no checkpoint decode to anything
        foreign = isinstance(error, pickle.UnpicklingError)
        if foreign and zipfile.is_zipfile(path):
            raise InputError(
                f"{path} holds more than tensors and plain values, which could run code on loading;"
                " wanted a state dict; re-save it with torch.save(model.state_dict(), ...)"
            ) from error
        # PyTorch's own text on foreign bytes advises to load them unsafely.
        reason = "another kind of file, or damaged" if foreign else (str(error).splitlines() or [repr(error)])[0]
        raise InputError(f"{path} is not a readable checkpoint ({reason}); copy it again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a {type(content).__name__}, wanted a state dict")
    return content


def read_state_dict(path: Path, *, foreign: bool = False) -> dict[str, torch.Tensor]:
    """The tensors of a bare state dict, or of a training checkpoint that holds one under "state_dict".

    ``foreign`` as in ``read_checkpoint``.
    """
    content = read_checkpoint(path, foreign=foreign)
    state = content.get("state_dict", content)
    if not isinstance(state, dict):
        raise InputError(f"{path} holds a {type(state).__name__} under 'state_dict', wanted a state dict")
    return {key: value for key, value in state.items() if isinstance(key, str) and isinstance(value, torch.Tensor)}


def lasting(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What a model needs to predict: a state dict without EM's memory, which only a resumed training reads."""
    return {key: value for key, value in state.items() if ".conv_seg.memory." not in key}
