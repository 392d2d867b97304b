"""MMEngine's EMAHook: weights averaged over the training, with the mixtures of its last step."""

from __future__ import annotations

import copy
import json
import shutil

import pytest
import torch
from mmengine.hooks import EMAHook

from gmmbench.cli import main
from gmmbench.models.config import read_config
from gmmbench.models.predictor import load_predictor

MOMENTUM = 0.25
OURS = [{"type": "EMHook"}, {"type": "SafeCheckpointHook"}, {"type": "StopHook"}]
AVERAGE = {"type": "EMAHook", "momentum": MOMENTUM}


def averaging(tiny, kind, hooks=None, **more):
    return tiny(
        kind,
        {"custom_hooks": hooks or [AVERAGE, *OURS], "default_hooks.checkpoint.interval": 2, "train_cfg.max_iters": 5}
        | more,
    )


@pytest.fixture(scope="module")
def run(data_root):
    """``gmmbench train``; returns the exit code."""

    def train(config, work_dir, *options):
        return main(["train", str(config), "--work-dir", str(work_dir), "--data-root", str(data_root), *options])

    return train


def weights(work_dir, name="model.pth"):
    content = torch.load(work_dir / name, weights_only=True)
    return content.get("state_dict", content)


@pytest.fixture(params=["before", "after"])
def watched(request, tiny, run, tmp_path, monkeypatch):
    """A training with the hook before or after ours in the list; the hook, and the source's parameters at each step."""
    hooks = {"before": [AVERAGE, *OURS], "after": [*OURS, AVERAGE]}[request.param]
    seen = {"sources": []}
    after = EMAHook.after_train_iter

    def look(self, *args, **kwargs):
        seen["hook"] = self
        seen["sources"].append({name: value.detach().clone() for name, value in self.src_model.named_parameters()})
        after(self, *args, **kwargs)

    monkeypatch.setattr(EMAHook, "after_train_iter", look)
    assert run(averaging(tiny, "gmm", hooks), tmp_path / "run") == 0
    return seen | {"work_dir": tmp_path / "run"}


def test_model_holds_the_average(watched):
    state, sources = weights(watched["work_dir"]), watched["sources"]
    assert len(sources) == 5
    for name, expected in sources[0].items():
        for source in sources[1:]:
            expected = torch.lerp(expected, source[name], MOMENTUM)
        torch.testing.assert_close(state[name], expected, rtol=1e-5, atol=1e-6, msg=name)
    assert any(not torch.equal(state[name], value) for name, value in sources[-1].items())
    assert json.loads((watched["work_dir"] / "training.json").read_text())["weights"] == (
        f"averaged by EMAHook (type=ExponentialMovingAverage, momentum={MOMENTUM})"
    )


def test_averaged_model_has_the_mixtures_of_the_last_step(watched):
    hook, state = watched["hook"], weights(watched["work_dir"])
    buffers = dict(hook.src_model.named_buffers())
    assert int(buffers["decode_head.conv_seg.step"]) == 5
    assert [name for name in buffers if "mixture" in name]
    for name, buffer in hook.ema_model.module.named_buffers():
        assert torch.equal(buffer, buffers[name]), name
        assert ".memory." in name or not name.startswith("decode_head") or torch.equal(state[name], buffer), name


@pytest.mark.parametrize("kind", ["gmm", "softmax"])
def test_resumed_equals_straight_and_evaluates(kind, tiny, run, data_root, tmp_path):
    config = averaging(tiny, kind)
    assert run(config, tmp_path / "straight") == 0
    assert {"iter_4.pth", "iter_5.pth"} & {path.name for path in (tmp_path / "straight").iterdir()}
    (tmp_path / "resumed").mkdir()
    shutil.copy(tmp_path / "straight" / "iter_4.pth", tmp_path / "resumed")
    (tmp_path / "resumed" / "last_checkpoint").write_text("iter_4.pth")
    assert run(config, tmp_path / "resumed", "--resume") == 0
    a, b = (weights(tmp_path / name) for name in ("straight", "resumed"))
    assert [key for key in a if not torch.equal(a[key], b[key])] == []
    model = str(tmp_path / "resumed" / "model.pth")
    assert main(["eval-closed", str(config), model, "--data-root", str(data_root)]) == 0
    # MMEngine writes the average as the checkpoint's model, so that evaluates too.
    predictor = load_predictor(config, tmp_path / "straight" / "iter_4.pth")
    assert predictor.gives >= {"logits"}


def test_plain_training_says_so(tiny, run, tmp_path):
    assert run(tiny("gmm", {"train_cfg.max_iters": 1}), tmp_path / "run") == 0
    assert json.loads((tmp_path / "run" / "training.json").read_text())["weights"] == "of the last step"


def test_averaging_of_buffers_is_refused_with_a_mixture(tiny, run, data_root, tmp_path, capsys):
    hooks = [*OURS, AVERAGE | {"update_buffers": True}]
    assert run(averaging(tiny, "gmm", hooks), tmp_path / "gmm") == 2
    assert "leave update_buffers out" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "gmm").exists()
    assert run(averaging(tiny, "softmax", hooks), tmp_path / "softmax") == 0


def test_no_config_of_ours_averages(configs):
    found = [path for path in configs.glob("*/*.py") if path.parent.name != "_base_"]
    assert found
    for path in found:
        assert "EMAHook" not in [hook["type"] for hook in read_config(path).custom_hooks], path


def test_deepcopy_of_a_segmentor_is_its_own(classifier_options, make_segmentor, batches):
    model = make_segmentor(classifier_options).train()
    first, second = batches(2)
    model.loss(*first)
    model.em_step()
    model.loss(*second)  # its assignment waits for the optimiser's step
    twin = copy.deepcopy(model)
    before = copy.deepcopy(twin.state_dict())
    twin_classifier = twin.decode_head.conv_seg
    assert twin.classifier is twin_classifier
    assert twin_classifier is not model.classifier
    model.em_step()
    model.loss(*first)
    model.em_step()
    assert all(torch.equal(value, before[key]) for key, value in twin.state_dict().items())
    twin.em_step()
    assert int(twin.classifier.step) == 2
