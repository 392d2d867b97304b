"""``prepare``: from a server on this machine to a data set that has been checked."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gmmbench.data import archives, cards, check, prepare, presence
from gmmbench.data.prepare import instructions
from gmmbench.errors import InputError


class Server(ThreadingHTTPServer):
    """Gives one file, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = b""
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/files/data.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def sha256(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def png(pixels: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return out.getvalue()


def jpg(pixels: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "jpeg")
    return out.getvalue()


@pytest.fixture
def published(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """RoadAnomaly with two frames on the server, and the card that says so; change the card as you like."""
    image, labels = np.zeros((8, 9, 3), dtype=np.uint8), np.zeros((8, 9), dtype=np.uint8)
    labels[2:4] = 2
    members = {"RoadAnomaly_jpg/frame_list.json": json.dumps(["a.jpg", "b.jpg"]).encode()}
    for name in "ab":
        members[f"RoadAnomaly_jpg/frames/{name}.jpg"] = jpg(image)
        members[f"RoadAnomaly_jpg/frames/{name}.labels/labels_semantic.png"] = png(labels)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    server.body = packed.getvalue()
    about: dict[str, Any] = cards.card("road_anomaly") | {
        "expected": {"images": 2},
        "download": [{"url": server.url, "checksum": sha256(server.body), "archive": "ra.zip", "unpack_to": "."}],
    }
    for module in (check, prepare, presence):
        monkeypatch.setattr(module, "card", lambda name: about)
    return about


def test_prepare(published: dict[str, Any], server: Server, tmp_path: Path) -> None:
    root, said = tmp_path / "new" / "root", list[str]()
    prepared = prepare.prepare("road_anomaly", root, say=said.append)
    assert prepared.ready
    assert prepared.report is not None
    assert prepared.report.archives == {"ra.zip": "right"}
    assert prepared.report.parts[0].contents.prevalence == pytest.approx(0.25)
    assert sorted(path.name for path in root.iterdir()) == ["RoadAnomaly_jpg", "downloads"]
    assert (root / "downloads" / "ra.zip").read_bytes() == server.body
    assert said[0] == f"downloading {server.url}"
    assert f"{sha256(server.body)} as published" in said[1]
    assert said[2].startswith("unpacked ra.zip")
    asked = len(server.asked)
    assert prepare.prepare("road_anomaly", root).ready
    shutil.rmtree(root / "RoadAnomaly_jpg")
    assert prepare.prepare("road_anomaly", root).ready, "from the archive that is there"
    assert len(server.asked) == asked


def test_an_archive_that_a_person_put_there(published: dict[str, Any], server: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "ra.zip").write_bytes(server.body)
    assert prepare.prepare("road_anomaly", root).ready
    assert server.asked == []


def test_no_checksum_is_said_with_what_came(published: dict[str, Any], server: Server, tmp_path: Path) -> None:
    published["download"][0]["checksum"] = None
    said: list[str] = []
    prepared = prepare.prepare("road_anomaly", tmp_path / "root", say=said.append)
    assert prepared.ready
    assert f"no checksum is published; this one is {sha256(server.body)}" in said[1]
    assert prepared.report is not None
    assert prepared.report.archives == {"ra.zip": "no checksum published"}


def test_a_published_archive_with_a_fault_is_checked(published: dict[str, Any], tmp_path: Path) -> None:
    published["expected"] = {"images": 3}
    prepared = prepare.prepare("road_anomaly", tmp_path / "root")
    assert prepared.report is not None
    assert not prepared.ready
    assert [fault.kind for fault in prepared.report.faults] == ["wrong count"]


def test_what_is_gated(published: dict[str, Any], server: Server, tmp_path: Path) -> None:
    download_it = published.pop("download")
    published["gated"] = "Register at https://example.org\nand unpack to ROOT.\n"
    prepared = prepare.prepare("road_anomaly", tmp_path / "root")
    assert (prepared.report, prepared.ready) == (None, False)
    assert not (tmp_path / "root").exists(), "nothing to put there"
    assert prepared.instructions.startswith("Register at https://example.org\nand unpack to ROOT.\n")
    assert "ROOT/RoadAnomaly_jpg/frame_list.json" in prepared.instructions
    assert f"gmmbench data check road_anomaly --data-root {tmp_path / 'root'}" in prepared.instructions
    published["download"] = download_it  # labels are public, images are not: what is public is fetched all the same
    assert prepare.prepare("road_anomaly", tmp_path / "root").ready
    assert len(server.asked) == 1


def test_what_is_made_from_another(published: dict[str, Any], tmp_path: Path) -> None:
    published["needs"] = {"cityscapes": "cityscapes/leftImg8bit/val"}
    published["expected"] = {"images": 3}
    prepared = prepare.prepare("road_anomaly", tmp_path / "root")
    assert prepared.report is None
    assert prepared.instructions.startswith(
        "road_anomaly is made from 'cityscapes', which is not there: gmmbench data prepare cityscapes"
    )
    (tmp_path / "root" / "cityscapes" / "leftImg8bit" / "val").mkdir(parents=True)
    assert prepare.prepare("road_anomaly", tmp_path / "root").report is not None


def test_what_nobody_publishes(published: dict[str, Any], tmp_path: Path) -> None:
    del published["download"]
    said = instructions(published, tmp_path)
    assert "has no public download" in said
    assert published["source"] in said


def test_what_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gmmbench.data.street import write_street

    def small(root: Path, progress: Any) -> Path:
        return write_street(
            root, size=(48, 64), counts={"train": 1, "val": 1, "test": 1, "test_ood": 1}, progress=progress
        )

    monkeypatch.setitem(prepare.MADE, "street", small)
    said: list[str] = []
    assert prepare.prepare("street", tmp_path / "root", say=said.append).ready
    assert said == [f"drawn: {tmp_path / 'root' / 'Street'}"]
    assert prepare.prepare("street_ood", tmp_path / "root", say=said.append).ready
    assert len(said) == 1


def test_two_at_once(published: dict[str, Any], tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with prepare._alone(root), pytest.raises(InputError, match="another 'gmmbench data prepare' is at work"):
        prepare.prepare("road_anomaly", root)


def test_a_data_root_that_cannot_be_written(published: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "downloads").write_text("no folder either")
    for root in ("file", "root"):
        with pytest.raises(InputError, match=r"cannot write .*downloads: .*another folder with --data-root"):
            prepare.prepare("road_anomaly", tmp_path / root)


def test_an_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown data set 'road_anomoly'"):
        prepare.prepare("road_anomoly", tmp_path / "root")
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"archive": "a.zip"}, "has no url"),
        ({"url": "https://e.org/a.zip", "checksum": "abc"}, "wanted md5:HEX or sha256:HEX"),
        ({"url": "https://e.org/a.zip", "archive": "../a.zip"}, "leaves the data root"),
        ({"url": "https://e.org/a.zip", "unpack_to": "../up"}, "leaves the data root"),
        ({"url": "https://e.org/"}, "leaves the data root"),
    ],
)
def test_a_card_that_cannot_be_followed(entry: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        archives.sources({"name": "x", "download": [entry]})


def test_the_downloads_of_every_card_can_be_followed() -> None:
    names = [file.stem for file in cards.CARDS.glob("*.yaml")]
    assert {name for name in names if archives.sources(cards.card(name))} >= {"road_anomaly21", "road_obstacle21"}
