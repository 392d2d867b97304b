"""Image files as data: addresses: no pixel changed in drawings, and small enough for a page that holds a hundred."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from gmmbench.errors import InputError
from gmmbench.report.blocks import Viewer
from gmmbench.report.render.html_words import flat

_DRAWING = 400_000  # bytes of a file; drawings have a quarter of it, pages of photographs five times as much
_QUALITY = 85
_CSS_DPI = 96
_KEPT = {"JPEG": "image/jpeg", "WEBP": "image/webp"}


@dataclass(frozen=True)
class Embedded:
    """An image inside the page.

    Attributes:
        uri: a data: address.
        width, height: in CSS pixels: of a figure its size in print, where its file tells the resolution.
    """

    uri: str
    width: int
    height: int


def embed(path: Path) -> Embedded:
    """The image at ``path``, JPEG and WebP byte for byte, others as WebP: lossless, or lossy where that is large.

    WebP: RFC 9649, which all browsers since 2020 show; a matplotlib figure takes about a third of its PNG.

    Raises:
        InputError: the file is missing or is no image that Pillow can read.
    """
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path}: cannot be put into the page ({error}); wanted an image that the report's figures folder holds: "
            "write the report again"
        ) from error
    kind = _KEPT.get(image.format or "")
    if kind is None:
        # Lossy coding would blur the thin lines of drawings.
        kind, content = "image/webp", _webp(image, lossless=len(content) <= _DRAWING)
    scale = _CSS_DPI / _resolution(image)
    return Embedded(
        f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}",
        max(1, round(image.width * scale)),
        max(1, round(image.height * scale)),
    )


def pictures(viewer: Viewer, folder: Path) -> dict[str, Any]:
    """What the page's script needs to show ``viewer``, each file once.

    Returns:
        "images": data: addresses; "shots": name, note and layers of each, a layer as [title, place in images];
        "size": [width, height] of the first picture.

    Raises:
        InputError: as ``embed``.
    """
    places: dict[str, int] = {}
    shots = [
        {
            "name": flat(shot.name),
            "note": flat(shot.note),
            "layers": [[flat(layer.title), places.setdefault(layer.file, len(places))] for layer in shot.layers],
        }
        for shot in viewer.shots
    ]
    images = [embed(folder / file) for file in places]
    size = [images[0].width, images[0].height] if images else [1, 1]
    return {"images": [image.uri for image in images], "shots": shots, "size": size}


def _webp(image: Image.Image, *, lossless: bool) -> bytes:
    opaque = image.mode in ("RGBA", "LA") and image.getextrema()[-1] == (255, 255)
    image = image.convert("RGBA" if image.has_transparency_data and not opaque else "RGB")
    buffer = io.BytesIO()
    if lossless:
        image.save(buffer, "WEBP", lossless=True, method=1)
    else:
        image.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return buffer.getvalue()


def _resolution(image: Image.Image) -> float:
    """Pixels per inch; where the file does not tell, one pixel is a CSS pixel."""
    across = float(image.info.get("dpi", (_CSS_DPI, _CSS_DPI))[0])
    return across if across > _CSS_DPI else _CSS_DPI
