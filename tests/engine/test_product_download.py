# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import errno
import io
import json
import os
import random
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from insarhub_qgis.core.atomic_files import file_lock
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.engine import product_download
from insarhub_qgis.engine.product_download import (
    Product,
    bytes_here,
    check_space,
    download_product,
    open_session,
)
from tests.makers.product_server import Fault, ProductServer, serving_products
from tests.makers.waiting import wait_until

NAME = "S1AA_20180106T004006_20180130T004005_VVP024_INT80_G_ueF_3BEA"
ZIP = f"{NAME}.zip"


def product_bytes(name: str = NAME, size: int = 1_000_000, seed: int = 1) -> bytes:
    """A zip with the members of a product; its rasters are noise, so that its size is what is asked for."""
    noise = random.Random(seed)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        package.writestr(f"{name}/{name}.txt", "Baseline: 10\n")
        for kind in ("unw_phase", "corr"):
            package.writestr(f"{name}/{name}_{kind}.tif", noise.randbytes(size // 2))
    return stream.getvalue()


WHOLE = product_bytes()


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_download, "RETRY_WAITS_S", (0.01,) * 4)


@pytest.fixture()
def server() -> Iterator[ProductServer]:
    with serving_products() as found:
        found.add(ZIP, WHOLE)
        yield found


class Fetching:
    """One product of the server, fetched into a folder as often as wanted."""

    def __init__(self, server: ProductServer, folder: Path, size: int | None = len(WHOLE)) -> None:
        self.target = folder / ZIP
        self.product = Product(f"{server.url}/products/{ZIP}", self.target, size)
        self.received = 0
        self.log: list[str] = []
        self.endpoints = Endpoints()

    def __call__(self, is_cancelled=lambda: False) -> bool:
        def on_bytes(arrived: int, have: int) -> None:
            self.received += arrived

        with open_session(self.endpoints) as session:
            return download_product(
                session, self.product, is_cancelled, on_bytes, lambda text, level: self.log.append(text)
            )

    def files(self) -> list[str]:
        return sorted(path.name for path in self.target.parent.iterdir())


@pytest.fixture()
def fetch(server: ProductServer, tmp_path: Path) -> Fetching:
    return Fetching(server, tmp_path / "products")


def test_a_product_arrives_whole_and_only_once(server: ProductServer, fetch: Fetching) -> None:
    assert fetch() is True
    assert fetch.target.read_bytes() == WHOLE
    assert fetch.files() == [ZIP]
    assert fetch() is False
    assert len(server.requests) == 1
    assert fetch.received == len(WHOLE)


@pytest.mark.parametrize(
    ("faults", "most"),
    [
        ([Fault(cut_after=700_000)], 1.0),
        ([Fault(cut_after=300_000), Fault(cut_after=300_000), Fault(cut_after=300_000)], 1.0),
        ([Fault(cut_after=0)] * 4, 1.0),
        ([Fault(cut_after=1000), Fault(cut_after=0), Fault(cut_after=300_000)], 1.0),
        ([Fault(status=503)] * 4, 1.0),
        ([Fault(status=429, headers={"Retry-After": "0"})], 1.0),
        ([Fault(announce=-1000)], 1.0),
        ([Fault(announce=1000)], 1.0),
        ([Fault(headers={"Content-Type": "text/html"})], 1.0),
        ([Fault(body=b"<html>sign in</html>" + bytes(len(WHOLE) - 20))], 1.1),
        ([Fault(status=404)], 1.0),
        ([Fault(cut_after=100_000), Fault(ignore_range=True)], 1.11),
        ([Fault(cut_after=100_000), Fault(status=416, headers={"Content-Range": "bytes */5"})], 1.11),
        ([Fault(cut_after=100_000), Fault(headers={"ETag": '"other"'})], 1.11),
        ([Fault(endless=10)], 2.01),
        ([Fault(corrupt_at=600_000)], 2.01),
    ],
)  # fmt: skip
def test_faults_pass(server: ProductServer, fetch: Fetching, faults: list[Fault], most: float) -> None:
    server.faults[f"/products/{ZIP}"] = list(faults)
    assert fetch() is True
    assert fetch.target.read_bytes() == WHOLE
    assert fetch.files() == [ZIP]
    assert server.faults[f"/products/{ZIP}"] == []
    assert fetch.received <= most * len(WHOLE)
    assert fetch.log, "what was wrong stands in the log"


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_is_left_alone_as_long_as_it_asks(server: ProductServer, fetch: Fetching, status: int) -> None:
    server.faults[f"/products/{ZIP}"] = [Fault(status=status, headers={"Retry-After": "1"})]
    begun = time.monotonic()
    assert fetch() is True
    assert time.monotonic() - begun >= 1.0


@pytest.mark.parametrize(
    ("fault", "code", "left"),
    [
        (Fault(status=404), "product.gone", []),
        (Fault(status=403), "product.gone", []),
        (Fault(status=410), "product.gone", []),
        (Fault(status=400), "product.refused", []),
        (Fault(status=500), "archive.down", []),
        (Fault(status=429, headers={"Retry-After": "3600"}), "archive.busy", []),
        (Fault(status=503, headers={"Retry-After": "3600"}), "archive.down", []),
        (Fault(announce=-1000), "product.wrong_size", []),
        (Fault(announce=+1000), "product.wrong_size", []),
        (Fault(endless=1), "product.wrong_size", []),
        (Fault(headers={"Content-Type": "text/html"}), "product.no_zip_answer", []),
        (Fault(cut_after=0), "archive.cut_answer", [f"{ZIP}.part", f"{ZIP}.part.json"]),
        (Fault(corrupt_at=600_000), "product.bad_download", [f"{ZIP}.bad"]),
    ],
)  # fmt: skip
def test_faults_that_stay(
    server: ProductServer, fetch: Fetching, fault: Fault, code: str, left: list
) -> None:
    server.faults[f"/products/{ZIP}"] = [fault] * 20
    with pytest.raises(InsarError) as caught:
        fetch()
    assert caught.value.code == code
    assert fetch.files() == left


def test_a_part_goes_on_in_another_run_of_the_program(server: ProductServer, fetch: Fetching) -> None:
    server.faults[f"/products/{ZIP}"] = [Fault(cut_after=400_000), *[Fault(status=500)] * 9]
    with pytest.raises(InsarError):
        fetch()
    assert bytes_here(fetch.target) == 400_000
    server.faults.clear()
    fetch.received = 0
    assert fetch() is True
    assert fetch.received == len(WHOLE) - 400_000
    assert server.requests[-1][1]["Range"] == "bytes=400000-"
    assert server.requests[-1][1]["If-Range"] == server.etag(f"/products/{ZIP}")
    assert fetch.target.read_bytes() == WHOLE


def test_a_product_that_changed_meanwhile_begins_anew(server: ProductServer, fetch: Fetching) -> None:
    server.faults[f"/products/{ZIP}"] = [Fault(cut_after=400_000), *[Fault(status=500)] * 9]
    with pytest.raises(InsarError):
        fetch()
    server.faults.clear()
    other = product_bytes(seed=2)
    server.files[f"/products/{ZIP}"] = other
    assert len(other) == len(WHOLE), "only the mark of the host tells them apart"
    assert fetch() is True
    assert fetch.target.read_bytes() == other


def test_a_host_that_overlooks_the_condition_is_noticed(server: ProductServer, fetch: Fetching) -> None:
    server.faults[f"/products/{ZIP}"] = [Fault(cut_after=400_000), *[Fault(status=500)] * 9]
    with pytest.raises(InsarError):
        fetch()
    server.files[f"/products/{ZIP}"] = product_bytes(seed=2)
    server.faults[f"/products/{ZIP}"] = [Fault(ignore_if_range=True)]
    fetch.received = 0
    assert fetch() is True
    assert fetch.target.read_bytes() == product_bytes(seed=2)
    assert fetch.received == len(WHOLE), "nothing was put behind bytes of the former product"
    assert any(f"{ZIP}: changed" in line for line in fetch.log)


def test_a_whole_part_is_only_checked(server: ProductServer, fetch: Fetching) -> None:
    fetch()
    part = fetch.target.rename(f"{fetch.target}.part")
    sidecar = {"url": fetch.product.url, "etag": server.etag(f"/products/{ZIP}"), "size": len(WHOLE)}
    Path(f"{part}.json").write_text(json.dumps(sidecar))
    assert fetch() is True
    assert server.requests[-1][1]["Range"] == f"bytes={len(WHOLE)}-"
    assert fetch.received == len(WHOLE)


@pytest.mark.parametrize(
    "sidecar", [None, "{", '{"url": "http://else.example/products/other.zip", "etag": "x"}']
)
def test_a_part_of_unknown_origin_is_not_trusted(
    server: ProductServer, fetch: Fetching, sidecar: str | None
) -> None:
    fetch.target.parent.mkdir()
    Path(f"{fetch.target}.part").write_bytes(b"x" * 1000)
    if sidecar is not None:
        Path(f"{fetch.target}.part.json").write_text(sidecar)
    assert fetch() is True
    assert server.ranges() == [None]
    assert fetch.target.read_bytes() == WHOLE


def test_without_marks_of_the_host_a_part_is_continued_and_checked(
    server: ProductServer, fetch: Fetching
) -> None:
    server.etags[f"/products/{ZIP}"] = 'W/"weak"'
    server.faults[f"/products/{ZIP}"] = [Fault(cut_after=500_000)]
    assert fetch() is True
    assert "If-Range" not in server.requests[-1][1]
    assert fetch.target.read_bytes() == WHOLE
    assert fetch.received == len(WHOLE)


def test_a_damaged_zip_of_that_name_is_set_aside_not_lost(server: ProductServer, fetch: Fetching) -> None:
    fetch.target.parent.mkdir()
    fetch.target.write_bytes(WHOLE[:1000])
    assert fetch() is True
    assert fetch.files() == [ZIP, f"{ZIP}.bak"]
    assert (fetch.target.parent / f"{ZIP}.bak").read_bytes() == WHOLE[:1000]


def test_a_product_of_unknown_size_is_checked_by_itself(server: ProductServer, tmp_path: Path) -> None:
    fetch = Fetching(server, tmp_path, size=None)
    server.faults[f"/products/{ZIP}"] = [Fault(announce=-100), Fault()]
    assert fetch() is True
    assert fetch.target.read_bytes() == WHOLE


def test_a_zip_with_another_product_inside_is_refused(server: ProductServer, tmp_path: Path) -> None:
    other = product_bytes(NAME.replace("3BEA", "0000"))
    server.files[f"/products/{ZIP}"] = other
    fetch = Fetching(server, tmp_path, len(other))
    with pytest.raises(InsarError) as caught:
        fetch()
    assert caught.value.fields["reason"]["code"] == "product.other_inside"


@pytest.mark.parametrize(
    "url",
    ["ftp://x/y.zip", "file:///etc/passwd", "http://", "//x", "http://me:secret@host/y.zip", "http://[x"],
)
def test_addresses_that_are_not_asked(tmp_path: Path, url: str) -> None:
    with open_session(Endpoints()) as session, pytest.raises(InsarError) as caught:
        download_product(session, Product(url, tmp_path / ZIP))
    assert caught.value.code == "product.bad_address"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["../evil.zip", "evil.zip", "CON", ""])
def test_names_that_are_no_product_are_not_written(server: ProductServer, tmp_path: Path, name: str) -> None:
    with open_session(Endpoints()) as session, pytest.raises(InsarError) as caught:
        download_product(session, Product(server.url, tmp_path / "in" / name))
    assert caught.value.code == "product.unsafe_name"
    assert list(tmp_path.iterdir()) == []


# --- credentials ---


def test_no_login_travels(
    server: ProductServer, fetch: Fetching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login anna password secret\ndefault login anna password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    here = f"/products/{ZIP}"
    server.faults["/old"] = [
        Fault(status=302, headers={"Location": here, "Set-Cookie": "asf-urs=secret; Path=/"})
    ]
    server.faults[here] = [Fault(cut_after=10, headers={"Set-Cookie": "s=secret; Path=/"})]
    fetch.product = Product(f"{server.url}/old", fetch.target, len(WHOLE))
    server.files["/old"] = WHOLE
    with open_session(Endpoints()) as session:
        session.headers["Authorization"] = "Bearer secret"
        download_product(session, fetch.product)
    assert len(server.requests) == 3
    assert "secret" not in str(server.requests)
    assert not any({"Authorization", "Cookie"} & set(headers) for _, headers in server.requests)


def test_a_sandbox_gets_what_its_former_port_was_asked(server: ProductServer, fetch: Fetching) -> None:
    fetch.product = Product(f"http://127.0.0.1:9/products/{ZIP}", fetch.target, len(WHOLE))
    fetch.endpoints = Endpoints.of_sandbox(server.url)
    assert fetch() is True


def test_a_host_that_is_not_there(fetch: Fetching) -> None:
    fetch.product = Product(f"http://127.0.0.1:9/products/{ZIP}", fetch.target, len(WHOLE))
    with pytest.raises(InsarError) as caught:
        fetch()
    assert caught.value.code == "network.offline"


# --- cancel, disk, two at once ---


def test_a_cancel_leaves_a_part_to_go_on_with(server: ProductServer, fetch: Fetching) -> None:
    server.bytes_per_s = 2_000_000
    with pytest.raises(Cancelled):
        fetch(lambda: fetch.received > 300_000)
    have = bytes_here(fetch.target)
    assert 300_000 < have < len(WHOLE)
    server.bytes_per_s = 0
    assert fetch() is True
    assert fetch.target.read_bytes() == WHOLE
    assert fetch.received <= 1.1 * len(WHOLE)


def test_a_full_disk_keeps_the_part(
    server: ProductServer, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = product_download._Fetch._append

    class Full(io.RawIOBase):
        def write(self, data) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def append(self, part, chunk) -> None:
        real(self, part if part.tell() < 200_000 else Full(), chunk)

    monkeypatch.setattr(product_download._Fetch, "_append", append)
    with pytest.raises(InsarError) as caught:
        fetch()
    assert caught.value.code == "file.disk_full"
    assert 200_000 <= bytes_here(fetch.target) < 400_000
    monkeypatch.undo()
    assert fetch() is True
    assert fetch.target.read_bytes() == WHOLE
    assert server.ranges()[-1] is not None


def test_a_disk_that_is_nearly_full_is_seen_before(fetch: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch.target.parent.mkdir()
    usage = type("Usage", (), {"free": len(WHOLE)})
    monkeypatch.setattr(product_download.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(InsarError) as caught:
        fetch()
    assert caught.value.code == "file.disk_full"
    assert fetch.received == 0


def test_room_is_checked_with_a_tenth_to_spare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1100})
    monkeypatch.setattr(product_download.shutil, "disk_usage", lambda path: usage)
    check_space({tmp_path / "not" / "yet": 500, tmp_path: 500})
    with pytest.raises(InsarError) as caught:
        check_space({tmp_path / "not" / "yet": 501, tmp_path: 500})
    assert caught.value.fields == {"folder": str(tmp_path), "needed_bytes": 1101, "free_bytes": 1100}


def test_a_product_that_another_window_fetches_is_left_to_it(server: ProductServer, fetch: Fetching) -> None:
    fetch.target.parent.mkdir()
    with file_lock(fetch.target.with_name(f".{ZIP}.lock"), "download-hyp3"):
        with pytest.raises(InsarError) as caught:
            fetch()
    assert caught.value.code == "product.in_other_window"
    assert caught.value.fields["pid"] == os.getpid()
    assert server.requests == []
    assert fetch() is True


CHILD = """
import sys
from pathlib import Path
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.engine.product_download import Product, download_product, open_session
with open_session(Endpoints()) as session:
    download_product(session, Product(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
"""


def test_a_killed_download_goes_on_where_it_was(server: ProductServer, fetch: Fetching) -> None:
    server.bytes_per_s = 1_000_000
    root = Path(__file__).resolve().parents[2]
    for _ in range(2):
        wanted = bytes_here(fetch.target) + 200_000
        arguments = [sys.executable, "-c", CHILD, fetch.product.url, str(fetch.target), str(len(WHOLE))]
        child = subprocess.Popen(arguments, cwd=root)
        wait_until(lambda wanted=wanted: bytes_here(fetch.target) >= wanted)
        child.kill()
        child.wait()
    server.bytes_per_s = 0
    assert bytes_here(fetch.target) >= 400_000
    assert fetch() is True, "the lock of a dead process is taken over"
    assert fetch.target.read_bytes() == WHOLE
    assert fetch.files() == [ZIP]
    assert fetch.received <= len(WHOLE) - 400_000


def test_a_damaged_part_after_a_power_cut_is_noticed(server: ProductServer, fetch: Fetching) -> None:
    server.faults[f"/products/{ZIP}"] = [Fault(cut_after=600_000), *[Fault(status=500)] * 9]
    with pytest.raises(InsarError):
        fetch()
    server.faults.clear()
    part = Path(f"{fetch.target}.part")
    with part.open("rb+") as file:
        file.seek(300_000)
        file.write(bytes(4096))
    assert fetch() is True
    assert fetch.target.read_bytes() == WHOLE
    assert urlsplit(fetch.product.url).path == server.requests[-1][0]


def test_threads_share_nothing(server: ProductServer, tmp_path: Path) -> None:
    wholes = {
        NAME.replace("3BEA", f"{code:04X}"): product_bytes(NAME.replace("3BEA", f"{code:04X}"), 50_000, code)
        for code in range(8)
    }
    urls = {name: server.add(f"{name}.zip", whole) for name, whole in wholes.items()}

    def work(name: str) -> None:
        with open_session(Endpoints()) as session:
            download_product(session, Product(urls[name], tmp_path / f"{name}.zip", len(wholes[name])))

    threads = [threading.Thread(target=work, args=(name,)) for name in wholes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: (tmp_path / f"{name}.zip").read_bytes() for name in wholes} == wholes
