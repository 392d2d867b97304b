"""Images whose labels are not public: scored and exported, never evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gmmbench.data.faults import complain
from gmmbench.data.pairs import read_image


@dataclass(frozen=True)
class Frame:
    """One image without labels.

    Attributes:
        name: the file's name without its suffix, as a submission to the publisher's benchmark must call it.
        image: (H, W, 3) uint8, RGB.
    """

    name: str
    image: NDArray[np.uint8]


class ImageFolder:
    """Images in the order given; ``folder[i]`` reads one ``Frame``.

    Args:
        name: the registry's name, for messages.
        files: one an image; their stems are the frames' names.

    Raises:
        InputError: no image at all, or two of one name.
    """

    def __init__(self, name: str, files: Sequence[Path]) -> None:
        self.name = name
        self.files = tuple(files)
        twice = sorted(stem for stem, times in Counter(file.stem for file in self.files).items() if times > 1)
        if twice:
            complain(
                "listed twice", f"{name}: {len(twice)} names are there twice, first '{twice[0]}'; keep one of each"
            )
        if not self.files:
            complain("no images", f"{name}: no images found; unpack the data set again")

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Frame]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Frame:
        """Read one image. Raises InputError, which names the file, where it is damaged."""
        file = self.files[index]
        return Frame(file.stem, read_image(file))
