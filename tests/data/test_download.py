"""Downloads from a server on this machine that breaks off, lies and changes its mind."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from gmmbench.data.download import FAILURES, download
from gmmbench.errors import InputError

BODY = np.random.default_rng(0).bytes(700_000)
OTHER = np.random.default_rng(1).bytes(700_000)


def sha256(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class Server(ThreadingHTTPServer):
    """What it does is set by the test; what it was asked is kept."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = BODY
        self.tag: str | None = '"one"'
        self.knows_ranges = True
        self.breaks: list[int | None] = []  # after so many bytes of each answer; None: not
        self.length_lie = 0  # added to Content-Length
        self.statuses: list[int] = []  # answered first, one a request
        self.headers: dict[str, str] = {}
        self.wrong_range = False
        self.hides_length = False  # bytes 5-9/* where a part is sent
        self.chunked = False  # no length, in chunks
        self.after: Callable[[Server], None] | None = None  # called when an answer has been sent
        self.asked: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/files/data.zip"

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        server.asked.append(dict(self.headers))
        self.close_connection = True
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", server.url)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if server.statuses:
            self.send_response(server.statuses.pop(0))
            self.send_header("Retry-After", "7")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start, body = 0, server.body
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        unchanged = self.headers.get("If-Range") in (None, server.tag)
        if wanted and server.knows_ranges and unchanged:
            start = int(wanted[1])
            if start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if server.wrong_range:
                start -= 1
            self.send_response(206)
            total = "*" if server.hides_length else len(body)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{total}")
        else:
            self.send_response(200)
        if server.tag:
            self.send_header("ETag", server.tag)
        for name, value in server.headers.items():
            self.send_header(name, value)
        stop = server.breaks.pop(0) if server.breaks else None
        if server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for place in range(start, len(body) if stop is None else start + stop, 10_000):
                chunk = body[place : place + 10_000]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n" if stop is None else b"")
            return
        self.send_header("Content-Length", str(len(body) - start + server.length_lie))
        self.end_headers()
        self.wfile.write(body[start:] if stop is None else body[start : start + stop])
        self.wfile.flush()
        if server.after is not None:
            server.after(server)


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


class Sleeper:
    def __init__(self) -> None:
        self.waited: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.waited.append(seconds)


@pytest.fixture
def sleep() -> Sleeper:
    return Sleeper()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "data.zip"


def fetch(server: Server, file: Path, sleep: Sleeper, checksum: str | None = sha256(BODY)) -> None:
    download(server.url, file, checksum=checksum, sleep=sleep)


def alone(file: Path) -> bool:
    """Nothing lies beside the file."""
    return [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_whole_file(server: Server, file: Path, sleep: Sleeper) -> None:
    told: list[tuple[int, int]] = []
    download(server.url, file, checksum=sha256(BODY), progress=lambda *what: told.append(what), sleep=sleep)
    assert file.read_bytes() == BODY
    assert alone(file)
    assert sleep.waited == []
    assert told[-1] == (0, 0)  # whole megabytes
    assert len(told) > 5


def test_a_right_file_costs_no_request(server: Server, file: Path, sleep: Sleeper) -> None:
    file.parent.mkdir()
    file.write_bytes(BODY)
    fetch(server, file, sleep)
    assert server.asked == []


def test_a_wrong_file_is_replaced_only_by_a_right_one(server: Server, file: Path, sleep: Sleeper) -> None:
    file.parent.mkdir()
    file.write_bytes(b"old")
    server.body = OTHER
    with pytest.raises(InputError, match="hash"):
        fetch(server, file, sleep)
    assert file.read_bytes() == b"old"
    server.body = BODY
    fetch(server, file, sleep)
    assert file.read_bytes() == BODY


def test_an_empty_file_is_no_file(server: Server, file: Path, sleep: Sleeper) -> None:
    file.parent.mkdir()
    file.write_bytes(b"")
    fetch(server, file, sleep, checksum=None)
    assert file.read_bytes() == BODY


@pytest.mark.parametrize("checksum", [sha256(BODY), None])
def test_dropped_connections(server: Server, file: Path, sleep: Sleeper, checksum: str | None) -> None:
    server.breaks = [200_000, 1, 150_000, 0, 90_000]
    fetch(server, file, sleep, checksum)
    assert file.read_bytes() == BODY
    assert alone(file)
    starts = [int(asked.get("Range", "bytes=0-")[6:-1]) for asked in server.asked]
    assert starts[0] == 0
    assert starts == sorted(starts), "each goes on where the one before broke off"
    assert starts == [0, 200_000, 200_001, 350_001, 350_001, 440_001], "no byte is asked for twice"
    assert all(asked["If-Range"] == '"one"' for asked in server.asked[1:])
    assert len(sleep.waited) == 5


@pytest.mark.parametrize("checksum", [sha256(BODY), None])
def test_a_body_in_chunks_without_a_length(server: Server, file: Path, sleep: Sleeper, checksum: str | None) -> None:
    server.chunked, server.breaks = True, [200_000]
    fetch(server, file, sleep, checksum)
    assert file.read_bytes() == BODY
    assert len(server.asked) == 2


def test_a_new_run_goes_on_where_the_last_one_stopped(server: Server, file: Path, sleep: Sleeper) -> None:
    server.breaks = [300_000] + [0] * FAILURES
    with pytest.raises(InputError, match=f"broke off {FAILURES} times in a row .* run again and it goes on there"):
        fetch(server, file, sleep)
    assert not file.exists()
    kept = file.with_name("data.zip.part").stat().st_size
    assert kept == 300_000
    assert sleep.waited == [1, 1, 2, 4, 8, 16]
    fetch(server, file, sleep)
    assert server.asked[-1]["Range"] == f"bytes={kept}-"
    assert file.read_bytes() == BODY
    assert alone(file)


def test_ctrl_c_keeps_what_has_come(server: Server, file: Path, sleep: Sleeper) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(server.url, file, checksum=sha256(BODY), progress=stop, sleep=sleep)
    assert sorted(path.name for path in file.parent.iterdir()) == ["data.zip.part", "data.zip.part.json"]
    fetch(server, file, sleep)
    assert "Range" in server.asked[-1]
    assert file.read_bytes() == BODY


def test_a_file_that_changed_in_between_starts_over(server: Server, file: Path, sleep: Sleeper) -> None:
    def change(changed: Server) -> None:
        changed.body, changed.tag = OTHER, '"two"'

    server.breaks, server.after = [300_000], change
    fetch(server, file, sleep, checksum=None)
    assert "Range" in server.asked[1]
    assert file.read_bytes() == OTHER


def test_without_a_validator_and_a_checksum_nothing_is_put_together(server: Server, file: Path, sleep: Sleeper) -> None:
    server.tag, server.breaks = None, [300_000]
    fetch(server, file, sleep, checksum=None)
    assert ["Range" in asked for asked in server.asked] == [False, False]
    assert file.read_bytes() == BODY


def test_without_a_validator_a_checksum_is_enough(server: Server, file: Path, sleep: Sleeper) -> None:
    server.tag, server.breaks = None, [300_000]
    fetch(server, file, sleep)
    assert ["Range" in asked for asked in server.asked] == [False, True]
    assert file.read_bytes() == BODY


def test_a_weak_tag_is_no_validator(server: Server, file: Path, sleep: Sleeper) -> None:
    server.tag, server.breaks = 'W/"one"', [300_000]
    server.headers = {"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
    fetch(server, file, sleep)
    assert server.asked[1]["If-Range"] == "Wed, 21 Oct 2015 07:28:00 GMT"
    assert file.read_bytes() == BODY


def test_a_part_of_another_address_is_not_used(server: Server, file: Path, sleep: Sleeper) -> None:
    server.breaks = [300_000] + [0] * FAILURES
    with pytest.raises(InputError):
        download(server.url + "?old", file, checksum=sha256(BODY), sleep=sleep)
    fetch(server, file, sleep)
    assert "Range" not in server.asked[-1]
    assert file.read_bytes() == BODY


def test_a_server_that_knows_no_ranges(server: Server, file: Path, sleep: Sleeper) -> None:
    server.knows_ranges, server.breaks = False, [100_000, 400_000]
    fetch(server, file, sleep)
    assert file.read_bytes() == BODY


def test_a_server_that_knows_no_ranges_and_always_breaks_off(server: Server, file: Path, sleep: Sleeper) -> None:
    server.knows_ranges, server.breaks = False, [400_000] * 50
    with pytest.raises(InputError, match="broke off"):
        fetch(server, file, sleep)
    assert len(server.asked) == FAILURES + 1


def test_a_server_that_sends_another_part_than_was_asked_for(server: Server, file: Path, sleep: Sleeper) -> None:
    server.wrong_range, server.breaks = True, [300_000]
    fetch(server, file, sleep)
    assert file.read_bytes() == BODY
    assert [("Range" in asked) for asked in server.asked] == [False, True, False]


@pytest.mark.parametrize("checksum", [None, sha256(BODY)])
def test_a_part_of_nobody_knows_how_much(server: Server, file: Path, sleep: Sleeper, checksum: str | None) -> None:
    server.hides_length, server.breaks = True, [300_000]
    fetch(server, file, sleep, checksum=checksum)
    assert file.read_bytes() == BODY
    assert [("Range" in asked) for asked in server.asked] == [False, True, False][: 2 if checksum else 3]


def test_ctrl_c_while_the_checksum_is_counted_keeps_what_has_come(
    server: Server, file: Path, sleep: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("pooch.core.hash_matches", stop)
        with pytest.raises(KeyboardInterrupt):
            fetch(server, file, sleep)
    assert sorted(path.name for path in file.parent.iterdir()) == ["data.zip.part", "data.zip.part.json"]
    fetch(server, file, sleep)
    assert [asked.get("Range") for asked in server.asked] == [None, f"bytes={len(BODY)}-"]
    assert file.read_bytes() == BODY
    assert alone(file)


def test_a_length_that_is_too_long(server: Server, file: Path, sleep: Sleeper) -> None:
    server.length_lie = 1000
    fetch(server, file, sleep)  # "nothing after that", it says when asked for the rest
    assert file.read_bytes() == BODY
    server.knows_ranges = False
    file.unlink()
    with pytest.raises(InputError, match="broke off"):
        fetch(server, file, sleep)
    assert not file.exists()


def test_a_length_that_is_too_short(server: Server, file: Path, sleep: Sleeper) -> None:
    server.length_lie = -1000
    with pytest.raises(InputError, match=sha256(BODY)):
        fetch(server, file, sleep)
    assert list(file.parent.iterdir()) == []


def test_a_wrong_file_is_removed_and_both_checksums_are_said(server: Server, file: Path, sleep: Sleeper) -> None:
    server.body = OTHER
    with pytest.raises(InputError) as caught:
        fetch(server, file, sleep)
    said = str(caught.value)
    assert sha256(BODY) in said
    assert hashlib.sha256(OTHER).hexdigest() in said
    assert server.url in said
    assert "\n" not in said
    assert list(file.parent.iterdir()) == []


def test_md5(server: Server, file: Path, sleep: Sleeper) -> None:
    fetch(server, file, sleep, f"md5:{hashlib.md5(BODY).hexdigest()}")
    assert file.read_bytes() == BODY


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final_and_leaves_nothing_in_the_way(
    server: Server, file: Path, sleep: Sleeper, status: int
) -> None:
    server.statuses = [status]
    with pytest.raises(InputError, match=f"answers {status} .*by hand"):
        fetch(server, file, sleep)
    assert sleep.waited == []
    fetch(server, file, sleep)
    assert file.read_bytes() == BODY


def test_a_server_that_is_busy_for_a_while(server: Server, file: Path, sleep: Sleeper) -> None:
    server.statuses = [500, 503, 429]
    fetch(server, file, sleep)
    assert sleep.waited == [7, 7, 7], "as it asked"
    assert file.read_bytes() == BODY


def test_a_server_that_is_always_busy(server: Server, file: Path, sleep: Sleeper) -> None:
    server.statuses = [503] * 50
    with pytest.raises(InputError, match="answered 503"):
        fetch(server, file, sleep)
    assert len(server.asked) == FAILURES


def test_no_server_at_all(server: Server, file: Path, sleep: Sleeper) -> None:
    with pytest.raises(InputError, match="broke off"):
        download("http://127.0.0.1:1/data.zip", file, checksum=None, sleep=sleep)
    assert len(sleep.waited) == FAILURES - 1


def test_an_address_that_is_none(file: Path, sleep: Sleeper) -> None:
    with pytest.raises(InputError, match="cannot be fetched"):
        download("nonsense", file, checksum=None, sleep=sleep)


def test_a_body_that_is_packed_again(server: Server, file: Path, sleep: Sleeper) -> None:
    server.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(InputError, match="packed a second time"):
        fetch(server, file, sleep)


def test_a_redirect(server: Server, file: Path, sleep: Sleeper) -> None:
    download(server.url.replace("/files", "/moved"), file, checksum=sha256(BODY), sleep=sleep)
    assert file.read_bytes() == BODY


def test_a_page_in_place_of_the_file(server: Server, file: Path, sleep: Sleeper) -> None:
    server.headers = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(InputError, match="answers with a web page"):
        fetch(server, file, sleep, checksum=None)
    assert not file.exists()


def test_no_room_for_what_is_to_come(
    server: Server, file: Path, sleep: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"no space left for .*data\.zip: 0\.00 GB are to come"):
        fetch(server, file, sleep)


def test_a_disk_that_is_full_in_the_middle(server: Server, file: Path, sleep: Sleeper) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match=r"no space left for .*goes on where it stopped"):
        download(server.url, file, checksum=None, progress=full, sleep=sleep)
    fetch(server, file, sleep)
    assert "Range" in server.asked[-1]
    assert file.read_bytes() == BODY


def test_nothing_is_printed(server: Server, file: Path, sleep: Sleeper, capfd: pytest.CaptureFixture[str]) -> None:
    fetch(server, file, sleep, checksum=None)
    assert capfd.readouterr() == ("", "")
