"""Nearest pixels against a sort of all of them; patches against their pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gmmbench.labels import Sample
from gmmbench.mixture.nearest import OUTSIDE, SIDE, NearestPixels, patch_around


def images(number: int) -> list[tuple[Sample, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """sample, (N, C, M) log-densities, labels and places; the image's pixels hold its number."""
    rng, found = np.random.default_rng(0), []
    for n in range(number):
        sample = Sample(f"image {n}", np.full((40, 50, 3), n, dtype=np.uint8), np.zeros((40, 50), dtype=np.uint8))
        places = torch.tensor(rng.integers(0, 40, (30, 2)))
        found.append((sample, torch.tensor(rng.normal(size=(30, 2, 3))), torch.tensor(rng.integers(0, 2, 30)), places))
    return found


def test_against_a_sort() -> None:
    started = torch.tensor([[True, True, False], [True, True, True]])
    near, everything = NearestPixels(started, 4), images(9)
    for sample, logs, labels, places in everything:
        near.add(sample, logs, labels, places)
    found = near.arrays()
    for c in range(2):
        for m in range(3):
            best = []
            for sample, logs, labels, places in everything:
                mine = np.flatnonzero(labels.numpy() == c)
                n = mine[int(logs[mine, c, m].argmax())]
                best.append((float(logs[n, c, m]), sample.name, tuple(places[n].tolist())))
            best.sort(reverse=True)
            if not started[c, m]:
                assert np.isnan(found["patch_log_prob"][c, m]).all()
                assert (found["patch_places"][c, m] == -1).all()
                assert set(found["patch_images"][c, m]) == {""}
                continue
            assert found["patch_log_prob"][c, m].tolist() == [value for value, _, _ in best[:4]]
            assert found["patch_images"][c, m].tolist() == [name for _, name, _ in best[:4]]
            assert [tuple(place) for place in found["patch_places"][c, m].tolist()] == [at for _, _, at in best[:4]]
            for k, (_, name, _) in enumerate(best[:4]):
                assert found["patches"][c, m, k, SIDE // 2, SIDE // 2, 0] == int(name.removeprefix("image "))


def test_an_image_shows_its_best_pixel_alone() -> None:
    """Images of one name too: they are one to a reader."""
    near = NearestPixels(torch.ones(1, 1, dtype=torch.bool), 2)
    sample = images(1)[0][0]
    for value in (1.0, 3.0, 2.0):
        near.add(sample, torch.full((1, 1, 1), value), torch.zeros(1, dtype=torch.int64), torch.tensor([[1, 2]]))
    found = near.arrays()["patch_log_prob"][0, 0]
    assert found[0] == 3
    assert np.isnan(found[1])


@pytest.mark.parametrize("size", [(45, 60), (400, 700), (1000, 2000)])
def test_a_patch_shows_a_fifth_of_the_shorter_side_around_its_pixel(size: tuple[int, int]) -> None:
    rows, columns = np.mgrid[: size[0], : size[1]]
    scale = 255 / max(size)
    image = np.stack([rows * scale, columns * scale, 0 * rows], axis=-1).astype(np.uint8)
    row, column = size[0] // 2, size[1] // 2
    patch = patch_around(image, (row, column)).astype(float)
    assert patch.shape == (SIDE, SIDE, 3)
    assert patch[SIDE // 2, SIDE // 2, 0] == pytest.approx(row * scale, abs=2)
    assert patch[SIDE // 2, SIDE // 2, 1] == pytest.approx(column * scale, abs=2)
    seen = (patch[-1, 0, 0] - patch[0, 0, 0]) / scale
    assert seen == pytest.approx(0.2 * size[0], abs=2 / scale + 2)


def test_stripes_beyond_the_border() -> None:
    patch = patch_around(np.full((100, 100, 3), 7, dtype=np.uint8), (0, 99))
    stripes = np.repeat(OUTSIDE[:, :, None], 3, axis=2)
    assert np.array_equal(patch[:30], stripes[:30])
    assert np.array_equal(patch[:, 34:], stripes[:, 34:])
    assert (patch[31:, :32] == 7).all()
    assert set(np.unique(patch)) == {7, *np.unique(OUTSIDE)}
