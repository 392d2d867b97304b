"""One pass over images against a loop over their pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, Sample
from gmmbench.mixture import LEVELS, Budget, ClassMixtures, describe
from gmmbench.mixture.description import labelled
from gmmbench.prediction import Prediction
from gmmbench.scores.gmm_lse import gmm_lse

NAMES = ("road", "sky", "car")
Make = Callable[..., ClassMixtures]


def images(number: int = 5) -> list[Sample]:
    rng, found = np.random.default_rng(3), []
    for n in range(number):
        labels = np.kron(rng.integers(0, 4, (3, 5)), np.ones((7, 6))).astype(np.uint8)
        labels[labels == 3] = IGNORE
        found.append(Sample(f"street {n}", rng.integers(0, 256, (21, 30, 3)).astype(np.uint8), labels))
    return found


def predictor(mixtures: ClassMixtures) -> Callable[[NDArray[np.uint8]], Prediction]:
    """Features are mean colours, and their squares, of blocks; densities are brought to the image's size."""

    def predict(image: NDArray[np.uint8]) -> Prediction:
        colour = F.adaptive_avg_pool2d(torch.tensor(image).permute(2, 0, 1).float() / 64 - 2, (8, 11))
        features = torch.cat([colour, colour.square() - 1])
        rows = features.flatten(1).t()
        density = mixtures.class_density(mixtures.components(rows)).clamp(min=-1e6).t().reshape(1, 3, 8, 11)
        density = F.interpolate(density, size=image.shape[:2], mode="bilinear", align_corners=False)[0]
        return Prediction(density.clone(), density, features)

    return predict


def naive(mixtures: ClassMixtures, samples: list[Sample]) -> tuple[Tensor, Tensor, Tensor, NDArray[np.float32]]:
    """Component log-densities and labels of the labelled feature pixels, their features, and all labelled log p(x)."""
    labels, features, marginal = [], [], []
    for sample in samples:
        p = predictor(mixtures)(sample.image)
        assert p.features is not None
        for y in range(8):
            for x in range(11):
                label = int(sample.labels[int((y + 0.5) * 21 / 8), int((x + 0.5) * 30 / 11)])
                if label != IGNORE:
                    features.append(p.features[:, y, x])
                    labels.append(label)
        marginal.append(-gmm_lse(p).numpy()[sample.labels != IGNORE])
    rows = torch.stack(features)
    return mixtures.components(rows), torch.tensor(labels), rows, np.concatenate(marginal)


def test_against_a_loop(make: Make) -> None:
    mixtures, samples, levels = make("low_rank"), images(), (0.05, 0.25, 0.5, 0.75, 0.95)
    found = describe(predictor(mixtures), mixtures, samples, NAMES, budget=Budget(pixels=10_000, shown=7))
    summary, (logs, labels, _rows, marginal) = found.summary, naive(mixtures, samples)
    assert found.images == 5
    assert summary["classes"].tolist() == list(NAMES)
    assert summary["class_levels"].tolist() == list(levels)
    assert summary["pixels"].tolist() == torch.bincount(labels).tolist()
    density = mixtures.class_density(logs)
    for c in range(3):
        own = density[labels == c, c].double().numpy()
        others = density[labels == c].clone()
        others[:, c] = -torch.inf
        margin = own - others.amax(dim=1).double().numpy()
        shares = logs[labels == c, c].softmax(dim=1).mean(dim=0)
        assert summary["share"][c] == pytest.approx(shares.tolist(), abs=1e-5)
        assert summary["own_mean"][c] == pytest.approx(own.mean(), rel=1e-4)
        assert summary["margin_mean"][c] == pytest.approx(margin.mean(), rel=1e-3, abs=1e-3)
        # All pixels are in the sample, so its quantiles are those of all.
        assert summary["own_quantiles"][c] == pytest.approx(np.quantile(own, levels), rel=1e-4)
        assert summary["margin_quantiles"][c] == pytest.approx(np.quantile(margin, levels), rel=1e-3, abs=1e-3)
        assert (summary["plane_labels"] == c).sum() == 7
        best = logs[labels == c, c].amax(dim=0)
        assert found.patches["patch_log_prob"][c, :, 0] == pytest.approx(best.tolist(), rel=1e-5)
    assert int(summary["density_pixels"]) == len(marginal)
    for level, quantile in zip(LEVELS, summary["density_quantiles"], strict=True):
        exact = np.sort(marginal)[int(np.ceil(level * len(marginal))) - 1]
        assert quantile == pytest.approx(exact, rel=2**-14)


def test_distances_between_means(make: Make) -> None:
    mixtures = make()
    mixtures.mixture.started[0, 1] = False
    samples = images(2)
    summary = describe(predictor(mixtures), mixtures, samples, NAMES, budget=Budget()).summary
    means = mixtures.means.double().numpy()
    assert summary["mean_distance"][1, 0, 1] == pytest.approx(np.linalg.norm(means[1, 0] - means[1, 1]))
    assert np.isnan(summary["mean_distance"][0]).tolist() == [[False, True], [True, True]]
    nearest, whose = min((np.linalg.norm(means[2, 1] - means[d, m]), d) for d, m in ((0, 0), (1, 0), (1, 1)))
    assert summary["other_distance"][2, 1] == pytest.approx(nearest)
    assert summary["other_class"][2, 1] == whose
    assert summary["other_class"][0, 1] == -1
    assert np.isnan(summary["spread"][0, 1])
    assert np.isnan(summary["plane_means"][0, 1]).all()
    lies = summary["plane_axes"] @ (means[1, 0] - summary["plane_centre"])
    assert summary["plane_means"][1, 0] == pytest.approx(lies, abs=1e-6)


def test_a_class_that_training_never_showed_is_described_by_nothing(make: Make) -> None:
    mixtures = make()
    mixtures.mixture.started[1] = False
    summary = describe(predictor(mixtures), mixtures, images(2), NAMES, budget=Budget()).summary
    for key in ("own_mean", "margin_mean", "effective"):
        assert np.isfinite(summary[key]).tolist() == [True, False, True], key
    assert np.isnan(summary["own_quantiles"][1]).all()
    assert not (summary["next_class"] == 1).any()


def test_the_seed_decides(make: Make) -> None:
    mixtures, samples = make(), images(2)

    def points(seed: int) -> NDArray[np.generic]:
        budget = Budget(pixels=20, shown=20, seed=seed)
        found: NDArray[np.generic] = describe(predictor(mixtures), mixtures, samples, NAMES, budget=budget).summary[
            "plane_points"
        ]
        return found

    assert np.array_equal(points(0), points(0))
    assert not np.array_equal(points(0), points(1))


@pytest.mark.parametrize("size", [(8, 11), (21, 30), (40, 50)])
def test_a_feature_pixel_has_the_label_of_its_middle(size: tuple[int, int]) -> None:
    labels = images(1)[0].labels
    places, found = labelled(labels, size)
    expected = [
        (y * size[1] + x, label)
        for y in range(size[0])
        for x in range(size[1])
        if (label := int(labels[int((y + 0.5) * 21 / size[0]), int((x + 0.5) * 30 / size[1])])) != IGNORE
    ]
    assert list(zip(places.tolist(), found.tolist(), strict=True)) == expected


def test_what_is_refused(make: Make) -> None:
    mixtures = make()
    predict = predictor(mixtures)
    [sample] = images(1)
    strange = Sample("street 9", sample.image, np.full_like(sample.labels, 3))
    with pytest.raises(InputError, match=r"street 9.*label 3.*3 classes"):
        describe(predict, mixtures, [strange], NAMES, budget=Budget())
    void = Sample("street 9", sample.image, np.full_like(sample.labels, IGNORE))
    with pytest.raises(InputError, match="no labelled pixel in 1 training images"):
        describe(predict, mixtures, [void], NAMES, budget=Budget())
    mixtures.mixture.means[0, 0, 0] = torch.nan
    with pytest.raises(InputError, match="street 0"):
        describe(predict, mixtures, [sample], NAMES, budget=Budget())
