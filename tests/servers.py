"""Servers of folders, on this machine, which can be told to misbehave; and moto's, for S3."""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from lineage_triplets.engine import waiting
from lineage_triplets.engine.plates import remote_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

_BUCKET = r"^/(storage/v1/b/)?bucket-\d+/(o/)?"
_PIECE_BYTES = 1 << 16
# Who takes all that comes shall not fill the memory.
_MOST_SENT_BYTES = 2 * 10**8


@dataclass
class _Rule:
    pattern: str
    status: int = 200
    times: int = 10**9
    hangs: bool = False
    keeps: float = 1.0
    lies: bool = False
    body: bytes | None = None
    leads_to: str = ""
    endless: bool = False
    barrier: threading.Barrier | None = None
    parts: bool = True
    shifts: int = 0
    long_bytes: int = 0
    hides: bool = False


class FolderServer:
    """Serves the files below a folder, and remembers what it was asked for.

    It has them in a bucket too, as S3 and Google have objects; credentials it ignores.

    Attributes
    ----------
    url : str
    bucket : str
        Another one for each server, as what is noted of one is not to be found of the next.
    address : str
        Where stores are: the URL, or the bucket where `serve_bucket` has said so.
    n_sent_bytes : int
        Of bodies.
    asked : list of str
        Paths with their queries, in order.
    signers : set of str
        Keys that requests were signed with; empty text where one was not.
    left : threading.Event
        Set once a body without end is left by who had asked for it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[str] = []
        self.n_sent_bytes = 0
        self.signers: set[str] = set()
        self.left = threading.Event()
        self._rules: list[_Rule] = []
        self._release = threading.Event()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                served._open.append(self.connection)

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                served._answer(self)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that went away is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = self.address = f"http://127.0.0.1:{self._server.server_port}"
        self.bucket = f"bucket-{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> FolderServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop; every request after it is refused."""
        self._release.set()
        self._server.shutdown()
        self._server.server_close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def refuse(self, pattern: str, status: int, times: int = 10**9) -> None:
        """Answer paths that match with a status, so many times."""
        self._rules.append(_Rule(pattern, status=status, times=times, body=b"no"))

    def send_on(self, pattern: str, leads_to: str, status: int = 302) -> None:
        """Answer paths that match with another address, in which groups are filled in."""
        rule = _Rule(pattern, status=status, body=b"gone there", leads_to=leads_to)
        self._rules.append(rule)

    def hang(self, pattern: str, times: int = 10**9) -> None:
        """Take requests and answer none until the server stops."""
        self._rules.append(_Rule(pattern, hangs=True, times=times))

    def cut(self, pattern: str, times: int = 10**9, *, lies: bool = False) -> None:
        """Give half of a file; `lies`: after the length of all of it was announced."""
        self._rules.append(_Rule(pattern, keeps=0.5, lies=lies, times=times))

    def give(self, pattern: str, body: bytes) -> None:
        """Answer paths that match with this."""
        self._rules.append(_Rule(pattern, body=body))

    def go_on(self, pattern: str) -> None:
        """Answer paths that match with a body that has no end, and no length."""
        self._rules.append(_Rule(pattern, endless=True))

    def lengthen(self, pattern: str, n_bytes: int, *, hides: bool = False) -> None:
        """Give so many bytes; `hides`: but say of every part that there is none."""
        self._rules.append(_Rule(pattern, long_bytes=n_bytes, hides=hides))

    def serve_bucket(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have stores asked for as those of a bucket."""
        monkeypatch.setenv("AWS_ENDPOINT_URL", self.url)
        self.address = f"s3://{self.bucket}"

    def together(self, pattern: str, n: int, seconds: float = 10) -> None:
        """Answer paths that match as soon as `n` of them are asked for at a time; else fail."""
        self._rules.append(_Rule(pattern, barrier=threading.Barrier(n, timeout=seconds)))

    def ignore_ranges(self, pattern: str) -> None:
        """Give whole files where parts are asked for."""
        self._rules.append(_Rule(pattern, parts=False))

    def shift_ranges(self, pattern: str) -> None:
        """Give another part than is asked for."""
        self._rules.append(_Rule(pattern, shifts=1))

    def count(self, pattern: str) -> int:
        """How often paths that match were asked for."""
        return sum(re.search(pattern, one) is not None for one in self.asked)

    def _rule(self, path: str) -> _Rule | None:
        with self._lock:
            self.asked.append(path)
            for rule in self._rules:
                if rule.times and re.search(rule.pattern, path):
                    rule.times -= 1
                    return rule
        return None

    def _go_on(self, request: BaseHTTPRequestHandler, rule: _Rule) -> None:
        """Say nothing, or the same again and again, until the server stops."""
        request.close_connection = True
        if rule.hangs:
            self._release.wait()
            return
        request.send_response(200)
        request.end_headers()
        try:
            while not self._release.wait(0.001):
                request.wfile.write(b"[" * 1000)
        except OSError:
            self.left.set()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        rule = self._rule(request.path) or _Rule("")
        signed = re.search("Credential=([^/]*)", request.headers.get("Authorization", ""))
        self.signers.add(signed[1] if signed else "")
        if rule.hangs or rule.endless:
            self._go_on(request, rule)
            return
        if rule.barrier is not None:
            try:
                rule.barrier.wait()
            except threading.BrokenBarrierError:
                rule = _Rule("", status=500)
        found = self._body(request.path, rule)
        status, body = (404, b"") if found is None else (rule.status, found)
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
        part = None
        if wanted and status == 200 and rule.parts:
            part = _part(len(body), rule, *wanted.groups())
            status = 206 if part else 416
        request.send_response(status)
        matched = re.search(rule.pattern, request.path)
        if rule.leads_to and matched:
            request.send_header("Location", matched.expand(rule.leads_to))
        if part:
            span = f"bytes {part.start}-{part.stop - 1}/{len(body)}"
            request.send_header("Content-Range", span)
            body = body[part.start : part.stop]
        request.send_header("ETag", '"1"')
        request.send_header("x-goog-generation", "1")
        if status == 416:
            body = b"none"
        kept = body[: int(len(body) * rule.keeps)]
        request.send_header("Content-Length", str(len(body if rule.lies else kept)))
        request.end_headers()
        self._send(request, kept)
        if rule.lies:
            request.close_connection = True

    def _body(self, path: str, rule: _Rule) -> bytes | range | None:
        if rule.long_bytes:
            # As many zeros, which are made as they are sent.
            return range(rule.long_bytes)
        if rule.body is not None:
            return rule.body
        inside = re.sub(_BUCKET, "", unquote(urlsplit(path).path))
        file = self.root / inside.lstrip("/")
        return file.read_bytes() if file.is_file() else None

    def _send(self, request: BaseHTTPRequestHandler, body: bytes | range) -> None:
        for begin in range(0, len(body), _PIECE_BYTES):
            piece = body[begin : begin + _PIECE_BYTES]
            request.wfile.write(piece if isinstance(piece, bytes) else bytes(len(piece)))
            with self._lock:
                self.n_sent_bytes += len(piece)
            if self.n_sent_bytes > _MOST_SENT_BYTES:
                request.close_connection = True
                return


def _part(n_bytes: int, rule: _Rule, first: str, last: str) -> range | None:
    """Which bytes of a body are asked for; None where it has none of them."""
    start = max(0, n_bytes - int(last)) if not first else int(first)
    stop = n_bytes if not first or not last else min(n_bytes, int(last) + 1)
    found = range(start + rule.shifts, stop)
    return found if found and not rule.hides else None


def few_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the settings and credentials of who runs the tests, and retry once."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "LINEAGE_TRIPLETS_REMOTE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LINEAGE_TRIPLETS_REMOTE_RETRIES", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    remote_files._down.clear()
    waiting._told.clear()


@contextmanager
def s3_server() -> Iterator[str]:
    """Start moto's S3 server; gives its endpoint."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def upload(folder: Path, endpoint: str, bucket: str, *, public: bool = False) -> None:
    """Make a bucket of all files below a folder."""
    acl = "public-read" if public else "private"
    for path in ["", *(one.relative_to(folder).as_posix() for one in folder.rglob("*"))]:
        file = folder / path
        if path and not file.is_file():
            continue
        request = Request(
            f"{endpoint}/{bucket}/{path}".rstrip("/"),
            data=file.read_bytes() if path else b"",
            method="PUT",
            headers={"x-amz-acl": acl, "Authorization": _SIGNED, "Content-Type": "text/plain"},
        )
        with urlopen(request):
            pass


# The server looks at who signs, and not at the signature.
_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=tests/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=none"
)
