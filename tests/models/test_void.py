"""A void class: trained on what the closed set labels as no class, read as one logit beside the others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gmmbench.data import closed_set
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE
from gmmbench.models.config import read_config
from gmmbench.models.export import Exportable
from gmmbench.models.predictor import load_predictor
from gmmbench.models.segmentor import EncoderDecoder
from gmmbench.models.training_data import ClosedSetDataset, Draw
from gmmbench.train import train

VOID = 11
GMM = {"preset": "gmmbench", "components": 2, "dim": 12}


@pytest.fixture(scope="module")
def trained(tiny, data_root, tmp_path_factory):
    """Kind to (config, work dir, labels that the losses saw) after two steps."""
    found = {}
    for kind, changes in (("softmax", {}), ("gmm", {"model.classifier": GMM})):
        seen: list[torch.Tensor] = []
        loss = EncoderDecoder.loss

        def recording(self, inputs, data_samples, seen=seen, loss=loss):
            seen.extend(sample.gt_sem_seg.data for sample in data_samples)
            return loss(self, inputs, data_samples)

        config, work_dir = tiny("void", {"train_cfg.max_iters": 2} | changes), tmp_path_factory.mktemp("void") / kind
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(EncoderDecoder, "loss", recording)
            train(config, work_dir=work_dir, data_root=data_root)
        found[kind] = config, work_dir, torch.stack(seen)
    return found


@pytest.fixture(scope="module")
def predictors(trained):
    return {
        kind: load_predictor(config, work / "model.pth", device="cpu") for kind, (config, work, _) in trained.items()
    }


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_config_is_the_softmax_config_and_a_class(configs):
    void = read_config(configs / "camvid" / "mobilenetv2_mlp_void.py").to_dict()
    softmax = read_config(configs / "camvid" / "mobilenetv2_mlp_softmax.py").to_dict()
    assert void.pop("expected") != softmax.pop("expected"), "each has the figures of its own model"
    assert void["model"]["decode_head"].pop("num_classes") == softmax["model"]["decode_head"].pop("num_classes") + 1
    assert void["train_dataloader"]["dataset"].pop("void") is True
    assert void["evaluation"].pop("void") is True
    assert void == softmax


def test_labels_of_no_class_become_void_and_no_others(data_root):
    from mmengine.registry import init_default_scope

    init_default_scope("mmseg")
    pipeline = [{"type": "LoadSample"}, {"type": "PackSegInputs"}]
    plain = ClosedSetDataset("camvid", str(data_root), "train", pipeline)
    void = ClosedSetDataset("camvid", str(data_root), "train", pipeline, void=True)
    found = 0
    for number in range(8):
        before, after = (each[Draw(number, 0)]["data_samples"].gt_sem_seg.data for each in (plain, void))
        assert torch.equal(after, torch.where(before == IGNORE, VOID, before.long()).to(after.dtype))
        found += int((before == IGNORE).sum())
    assert found > 0
    assert void.metainfo["classes"] == closed_set("camvid").classes


def test_padding_is_not_void(data_root, configs):
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    init_default_scope("mmseg")
    pipeline = [
        {"type": "LoadSample"},
        {"type": "Resize", "scale": (32, 24), "keep_ratio": True},
        {"type": "RandomCrop", "crop_size": (32, 48), "cat_max_ratio": 0.75},
        {"type": "PackSegInputs"},
    ]
    dataset = ClosedSetDataset("camvid", str(data_root), "train", pipeline, void=True)
    config = read_config(configs / "camvid" / "mobilenetv2_mlp_void.py").model.data_preprocessor
    preprocessor = MODELS.build(config | {"size": (32, 48)})
    for number in range(8):
        item = dataset[Draw(number, 0)]
        batch = preprocessor({"inputs": [item["inputs"]], "data_samples": [item["data_samples"]]}, training=True)
        labels = batch["data_samples"][0].gt_sem_seg.data[0]
        assert labels.shape == (32, 48)
        assert (labels[:24, :32] <= VOID).all()
        assert (labels[24:] == IGNORE).all()
        assert (labels[:, 32:] == IGNORE).all()


@pytest.mark.parametrize("kind", ["softmax", "gmm"])
def test_training_sees_void(kind, trained):
    labels = trained[kind][2]
    assert labels.shape == (4, 1, 32, 48)  # two steps of two
    assert (labels == VOID).any()


@pytest.mark.parametrize("kind", ["softmax", "gmm"])
def test_prediction_is_split(kind, predictors):
    predictor, image = predictors[kind], picture(49, 67)
    prediction = predictor(image)
    with torch.no_grad():
        whole = predictor.model.decode_head(predictor.model.extract_feat(predictor.see(image)))
    expected = torch.nn.functional.interpolate(whole, size=(49, 67), mode="bilinear", align_corners=False)[0]
    assert expected.shape[0] == 12
    torch.testing.assert_close(prediction.logits, expected[:VOID], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(prediction.void, expected[VOID], rtol=1e-4, atol=1e-5)
    assert predictor.num_classes == 11
    if kind == "gmm":
        assert prediction.density.shape == (11, 49, 67)
        assert predictor.gives == {"logits", "features", "density", "void"}
    else:
        made = torch.einsum("cd,dhw->chw", prediction.head.weight, prediction.features)
        torch.testing.assert_close(made + prediction.head.bias[:, None, None], whole[0, :VOID], rtol=1e-4, atol=1e-5)
        assert predictor.gives == {"logits", "features", "head", "void"}


def test_windows_split_it_too(trained, tiny):
    windows = {"mode": "slide", "crop_size": (32, 40), "stride": (24, 28)}
    config = tiny("void", {"model.test_cfg": windows, "evaluation.short_side": None})
    predictor = load_predictor(config, trained["softmax"][1] / "model.pth", device="cpu")
    image = picture(57, 83)
    with torch.no_grad():
        expected = predictor.model.slide_inference(predictor.see(image), [{"img_shape": (57, 83)}])[0]
    prediction = predictor(image)
    torch.testing.assert_close(torch.cat([prediction.logits, prediction.void[None]]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["softmax", "gmm"])
def test_export_splits_it_too(kind, predictors):
    predictor, image = predictors[kind], picture(48, 64)  # of the size that the network sees
    prediction = predictor(image)
    with torch.no_grad():
        found = Exportable(predictor)(torch.tensor(image).permute(2, 0, 1)[None].float())
    wanted = [prediction.logits, *([prediction.density] if kind == "gmm" else []), prediction.void[None]]
    assert len(found) == len(wanted)
    for ours, theirs in zip(wanted, found, strict=True):
        torch.testing.assert_close(theirs[0], ours, rtol=1e-4, atol=1e-4)


def test_a_config_must_agree_with_itself(trained, tiny):
    weights = trained["softmax"][1] / "model.pth"
    for changes, message in (
        ({"evaluation.void": "yes"}, "evaluation.void is 'yes'; wanted True or False"),
        ({"evaluation.void": False}, "evaluation.void is False but train_dataloader.dataset.void is True"),
        (
            {"train_dataloader.dataset.void": False},
            "evaluation.void is True but train_dataloader.dataset.void is False",
        ),
        (
            {"model.decode_head.num_classes": 11},
            "decode_head.num_classes=11; wanted 12, the 11 classes of 'camvid' and",
        ),
    ):
        with pytest.raises(InputError, match=message):
            load_predictor(tiny("void", changes), weights)
