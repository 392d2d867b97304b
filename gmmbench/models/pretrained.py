"""Where ``init_cfg=dict(type="Pretrained", checkpoint=...)`` reads weights: tensors only, whoever wrote them.

MMEngine's own loaders fall back to ``weights_only=False`` when a file holds more than tensors, and never ask
for less when they download: such a file can run code. These take their place, also for ``load_from`` and
``resume``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, get_dist_info
from mmengine.runner import CheckpointLoader

from gmmbench.errors import InputError
from gmmbench.models.weights import read_checkpoint

# MMEngine puts all behind the tenth letter of a loader's name in its log.


@CheckpointLoader.register_scheme(prefixes="", force=True)
def load_from_path(filename: str, map_location: Any = None) -> dict[str, Any]:
    """A checkpoint that lies here, on the CPU wherever the model is; its tensors are copied anyway."""
    return read_checkpoint(Path(filename).expanduser())


@CheckpointLoader.register_scheme(prefixes=["http://", "https://"], force=True)
def load_from_web(filename: str, map_location: Any = None) -> dict[str, Any]:
    """A checkpoint by its address, kept in torch.hub's folder; one process of a group downloads it.

    The name's last part, ``-`` and eight or more hex digits, is the beginning of the file's SHA-256, by the
    convention of torch.hub and MMSegmentation, and is checked.

    Raises:
        InputError: no connection, or other content than the name says.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(filename).path).name  # type: ignore[no-untyped-call]
    rank, _ = get_dist_info()
    if rank == 0 and not path.is_file():
        _download(filename, path)
    barrier()
    return read_checkpoint(path)


_OTHER_SCHEMES = [scheme for scheme in CheckpointLoader._schemes if scheme not in ("", "http://", "https://")]


@CheckpointLoader.register_scheme(prefixes=_OTHER_SCHEMES, force=True)
def load_from_other(filename: str, map_location: Any = None) -> dict[str, Any]:
    """MMEngine's short names of services are not read."""
    raise InputError(f"cannot read weights from '{filename}'; wanted a file's path, or an address with https://")


def _download(address: str, path: Path) -> None:
    digits = torch.hub.HASH_REGEX.search(path.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(address, str(path), digits.group(1) if digits else None, progress=False)
    except (OSError, RuntimeError) as error:  # no connection; another hash
        raise InputError(
            f"could not download {address} ({error}); get it on another machine and name the file:"
            " --set model.backbone.init_cfg.checkpoint=PATH"
        ) from error
