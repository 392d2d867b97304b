"""``gmmbench data ...`` as a person types it: exit codes, and what is printed where."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from gmmbench import console
from gmmbench.cli_data import FAULTY, data_app
from gmmbench.data import cards, check, prepare, presence
from gmmbench.errors import InputError

EXPECTED = {"camvid": {"train": 4, "val": 2, "test": 3}, "camvid_ood": {"test_ood": 3}}


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Cards that expect the trees that ``conftest`` writes; no test reads the caller's data."""
    about: dict[str, Any] = {file.stem: cards.card(file.stem) for file in cards.CARDS.glob("*.yaml")}
    for name, splits in EXPECTED.items():
        about[name] = about[name] | {"splits": splits}
        about[name].pop("expected", None)
    for module in (check, prepare, presence):
        monkeypatch.setattr(module, "card", about.__getitem__)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GMMBENCH_DATA", raising=False)
    monkeypatch.setattr("gmmbench.cli_data.out.width", 400)


def run(*arguments: str | Path) -> int:
    """The exit code of ``gmmbench data ARGUMENTS``."""
    code = typer.main.get_command(data_app).main([str(part) for part in arguments], standalone_mode=False)
    return int(code or 0)


def test_check_of_good_data(camvid_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "camvid_ood", "--data-root", camvid_tree) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "3 of 3" in printed.out
    assert "12x16 (3)" in printed.out
    held = check.check("camvid_ood", camvid_tree).parts[0].contents
    assert f"{100 * held.prevalence:.3f} %" in printed.out
    assert f"{100 * held.ignore_share:.3f} %" in printed.out
    assert printed.out.endswith("camvid_ood: no fault found\n")


def test_check_of_one_split_and_of_all(camvid_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (camvid_tree / "CamVid" / "test.txt").write_text("one_word\n")
    assert run("check", "camvid", "--split", "val", "--split", "train", "--data-root", camvid_tree) == 0
    printed = capsys.readouterr().out
    assert "camvid val" in printed
    assert "camvid test" not in printed
    assert "OOD share" not in printed
    assert run("check", "camvid", "--data-root", camvid_tree) == FAULTY


def test_check_names_every_fault(camvid_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = camvid_tree / "CamVid"
    empty, lost = folder / "test_ood" / "0001TP_008550.png", folder / "testannot_ood" / "0001TP_008580.png"
    empty.write_bytes(b"")
    lost.unlink()
    assert run("check", "camvid_ood", "--data-root", camvid_tree) == FAULTY
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert f"empty file: {empty} has no bytes" in lines
    assert any(line.startswith("image without mask: ") and str(lost) in line for line in lines)
    assert printed.err == ("camvid_ood: 3 faults (1 x image without mask, 1 x wrong count, 1 x empty file)\n")


def test_names_with_markup_are_printed_as_they_are(camvid_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listing = camvid_tree / "CamVid" / "test_ood.txt"
    listing.write_text(listing.read_text() + "test_ood/[bold]a.png testannot_ood/[bold]a.png\n")
    assert run("check", "camvid_ood", "--data-root", camvid_tree) == FAULTY
    assert "test_ood/[bold]a.png" in capsys.readouterr().out


def test_a_name_that_is_no_text_is_printed_all_the_same(camvid_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strange = Path(os.fsdecode(bytes(camvid_tree / "CamVid" / "test_ood") + b"/caf\xe9.png"))
    strange.write_bytes(b"")
    assert run("check", "camvid_ood", "--data-root", camvid_tree) == FAULTY
    assert "caf\\udce9.png is not in" in capsys.readouterr().out


def test_a_bar_prints_markup_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=shown, force_terminal=True, width=200))
    with console.progress_bar("checking [/x]") as progress:
        assert progress is not None
        progress(1, 2, "[bold]a")
    assert "checking [/x] [bold]a" in shown.getvalue()


def test_what_cannot_be_checked(camvid_tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown data set 'camvit'"):
        run("check", "camvit", "--data-root", camvid_tree)
    with pytest.raises(InputError, match="no data root at"):
        run("check", "camvid", "--data-root", tmp_path / "nowhere")


def test_prepare_of_what_is_there(camvid_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("prepare", "camvid_ood", "--data-root", camvid_tree) == 0
    assert capsys.readouterr().out.endswith("camvid_ood: no fault found\n")
    assert sorted(path.name for path in camvid_tree.iterdir()) == ["CamVid"]


def test_prepare_of_what_is_gated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "[new] root"
    assert run("prepare", "cityscapes", "--data-root", root) == FAULTY
    printed = capsys.readouterr().out
    assert str(cards.card("cityscapes")["gated"]).splitlines()[0] in printed
    assert f"gmmbench data check cityscapes --data-root {root}" in printed


def test_prepare_of_what_is_there_with_faults(camvid_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = camvid_tree / "CamVid" / "testannot_ood" / "0001TP_008550.png"
    mask.write_bytes(mask.read_bytes()[:60])
    assert run("prepare", "camvid_ood", "--data-root", camvid_tree) == FAULTY
    assert f"unreadable file: {mask}" in capsys.readouterr().out


def test_exit_codes_of_the_whole_command_line(camvid_tree: Path) -> None:
    from gmmbench.cli import main

    arguments = ["data", "check", "camvid_ood", "--data-root", str(camvid_tree)]
    assert main(arguments) == 0
    (camvid_tree / "CamVid" / "test_ood" / "0001TP_008550.png").write_bytes(b"")
    assert main(arguments) == FAULTY
    assert main(["data", "prepare", "cityscapes", "--data-root", str(camvid_tree)]) == FAULTY


def test_ls(camvid_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (camvid_tree / "CamVid" / "test_ood" / "0001TP_008550.png").unlink()
    assert run("ls", "--data-root", camvid_tree) == 0
    lines = {line.split()[0]: " ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert lines["camvid"].startswith("camvid closed ready 4/2/3")
    assert lines["camvid_ood"].startswith("camvid_ood OOD incomplete 2 of 3")
    assert lines["cityscapes"].startswith("cityscapes closed gated -/- of 2975/500")
    assert lines["fishyscapes_static_v3"].startswith("fishyscapes_static_v3 OOD needs cityscapes - of 30")
    assert lines["road_anomaly21"].startswith("road_anomaly21 OOD absent - of 10")
    assert lines["road_obstacle21_test"].startswith("road_obstacle21_test OOD, no labels absent - of 327")


def test_ls_of_what_only_label_maps_can_tell(
    data_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GMMBENCH_CACHE", str(data_root / "cache"))
    for kind, suffix in (("leftImg8bit", "_leftImg8bit.png"), ("gtCoarse", "_gtCoarse_labelIds.png")):
        folder = data_root / "lost_and_found" / kind / "test" / "place"
        folder.mkdir(parents=True)
        (folder / f"frame{suffix}").write_bytes(b"damaged")
    assert run("ls", "--data-root", data_root) == 0
    lines = {line.split()[0]: " ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert lines["lost_and_found"].startswith("lost_and_found OOD incomplete 1 of 1203")
    assert lines["lost_and_found_noknown"].startswith("lost_and_found_noknown OOD unchecked - of 1043")
    faults = check.check("lost_and_found_noknown", data_root).faults
    assert [fault.kind for fault in faults] == ["wrong count", "unreadable file", "unreadable file"]
    assert not (data_root / "cache").exists(), "what was guessed of damaged maps is not kept"


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("ls", "check", "prepare"):
        assert run(verb, "--help") == 0
        assert f"gmmbench data {verb}" in capsys.readouterr().out
