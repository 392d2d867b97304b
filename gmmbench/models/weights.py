"""Reading tensors that somebody else wrote."""

from __future__ import annotations

import pickle
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
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} holds more than tensors and plain values, which could run code on loading;"
            " wanted a state dict; re-save it with torch.save(model.state_dict(), ...)"
        ) from error
    except (RuntimeError, EOFError, ValueError, OSError) as error:
        raise InputError(
            f"{path} is not a readable checkpoint ({str(error).splitlines()[0]}); copy it again"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a {type(content).__name__}, wanted a state dict")
    return content


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a bare state dict, or of a training checkpoint that holds one under "state_dict"."""
    content = read_checkpoint(path)
    state = content.get("state_dict", content)
    return {key: value for key, value in state.items() if isinstance(value, torch.Tensor)}
