"""Pretrained weights are read as tensors, from wherever a config says."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

import gmmbench.models  # noqa: F401  (takes the place of MMEngine's loaders)
from gmmbench.errors import InputError


class Net(BaseModule):
    def __init__(self, checkpoint: str) -> None:
        super().__init__(init_cfg={"type": "Pretrained", "checkpoint": checkpoint})
        self.layer = nn.Linear(2, 2)


class Trap:
    """Runs code when it is unpickled without care."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return (Path.touch, (self.file,))


@pytest.fixture
def weights(tmp_path):
    file = tmp_path / "net.pth"
    torch.save({"state_dict": {"layer.weight": torch.eye(2), "layer.bias": torch.ones(2)}}, file)
    return file


@pytest.fixture
def web(monkeypatch, tmp_path, weights):
    """An internet of one file, and torch.hub's own check of hashes."""
    fetched = []

    def download(address, path, hash_prefix=None, progress=True):
        fetched.append(address)
        if "offline" in address:
            raise OSError("no route to host")
        if hash_prefix and not hashlib.sha256(weights.read_bytes()).hexdigest().startswith(hash_prefix):
            raise RuntimeError("invalid hash value")
        shutil.copy(weights, path)

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    return fetched


def loads(checkpoint: str) -> bool:
    net = Net(checkpoint)
    net.init_weights()
    return torch.equal(net.layer.weight, torch.eye(2)) and torch.equal(net.layer.bias, torch.ones(2))


def test_reads_a_file(weights):
    assert loads(str(weights))


def test_runs_no_code_of_a_file(tmp_path):
    torch.save({"state_dict": {"layer.weight": torch.eye(2)}, "meta": Trap(tmp_path / "sprung")}, tmp_path / "trap.pth")
    with pytest.raises(InputError, match="could run code"):
        loads(str(tmp_path / "trap.pth"))
    assert not (tmp_path / "sprung").exists()


def test_downloads_once(web, weights):
    digits = hashlib.sha256(weights.read_bytes()).hexdigest()[:8]
    address = f"https://example.org/v0.5/net-{digits}.pth"
    assert loads(address)
    assert loads(address)
    assert web == [address]


def test_refuses_other_content_than_the_name_says(web):
    with pytest.raises(InputError, match="invalid hash value"):
        loads("https://example.org/net-00000000.pth")


def test_says_what_to_do_without_a_connection(web):
    with pytest.raises(InputError, match=r"no route to host.*model\.backbone\.init_cfg\.checkpoint=PATH"):
        loads("https://offline.example.org/net.pth")


def test_refuses_other_services():
    with pytest.raises(InputError, match="torchvision://resnet50"):
        loads("torchvision://resnet50")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.pth"):
        loads(str(tmp_path / "nothing.pth"))
