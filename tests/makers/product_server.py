# SPDX-License-Identifier: GPL-2.0-or-later
"""A host of product files with Range, and with faults on request, for tests of the download."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.makers.waiting import wait_until


@dataclass
class Fault:
    """What is wrong with one answer.

    Attributes
    ----------
    status
        Instead of 200 or 206, with ``headers``.
    cut_after
        Bytes of the body after which the connection closes, though more was announced.
    announce
        Added to the length that is announced; the body is cut or filled up to it.
    endless
        Bytes too many, without any announced length.
    delay_s
        Before the body.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    announce: int = 0
    endless: int = 0
    delay_s: float = 0.0
    ignore_range: bool = False
    ignore_if_range: bool = False
    corrupt_at: int | None = None
    body: bytes | None = None


class ProductServer(ThreadingHTTPServer):
    """Serves ``files`` (path -> bytes). ``faults``: path -> faults of its next answers, first one first."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        #: (path, headers) of each request.
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.sent: dict[str, int] = defaultdict(int)
        self.delay_s = 0.0
        self.bytes_per_s = 0.0
        self.lock = threading.Lock()
        #: Requests that were being answered at the same time.
        self.at_once = self.most_at_once = 0
        #: No answer before so many requests were there at the same time.
        self.answers_from = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add(self, name: str, content: bytes) -> str:
        """Serve a file and give its address."""
        path = f"/products/{name}"
        self.files[path] = content
        return f"{self.url}{path}"

    def etag(self, path: str) -> str:
        return self.etags.get(path) or '"' + hashlib.sha256(self.files[path]).hexdigest()[:16] + '"'

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.requests]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away early is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ProductServer

    def log_message(self, format: str, *args: object) -> None:
        """The tests look at ``requests``."""

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        try:
            self._get()
        finally:
            with self.server.lock:
                self.server.at_once -= 1

    def _get(self) -> None:
        server, path = self.server, self.path.partition("?")[0]
        with server.lock:
            server.requests.append((path, dict(self.headers)))
            fault = server.faults[path].pop(0) if server.faults[path] else Fault()
        wait_until(lambda: server.most_at_once >= server.answers_from, "the other requests")
        time.sleep(server.delay_s)
        if path not in server.files and not fault.status:
            fault = Fault(status=404)
        if fault.status:
            self._answer(fault.status, fault.headers, fault.body or b"no", fault)
            return
        content = server.files[path]
        if fault.corrupt_at is not None:
            place = fault.corrupt_at
            content = content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]
        headers = {"ETag": server.etag(path), "Accept-Ranges": "bytes", "Content-Type": "application/zip"}
        headers.update(fault.headers)
        start = self._start(path, fault) if not fault.ignore_range else 0
        if start >= len(content):
            self._answer(416, {"Content-Range": f"bytes */{len(content)}"}, b"", fault)
        elif start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._answer(206, headers, content[start:], fault)
        else:
            self._answer(200, headers, fault.body or content, fault)

    def _start(self, path: str, fault: Fault) -> int:
        wanted, mark = self.headers.get("Range"), self.headers.get("If-Range")
        is_other = bool(mark) and mark != self.server.etag(path) and not fault.ignore_if_range
        if not wanted or is_other:
            return 0
        return int(wanted.removeprefix("bytes=").partition("-")[0])

    def _answer(self, status: int, headers: dict[str, str], body: bytes, fault: Fault) -> None:
        length = len(body) + fault.announce
        body = (body + b"\0" * max(fault.announce, 0))[:length] + b"\0" * fault.endless
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if fault.endless:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        time.sleep(fault.delay_s)
        if fault.cut_after is not None:
            body = body[: fault.cut_after]
            self.close_connection = True
        self._send(body)

    def _send(self, body: bytes) -> None:
        server = self.server
        step = max(int(server.bytes_per_s / 20), 1) if server.bytes_per_s else len(body)
        for start in range(0, len(body), max(step, 1)):
            piece = body[start : start + step]
            self.wfile.write(piece)
            with server.lock:
                server.sent[self.path.partition("?")[0]] += len(piece)
            if server.bytes_per_s:
                time.sleep(0.05)


@contextlib.contextmanager
def serving_products() -> Iterator[ProductServer]:
    """Serve until the end of the block."""
    server = ProductServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
