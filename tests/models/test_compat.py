"""What gmmbench.models does to the libraries below it."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from gmmbench.models.compat import ensure_torchvision, prepare_mmseg


@pytest.fixture
def no_subprocess(monkeypatch):
    """Fails whoever starts a process."""
    started = []

    def refuse(*args, **kwargs):
        started.append(args)
        raise AssertionError(f"a process was started: {args}")

    for name in ("run", "call", "check_call", "check_output", "Popen"):
        monkeypatch.setattr(subprocess, name, refuse)
    monkeypatch.setattr("os.system", refuse)
    yield
    assert started == []


@pytest.mark.parametrize("place", ["mmengine.utils", "mmengine.utils.package_utils", "mmengine.hub.hub"])
def test_mmengine_installs_nothing(place, no_subprocess):
    install = importlib.import_module(place).install_package
    with pytest.raises(ModuleNotFoundError, match="asks for the package 'no-such-thing', which is not installed"):
        install("no-such-thing")


def test_models_of_absent_packages_are_not_fetched(no_subprocess):
    from mmengine.hub import get_config, get_model

    for ask in (get_config, get_model):
        with pytest.raises((ModuleNotFoundError, KeyError, ValueError)):
            ask("mmpretrain::resnet/resnet18_8xb32_in1k.py", pretrained=True)


def test_base_config_of_an_absent_package_is_an_error(no_subprocess, tmp_path):
    from gmmbench.errors import InputError
    from gmmbench.models.config import read_config

    (tmp_path / "c.py").write_text('_base_ = "mmpretrain::resnet/resnet18_8xb32_in1k.py"\nmodel = dict()\n')
    with pytest.raises(InputError, match="not a usable config"):
        read_config(tmp_path / "c.py")


def test_mmsegmentations_own_base_configs_are_found(no_subprocess, tmp_path):
    from gmmbench.models.config import read_config

    (tmp_path / "c.py").write_text('_base_ = "mmseg::_base_/models/fcn_r50-d8.py"\n')
    assert read_config(tmp_path / "c.py").model.type == "EncoderDecoder"


def test_preparing_twice_is_preparing_once():
    torchvision = importlib.import_module("torchvision")
    ensure_torchvision()
    prepare_mmseg()
    ensure_torchvision()
    assert sys.modules["torchvision"] is torchvision


def test_torchvision_is_whole_enough_for_timm_and_mmengine():
    from torchvision import transforms

    assert transforms.Normalize(0.5, 0.5)
    import timm

    assert timm.is_model("mobilenetv2_100")


@pytest.mark.parametrize(
    "name",
    ["SegDataPreProcessor", "EncoderDecoder", "Segmentor", "TimmFeatures", "SegformerHead", "MixVisionTransformer"],
)
def test_models_are_registered(name):
    from mmseg.registry import MODELS

    assert MODELS.get(name) is not None


def test_our_hooks_data_and_samplers_are_registered():
    from mmengine.registry import DATA_SAMPLERS, HOOKS
    from mmseg.registry import DATASETS, TRANSFORMS

    assert all(HOOKS.get(name) for name in ("EMHook", "SafeCheckpointHook", "StopHook"))
    assert DATA_SAMPLERS.get("SeededSampler")
    assert DATASETS.get("ClosedSetDataset")
    assert TRANSFORMS.get("LoadSample")


def test_import_is_quiet():
    """In a fresh interpreter, before anything else of the stack is imported."""
    code = "import gmmbench.models; from mmseg.registry import MODELS; print(MODELS.get('Segmentor').__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "Segmentor"
    assert done.stderr == ""
