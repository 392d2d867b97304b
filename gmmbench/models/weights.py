"""Reading tensors that somebody else wrote."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from gmmbench.errors import InputError


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A dictionary written by ``torch.save``, read with ``weights_only=True`` on the CPU.

    Raises:
        InputError: no such file, not a checkpoint, damaged, or one that would run code.
    """
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}; give the path of a .pth file that 'gmmbench train' wrote")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
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


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a bare state dict, or of a training checkpoint that holds one under "state_dict"."""
    content = read_checkpoint(path)
    state = content.get("state_dict", content)
    if not isinstance(state, dict):
        raise InputError(f"{path} holds a {type(state).__name__} under 'state_dict', wanted a state dict")
    return {key: value for key, value in state.items() if isinstance(key, str) and isinstance(value, torch.Tensor)}
