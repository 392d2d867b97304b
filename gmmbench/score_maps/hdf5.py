"""h5py, which is an extra: found only where a file needs it."""

from __future__ import annotations

from types import ModuleType

from gmmbench.errors import InputError


def h5py_for(what: object) -> ModuleType:
    """The module h5py.

    Args:
        what: cannot be done without it, for the message.

    Raises:
        InputError: it is not installed; says how to.
    """
    try:
        import h5py
    except ImportError as error:
        raise InputError(f"{what} needs h5py, which is not installed; pip install 'gmmbench[hdf5]'") from error
    module: ModuleType = h5py
    return module
