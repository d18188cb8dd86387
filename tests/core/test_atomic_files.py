# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from insarhub_qgis.core import atomic_files
from insarhub_qgis.core.atomic_files import (
    LOCK_NAME,
    folder_lock,
    is_running,
    lock_holder,
    process_start_of,
    read_json,
    remove_left_over_temporary_files,
    set_aside,
    this_host,
    write_bytes_atomically,
    write_json_atomically,
    write_text_atomically,
)
from insarhub_qgis.core.errors import InsarError
from tests.makers.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_json_is_utf8_indented_in_order_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "überblick 1.json"
    write_json_atomically(path, {"b": "Zürich", "a": [1, None]})
    assert path.read_text(encoding="utf-8") == '{\n  "b": "Zürich",\n  "a": [\n    1,\n    null\n  ]\n}\n'
    write_json_atomically(path, {"b": 1.5}, compact=True)
    assert path.read_text(encoding="utf-8") == '{"b":1.5}\n'
    assert names(tmp_path) == ["überblick 1.json"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, "\ud800"])
def test_what_is_no_json_is_refused_and_the_file_stays(tmp_path: Path, value: object) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    with pytest.raises(InsarError) as caught:
        write_json_atomically(path, {"value": value})
    assert caught.value.code == "file.not_json"
    assert path.read_text() == "{}"
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "file.disk_full"), (errno.EROFS, "file.not_writable"), (errno.EIO, "file.write_failed")],
)
def test_a_failed_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic_files.os, "fsync", fail)
    with pytest.raises(InsarError) as caught:
        write_text_atomically(path, "new")
    assert caught.value.code == code
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_a_real_full_disk_is_named(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    with pytest.raises(OSError) as caught, full.open("wb", buffering=0) as file:
        file.write(b"x")
    assert atomic_files.write_error(tmp_path / "a", caught.value).code == "file.disk_full"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    real.write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to(real)
    write_bytes_atomically(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"", 1, 1),
        (b'{"a": 1,\n "b": }', 2, 7),
        (b'{"a": 1', 1, 8),
        (b'{"a":\n "\xff"}', 2, 3),
        (b"[" * 200_000, 1, 1),
    ],
)
def test_malformed_json_names_line_and_column(tmp_path: Path, data: bytes, line: int, column: int) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(InsarError) as caught:
        read_json(path)
    assert caught.value.code == "file.malformed"
    assert (caught.value.fields["line"], caught.value.fields["column"]) == (line, column)
    assert path.read_bytes() == data


def test_foreign_json_with_nan_and_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": NaN, "b": [-Infinity, 2]}')
    assert read_json(path) == {"a": None, "b": [None, 2]}


def test_missing_file_and_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(InsarError, match=r"file\.missing"):
        read_json(tmp_path / "none.json")
    with pytest.raises(InsarError, match=r"file\.not_readable"):
        read_json(tmp_path)


def test_setting_aside_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    for number, expected in ((1, "stack.json.bak"), (2, "stack.json.bak2"), (3, "stack.json.bak3")):
        path.write_text(str(number))
        assert set_aside(path).name == expected
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["1", "2", "3"]
    with pytest.raises(InsarError, match=r"file\.missing"):
        set_aside(path)


def test_left_overs_of_killed_writers_go_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".a.json.12-abcd.insarhub_tmp").write_text("half")
    (tmp_path / ".a.json").write_text("keep")
    assert remove_left_over_temporary_files(tmp_path) == 0
    assert remove_left_over_temporary_files(tmp_path, older_than_seconds=-1) == 1
    assert names(tmp_path) == [".a.json"]


# --- lock --------------------------------------------------------------------------------------------


def test_the_lock_holds_its_documented_fields_and_goes(tmp_path: Path) -> None:
    with folder_lock(tmp_path, "prepare"):
        content = json.loads((tmp_path / LOCK_NAME).read_text())
        assert content["owner"] == "prepare"
        assert content["pid"] == os.getpid()
        assert content["host"] == this_host()
        assert content["started_at"].endswith("Z")
        holder = lock_holder(tmp_path)
        assert holder is not None
        assert holder["owner"] == "prepare"
        with folder_lock(tmp_path, "config"):
            pass
        assert (tmp_path / LOCK_NAME).exists()
    assert names(tmp_path) == []
    assert lock_holder(tmp_path) is None


def test_another_thread_waits_and_is_told_who_holds_it(tmp_path: Path) -> None:
    caught: list[InsarError] = []

    def enter() -> None:
        try:
            with folder_lock(tmp_path, "second", timeout_seconds=0.1):
                pass
        except InsarError as error:
            caught.append(error)

    with folder_lock(tmp_path, "first"):
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
    assert [error.code for error in caught] == ["folder.locked"]
    assert caught[0].fields["owner"] == "first"
    enter()
    assert len(caught) == 1


def put_lock(folder: Path, **content: object) -> Path:
    path = folder / LOCK_NAME
    path.write_text(json.dumps({"owner": "other", "started_at": "2024-01-01T00:00:00Z", **content}))
    return path


def test_lock_of_a_dead_process_is_taken_over_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    put_lock(tmp_path, host=this_host(), pid=dead.pid)
    with caplog.at_level(logging.WARNING), folder_lock(tmp_path, "me", timeout_seconds=1):
        assert json.loads((tmp_path / LOCK_NAME).read_text())["owner"] == "me"
    assert "taken over" in caplog.text
    assert names(tmp_path) == []


def test_lock_of_a_reused_process_number_is_taken_over(tmp_path: Path) -> None:
    if process_start_of(os.getpid()) is None:
        pytest.skip("the system does not tell when a process started")
    put_lock(tmp_path, host=this_host(), pid=os.getpid(), process_start="1")
    with folder_lock(tmp_path, "me", timeout_seconds=1):
        pass


def test_lock_of_another_host_counts_until_ten_minutes_without_a_touch(tmp_path: Path) -> None:
    path = put_lock(tmp_path, host="elsewhere", pid=1)
    with (
        pytest.raises(InsarError, match=r"folder\.locked"),
        folder_lock(tmp_path, "me", timeout_seconds=0.05),
    ):
        pass
    assert json.loads(path.read_text())["host"] == "elsewhere"
    old = time.time() - 601
    os.utime(path, (old, old))
    with folder_lock(tmp_path, "me", timeout_seconds=1):
        pass


def test_a_living_holder_touches_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_files, "TOUCH_SECONDS", 0.02)
    with folder_lock(tmp_path, "me"):
        path = tmp_path / LOCK_NAME
        os.utime(path, (1, 1))
        wait_until(lambda: path.stat().st_mtime > 100, "a touch")


def test_a_lock_that_was_lost_is_not_removed(tmp_path: Path) -> None:
    with folder_lock(tmp_path, "me"):
        put_lock(tmp_path, host="elsewhere", pid=1)
    assert (tmp_path / LOCK_NAME).exists()


def test_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, target: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(atomic_files.os, "link", refuse)
    with folder_lock(tmp_path, "me"):
        assert lock_holder(tmp_path) is not None
    assert names(tmp_path) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InsarError, match=r"file\.missing"), folder_lock(tmp_path / "none", "me"):
        pass


def test_is_running() -> None:
    assert is_running(this_host(), os.getpid())
    assert is_running("elsewhere", 1)
    assert is_running(this_host(), None)
    assert not is_running(this_host(), -1)


def test_many_processes_take_over_one_dead_lock_and_count_right(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    put_lock(tmp_path, host=this_host(), pid=dead.pid)
    (tmp_path / "count").write_text("0")
    code = (
        "import sys, pathlib\n"
        "from insarhub_qgis.core.atomic_files import folder_lock\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "for _ in range(25):\n"
        "    with folder_lock(folder, 'counter', timeout_seconds=60):\n"
        "        file = folder / 'count'\n"
        "        file.write_text(str(int(file.read_text()) + 1))\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT) for _ in range(4)]
    assert [child.wait(timeout=120) for child in children] == [0, 0, 0, 0]
    assert (tmp_path / "count").read_text() == "100"
    assert names(tmp_path) == ["count"]
