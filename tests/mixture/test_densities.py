"""The densities that are described are those that the model's scores read."""

from __future__ import annotations

from collections.abc import Callable

import torch

from gmmbench.gmm import GMMClassifier
from gmmbench.mixture import ClassMixtures
from gmmbench.models.posthoc import PostHoc

CLASSES, COMPONENTS = 3, 2
Make = Callable[..., ClassMixtures]


def classifier(class_density: str) -> GMMClassifier:
    torch.manual_seed(0)
    made = GMMClassifier(5, 4, components=3, dim=8, class_density=class_density, covariance="diag").eval()
    made.mixture.start_at_random(torch.Generator().manual_seed(0))
    made.mixture.covariance.get_buffer("variances").uniform_(0.5, 2)
    return made


def test_of_a_classifier_by_its_own_reading() -> None:
    for class_density, weights in (("mixture", torch.full((4, 3), 1 / 3)), ("best", None)):
        model = classifier(class_density)
        with torch.no_grad():
            reading = model.read(torch.randn(2, 5, 3, 4))
            mixtures = ClassMixtures(model.mixture, 4, torch.nn.Identity(), weights)
            density = mixtures.class_density(mixtures.components(reading.features))
        assert torch.allclose(density, reading.density, atol=1e-4)


def test_of_a_mixture_fitted_afterwards_by_its_own_forward() -> None:
    torch.manual_seed(1)
    posthoc = PostHoc(3, 2, 5, covariance="diag", unit=True, floor=0.1)
    posthoc.mixture.start_at_random(torch.Generator().manual_seed(0))
    posthoc.mixture.started[1, 0] = False
    weights = posthoc.mixture.started.float()
    weights = weights / weights.sum(dim=1, keepdim=True)
    mixtures = ClassMixtures(posthoc.mixture, 3, posthoc.embed, weights)
    features = torch.randn(5, 4, 6)
    rows = mixtures.embed(features.flatten(1).t())
    density = mixtures.class_density(mixtures.components(rows))
    assert torch.allclose(density, posthoc(features).flatten(1).t(), atol=1e-4)


def test_a_void_class_is_left_out(make: Make) -> None:
    whole = make()
    without = ClassMixtures(whole.mixture, CLASSES - 1, whole.embed, torch.full((CLASSES - 1, COMPONENTS), 0.5))
    x = torch.randn(7, whole.means.shape[2])
    assert torch.equal(without.components(x), whole.components(x)[:, :-1])
    assert without.means.shape[0] == without.started.shape[0] == CLASSES - 1


def test_responsibilities_are_bayes_within_the_class(make: Make) -> None:
    mixtures = make()
    mixtures.mixture.started[2] = False
    mixtures.mixture.started[1, 1] = False
    x, labels = torch.randn(40, mixtures.means.shape[2]), torch.arange(40) % CLASSES
    components = mixtures.components(x)
    shares = mixtures.responsibility(components, labels)
    for n, c in enumerate(labels.tolist()):
        if c == 0:
            p = components[n, 0].double().exp()
            assert torch.allclose(shares[n].double(), p / p.sum(), atol=1e-5)
        elif c == 1:
            assert shares[n].tolist() == [1, 0]
        else:
            assert shares[n].isnan().all()
    assert (mixtures.class_density(components)[:, 2] == -torch.inf).all()
