"""One scale for all images, against numpy's percentiles; and what is asked of how pictures look."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gmmbench.errors import InputError
from gmmbench.predict.look import Look
from gmmbench.predict.scale import FRAMES, limits_of, number_text, spread


def test_images_are_spread_over_all() -> None:
    assert spread(0) == []
    assert spread(1) == [0]
    assert spread(FRAMES) == list(range(FRAMES))
    found = spread(1000)
    assert len(found) == FRAMES
    assert (found[0], found[-1]) == (0, 999)
    assert set(np.diff(found)) <= {66, 67}


def test_limits_are_percentiles_of_all_images_together() -> None:
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(50, 60)), rng.normal(8, 2, size=(50, 60))]
    low, high = limits_of(maps)
    expected = np.percentile(np.concatenate([scores.ravel() for scores in maps]), [1, 99])
    np.testing.assert_allclose([low, high], expected, atol=0.01)
    assert limits_of(reversed(maps)) == (low, high)


def test_a_large_image_counts_no_more_than_a_small_one() -> None:
    small, large = np.zeros((256, 256)), np.ones((1024, 1024))
    found = limits_of([small] * 3 + [large] * 2 + [np.full((256, 256), 0.5)] * 2)
    assert found == (0.0, 1.0)
    # If pixels counted, fewer than one in a hundred would be 0 here.
    assert limits_of([small[:64], np.ones((2048, 2048))]) == (0.0, 1.0)


def test_what_a_person_types_again_is_what_was_used() -> None:
    rng = np.random.default_rng(0)
    for size in (1e-6, 1.0, 1e7):
        low, high = limits_of([size * (5 + rng.random((100, 100)))])
        assert (float(repr(low)), float(repr(high))) == (low, high)
        assert len(f"{high:.12g}") <= 13
        np.testing.assert_allclose([low, high], [size * 5.01, size * 5.99], rtol=0.005)


def test_scores_without_a_spread() -> None:
    assert limits_of([np.full((4, 4), 3.0)]) == (3.0, 4.0)
    assert limits_of([]) == (0.0, 1.0)
    assert limits_of([np.full((4, 4), np.nan), np.full((2, 2), np.inf)]) == (0.0, 1.0)
    assert limits_of([np.array([[0.0, 100.0, np.inf, -np.inf, np.nan]])]) == (1.0, 99.0)


def test_numbers_tell_the_hundredths_of_a_scale_apart() -> None:
    assert number_text(-52.04, (-75.22, -52.04)) == "-52.0"
    assert number_text(0.5, (0.0, 1.0)) == "0.50"
    assert number_text(123456.7, (0.0, 1e6)) == "123457"
    assert number_text(1.5e-9, (0.0, 1e-8)) == "1.5e-09"


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (Look(alpha=1.1), "--alpha 1.1: wanted a share of colour between 0 and 1"),
        (Look(alpha=-0.1), "--alpha -0.1"),
        (Look(alpha=math.nan), "--alpha nan"),
        (Look(threshold=math.nan), "--threshold nan: wanted a number"),
        (Look(limits=(2, 1)), "--range 2 1: wanted two scores, the lower one first"),
        (Look(limits=(1, 1)), "--range 1 1"),
        (Look(limits=(-math.inf, 1)), "--range -inf 1"),
    ],
)
def test_looks_that_make_no_picture(look: Look, said: str) -> None:
    with pytest.raises(InputError, match=f"^{said}"):
        look.check()
    Look(0, -1e30, (0, 1e-30)).check()
