"""A model as ONNX gives what the predictor gives, for images of any size, in batches."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from gmmbench.cli import main
from gmmbench.gmm.covariance import LowRank
from gmmbench.models import export as exporting
from gmmbench.models.export import export
from gmmbench.models.predictor import Predictor
from gmmbench.train import train

for package in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(package, reason=f"{package} comes with the extra 'onnx'")


def run(path, images):
    """Arrays by the name of the output, of (B, H, W, 3) uint8 images."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = session.run(names, {"image": np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32)})
    return dict(zip(names, found, strict=True)), session.get_modelmeta().custom_metadata_map


@pytest.fixture
def learnt(make_segmentor, batches):
    """A function of a classifier's options to a predictor whose model has learnt a little."""

    def make(classifier):
        model = make_segmentor(classifier).train()
        model.data_preprocessor.mean.fill_(120.0)
        model.data_preprocessor.std.fill_(60.0)
        for batch in batches(3):
            model.loss(*batch)
            model.em_step()
        return Predictor(model.eval(), None, "camvid", "0" * 64)

    return make


def pictures(*shape):
    return np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)


def compare(path, predictor, images):
    found, facts = run(path, images)
    for number, image in enumerate(images):
        wanted = predictor(image)
        np.testing.assert_allclose(found["logits"][number], wanted.logits.numpy(), rtol=1e-3, atol=1e-3)
        if wanted.density is None:
            assert "density" not in found
        else:
            np.testing.assert_allclose(found["density"][number], wanted.density.numpy(), rtol=1e-3, atol=1e-2)
    return facts


def test_equals_the_predictor_for_any_size(covariance_options, learnt, tmp_path):
    predictor = learnt(covariance_options)
    covariance = predictor.model.classifier.mixture.covariance
    assert export(predictor, tmp_path / "model.onnx") == ["logits", "density"]
    assert predictor.model.classifier.mixture.covariance is covariance
    for shape in ((1, 64, 96), (3, 50, 70), (1, 131, 97)):
        compare(tmp_path / "model.onnx", predictor, pictures(*shape))


def test_one_size(learnt, tmp_path):
    predictor = learnt({"components": 2, "dim": 8, "covariance": "low_rank", "covariance_options": {"rank": 2}})
    assert isinstance(predictor.model.classifier.mixture.covariance, LowRank)
    export(predictor, tmp_path / "model.onnx", size=(48, 64))
    facts = compare(tmp_path / "model.onnx", predictor, pictures(1, 48, 64))
    assert json.loads(facts["classes"])[0] == "sky"
    assert facts["closed_set"] == "camvid"
    with pytest.raises(Exception, match=r"(?i)invalid dimensions"):
        run(tmp_path / "model.onnx", pictures(1, 64, 48))


@pytest.mark.parametrize(("kind", "outputs"), [("gmm", "(logits, density)"), ("softmax", "(logits)")])
def test_verb(kind, outputs, tiny, data_root, tmp_path, capsys):
    config = tiny(kind, {"train_cfg.max_iters": 1})
    weights = train(config, work_dir=tmp_path / "run", data_root=data_root)
    path = tmp_path / "new" / "model.onnx"
    assert main(["export", str(config), str(weights), str(path), "--size", "48", "64"]) == 0
    assert f"wrote {path} {outputs}" in capsys.readouterr().out
    found, _ = run(path, pictures(1, 48, 64))
    assert list(found) == outputs.strip("()").split(", ")
    assert all(value.shape == (1, 11, 48, 64) and np.isfinite(value).all() for value in found.values())


# What is not written


def test_what_computes_something_else_is_not_written(learnt, tmp_path, monkeypatch):
    program = exporting._program

    def another(module, *args):
        made = program(module, *args)
        module.mean = module.mean + 40.0  # not in place: what was exported still looks at the same memory
        return made

    monkeypatch.setattr(exporting, "_program", another)
    with pytest.raises(ValueError, match="differ from PyTorch's by"):
        export(learnt(None), tmp_path / "model.onnx", size=(32, 32))
    assert list(tmp_path.iterdir()) == []


def test_head_that_cannot_be_exported_so(learnt, tmp_path, monkeypatch):
    predictor = learnt(None)
    forward = predictor.model.decode_head.forward

    def fixed(inputs):
        assert int(inputs[0].shape[2]) == 12, "made for rows of 12"
        return forward(inputs)

    monkeypatch.setattr(predictor.model.decode_head, "forward", fixed)
    with pytest.raises(ValueError, match=r"any size \(.*--size HEIGHT WIDTH"):
        export(predictor, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_missing_package(package, learnt, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=r"pip install 'gmmbench\[onnx\]'"):
        export(learnt(None), tmp_path / "model.onnx")
