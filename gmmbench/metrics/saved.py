"""Checks on saved counts: nothing that another program or a broken disk wrote is read as counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.metrics.keys import are_bins


def check_saved(arrays: Mapping[str, NDArray[Any]], what: str, key_bits: int, dtype: type[np.integer[Any]]) -> None:
    """Raise InputError unless ``arrays`` are what ``to_arrays`` wrote.

    Args:
        arrays: ``keys`` (N,) uint32, ``in`` and ``ood`` (N,) of ``dtype``, ``ignored`` () and ``key_bits`` ().
        what: the class that wrote them, for the message.
        key_bits: of the float32 key that name a bin.
        dtype: of the counts.
    """
    fault = ""
    missing = {"keys", "in", "ood", "ignored", "key_bits"} - set(arrays)
    if missing:
        fault = f"no array {', '.join(sorted(missing))}"
    elif int(arrays["key_bits"]) != key_bits:
        fault = f"bins of {int(arrays['key_bits'])} key bits, this version reads {key_bits}"
    elif arrays["keys"].dtype != np.uint32 or any(arrays[name].dtype != dtype for name in ("in", "ood")):
        fault = f"dtypes {', '.join(str(arrays[name].dtype) for name in ('keys', 'in', 'ood'))}"
    elif arrays["keys"].ndim != 1 or not arrays["keys"].shape == arrays["in"].shape == arrays["ood"].shape:
        fault = f"shapes {', '.join(str(arrays[name].shape) for name in ('keys', 'in', 'ood'))}"
    elif not are_bins(arrays["keys"], key_bits):
        fault = "keys that are no strictly ascending bins"
    elif int(arrays["ignored"]) < 0 or any((arrays[name] < 0).any() for name in ("in", "ood")):
        fault = "negative counts"
    if fault:
        raise InputError(f"saved score counts hold {fault}; wanted what {what}.to_arrays wrote; evaluate again")
