"""A config and a checkpoint as a function from images to predictions."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import timm
import torch

from gmmbench.errors import InputError
from gmmbench.models.predictor import load_predictor
from gmmbench.models.slide import Outputs
from gmmbench.train import train


@pytest.fixture(scope="module")
def trained(tiny, data_root, tmp_path_factory):
    """Kind to (config, work dir) after four steps."""
    found = {}
    for kind in ("gmm", "softmax"):
        config, work_dir = tiny(kind), tmp_path_factory.mktemp("runs") / kind
        train(config, work_dir=work_dir, data_root=data_root)
        found[kind] = config, work_dir
    return found


@pytest.fixture(scope="module")
def predictors(trained):
    return {kind: load_predictor(config, work / "model.pth", device="cpu") for kind, (config, work) in trained.items()}


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def assert_equal(a, b) -> None:
    for field in ("logits", "density", "features"):
        first, second = getattr(a, field), getattr(b, field)
        assert (first is None and second is None) or torch.equal(first, second)


@pytest.mark.parametrize("size", [(48, 64), (49, 67), (97, 51), (31, 200), (37, 37)])
def test_shapes_and_types(size, predictors):
    gmm, softmax = predictors["gmm"](picture(*size)), predictors["softmax"](picture(*size))
    for prediction in (gmm, softmax):
        assert prediction.logits.shape == (11, *size)
        assert prediction.logits.dtype == prediction.features.dtype == torch.float32
        assert torch.isfinite(prediction.logits).all()
    assert gmm.density.shape == (11, *size)
    assert gmm.density.dtype == torch.float32
    assert torch.isfinite(gmm.density).all()
    assert softmax.density is None
    assert gmm.features.shape[0] == 12
    assert softmax.features.shape[0] == 16
    torch.testing.assert_close(gmm.features.norm(dim=0), torch.ones(gmm.features.shape[1:]))


def test_network_sees_the_short_side_of_the_config(predictors):
    assert predictors["softmax"](picture(96, 160)).features.shape[1:] == (12, 20)
    assert predictors["softmax"](picture(160, 96)).features.shape[1:] == (20, 12)


def test_an_image_may_keep_its_size(trained, tiny):
    work_dir = trained["softmax"][1]
    native = load_predictor(tiny("softmax", {"evaluation.short_side": None}), work_dir / "model.pth", device="cpu")
    image = picture(64, 80)
    assert native(image).features.shape[1:] == (16, 20)
    sized = load_predictor(tiny("softmax", {"evaluation.short_side": 64}), work_dir / "model.pth", device="cpu")
    assert_equal(native(image), sized(image))
    assert "its size kept" in native.network_input
    assert "64 px" in sized.network_input


@pytest.mark.parametrize(
    ("size", "short_side", "expected"),
    [
        ((40, 60), None, (64, 64)),
        ((64, 96), None, (64, 96)),
        ((65, 97), None, (96, 128)),
        ((40, 60), 48, (64, 96)),
        ((40, 60), 64, (64, 96)),
    ],
)
def test_sides_come_in_multiples(size, short_side, expected, trained, tiny):
    config = tiny("gmm", {"evaluation.short_side": short_side, "evaluation.multiple": 32})
    predictor = load_predictor(config, trained["gmm"][1] / "model.pth", device="cpu")
    seen = []
    predictor.model.backbone.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[2:]))
    prediction = predictor(picture(*size))
    assert tuple(seen[0]) == expected
    assert prediction.logits.shape[1:] == prediction.density.shape[1:] == size
    assert prediction.features.shape[1:] == (expected[0] / 4, expected[1] / 4)
    assert "multiples of 32" in predictor.network_input
    # All of the image stands in all of the input: what the network says of that very input is the same.
    import cv2

    resized = cv2.resize(picture(*size), expected[::-1], interpolation=cv2.INTER_LINEAR)
    torch.testing.assert_close(predictor(resized).features, prediction.features)


@pytest.mark.parametrize("kind", ["gmm", "softmax"])
def test_one_window_is_the_whole(kind, trained, tiny, predictors):
    for crop in ((48, 67), (500, 500)):
        changes = {"model.test_cfg": {"mode": "slide", "crop_size": crop, "stride": (16, 16)}}
        predictor = load_predictor(tiny(kind, changes), trained[kind][1] / "model.pth", device="cpu")
        for size in ((48, 67), (96, 134)):  # the second is shrunk: its outputs are resized once, not twice
            assert_equal(predictor(picture(*size)), predictors[kind](picture(*size)))


@pytest.mark.parametrize("kind", ["gmm", "softmax"])
def test_windows_as_in_mmsegmentation(kind, trained, tiny):
    windows = {"mode": "slide", "crop_size": (32, 40), "stride": (24, 28)}
    config = tiny(kind, {"model.test_cfg": windows, "evaluation.short_side": None})
    predictor = load_predictor(config, trained[kind][1] / "model.pth", device="cpu")
    image = picture(57, 83)
    seen = []
    predictor.model.backbone.register_forward_pre_hook(lambda module, args: seen.append(tuple(args[0].shape)))
    prediction = predictor(image)
    assert set(seen) == {(1, 3, 32, 40)}  # memory: one window at a time
    assert prediction.logits.shape == (11, 57, 83)
    assert (prediction.density is None) == (kind == "softmax")
    assert prediction.features.shape[1:] == (14, 21)
    model = predictor.model
    own = model.data_preprocessor({"inputs": [torch.tensor(image[..., ::-1].copy()).permute(2, 0, 1)]}, False)
    with torch.no_grad():
        expected = model.slide_inference(own["inputs"], [{"img_shape": (57, 83)}])[0]
    torch.testing.assert_close(prediction.logits, expected)
    assert "windows of 32x40 px (rows x columns) every 24x28 px" in predictor.network_input


def test_what_a_row_says_of_the_input(predictors):
    assert predictors["gmm"].network_input == (
        "whole image, its shorter side brought to 48 px (area average down, bilinear up),"
        " normalised as in training; no flip or scale averaging"
    )


def test_gives(predictors):
    assert predictors["gmm"].gives == {"logits", "features", "density"}
    assert predictors["softmax"].gives == {"logits", "features", "head"}
    for predictor in predictors.values():
        assert predictor.num_classes == 11
        assert predictor.device == "cpu"
        assert (predictor.closed_set, predictor.short_side) == ("camvid", 48)


def linear(head, features: torch.Tensor) -> torch.Tensor:
    return torch.einsum("cd,dhw->chw", head.weight, features) + head.bias[:, None, None]


def test_head_makes_logits_of_features(predictors):
    prediction = predictors["softmax"](picture(49, 67))
    made = linear(prediction.head, prediction.features)
    expected = torch.nn.functional.interpolate(made[None], size=(49, 67), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(prediction.logits, expected, rtol=1e-4, atol=1e-5)
    assert prediction.logits.std() > 0.01
    assert prediction.head.weight.shape == (11, 16)
    assert not prediction.head.weight.requires_grad


def test_head_makes_logits_of_features_in_windows(trained, tiny):
    windows = {"mode": "slide", "crop_size": (32, 40), "stride": (24, 28)}
    config = tiny("softmax", {"model.test_cfg": windows, "evaluation.short_side": None})
    predictor = load_predictor(config, trained["softmax"][1] / "model.pth", device="cpu")

    def logits_as_features(window: torch.Tensor) -> Outputs:
        seen = predictor.forward(window)
        return Outputs(seen.logits, None, seen.logits)

    with torch.no_grad():
        prediction, expected = predictor(picture(57, 83)), predictor.outputs(picture(57, 83), logits_as_features)
    made = linear(prediction.head, prediction.features)
    torch.testing.assert_close(made, expected.features, rtol=1e-4, atol=1e-5)


def test_no_head_where_the_classifier_is_not_a_plain_convolution(predictors, trained):
    assert predictors["gmm"].head is None
    assert predictors["gmm"](picture(48, 64)).head is None
    config, work_dir = trained["softmax"]
    wider = load_predictor(config, work_dir / "model.pth", device="cpu")
    for options in ({"kernel_size": 3, "padding": 1}, {"kernel_size": 1, "groups": 1, "padding": 1}):
        wider.model.decode_head.conv_seg = torch.nn.Conv2d(16, 11, **options)
        assert wider.head is None
        assert wider(picture(48, 64)).head is None
        assert "head" not in wider.gives
    wider.model.decode_head.conv_seg = torch.nn.Conv2d(16, 11, 1, bias=False)
    prediction = wider(picture(48, 64))
    assert torch.equal(prediction.head.bias, torch.zeros(11))


@pytest.mark.parametrize("kind", ["gmm", "softmax"])
def test_repeats_itself_and_changes_nothing(kind, predictors):
    predictor = predictors[kind]
    before = {key: value.clone() for key, value in predictor.model.state_dict().items()}
    first = predictor(picture(49, 67))
    predictor(picture(30, 80))
    assert_equal(first, predictor(picture(49, 67)))
    assert all(torch.equal(value, before[key]) for key, value in predictor.model.state_dict().items())


def test_reads_the_image_as_rgb(predictors):
    image = picture(48, 64)
    swapped = predictors["softmax"](np.ascontiguousarray(image[..., ::-1]))
    assert not torch.equal(predictors["softmax"](image).logits, swapped.logits)
    model = predictors["softmax"].model
    # MMSegmentation's own path takes BGR, as training's pipeline gives it.
    own = model.data_preprocessor({"inputs": [torch.tensor(image[..., ::-1].copy()).permute(2, 0, 1)]}, False)
    with torch.no_grad():
        logits = model(own["inputs"], mode="tensor")
    expected = torch.nn.functional.interpolate(logits, size=(48, 64), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(predictors["softmax"](image).logits, expected)


@pytest.mark.parametrize("kind", ["gmm", "softmax"])
def test_training_checkpoint_predicts_as_the_bare_weights(kind, trained, predictors):
    config, work_dir = trained[kind]
    training = load_predictor(config, work_dir / "iter_4.pth", device="cpu")
    assert_equal(training(picture(48, 64)), predictors[kind](picture(48, 64)))
    assert training.config_sha256 == predictors[kind].config_sha256


def test_twins_weights_do_not_fit(trained):
    (gmm, gmm_run), (softmax, softmax_run) = trained["gmm"], trained["softmax"]
    with pytest.raises(InputError, match=r"15 missing \(first: \S+embed\S+\), 2 unexpected \(first: \S+conv_seg.bias"):
        load_predictor(gmm, softmax_run / "model.pth")
    with pytest.raises(InputError, match=r"2 missing \(first: \S+conv_seg.bias\), \d+ unexpected .*; name the config"):
        load_predictor(softmax, gmm_run / "iter_4.pth")


def test_another_architecture_does_not_fit(tiny, trained, tmp_path):
    wider = tiny("gmm", {"model.decode_head.channels": 24})
    with pytest.raises(InputError, match=r"of another shape \(first: decode_head\.conv_seg\.embed"):
        load_predictor(wider, trained["gmm"][1] / "model.pth")
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "resnet.pth")
    with pytest.raises(InputError, match=r"missing .*unexpected"):
        load_predictor(wider, tmp_path / "resnet.pth")
    torch.save({}, tmp_path / "empty.pth")
    with pytest.raises(InputError, match="missing"):
        load_predictor(wider, tmp_path / "empty.pth")


def test_other_numbers_of_classes_and_components_do_not_fit(tiny, trained):
    for change in ({"model.decode_head.num_classes": 9}, {"model.classifier.components": 3}):
        with pytest.raises(InputError, match="of another shape"):
            load_predictor(tiny("gmm", change), trained["gmm"][1] / "model.pth")


def test_size_of_the_memory_does_not_matter(tiny, trained, predictors):
    other = load_predictor(
        tiny("gmm", {"model.classifier.memory": "queue", "model.classifier.memory_options": {"slots": 5}}),
        trained["gmm"][1] / "iter_4.pth",
        device="cpu",
    )
    assert_equal(other(picture(48, 64)), predictors["gmm"](picture(48, 64)))


@pytest.mark.parametrize("weights", ["timm", "nowhere/weights.pth"])
def test_pretrained_weights_are_not_asked_for(weights, tiny, trained, predictors, monkeypatch):
    create = timm.create_model

    def offline(*args, pretrained=False, **kwargs):
        assert not pretrained
        return create(*args, pretrained=pretrained, **kwargs)

    monkeypatch.setattr(timm, "create_model", offline)
    config = tiny("gmm", {"model.backbone.weights": weights})
    predictor = load_predictor(config, trained["gmm"][1] / "model.pth", device="cpu")
    assert_equal(predictor(picture(48, 64)), predictors["gmm"](picture(48, 64)))


def test_bad_paths_and_configs(tiny, trained, tmp_path):
    config, work_dir = trained["gmm"]
    with pytest.raises(InputError, match="no checkpoint at"):
        load_predictor(config, tmp_path / "none.pth")
    with pytest.raises(InputError, match="no config at"):
        load_predictor(tmp_path / "none.py", work_dir / "model.pth")
    slide = tiny("gmm", {"model.test_cfg.mode": "slide"})
    with pytest.raises(InputError, match="crop_size=None and stride=None; wanted two whole numbers each"):
        load_predictor(slide, work_dir / "model.pth")
    for key, value in (("short_side", 0), ("short_side", "48"), ("multiple", 0), ("multiple", 1.5)):
        with pytest.raises(InputError, match=f"evaluation.{key} is {value!r}; wanted"):
            load_predictor(tiny("gmm", {f"evaluation.{key}": value}), work_dir / "model.pth")
    text = config.read_text().replace("evaluation = ", "something = ")
    (tmp_path / "no_evaluation.py").write_text(text)
    with pytest.raises(InputError, match="no 'evaluation' section"):
        load_predictor(tmp_path / "no_evaluation.py", work_dir / "model.pth")


def test_moved_checkpoint_still_loads(trained, tmp_path):
    shutil.copy(trained["gmm"][1] / "model.pth", tmp_path / "renamed.pth")
    load_predictor(trained["gmm"][0], tmp_path / "renamed.pth")
