"""``torch.compile`` of the classifier: one graph without a break, and what eager execution gives."""

from __future__ import annotations

import copy

import pytest
import torch

from gmmbench.gmm import GMMClassifier

# What PyTorch's tracer does to every autograd.Function, and to every input that is not a leaf.
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:<class 'torch.autograd.function.Function'> should not be instantiated:DeprecationWarning"
    ),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
]


@pytest.fixture(autouse=True)
def forget():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def classifier(covariance_options):
    torch.manual_seed(0)
    made = GMMClassifier(12, 5, **covariance_options)
    x, labels = torch.randn(2, 12, 9, 7), torch.arange(2 * 9 * 7) % 5
    for _ in range(3):
        made.update(made.assign(made.read(x), labels))
    return made


def compiled(classifier):
    """Traced, differentiated and run without inductor, whose C++ takes a minute to compile; fullgraph: no break."""
    return torch.compile(classifier, backend="aot_eager", fullgraph=True)


def test_evaluation(classifier):
    classifier.eval()
    compared = compiled(classifier)
    with torch.no_grad():
        for shape in ((2, 12, 6, 5), (1, 12, 8, 11), (3, 12, 5, 5)):  # from the second on for any size
            x = torch.randn(*shape)
            torch.testing.assert_close(compared(x), classifier(x), rtol=1e-5, atol=1e-4)


def test_training_with_backward(classifier):
    eager = copy.deepcopy(classifier).train()
    compared = compiled(classifier.train())
    for shape in ((2, 12, 6, 5), (1, 12, 8, 11)):
        x = torch.randn(*shape)
        seeds = torch.randn(shape[0], 5, *shape[2:])
        grads = []
        for model, parameters in ((compared, classifier), (eager, eager)):
            entered = x.clone().requires_grad_()
            parameters.zero_grad()
            (model(entered) * seeds).sum().backward()
            grads.append({"x": entered.grad} | {name: value.grad for name, value in parameters.named_parameters()})
        for name, grad in grads[1].items():
            assert grad.abs().sum() > 0, name
            torch.testing.assert_close(grads[0][name], grad, rtol=1e-3, atol=1e-3 * float(grad.abs().max()), msg=name)
    for (name, a), b in zip(classifier.named_buffers(), eager.buffers(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5, msg=name)  # batch norm's too


def test_mixture_that_em_moved_is_seen(classifier):
    """The graph reads the buffers; it does not keep what they were."""
    classifier.eval()
    compared = compiled(classifier)
    x, labels = torch.randn(2, 12, 6, 5), torch.arange(2 * 6 * 5) % 5
    with torch.no_grad():
        before = compared(x)
        classifier.update(classifier.assign(classifier.read(x), labels))
        assert not torch.allclose(before, compared(x))
        torch.testing.assert_close(compared(x), classifier(x), rtol=1e-5, atol=1e-4)


def test_segmentor_trains_with_a_compiled_classifier(covariance_options, make_segmentor, batches):
    eager = make_segmentor(covariance_options).train()
    model = copy.deepcopy(eager)
    model.classifier.compile(backend="aot_eager")
    assert model.generative
    for batch in batches(2):
        losses = [each.loss(*batch) for each in (model, eager)]
        for name, value in losses[1].items():
            torch.testing.assert_close(losses[0][name], value, rtol=1e-3, atol=1e-3, msg=name)
        sum(value for name, value in losses[0].items() if "loss" in name).backward()
        for each in (model, eager):
            each.em_step()
    torch.testing.assert_close(model.classifier.mixture.means, eager.classifier.mixture.means, rtol=1e-3, atol=1e-3)
