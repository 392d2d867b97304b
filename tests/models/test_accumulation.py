"""Accumulated gradients are one step of the optimiser, and one step of EM."""

from __future__ import annotations

import copy
import json

import pytest
import torch

from gmmbench.cli import main
from gmmbench.gmm import Assignment, GMMClassifier
from gmmbench.models.hooks import EMHook, StopHook
from gmmbench.models.segmentor import EncoderDecoder
from gmmbench.train import train

# MMEngine's schedules count iterations, so their first step comes before the optimiser's; a person sees this once.
pytestmark = pytest.mark.filterwarnings(r"ignore:Detected call of `scheduler\.step\(\)` before:UserWarning")


def test_micro_batches_are_one_update_with_their_joined_pixels(classifier_options, make_segmentor, batches):
    model = make_segmentor(classifier_options).train()
    first, *rest = batches(4)
    model.loss(*first)
    model.em_step()
    start = copy.deepcopy(model.classifier)
    seen = []
    for batch in rest:
        model.loss(*batch)
        seen.append(model._observed[-1])
    assert int(model.classifier.step) == 1  # nothing moves while gradients are gathered
    for name, buffer in start.mixture.named_buffers():
        assert torch.equal(buffer, dict(model.classifier.mixture.named_buffers())[name]), name
    model.em_step()
    start.update(
        Assignment(
            torch.cat([part.owner for part in seen]),
            torch.cat([part.features for part in seen]),
            torch.cat([part.labels for part in seen]),
            torch.cat([part.responsibility for part in seen]),
        )
    )
    assert int(model.classifier.step) == 2
    for room in ("mixture", "memory"):
        for (name, a), b in zip(
            getattr(start, room).named_buffers(), getattr(model.classifier, room).buffers(), strict=True
        ):
            assert torch.equal(a, b), name


def test_gradients_are_those_of_one_batch_of_all(make_segmentor, batches):
    """Without batch norm's statistics, which are of a micro-batch; MMEngine warns of that."""
    model = make_segmentor({"components": 2, "dim": 12}).eval()
    (a, labels_a), (b, labels_b) = batches(2)
    model.loss(a, labels_a)
    model.em_step()
    for images, labels in ((a, labels_a), (b, labels_b)):
        (model.loss(images, labels)["decode.loss_ce"] / 2).backward()
    apart = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    model.loss(torch.cat([a, b]), labels_a + labels_b)["decode.loss_ce"].backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, apart[name], rtol=1e-3, atol=1e-5, msg=name)


@pytest.fixture
def watched(monkeypatch):
    """(iteration, pixels joined, EM's step after it) of each M-step, as trainings run."""
    steps = []
    update = GMMClassifier.update
    after = EMHook.after_train_iter

    def counting(self, seen):
        update(self, seen)
        steps.append([len(seen.owner), int(self.step)])

    def look(self, runner, *args, **kwargs):
        before = len(steps)
        after(self, runner, *args, **kwargs)
        if len(steps) > before:
            steps[-1].insert(0, runner.iter + 1)

    monkeypatch.setattr(GMMClassifier, "update", counting)
    monkeypatch.setattr(EMHook, "after_train_iter", look)
    return steps


PIXELS = 2 * 8 * 12  # of a batch, at stride 4


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (1, [[n, PIXELS, n] for n in range(1, 8)]),
        (2, [[2, 2 * PIXELS, 1], [4, 2 * PIXELS, 2], [6, 2 * PIXELS, 3], [7, PIXELS, 4]]),
        (3, [[3, 3 * PIXELS, 1], [6, 3 * PIXELS, 2], [7, PIXELS, 3]]),
    ],
)
def test_em_counts_steps_of_the_optimiser(counts, expected, tiny, data_root, tmp_path, watched):
    """Of seven iterations: where a rest stays, MMEngine takes the last step with what there is, and so does EM."""
    config = tiny("gmm", {"optim_wrapper.accumulative_counts": counts, "train_cfg.max_iters": 7})
    weights = torch.load(train(config, work_dir=tmp_path / "run", data_root=data_root), weights_only=True)
    assert watched == expected
    assert int(weights["decode_head.conv_seg.step"]) == len(expected)


@pytest.mark.parametrize("counts", [1, 3])
def test_memory_looks_back_on_a_share_of_the_optimisers_steps(counts, tiny, data_root, tmp_path, monkeypatch):
    paced = []
    monkeypatch.setattr(GMMClassifier, "pace", lambda self, iterations: paced.append(iterations))
    config = tiny("gmm", {"optim_wrapper.accumulative_counts": counts, "train_cfg.max_iters": 7})
    train(config, work_dir=tmp_path / "run", data_root=data_root)
    assert paced[-1] == {1: 7, 3: 3}[counts]


def test_twins_are_fed_the_same(tiny, data_root, tmp_path, monkeypatch):
    fed = {"gmm": [], "softmax": []}
    loss = EncoderDecoder.loss
    for kind, images in fed.items():
        with monkeypatch.context() as patch:

            def record(self, inputs, data_samples, images=images):
                labels = torch.stack([sample.gt_sem_seg.data for sample in data_samples])
                images.append((inputs.clone(), labels, torch.get_rng_state()))
                return loss(self, inputs, data_samples)

            patch.setattr(EncoderDecoder, "loss", record)
            config = tiny(kind, {"optim_wrapper.accumulative_counts": 2})
            train(config, work_dir=tmp_path / kind, data_root=data_root, seed=3)
    assert len(fed["gmm"]) == len(fed["softmax"]) == 4
    for a, b in zip(fed["gmm"], fed["softmax"], strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_ctrl_c_waits_for_the_step_and_resumes_to_the_same_weights(tiny, data_root, tmp_path, monkeypatch, capsys):
    config = tiny("gmm", {"optim_wrapper.accumulative_counts": 2, "train_cfg.max_iters": 6})

    def run(work_dir, *options):
        return main(["train", str(config), "--work-dir", str(work_dir), "--data-root", str(data_root), *options])

    assert run(tmp_path / "straight") == 0
    stop = StopHook.after_train_iter

    def ask_in_the_middle(self, runner, *args, **kwargs):
        if runner.iter + 1 == 3:
            self._ask(2, None)
        stop(self, runner, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(StopHook, "after_train_iter", ask_in_the_middle)
        assert run(tmp_path / "stopped") == 130
    assert "stopped after 4 of 6" in " ".join(capsys.readouterr().err.split())
    assert run(tmp_path / "stopped", "--resume") == 0
    a, b = (torch.load(tmp_path / name / "model.pth", weights_only=True) for name in ("straight", "stopped"))
    assert [key for key in a if not torch.equal(a[key], b[key])] == []
    assert json.loads((tmp_path / "stopped" / "training.json").read_text())["iterations"] == 6
