"""A GMM model and its softmax twin differ in the classifier and in nothing else."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gmmbench.gmm import GMMClassifier
from gmmbench.models.config import read_config
from gmmbench.models.hooks import EMHook
from gmmbench.models.segmentor import EncoderDecoder
from gmmbench.train import train

CONFIGS = Path(__file__).parents[2] / "configs"
GMM_CONFIGS = sorted(path for path in CONFIGS.rglob("*_gmm.py") if path.parent.name != "_base_")


def twin_of(path: Path) -> Path:
    return path.with_name(path.name.replace("_gmm.py", "_softmax.py"))


def test_there_are_pairs():
    assert GMM_CONFIGS


@pytest.mark.parametrize("path", GMM_CONFIGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_configs_differ_in_the_classifier_only(path):
    gmm, softmax = read_config(path).to_dict(), read_config(twin_of(path)).to_dict()
    assert gmm["model"].pop("classifier")
    assert softmax["model"].pop("classifier", None) is None
    for config in (gmm, softmax):
        config.pop("expected", None)  # what the run gave: the twins' numbers may differ
    assert gmm == softmax


def test_no_softmax_config_is_left_alone():
    softmax = {path for path in CONFIGS.rglob("*_softmax.py") if path.parent.name != "_base_"}
    assert softmax == {twin_of(path) for path in GMM_CONFIGS}


@pytest.fixture(scope="module")
def recorded(tiny, data_root, tmp_path_factory):
    """What each twin starts from, is fed, and draws while it trains."""
    work_dir = tmp_path_factory.mktemp("twins")
    with pytest.MonkeyPatch.context() as patch:
        return {kind: record(tiny(kind), data_root, work_dir / kind, patch) for kind in ("gmm", "softmax")}


def record(path: Path, data_root: Path, work_dir: Path, patch: pytest.MonkeyPatch) -> SimpleNamespace:
    seen = SimpleNamespace(start={}, images=[], labels=[], before=[], after=[])

    loss = EncoderDecoder.loss

    def recording(self, inputs, data_samples):
        if not seen.start:
            seen.start.update({key: value.clone() for key, value in self.state_dict().items()})
        seen.images.append(inputs.clone())
        seen.labels.append(torch.stack([sample.gt_sem_seg.data for sample in data_samples]))
        seen.before.append(torch.get_rng_state())
        return loss(self, inputs, data_samples)

    def after(self, runner, *args, **kwargs):
        step(self, runner, *args, **kwargs)
        seen.after.append(torch.get_rng_state())

    step = EMHook.after_train_iter
    with patch.context() as inner:
        inner.setattr(EncoderDecoder, "loss", recording)
        inner.setattr(EMHook, "after_train_iter", after)
        train(path, work_dir=work_dir, data_root=data_root, seed=5)
    return seen


def test_start_from_the_same_weights(recorded):
    shared = {
        kind: {key: value for key, value in recorded[kind].start.items() if ".conv_seg." not in key}
        for kind in recorded
    }
    assert list(shared["gmm"]) == list(shared["softmax"])
    assert any(key.startswith("decode_head.fusion_conv") for key in shared["gmm"])
    assert [key for key, value in shared["gmm"].items() if not torch.equal(value, shared["softmax"][key])] == []


@pytest.mark.parametrize("what", ["images", "labels"])
def test_are_fed_the_same_batches(what, recorded):
    gmm, softmax = (getattr(recorded[kind], what) for kind in ("gmm", "softmax"))
    assert len(gmm) == 4
    assert all(torch.equal(a, b) for a, b in zip(gmm, softmax, strict=True))
    assert not torch.equal(gmm[0], gmm[1])


@pytest.mark.parametrize("when", ["before", "after"])
def test_draw_the_same_dropout(when, recorded):
    gmm, softmax = (getattr(recorded[kind], when) for kind in ("gmm", "softmax"))
    assert len(gmm) == 4
    assert all(torch.equal(a, b) for a, b in zip(gmm, softmax, strict=True))
    assert not torch.equal(gmm[0], gmm[1])


def test_a_classifier_draws_no_global_chance_while_it_learns():
    torch.manual_seed(0)
    classifier = GMMClassifier(4, 3, components=2, dim=4, covariance="diag")
    before = torch.get_rng_state()
    reading = classifier.read(torch.zeros(1, 4, 5, 5) + torch.arange(25).reshape(5, 5))
    classifier.update(classifier.assign(reading, torch.arange(25) % 3))
    assert torch.equal(torch.get_rng_state(), before)
