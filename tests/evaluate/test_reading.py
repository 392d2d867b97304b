"""Reading ahead: what is seen does not differ from a plain loop, and no thread outlives it."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from gmmbench.errors import InputError
from gmmbench.evaluate.reading import AHEAD, number_of, read_ahead
from gmmbench.labels import Sample


class Images:
    """Numbered samples; notes which were read, and fails at one of them."""

    def __init__(self, number: int, damaged: int | None = None) -> None:
        self.read: list[int] = []
        self._number, self._damaged = number, damaged

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, index: int) -> Sample:
        assert 0 <= index < self._number
        self.read.append(index)
        time.sleep(0.001 * (index % 3))
        if index == self._damaged:
            raise InputError(f"frame {index} is damaged")
        return Sample(str(index), np.zeros((1, 1, 3), dtype=np.uint8), np.zeros((1, 1), dtype=np.uint8))


def readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("reading images")]


@pytest.mark.parametrize("number", [0, 1, AHEAD, AHEAD + 1, 20])
def test_all_come_once_and_in_order(number: int) -> None:
    images = Images(number)
    assert [sample.name for sample in read_ahead(images, number)] == [str(index) for index in range(number)]
    assert images.read == list(range(number))
    assert readers() == []


def test_no_more_is_read_than_was_asked_for() -> None:
    images = Images(20)
    assert len(list(read_ahead(images, 7))) == 7
    assert images.read == list(range(7))


def test_the_next_are_read_while_one_is_looked_at() -> None:
    images = Images(20)
    reading = read_ahead(images, 20)
    next(reading)
    deadline = time.monotonic() + 5
    while len(images.read) < 1 + AHEAD and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert images.read == list(range(1 + AHEAD)), "the next ones, and no more: they must be held"
    reading.close()


def test_progress_is_told_after_each() -> None:
    events: list[Any] = []
    for sample in read_ahead(Images(3), 3, lambda done, total: events.append((done, total))):
        events.append(sample.name)
    assert events == ["0", (1, 3), "1", (2, 3), "2", (3, 3)]


@pytest.mark.parametrize("damaged", [0, 1, 5, 9])
def test_an_error_comes_up_at_its_image(damaged: int) -> None:
    seen = []
    told: list[int] = []

    def look() -> None:
        for sample in read_ahead(Images(10, damaged), 10, lambda done, total: told.append(done)):
            seen.append(sample.name)

    with pytest.raises(InputError, match=f"frame {damaged} is damaged"):
        look()
    assert seen == [str(index) for index in range(damaged)]
    assert told == list(range(1, damaged + 1))
    assert readers() == []


def test_closing_early_leaves_no_thread() -> None:
    images = Images(50)
    reading = read_ahead(images, 50)
    assert [next(reading).name for _ in range(3)] == ["0", "1", "2"]
    assert len(readers()) == 1
    reading.close()
    assert readers() == []
    assert len(images.read) <= 3 + AHEAD


def test_an_error_of_the_one_who_looks_leaves_no_thread() -> None:
    def look() -> None:
        for sample in read_ahead(Images(50), 50):
            if sample.name == "4":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look()
    deadline = time.monotonic() + 5
    while readers() and time.monotonic() < deadline:  # the traceback is let go of here
        time.sleep(0.001)
    assert readers() == []


def test_how_many_are_looked_at() -> None:
    images = Images(5)
    assert [number_of(images, limit) for limit in (None, 1, 5, 6)] == [5, 1, 5, 5]
    for limit in (0, -2):
        with pytest.raises(InputError, match=f"--limit {limit}: wanted at least one image"):
            number_of(images, limit)
