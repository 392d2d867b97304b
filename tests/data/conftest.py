"""What the tests of the data sets share: writing tiny files, and reading what a card promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gmmbench.data.cards import card
from gmmbench.errors import InputError

Save = Callable[[Path, NDArray[np.uint8]], None]


@pytest.fixture
def save() -> Save:
    """Write pixels as an image file of the kind that its ending says; makes the folder."""

    def write(path: Path, pixels: NDArray[np.uint8]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)

    return write


@pytest.fixture
def values_on_disk() -> Callable[[str], tuple[int, ...]]:
    """The label values that the card of a data set lists, ascending; "2-5" is a range."""

    def read(name: str) -> tuple[int, ...]:
        ends = [[int(end) for end in str(entry).split("-")] for entry in card(name)["values_on_disk"]]
        return tuple(sorted({value for first, *last in ends for value in range(first, (last or [first])[0] + 1)}))

    return read


@pytest.fixture
def complaint() -> Callable[[Callable[[], object]], str]:
    """The one line of the InputError that a call raises."""

    def message(call: Callable[[], object]) -> str:
        with pytest.raises(InputError) as caught:
            call()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return message
