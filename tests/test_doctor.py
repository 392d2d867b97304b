"""The doctor: on good machines and on broken ones, which it must survive."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.specifiers import SpecifierSet

from gmmbench import doctor, installed
from gmmbench.cli import main
from gmmbench.doctor import NOTE, OK, PROBLEM, Finding, examine
from gmmbench.installed import MODULES, Installed, Requirement, within

GIB = 2**30
GOOD = Installed(
    imports=dict.fromkeys(MODULES.values(), "1.0"),
    facts={"threads": 2, "cuda": None, "gpus": [], "mps": False},
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GMMBENCH_DATA", raising=False)
    monkeypatch.setenv("GMMBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Finding]]:
    """Examine with libraries as told; the findings by name."""

    def run(there: Installed = GOOD, root: Path = Path("data"), *, named: bool = False) -> dict[str, Finding]:
        monkeypatch.setattr(doctor, "installed", lambda: there)
        return {finding.what: finding for finding in examine(root, named=named)}

    return run


def broken(module: str, why: str) -> Installed:
    imports = {name: version for name, version in GOOD.imports.items() if name != module}
    return Installed(imports, {module: why}, {} if module == "torch" else GOOD.facts)


def test_this_machine_can_work(camvid_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--data-root", str(camvid_tree), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["problems"] == 0
    by_name = {finding["what"]: finding for finding in document["findings"]}
    assert {"Python", "torch", "onedl-mmsegmentation", "CPU", "data root", "temporary files", "encoding"} <= set(
        by_name
    )
    import torch

    assert by_name["torch"]["found"] == torch.__version__
    assert all(finding["remedy"] for finding in document["findings"] if finding["state"] == PROBLEM)


def test_the_table_has_a_mark_a_line_and_ends_with_a_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "installed", lambda: broken("timm", "it does not import (ImportError: [x])"))
    assert main(["doctor"]) == 2
    printed = capsys.readouterr()
    lines = [line.split() for line in printed.out.splitlines() if line.strip()]
    assert {line[0] for line in lines if not line[0].startswith("->")} >= {"ok", "problem", "libraries", "disk"}
    assert "(ImportError: [x])" in " ".join(printed.out.split())
    assert "One problem: gmmbench cannot work here" in " ".join(printed.out.split())
    assert printed.err == ""


def test_a_library_that_does_not_import(found: Callable[..., dict[str, Finding]]) -> None:
    finding = found(broken("mmcv", "it does not import (ImportError: libGL.so.1)"))["onedl-mmcv"]
    assert finding.state == PROBLEM
    assert "libGL.so.1" in finding.found
    assert "pip install --force-reinstall 'onedl-mmcv" in finding.remedy


def test_torch_is_broken_and_so_is_what_reads_images(
    found: Callable[..., dict[str, Finding]], camvid_tree: Path
) -> None:
    assert found(broken("torch", "importing it ends Python with signal 11"))["GPU"].found == (
        "not known, torch does not import"
    )
    assert found(broken("numpy", "gone"), camvid_tree)["data sets"].state == NOTE


def test_versions_out_of_bounds(found: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"torch": "2.5.1+cu121", "numpy": None, "opencv-python": None, "mmcv": "2.2.0", "onedl-mmcv": "2.3.6"}
    monkeypatch.setattr(Installed, "version", lambda self, name: versions.get(name, "1.0"))
    wanted = [Requirement("torch", ">=2.6,<2.14"), Requirement("numpy", ">2,<3"), Requirement("opencv-python", ">=4")]
    monkeypatch.setattr(doctor, "requirements", lambda: wanted)
    there = Installed({**GOOD.imports}, facts=GOOD.facts)
    assert found(there)["torch"] == Finding(
        "libraries", "torch", "2.5.1+cu121, wanted >=2.6,<2.14", PROBLEM, "pip install 'torch>=2.6,<2.14'"
    )
    assert found(there)["opencv-python"].state == NOTE, "opencv-python-headless brings the same module"
    assert found(broken("numpy", "No module"))["numpy"].state == PROBLEM
    assert "each overwrites files of the other" in found(there)["mmcv"].found


def test_gpus_are_named(found: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = {"name": "H200", "free": 100 * GIB, "total": 139 * GIB}
    facts = {"threads": 2, "cuda": "12.8", "gpus": [gpu], "mps": False}
    assert found(Installed(GOOD.imports, facts=facts))["GPU 0"].found == "H200, 100.0 of 139.0 GiB free, CUDA 12.8"
    monkeypatch.setattr("gmmbench.doctor.shutil.which", lambda name: "/usr/bin/nvidia-smi")
    assert "built for CPUs alone" in found(GOOD)["GPU"].found
    hidden = Installed(GOOD.imports, facts=facts | {"gpus": []})
    assert "CUDA_VISIBLE_DEVICES" in found(hidden)["GPU"].remedy


def test_data_roots(found: Callable[..., dict[str, Finding]], camvid_tree: Path, tmp_path: Path) -> None:
    assert found(root=tmp_path / "nowhere")["data root"].state == NOTE, "the demo needs none"
    assert found(root=tmp_path / "nowhere", named=True)["data root"].state == PROBLEM
    there = found(root=camvid_tree)
    assert there["camvid"].found == "incomplete"
    assert there["camvid"].remedy == f"gmmbench data check camvid --data-root {camvid_tree}"
    assert there["ready"] == Finding(
        "data", "ready", "none", NOTE, f"gmmbench data prepare NAME --data-root {camvid_tree}"
    )


def test_disks(found: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch) -> None:
    for free, current, temporary in ((50 * GIB, OK, OK), (2 * GIB, NOTE, NOTE), (1000, NOTE, PROBLEM)):
        monkeypatch.setattr("gmmbench.doctor.shutil.disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        there = found()
        assert (there["current folder"].state, there["temporary files"].state) == (current, temporary)
    monkeypatch.setattr(doctor, "_writeable", lambda folder: False)
    there = found()
    assert there["temporary files"].state == PROBLEM
    assert there["temporary files"].remedy == "set TMPDIR to another folder"
    assert there["cache"].state == NOTE

    def none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("gmmbench.doctor.tempfile.gettempdir", none)
    assert found()["temporary files"].found == "no folder for them can be written"


def test_a_library_that_kills_python_is_named_and_the_rest_is_still_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deadly.py").write_text(
        "import os, signal\nprint('last words')\nos.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    (tmp_path / "failing.py").write_text("raise OSError('libfoo.so')\n")
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(60)\n")
    (tmp_path / "good.py").write_text("__version__ = '7'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(installed, "MODULES", {name: name for name in ("failing", "deadly", "good")})
    there = installed.installed()
    assert there.imports == {"good": "7"}
    assert there.failures == {
        "failing": "it does not import (OSError: libfoo.so)", "deadly": "importing it ends Python with signal 11",
    }  # fmt: skip
    assert there.facts == {}
    monkeypatch.setattr(installed, "MODULES", {"slow": "slow"})
    monkeypatch.setattr(installed, "_SECONDS", 1.0)
    assert installed.installed().failures == {"slow": "importing it takes more than 1 s"}


def test_python_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = subprocess.CompletedProcess([], 1, "", "")
    monkeypatch.setattr(installed.subprocess, "run", lambda *_, **__: nothing)
    there = installed.installed()
    assert set(there.failures) == set(MODULES.values())


@pytest.mark.parametrize("bounds", ["", ">=2.6,<2.14", "<2.14,>=2.6", "==2.3.6", ">2,<3", "!=2.5", "<=2.6"])
def test_bounds_are_kept_as_pip_keeps_them(bounds: str) -> None:
    for version in (
        "2.0",
        "2",
        "2.0.1",
        "2.3.6",
        "2.5",
        "2.5.0",
        "2.6",
        "2.6.0",
        "2.6.1",
        "2.13.9",
        "2.14",
        "3",
        "10.1",
    ):
        assert within(version, bounds) == SpecifierSet(bounds).contains(version), version
    assert within("2.13.0+cpu", ">=2.6,<2.14")
    assert not within("unknown", ">=1")


def test_requirements_are_those_of_setup_py() -> None:
    text = (Path(__file__).parents[1] / "setup.py").read_text(encoding="utf-8")
    read = installed.requirements()
    assert {"torch", "numpy", "typer"} <= {each.name for each in read if not each.extra}
    for each in read:
        if each.name in ("torch", "onedl-mmcv"):
            assert all(part in text for part in each.bounds.split(","))
    assert "pytest" not in {each.name for each in read if not each.extra}


def test_every_library_of_ours_has_its_module() -> None:
    light = {"typer", "rich"}  # the doctor itself runs on them
    assert {each.name for each in installed.requirements() if not each.extra} - light <= set(MODULES)
