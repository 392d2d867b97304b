"""One file from the web: it goes on where it stopped, and is never taken for whole when it is not."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch
import requests
import urllib3

from gmmbench.atomic import write_text
from gmmbench.errors import InputError

Progress = Callable[..., None]
"""Told (megabytes there, megabytes in all or ``None``, a few words)."""

FAILURES = 6
"""So many times in a row without a new byte, and the download gives up."""

_TIMEOUT = (15, 60)  # seconds, to connect and between two bytes
_CHUNK = 1 << 16
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # what a server says when it may work a little later
_FULL = {errno.ENOSPC, errno.EDQUOT}


class _PassingError(Exception):
    """What another attempt may mend; ``wait`` is what the server asked for, in seconds."""

    def __init__(self, message: str, wait: float = 0) -> None:
        super().__init__(message)
        self.wait = wait


def download(
    url: str,
    file: Path,
    *,
    checksum: str | None,
    progress: Progress | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Bring ``url`` to ``file``, which appears when it is whole and right; one that is right costs no request.

    What has come lies in ``file``'s sibling ``.part`` with what it is a part of in ``.part.json``; both stay for
    the next attempt or the next run, which ask for the rest alone (RFC 9110, Range with If-Range). A server that
    has another file by now, or knows no ranges, sends the whole one, and the part is begun anew. Placing and
    hashing are pooch's.

    Args:
        checksum: "md5:HEX" or "sha256:HEX"; ``None`` trusts what comes.
        sleep: waits between attempts: 1, 2, 4 ... seconds, or as the server asks.

    Raises:
        InputError: the server refuses, sends a web page, or keeps breaking off; the checksum is wrong (what came
            is removed); the disk is full.
    """
    fetch = _Resuming(file, checksum is not None, progress, sleep)
    if checksum is None and file.is_file() and file.stat().st_size == 0:
        file.unlink()  # what a full disk leaves of other programs' downloads
    try:
        with _quiet():
            pooch.retrieve(url, checksum, fname=file.name, path=file.parent, downloader=fetch)
    except InputError:
        raise
    except ValueError as error:  # pooch's, of a hash: it says what was expected and what came
        fetch.forget()
        raise InputError(f"{url}: {' '.join(str(error).split())}") from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise InputError(f"no space left for {file}; free some and run again, it goes on where it stopped") from error
    fetch.forget()


_BREAKS = (_PassingError, requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError)


@contextmanager
def _quiet() -> Iterator[None]:
    """pooch reports to a logger of its own, on the console; here only the command line speaks."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@dataclass
class _Resuming:
    """A pooch downloader: ``fetch(url, output_file, pooch)`` returns when ``output_file`` has the whole body."""

    file: Path
    checked: bool  # a checksum will tell a file that was put together of two
    progress: Progress | None
    sleep: Callable[[float], object]

    def __post_init__(self) -> None:
        self.part = self.file.with_name(f"{self.file.name}.part")
        self.about = self.file.with_name(f"{self.file.name}.part.json")

    def __call__(self, url: str, output_file: Any, _: Any, check_only: bool = False) -> None:
        failures, most = 0, self._size()
        with requests.Session() as session:
            while True:
                try:
                    self._attempt(session, url)
                    break
                except _BREAKS as error:
                    passing = error
                except requests.RequestException as error:
                    raise InputError(f"{url} cannot be fetched: {error}") from error
                failures = 0 if self._size() > most else failures + 1
                most = max(most, self._size())
                if failures >= FAILURES:
                    kept = f"{most} bytes are kept in {self.part}: run again and it goes on there"
                    other = "run again later, or put the file into the folder 'downloads' of the data root by hand"
                    raise InputError(
                        f"{url} broke off {FAILURES} times in a row ({passing}); {kept if most else other}"
                    ) from passing
                self.sleep(max(getattr(passing, "wait", 0), 2 ** max(failures - 1, 0)))
        # A second name and no move: an interruption while pooch reads it all must not lose what came.
        Path(output_file).unlink(missing_ok=True)
        try:
            os.link(self.part, output_file)
        except OSError:  # a file system without links
            self.part.replace(output_file)

    def forget(self) -> None:
        """Remove what was kept for another attempt."""
        for file in (self.part, self.about):
            with suppress(FileNotFoundError):
                file.unlink()

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _attempt(self, session: requests.Session, url: str) -> None:
        """One request; returns when the part is whole."""
        headers = self._ask(url)
        with session.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            if answer.status_code == 416:  # nothing after what we have
                if answer.headers.get("Content-Range", "") == f"bytes */{self._size()}":
                    return
                self.forget()
                raise _PassingError("the server has not as many bytes as came before")
            _refuse(answer, url)
            start, total = self._place(answer, "Range" in headers)
            validator = _validator(answer)
            write_text(self.about, json.dumps({"url": url, "validator": validator, "total": total}))
            self._room_for(total, start)
            with open(self.part, "r+b" if start else "wb") as out:
                out.seek(start)
                # Not iter_content: it waits for a full chunk, and loses what came of one when the connection breaks.
                while chunk := answer.raw.read1(_CHUNK, decode_content=False):
                    out.write(chunk)
                    if self.progress is not None:
                        self.progress(out.tell() // 10**6, None if total is None else total // 10**6)
        size = self._size()
        if total is not None and size > total:
            self.forget()
            raise _PassingError(f"the server sent {size} bytes of {total}")
        if total is not None and size < total:
            raise _PassingError(f"the server sent {size} of {total} bytes")

    def _ask(self, url: str) -> dict[str, str]:
        """Headers of the next request: for the rest, where a part of this very file is there."""
        headers = {"Accept-Encoding": "identity", "User-Agent": "gmmbench"}
        try:
            known = json.loads(self.about.read_text(encoding="utf-8"))
            same, validator = known["url"] == url, known["validator"]
        except (OSError, ValueError, KeyError, TypeError):
            same, validator = False, None
        # Without a validator nobody knows whether the rest is of the same file, until a checksum tells.
        if same and self._size() and (validator or self.checked):
            headers["Range"] = f"bytes={self._size()}-"
            if validator:
                headers["If-Range"] = validator
        return headers

    def _place(self, answer: requests.Response, asked_for_rest: bool) -> tuple[int, int | None]:
        """Where in the file the body begins, and how long the file is where the server says so."""
        if answer.status_code == 206:
            found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
            if not asked_for_rest or found is None or int(found[1]) != self._size():
                self.forget()
                raise _PassingError("the server sent another part than was asked for")
            if found[2] == "*" and not self.checked:  # nothing would tell a part from the whole
                self.forget()
                raise _PassingError("the server does not say how long the file is that it sent a part of")
            return self._size(), None if found[2] == "*" else int(found[2])
        length = answer.headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() else None

    def _room_for(self, total: int | None, start: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if total is not None and free < total - start:
            raise InputError(
                f"no space left for {self.file}: {(total - start) / 1e9:.2f} GB are to come and {free / 1e9:.2f} GB"
                " are free; free some and run again"
            )


def _validator(answer: requests.Response) -> str | None:
    """What If-Range may carry: a strong entity tag, or else the date of the last change."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified")


def _refuse(answer: requests.Response, url: str) -> None:
    """Raise for everything but a file."""
    status = answer.status_code
    if status in _PASSING:
        asked = answer.headers.get("Retry-After", "")
        raise _PassingError(f"the server answered {status}", min(int(asked), 60) if asked.isdigit() else 0)
    if status not in (200, 206):
        raise InputError(
            f"{url} answers {status} {answer.reason}; fetch the file by hand and put it into the folder 'downloads'"
            " of the data root"
        )
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise InputError(f"{url} comes packed a second time, which was not asked for; fetch the file by hand")
    if answer.headers.get("Content-Type", "").startswith("text/html") and not url.endswith((".html", ".htm")):
        raise InputError(
            f"{url} answers with a web page and not with the file; open it in a browser and put the file"
            " into the folder 'downloads' of the data root"
        )
