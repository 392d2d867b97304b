"""What a number is traced back to: code, libraries, files."""

from __future__ import annotations

import hashlib
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import gmmbench

LIBRARIES = (
    "torch",
    "timm",
    "onedl-mmengine",
    "onedl-mmcv",
    "onedl-mmsegmentation",
    "numpy",
    "opencv-python",
    "pillow",
)
"""Those whose version can move a number."""


def library_versions() -> dict[str, str]:
    """The version of each library that can move a number; "absent" where not installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def code_version() -> str:
    """Version of gmmbench, with the git commit where it runs from a checkout ("+changes" if edited)."""
    folder = Path(__file__).resolve().parent.parent
    try:
        commit = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty=+changes", "--abbrev=10", "--exclude=*"],
            capture_output=True, text=True, timeout=10, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return gmmbench.__version__
    return f"{gmmbench.__version__} ({commit})" if (folder / "gmmbench").is_dir() else gmmbench.__version__


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
