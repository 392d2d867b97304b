"""The steps of pasting, each alone: size, blending, matching, placing, cut-outs of known classes."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import spsolve

from gmmbench.data.synth.backgrounds import Background
from gmmbench.data.synth.blending import BLENDS, alpha_blend, membrane, poisson_blend
from gmmbench.data.synth.cutouts import Cutout, crop
from gmmbench.data.synth.known import known_objects
from gmmbench.data.synth.matching import blur_to_match, blurred, fineness, match_colours
from gmmbench.data.synth.perspective import View, view
from gmmbench.data.synth.placing import Place, find_place
from gmmbench.data.synth.recipe import ANOMALY, EMPTY, KNOWN, Recipe
from gmmbench.data.synth.sprite import soften, sprite
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE

SKY, ROAD, CAR = range(3)


def disc(size: int = 41, colour: int = 200) -> Cutout:
    """A round object; around it the picture that it was cut from is of a loud green."""
    rows, columns = np.mgrid[:size, :size] - size // 2
    alpha = (np.hypot(rows, columns) < size * 0.4).astype(np.float32)
    colours = np.zeros((size, size, 3), np.uint8)
    colours[...] = (0, 255, 0)
    colours[alpha > 0] = colour
    return crop("disc.png", colours, alpha)


def street(height: int = 80, width: int = 100) -> Background:
    """Sky over a road that begins at row 30, a car, and a void bonnet below."""
    labels = np.full((height, width), SKY, np.uint8)
    labels[30:] = ROAD
    labels[40:60, 60:90] = CAR
    labels[-6:] = IGNORE
    image = np.random.default_rng(0).integers(60, 120, (height, width, 3)).astype(np.uint8)
    return Background("street", image, labels)


# Perspective.


def test_size_is_linear_below_the_horizon_and_a_thing_as_high_as_the_camera_reaches_it() -> None:
    sight = view(street(), (ROAD,), None)
    assert sight.horizon == 30
    sizes = [sight.pixels(1.2, row, 1.4) for row in range(31, 80)]
    np.testing.assert_allclose(np.diff(sizes), 1.2 / 1.4)
    assert sight.pixels(1.4, 70, 1.4) == 40
    assert view(street(), (ROAD,), 0.25).horizon == 20


def test_stray_ground_pixels_do_not_lift_the_horizon() -> None:
    picture = street(80, 1000)
    assert picture.labels is not None
    picture.labels[3, 5:9] = ROAD
    assert view(picture, (ROAD,), None).horizon == 30
    picture.labels[3, 5:10] = ROAD
    assert view(picture, (ROAD,), None).horizon == 3


def test_without_labels_the_lower_half_is_ground() -> None:
    picture = Background("x", np.zeros((80, 100, 3), np.uint8), None)
    sight = view(picture, (), None)
    assert sight.horizon == 36
    assert sight.ground[40:].all()
    assert not sight.ground[:40].any()
    assert view(picture, (), 0.75).ground.sum() == (80 - 61) * 100


def test_what_stands_nearer_is_known_by_where_it_ends() -> None:
    sight = view(street(), (ROAD,), None)
    on_car, on_bonnet, on_sky, on_road = (np.zeros((80, 100), bool) for _ in range(4))
    on_car[45:50, 70] = on_bonnet[76, :5] = on_sky[:10] = on_road[35, 5] = True
    assert sight.hides(on_car, foot=50) == 1  # the car ends at row 59
    assert sight.hides(on_car, foot=59) == 0
    assert sight.hides(on_bonnet, foot=78) == 1
    assert sight.hides(on_sky, foot=32) == 0
    assert sight.hides(on_road, foot=0) == 0
    assert sight.hides(on_car | on_sky, foot=50) == pytest.approx(5 / 1005)


def naive_run_end(labels: NDArray[np.uint8], row: int, column: int) -> int:
    while row + 1 < len(labels) and labels[row + 1, column] == labels[row, column]:
        row += 1
    return row


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_nearest_against_a_walk_down_each_column(seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, (7, 4)).astype(np.uint8)
    nearest = view(Background("x", np.zeros((7, 4, 3), np.uint8), labels), (ROAD,), 0.0).nearest
    for (row, column), value in np.ndenumerate(labels):
        assert nearest[row, column] == (-1 if value == ROAD else naive_run_end(labels, row, column))


# Sprites.


@pytest.mark.parametrize("scale", [0.2, 0.5, 1.0, 1.3])
@pytest.mark.parametrize("feather", [0.0, 0.7, 2.0])
def test_nothing_of_the_old_surroundings_comes_along(scale: float, feather: float) -> None:
    drawn = sprite(disc(colour=200), scale, flipped=False, feather=feather, shrink=0)
    np.testing.assert_allclose(drawn.colours[drawn.alpha > 0], 200, atol=0.1)
    assert drawn.alpha[0].max() == drawn.alpha[:, -1].max() == 0


def test_the_mask_has_the_objects_area_and_shrinking_takes_its_edge() -> None:
    area = float(disc(81).alpha.sum())
    plain, less = (sprite(disc(81), 0.5, flipped=False, feather=0.7, shrink=by).mask.sum() for by in (0, 4))
    assert plain == pytest.approx(area / 4, rel=0.03)
    radius = math.sqrt(area / math.pi)
    assert less == pytest.approx(math.pi * ((radius - 4) / 2) ** 2, rel=0.15)


def test_a_flipped_sprite_is_the_mirror_image() -> None:
    rng = np.random.default_rng(0)
    cutout = Cutout("x", rng.integers(0, 256, (9, 7, 3)).astype(np.uint8), np.ones((9, 7), np.float32))
    plain, mirrored = (sprite(cutout, 1.0, flipped=way, feather=0.7, shrink=0) for way in (False, True))
    np.testing.assert_allclose(mirrored.alpha, plain.alpha[:, ::-1], atol=1e-6)
    inside = plain.mask[:, ::-1]
    np.testing.assert_allclose(mirrored.colours[inside], plain.colours[:, ::-1][inside], atol=1e-3)


def test_a_hair_is_not_shrunk_away() -> None:
    cutout = Cutout("hair", np.zeros((30, 1, 3), np.uint8), np.ones((30, 1), np.float32))
    assert sprite(cutout, 1.0, flipped=False, feather=0.0, shrink=3).mask.sum() == 30


# Blending.


def square(size: int = 24) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(1)
    alpha = np.zeros((size, size), np.float32)
    alpha[6:16, 5:18] = 1
    background = rng.integers(0, 256, (size, size, 3)).astype(np.uint8)
    return background, rng.uniform(0, 255, (size, size, 3)).astype(np.float32), soften(alpha, 1.0)


@pytest.mark.parametrize("blend", BLENDS)
def test_outside_the_edge_no_bit_changes(blend: str) -> None:
    background, colours, alpha = square()
    pasted = BLENDS[blend](background, colours, alpha)
    changed = (pasted != background).any(axis=2)
    assert not changed[alpha == 0].any()
    assert changed[alpha >= 0.5].mean() > 0.9
    if blend == "poisson":
        assert not changed[alpha < 0.5].any()


def test_alpha_blending_is_the_weighted_mean() -> None:
    background, colours, alpha = square()
    expected = np.rint(alpha[..., None] * colours + (1 - alpha[..., None]) * background)
    assert np.abs(alpha_blend(background, colours, alpha).astype(float) - expected).max() <= 1


@pytest.mark.parametrize("screen", [0.0, 0.05, np.random.default_rng(7).uniform(0, 2, (23, 31))])
@pytest.mark.parametrize("touching", [False, True])
def test_the_membrane_against_a_sparse_direct_solver(screen: Any, touching: bool) -> None:
    rng = np.random.default_rng(2)
    inside = rng.random((23, 31)) < 0.8
    if not touching:
        inside[[0, -1]] = inside[:, [0, -1]] = False
    gap = rng.normal(0, 60, (23, 31, 2))
    places = {place: number for number, place in enumerate(map(tuple, np.argwhere(inside)))}
    matrix, right = lil_matrix((len(places), len(places))), np.zeros((len(places), 2))
    for (row, column), number in places.items():
        matrix[number, number] = np.broadcast_to(screen, (23, 31))[row, column]
        for other in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if 0 <= other[0] < 23 and 0 <= other[1] < 31:
                matrix[number, number] += 1
                if other in places:
                    matrix[number, places[other]] = -1
                else:
                    right[number] += gap[other]
    solved = membrane(gap, inside, screen, tolerance=1e-7)
    np.testing.assert_allclose(solved[inside], spsolve(matrix.tocsr(), right), atol=1e-4)
    np.testing.assert_array_equal(solved[~inside], gap[~inside])


def test_an_object_that_differs_by_a_constant_vanishes_at_its_edge_and_not_inside() -> None:
    background = np.full((80, 80, 3), 90, np.uint8)
    alpha = np.zeros((80, 80), np.float32)
    alpha[10:70, 10:70] = 1
    pasted = poisson_blend(background, np.full((80, 80, 3), 190, np.float32), alpha)
    inwards = pasted[10:41, 40, 0].astype(int)
    assert inwards[0] < 140  # nearer to the background's 90 than to the object's 190
    assert inwards[-1] > 185
    assert (np.diff(inwards) >= 0).all()


def test_a_thin_leg_keeps_its_own_colour() -> None:
    background = np.full((80, 80, 3), 90, np.uint8)
    alpha = np.zeros((80, 80), np.float32)
    alpha[10:40, 10:70] = alpha[40:75, 20:25] = 1
    pasted = poisson_blend(background, np.full((80, 80, 3), 190, np.float32), alpha)
    assert pasted[60, 22, 0] > 160


def test_the_membrane_of_nothing_and_of_everything() -> None:
    gap = np.ones((5, 5, 3))
    np.testing.assert_array_equal(membrane(gap, np.zeros((5, 5), bool)), gap)
    np.testing.assert_array_equal(membrane(gap, np.ones((5, 5), bool)), 0 * gap)


# Matching.


def lab(colours: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(cv2.cvtColor(colours / np.float32(255), cv2.COLOR_RGB2LAB))[mask].astype(float)


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.7, 1.0])
def test_colours_go_their_share_of_the_way(strength: float) -> None:
    rng = np.random.default_rng(3)
    own = rng.normal((150, 120, 90), 10, (40, 40, 3)).astype(np.float32)
    around = rng.normal((80, 100, 110), 12, (40, 40, 3)).astype(np.float32)
    mask, beside = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    mask[10:30, 10:30] = beside[:, :12] = True
    moved = match_colours(own, mask, around, beside, strength)
    before, after, there = lab(own, mask), lab(moved, mask), lab(around, beside)
    wanted = (1 - strength) * before.mean(0) + strength * there.mean(0)
    np.testing.assert_allclose(after.mean(0), wanted, atol=0.6)
    stretch = np.clip(there.std(0) / before.std(0), 0.6, 1.4)
    np.testing.assert_allclose(after.std(0), before.std(0) * (1 + strength * (stretch - 1)), rtol=0.05)


def test_with_no_place_beside_it_nothing_changes() -> None:
    own = np.random.default_rng(0).uniform(0, 255, (9, 9, 3)).astype(np.float32)
    everywhere, nowhere = np.ones((9, 9), bool), np.zeros((9, 9), bool)
    np.testing.assert_array_equal(match_colours(own, everywhere, own, nowhere, 1.0), own)
    assert blur_to_match(own, everywhere, own, nowhere) == 0


@pytest.mark.parametrize("blurriness", [0.7, 1.2, 2.0])
def test_a_sharp_object_is_blurred_to_the_place_and_a_soft_one_left(blurriness: float) -> None:
    rng = np.random.default_rng(4)
    sharp = rng.uniform(0, 255, (64, 64, 3)).astype(np.float32)
    soft, everywhere = blurred(rng.uniform(0, 255, (64, 64, 3)).astype(np.float32), blurriness), np.ones((64, 64), bool)
    sigma = blur_to_match(sharp, everywhere, soft, everywhere)
    assert sigma == pytest.approx(blurriness, abs=0.35)
    assert fineness(blurred(sharp, sigma), everywhere) <= fineness(soft, everywhere) < fineness(sharp, everywhere)
    assert blur_to_match(soft, everywhere, sharp, everywhere) == 0


def test_fineness_does_not_depend_on_contrast() -> None:
    pixels, everywhere = (
        np.random.default_rng(5).uniform(0, 255, (32, 32, 3)).astype(np.float32),
        np.ones((32, 32), bool),
    )
    assert fineness(pixels * np.float32(0.1) + 50, everywhere) == pytest.approx(fineness(pixels, everywhere), rel=1e-3)


# Placing.


def placed(sight: View, metres: float = 1.0, taken: NDArray[np.bool_] | None = None, **recipe: Any) -> list[Place]:
    """Where 40 draws put a disc."""
    numbers, cutout = Recipe(**({"smallest": 20} | recipe)), disc()  # type: ignore[arg-type]
    taken = np.zeros(sight.ground.shape, bool) if taken is None else taken

    def size(row: int) -> float:
        return sight.pixels(metres, row, numbers.camera) / max(cutout.alpha.shape)

    draws = (find_place(cutout, size, sight, taken, numbers, np.random.default_rng(seed)) for seed in range(40))
    return [place for place in draws if place is not None]


def covered(place: Place, shape: tuple[int, int]) -> NDArray[np.bool_]:
    outer, inner = place.windows(shape)
    mask = np.zeros(shape, bool)
    mask[outer] = place.sprite.mask[inner]
    return mask


def test_objects_stand_on_ground_whole_and_behind_what_is_nearer() -> None:
    picture = street()
    assert picture.labels is not None
    sight = view(picture, (ROAD,), None)
    places = placed(sight)
    assert len(places) > 20
    for place in places:
        mask = covered(place, (80, 100))
        assert mask.sum() == place.sprite.mask.sum()  # nothing of it sticks out
        assert np.flatnonzero(mask.any(axis=1))[-1] == place.foot
        assert picture.labels[place.foot][mask[place.foot]].tolist() == [ROAD] * int(mask[place.foot].sum())
        assert not (mask & (picture.labels == IGNORE)).any()  # the bonnet is in front of everything
        if place.foot < 59:
            assert (mask & (picture.labels == CAR)).sum() <= 0.02 * mask.sum()


def test_size_grows_with_the_row() -> None:
    places = sorted(placed(view(street(), (ROAD,), None)), key=lambda place: place.foot)
    scales = [place.scale for place in places]
    assert scales == sorted(scales)
    for place in places:
        height = np.ptp(np.flatnonzero(place.sprite.mask.any(axis=1))) + 1
        assert height == pytest.approx((place.foot - 30) / 1.4, abs=3)


def test_limits_hold_and_taken_places_stay_free() -> None:
    sight = view(street(), (ROAD,), None)
    assert min(int(place.sprite.mask.sum()) for place in placed(sight)) < 200
    assert min(int(place.sprite.mask.sum()) for place in placed(sight, smallest=200)) >= 200
    assert max(int(place.sprite.mask.sum()) for place in placed(sight, largest=0.03)) <= 0.03 * 8000
    assert all(place.scale <= 0.4 for place in placed(sight, enlarge=0.4))
    taken = np.zeros((80, 100), bool)
    taken[:, :50] = True
    right = placed(sight, taken=taken)
    assert right
    assert not any((covered(place, (80, 100)) & taken).any() for place in right)
    assert placed(sight, taken=np.ones((80, 100), bool)) == []


def test_no_ground_no_place() -> None:
    picture = Background("sky", np.zeros((80, 100, 3), np.uint8), np.full((80, 100), SKY, np.uint8))
    assert placed(view(picture, (ROAD,), None)) == []


# Known objects.


def test_a_whole_car_on_the_road_is_cut_out_exactly() -> None:
    picture = street()
    [found] = known_objects(picture, view(picture, (ROAD,), None), (CAR,), smallest=50)
    assert (found.category, found.foot, found.below) == (CAR, 59, 29)
    np.testing.assert_array_equal(found.cutout.colours, picture.image[40:60, 60:90])
    assert found.cutout.alpha.all()


@pytest.mark.parametrize("fault", ["at the edge", "too small", "hidden", "in the air", "far", "no labels"])
def test_half_hidden_or_floating_cars_are_left(fault: str) -> None:
    picture = street()
    assert picture.labels is not None
    labels = picture.labels
    smallest = 601 if fault == "too small" else 50
    if fault == "at the edge":
        labels[40:60, 90:] = CAR
    elif fault == "hidden":  # a post and a hedge that end nearer
        labels[38:70, 50:60] = labels[38:70, 90:95] = 7
    elif fault == "in the air":
        labels[60:63, 60:90] = 7
    elif fault == "far":
        labels[31:33, :] = labels[40:60, 60:90] = ROAD
        labels[28:35, 60:90] = CAR
    elif fault == "no labels":
        picture = Background("x", picture.image, None)
    assert known_objects(picture, view(picture, (ROAD,), 0.375), (CAR,), smallest) == []


# The recipe.


@pytest.mark.parametrize(("empty", "known"), [(0.1, 0.2), (0.0, 0.0), (1.0, 0.0), (0.25, 0.75), (0.33, 0.33)])
def test_every_beginning_of_the_set_has_its_shares(empty: float, known: float) -> None:
    kinds = [Recipe(empty=empty, known=known).kind(number) for number in range(400)]
    for count in range(1, 401):
        for kind, share in ((EMPTY, empty), (KNOWN, known), (ANOMALY, 1 - empty - known)):
            assert abs(kinds[:count].count(kind) - share * count) <= 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"empty": 1.5}, "empty is 1.5; wanted 0 to 1"),
        ({"empty": 0.6, "known": 0.6}, "at most 1"),
        ({"seed": -1}, "seed is -1"),
        ({"metres": (2.0, 1.0)}, "the smaller first"),
        ({"metres": (1.0, math.inf)}, "metres 1.0 to inf"),
        ({"horizon": 1.0}, "horizon 1.0"),
        ({"blend": "poison"}, "unknown blend 'poison'; did you mean 'poisson'"),
        ({"colour": math.nan}, "colour is nan"),
    ],
)
def test_numbers_that_make_no_sense(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Recipe(**change)  # type: ignore[arg-type]
