# SPDX-License-Identifier: GPL-2.0-or-later
"""A small store of seasonal coherence over HTTP with Range, and with faults on request."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from affine import Affine
from rasterio.io import MemoryFile

_NAME = re.compile(
    r"/data/(?:tiles/\w+/(\w)(\d\d)(\w)(\d{3})|mosaics/Global)_(\w+)_(vv|hh)_COH(\d\d)(?:_100ppd)?\.tif"
)
#: Extent of the mosaics served: the whole globe would be 18 MB per file.
MOSAIC_ROWS = (4000, 4400)


def truth(season: str) -> tuple[float, float, float]:
    """Floor, start and tau of the land served: each season another one."""
    return {
        "winter": (0.10, 0.50, 10.0),
        "spring": (0.15, 0.60, 20.0),
        "summer": (0.20, 0.80, 30.0),
        "fall": (0.30, 0.90, 40.0),
    }[season]


def stored(season: str, days: int) -> int:
    """The number that the files of a season and level hold on land."""
    floor, start, tau = truth(season)
    return round(100 * (floor + (start - floor) * np.exp(-days / tau)))


class CoherenceServer(ThreadingHTTPServer):
    """Land everywhere unless ``missing`` says otherwise; the south-east quarter of each tile is sea.

    Attributes
    ----------
    missing
        Regular expression of paths that answer 404.
    faults
        Regular expression of paths -> statuses of the next answers.
    retry_after_s
        What a fault asks to wait; None for nothing.
    delay_s
        Before each answer.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.missing = r"_hh_"
        self.faults: dict[str, list[int]] = {}
        self.retry_after_s: float | None = None
        self.delay_s = 0.0
        self.paths: list[str] = []
        self.sent_bytes = 0
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self._made: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def content(self, path: str) -> bytes | None:
        match = _NAME.fullmatch(path)
        if match is None or re.search(self.missing, path):
            return None
        with self.lock:
            if path not in self._made:
                self._made[path] = _file(match)
            return self._made[path]

    def fault(self, path: str) -> int:
        with self.lock:
            for pattern, statuses in self.faults.items():
                if statuses and re.search(pattern, path):
                    return statuses.pop(0)
        return 0


def _file(match: re.Match[str]) -> bytes:
    north_south, top, east_west, left, season, _, level = match.groups()
    number = stored(season, int(level))
    if north_south is None:
        values = np.full((MOSAIC_ROWS[1] - MOSAIC_ROWS[0], 36_000), number, np.uint8)
        transform = Affine(0.01, 0, -180, 0, -0.01, 90 - MOSAIC_ROWS[0] / 100)
    else:
        values = np.full((1200, 1200), number, np.uint8)
        values[600:, 600:] = 0
        north = int(top) * (1 if north_south == "N" else -1)
        west = int(left) * (1 if east_west == "E" else -1)
        transform = Affine(1 / 1200, 0, west, 0, -1 / 1200, north)
    height, width = values.shape
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", width=width, height=height, count=1, dtype="uint8", crs="EPSG:4326",
                         transform=transform, nodata=0, compress="lzw") as raster:  # fmt: skip
            raster.write(values, 1)
        return bytes(memory.getbuffer())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CoherenceServer

    def do_HEAD(self) -> None:
        self._answer(has_body=False)

    def do_GET(self) -> None:
        self._answer(has_body=True)

    def _answer(self, *, has_body: bool) -> None:
        server = self.server
        with server.lock:
            server.paths.append(self.path)
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        try:
            time.sleep(server.delay_s)
            status = server.fault(self.path)
            content = None if status else server.content(self.path)
        finally:
            # Before the answer leaves: whoever has it may ask again at once.
            with server.lock:
                server.at_once -= 1
        with contextlib.suppress(ConnectionError):
            self._send(status or (404 if content is None else 200), content or b"", has_body)

    def _send(self, status: int, content: bytes, has_body: bool) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = content
        if status == 200 and wanted is not None:
            first, last = int(wanted.group(1)), min(int(wanted.group(2)), len(content) - 1)
            status, part = 206, content[first : last + 1]
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        if status >= 400 and self.server.retry_after_s is not None:
            self.send_header("Retry-After", str(self.server.retry_after_s))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if has_body:
            self.server.sent_bytes += len(part)
            self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving_coherence() -> Iterator[CoherenceServer]:
    """Serve until the block ends."""
    server = CoherenceServer()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
