"""Reading checkpoints that somebody else wrote."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from gmmbench.errors import InputError
from gmmbench.models.weights import read_checkpoint, read_state_dict


class Malicious:
    """Touches the file that it names, when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.pth"


def test_reads_a_bare_and_a_nested_state_dict(path):
    state = {"a": torch.arange(3.0), "b": torch.zeros(2, dtype=torch.int64)}
    for content in (state, {"state_dict": state, "meta": {"iter": 3}, "optimizer": {"lr": 0.1}}):
        torch.save(content, path)
        read = read_state_dict(path)
        assert list(read) == ["a", "b"]
        assert torch.equal(read["a"], state["a"])


def test_leaves_what_is_no_named_tensor_aside(path):
    torch.save({"a": torch.ones(1), "epoch": 3, 7: torch.ones(1)}, path)
    assert list(read_state_dict(path)) == ["a"]


@pytest.mark.parametrize("read", [read_checkpoint, read_state_dict])
def test_missing(read, path):
    with pytest.raises(InputError, match=r"no checkpoint at .*gmmbench train"):
        read(path)
    with pytest.raises(InputError, match="no checkpoint at"):
        read(path.parent)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a checkpoint\n",
        b"<!DOCTYPE html><html>404</html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"PK\x03\x04" + bytes(60),
        bytes(range(256)),
    ],
)
def test_garbage(content, path):
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"is not a readable checkpoint .*; copy it again") as caught:
        read_checkpoint(path)
    assert "weights_only" not in str(caught.value)  # PyTorch's advice would be to read it unsafely


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("archive", [True, False])
def test_truncated(share, archive, path):
    torch.save({"a": torch.ones(1000)}, path, _use_new_zipfile_serialization=archive)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="is not a readable checkpoint"):
        read_checkpoint(path)


def test_code_is_refused_and_not_run(path, tmp_path):
    trace = tmp_path / "code_ran"
    torch.save({"state_dict": {"a": torch.ones(1)}, "meta": Malicious(trace)}, path)
    with pytest.raises(InputError, match=r"could run code on loading.*re-save it"):
        read_checkpoint(path)
    path.write_bytes(pickle.dumps({"a": Malicious(trace)}, protocol=2))
    with pytest.raises(InputError, match="is not a readable checkpoint"):
        read_checkpoint(path)
    assert not trace.exists()


@pytest.mark.parametrize("content", [[torch.ones(1)], torch.ones(1), 3])
def test_no_dictionary(content, path):
    torch.save(content, path)
    with pytest.raises(InputError, match=f"holds a {type(content).__name__}, wanted a state dict"):
        read_checkpoint(path)


def test_no_dictionary_inside(path):
    torch.save({"state_dict": [torch.ones(1)]}, path)
    with pytest.raises(InputError, match="holds a list under 'state_dict'"):
        read_state_dict(path)
