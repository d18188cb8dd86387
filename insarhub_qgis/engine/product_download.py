# SPDX-License-Identifier: GPL-2.0-or-later
"""One product from its address to a whole zip: resumed, checked before it gets its name, and without any login.

What has arrived stays in ``NAME.zip.part``; ``NAME.zip.part.json`` beside it tells which bytes these are: ``url``, ``etag``,
``last_modified`` and ``size``. They are asked for again only if the product is still the same.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from insarhub_qgis.core.atomic_files import (
    file_lock,
    read_json_object,
    replace_file,
    set_aside,
    write_error,
    write_json_atomically,
)
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_files import is_product_file_name
from insarhub_qgis.core.installation import plugin_version
from insarhub_qgis.core.product_archive import read_product_archive
from insarhub_qgis.core.progress import IsCancelled, never_cancelled, stop_if_cancelled
from insarhub_qgis.engine.archive_http import network_error, redirected, retry_after_s
from insarhub_qgis.engine.failures import in_words

PART_SUFFIX, SIDECAR_SUFFIX, BAD_SUFFIX = ".part", ".part.json", ".bad"
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 15.0, 60.0
#: Waits before the next attempts after a fault; an attempt that brought `_PROGRESS_BYTES` begins anew with the first.
RETRY_WAITS_S: tuple[float, ...] = (1.0, 3.0, 9.0, 27.0)
#: A host that wants us to wait longer gets its answer shown instead.
_LONGEST_WAIT_S = 120.0
_PROGRESS_BYTES = 256 * 1024
_CHUNK_BYTES = 64 * 1024
_POLL_S = 0.1
#: Free bytes that are left on the disk for others.
_SPARE_BYTES = 10_000_000
_ZIP_BEGINNING = b"PK\x03\x04"
#: Faults that may pass by themselves.
_PASSING = frozenset(
    {
        "archive.busy",
        "archive.down",
        "archive.cut_answer",
        "network.timeout",
        "network.offline",
        "product.changed",
    }
)
#: Answers that are asked for once more, in case a cache or a proxy on the way was wrong.
_DOUBTED = frozenset({"product.gone", "product.wrong_size", "product.no_zip_answer"})
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")

#: ``on_bytes(arrived, have)``: bytes that came just now, and bytes of the file that are here.
OnBytes = Callable[[int, int], None]


@dataclass(frozen=True)
class Product:
    """A product to fetch.

    Attributes
    ----------
    url
        Where it lies; http or https.
    target
        Where the zip goes; its name is that of a product.
    size
        Bytes that the service names; None when it does not.
    """

    url: str
    target: Path
    size: int | None = None


def open_session(endpoints: Endpoints) -> requests.Session:
    """Give a session for one thread that sends no login, no cookie and nothing from ``.netrc``."""
    session = requests.Session()
    session.headers["User-Agent"] = f"insarhub-qgis/{plugin_version()}"
    adapter = _ProductAdapter(endpoints)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def download_product(
    session: requests.Session,
    product: Product,
    is_cancelled: IsCancelled = never_cancelled,
    on_bytes: OnBytes = lambda arrived, have: None,
    log: Callable[..., None] = lambda *_: None,
) -> bool:
    """Fetch a product, unless it is here and whole already.

    A zip of that name that is not whole is set aside as ``.bak``. A cancel, a fault or the end of the process leaves
    the part for the next time.

    Parameters
    ----------
    session
        From `open_session`.
    log
        ``log(text, level)``.

    Returns
    -------
    was_fetched
        False when the zip was here.

    Raises
    ------
    InsarError
        ``product.gone``: 403, 404 or 410. ``product.wrong_size``, ``product.no_zip_answer``, ``product.changed``;
        ``product.bad_download``: damaged twice, the last one is kept as ``.bad``. ``product.in_other_window``: another
        process fetches it. ``product.unsafe_name``, ``product.bad_address``. ``file.disk_full``, ``file.not_writable``,
        ``file.write_failed``; ``product.refused``, ``archive.busy``, ``archive.down``, ``archive.cut_answer`` and the codes
        ``network`` of `archive_http.network_error`; ``run.cancelled``.
    """
    _check_address(product)
    try:
        product.target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(product.target.parent, error) from error
    with _product_lock(product.target):
        if product.target.exists():
            try:
                check_product(product.target, product.target.name, product.size, is_cancelled)
                return False
            except InsarError as error:
                if isinstance(error, Cancelled):
                    raise
                log(
                    f"{product.target.name} is set aside as {set_aside(product.target).name}: {in_words(error)}",
                    "warning",
                )
        _Fetch(session, product, is_cancelled, on_bytes, log).run()
    return True


def bytes_here(target: Path, size: int | None = None) -> int:
    """Give how many bytes of a product have arrived, in its part or as the whole zip."""
    for path in (target, _beside(target, PART_SUFFIX)):
        try:
            found = path.stat().st_size
        except OSError:
            continue
        return found if size is None else min(found, size)
    return 0


def check_space(missing_bytes: Mapping[Path, int]) -> None:
    """Refuse to begin without room for what is missing and a tenth more.

    Parameters
    ----------
    missing_bytes
        Folder -> bytes that are still to come; folders on one disk count together.

    Raises
    ------
    InsarError
        ``product.no_space`` (folder, needed_bytes, free_bytes).
    """
    disks: dict[int, tuple[Path, int]] = {}
    for folder, missing in missing_bytes.items():
        place = _existing(folder)
        device = place.stat().st_dev
        disks[device] = (place, disks.get(device, (place, 0))[1] + missing)
    for place, missing in disks.values():
        needed, free = round(missing * 1.1), shutil.disk_usage(place).free
        if needed > free:
            raise InsarError("product.no_space", folder=str(place), needed_bytes=needed, free_bytes=free)


def check_product(
    path: Path, name: str, size: int | None, is_cancelled: IsCancelled = never_cancelled
) -> None:
    """Check a zip: length, directory, the checksum of every member, and that it holds the product of its name.

    Raises
    ------
    InsarError
        ``product.wrong_size``, ``product.damaged``, ``product.other_inside``, the codes of `read_product_archive`,
        ``run.cancelled``.
    """
    length = path.stat().st_size
    if size is not None and length != size:
        raise InsarError("product.wrong_size", file=name, size_bytes=size, answered_bytes=length)
    archive = read_product_archive(path)
    member = ""
    try:
        with zipfile.ZipFile(path) as content:
            for info in content.infolist():
                member = info.filename
                with content.open(info) as stream:
                    while stream.read(1 << 20):
                        stop_if_cancelled(is_cancelled)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise InsarError("product.damaged", file=name, member=member) from error
    if archive.product.name != name[: -len(".zip")]:
        raise InsarError("product.other_inside", file=name, product=archive.product.name)


class _Fetch:
    """The bytes of one product, over as many requests as it takes; the lock is held."""

    def __init__(
        self,
        session: requests.Session,
        product: Product,
        is_cancelled: IsCancelled,
        on_bytes: OnBytes,
        log: Callable[..., None],
    ) -> None:
        self._session = session
        self._product = product
        self._is_cancelled = is_cancelled
        self._on_bytes = on_bytes
        self._log = log
        self._name = product.target.name
        self._part = _beside(product.target, PART_SUFFIX)
        self._sidecar = _beside(product.target, SIDECAR_SUFFIX)

    def run(self) -> None:
        for is_last in (False, True):
            self._fetch()
            try:
                check_product(self._part, self._name, self._product.size, self._is_cancelled)
            except Cancelled:
                raise
            except InsarError as error:
                self._keep_bad()
                if is_last:
                    raise InsarError(
                        "product.bad_download", file=self._name, reason=error.to_json()
                    ) from error
                self._log(
                    f"{self._name} arrived damaged and is fetched once more: {in_words(error)}", "warning"
                )
                continue
            self._give_name()
            return

    def _fetch(self) -> None:
        """Ask until every byte is in the part."""
        failures = 0
        doubted: set[str] = set()
        while True:
            stop_if_cancelled(self._is_cancelled)
            have = self._resumable_bytes()
            try:
                self._check_room(have)
                self._ask(have)
                return
            except InsarError as error:
                if error.code in _DOUBTED and error.code not in doubted:
                    doubted.add(error.code)
                elif error.code not in _PASSING:
                    raise
                gained = self._resumable_bytes() - have
                failures = 1 if gained >= _PROGRESS_BYTES else failures + 1
                wait_s = _wait_before_next(error, failures)
                if wait_s is None:
                    raise
                self._log(f"{self._name}: {in_words(error)}; next attempt in {wait_s:.0f} s", "warning")
                _wait(wait_s, self._is_cancelled)

    def _ask(self, have: int) -> None:
        """Ask for what is missing and write it; returns when all has arrived."""
        headers = {"Accept-Encoding": "identity", **(self._range_headers(have) if have else {})}
        try:
            response = self._session.get(
                self._product.url, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
            )
        except requests.RequestException as error:
            raise self._network_error(error) from error
        with closing(response):
            if response.status_code == 416 and have:
                # Right when nothing is missing; otherwise these were bytes of another file.
                if _total_of(response) != have:
                    self._discard()
                    raise self._changed()
                return
            total = self._check_answer(response, have)
            if response.status_code == 200:
                self._begin(response, total)
                have = 0
            self._write(response, have, total)

    def _check_answer(self, response: requests.Response, have: int) -> int | None:
        """Give the length of the whole product as the host tells it, or None; refuse what is not this product."""
        status, service = response.status_code, urlsplit(self._product.url).hostname or "?"
        if status in (403, 404, 410):
            raise InsarError("product.gone", file=self._name, status=status)
        if status == 429:
            raise InsarError("archive.busy", service=service, retry_after_s=retry_after_s(response.headers))
        if status >= 500:
            asked_s = retry_after_s(response.headers)
            waits = {} if asked_s is None else {"retry_after_s": asked_s}
            raise InsarError(
                "archive.down", service=service, status=status, reason=response.reason or "", **waits
            )
        if status not in (200, 206):
            raise InsarError(
                "product.refused",
                file=self._name,
                service=service,
                status=status,
                reason=response.reason or "",
            )
        if "html" in response.headers.get("Content-Type", "").lower():
            raise InsarError("product.no_zip_answer", file=self._name, service=service)
        total = _total_of(response)
        if status == 206 and not self._continues(response, have, total):
            self._discard()
            raise self._changed()
        said = self._product.size
        if said is not None and total is not None and said != total:
            raise InsarError("product.wrong_size", file=self._name, size_bytes=said, answered_bytes=total)
        return total

    def _continues(self, response: requests.Response, have: int, total: int | None) -> bool:
        """Tell whether a partial answer goes on where the part ends, with bytes of the same file."""
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None or match[1] is None or int(match[1]) != have:
            return False
        known = self._known()
        etag = response.headers.get("ETag")
        is_same = known is not None and (not etag or not known.get("etag") or etag == known["etag"])
        return is_same and (known or {}).get("size") in (None, total)

    def _write(self, response: requests.Response, have: int, total: int | None) -> None:
        limit = self._product.size if self._product.size is not None else total
        try:
            part = self._part.open("ab", buffering=0)
        except OSError as error:
            raise write_error(self._part, error) from error
        with part:
            for chunk in self._chunks(response):
                if have == 0 and not chunk.startswith(_ZIP_BEGINNING[: len(chunk)]):
                    raise InsarError(
                        "product.no_zip_answer", file=self._name, service=urlsplit(self._product.url).hostname
                    )
                have += len(chunk)
                self._on_bytes(len(chunk), have)
                if limit is not None and have > limit:
                    self._discard()
                    raise InsarError(
                        "product.wrong_size", file=self._name, size_bytes=limit, answered_bytes=have
                    )
                self._append(part, chunk)
                stop_if_cancelled(self._is_cancelled)
        if limit is not None and have < limit:
            raise InsarError(
                "archive.cut_answer",
                service=urlsplit(self._product.url).hostname,
                bytes=have,
                announced_bytes=limit,
            )

    def _append(self, part: FileIO, chunk: bytes) -> None:
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[part.write(rest) :]
        except OSError as error:
            raise write_error(self._part, error) from error

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        try:
            yield from response.iter_content(_CHUNK_BYTES)
        except requests.RequestException as error:
            raise self._network_error(error) from error

    def _network_error(self, error: requests.RequestException) -> InsarError:
        request = error.request
        reached = str(request.url) if request is not None else None
        return network_error(error, self._product.url, reached)

    # --- The part and its sidecar ---

    def _resumable_bytes(self) -> int:
        """Give the length of a part of which is known what it belongs to; any other part is thrown away."""
        try:
            have = self._part.stat().st_size
        except OSError:
            return 0
        known = self._known()
        size = self._product.size
        is_same = (
            known is not None and urlsplit(str(known.get("url"))).path == urlsplit(self._product.url).path
        )
        if not is_same or (
            size is not None and (have > size or (known or {}).get("size") not in (None, size))
        ):
            self._discard()
            return 0
        return have

    def _known(self) -> Mapping[str, Any] | None:
        try:
            return read_json_object(self._sidecar)
        except InsarError:
            # Without it the part could be anything; a part is cheaper than a wrong product.
            return None

    def _range_headers(self, have: int) -> dict[str, str]:
        known = self._known() or {}
        etag, modified = str(known.get("etag") or ""), str(known.get("last_modified") or "")
        headers = {"Range": f"bytes={have}-"}
        # A weak mark does not promise the same bytes.
        mark = etag if etag and not etag.startswith("W/") else modified
        return {**headers, "If-Range": mark} if mark else headers

    def _begin(self, response: requests.Response, total: int | None) -> None:
        self._discard()
        write_json_atomically(
            self._sidecar,
            {
                "url": self._product.url,
                "etag": response.headers.get("ETag"),
                "last_modified": response.headers.get("Last-Modified"),
                "size": total,
            },
        )

    def _discard(self) -> None:
        try:
            self._part.unlink(missing_ok=True)
            self._sidecar.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(self._part, error) from error

    def _keep_bad(self) -> None:
        try:
            replace_file(self._part, _beside(self._product.target, BAD_SUFFIX))
            self._sidecar.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(self._part, error) from error

    def _give_name(self) -> None:
        try:
            with self._part.open("rb+") as part:
                os.fsync(part.fileno())
            replace_file(self._part, self._product.target)
            self._sidecar.unlink(missing_ok=True)
            _beside(self._product.target, BAD_SUFFIX).unlink(missing_ok=True)
        except OSError as error:
            raise write_error(self._product.target, error) from error

    def _check_room(self, have: int) -> None:
        missing = (self._product.size or 0) - have
        if missing > 0 and shutil.disk_usage(self._part.parent).free < missing + _SPARE_BYTES:
            raise InsarError("file.disk_full", file=str(self._part))

    def _changed(self) -> InsarError:
        return InsarError("product.changed", file=self._name)


class _ProductAdapter(HTTPAdapter):
    """Sends requests without any login, with a sandbox to the sandbox, whatever host they name."""

    def __init__(self, endpoints: Endpoints) -> None:
        super().__init__()
        self._endpoints = endpoints

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        # Here, behind all that requests adds by itself: the account of an address, of .netrc, of a redirect, cookies.
        for name in ("Authorization", "Cookie"):
            request.headers.pop(name, None)
        if self._endpoints.is_sandbox:
            request = redirected(request, self._endpoints.sandbox_url)
            # A proxy has no business between two programs on this machine.
            proxies = {}
        return super().send(request, stream, timeout, verify, cert, proxies)


@contextmanager
def _product_lock(target: Path) -> Iterator[None]:
    try:
        with file_lock(target.with_name(f".{target.name}.lock"), "download-hyp3"):
            yield
    except InsarError as error:
        if error.code != "folder.locked":
            raise
        host, pid = error.fields.get("host"), error.fields.get("pid")
        raise InsarError("product.in_other_window", file=target.name, host=host, pid=pid) from error


def _check_address(product: Product) -> None:
    if not is_product_file_name(product.target.name):
        raise InsarError("product.unsafe_name", name=product.target.name[:120])
    try:
        parts = urlsplit(product.url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        is_usable = False
    if not is_usable:
        raise InsarError("product.bad_address", file=product.target.name)


def _total_of(response: requests.Response) -> int | None:
    """Give the length of the whole product that an answer tells; None when it does not."""
    if response.status_code == 200:
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return int(match[3]) if match and match[3].isdecimal() else None


def _wait_before_next(error: InsarError, failures: int) -> float | None:
    """Seconds before the next attempt; None when there were enough."""
    if failures > len(RETRY_WAITS_S):
        return None
    wait_s = RETRY_WAITS_S[failures - 1] * (1 + secrets.randbelow(250) / 1000)
    asked_s = error.fields.get("retry_after_s")
    if asked_s is None:
        return wait_s
    return max(wait_s, float(asked_s)) if asked_s <= _LONGEST_WAIT_S else None


def _wait(seconds: float, is_cancelled: IsCancelled) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        stop_if_cancelled(is_cancelled)
        time.sleep(min(_POLL_S, left))


def _beside(target: Path, suffix: str) -> Path:
    return target.with_name(target.name + suffix)


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
