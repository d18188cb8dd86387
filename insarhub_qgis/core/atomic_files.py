# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that are always whole: temporary name and rename, strict JSON, and the lock of a job folder."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import platform
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from insarhub_qgis.core.errors import InsarError

LOCK_NAME = ".insarhub_qgis.lock"
#: The holder touches its lock this often.
TOUCH_SECONDS = 30.0
#: A lock of another host counts as abandoned after this time without a touch.
ABANDONED_SECONDS = 600.0
_GUARD_SECONDS = 30.0
_TEMPORARY_SUFFIX = ".insarhub_tmp"

_log = logging.getLogger(__name__)


# --- Writing -----------------------------------------------------------------------------------------


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Replace a file in one step: readers see the old or the new content, also after a crash.

    A symbolic link stays a link; the file that it points to is replaced.

    Raises
    ------
    InsarError
        ``file.disk_full``, ``file.not_writable`` or ``file.write_failed``; the old file is then untouched.
    """
    target = path.resolve() if path.is_symlink() else path
    temporary = target.with_name(
        f".{target.name[:80]}.{os.getpid()}-{secrets.token_hex(4)}{_TEMPORARY_SUFFIX}"
    )
    try:
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            replace_file(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise write_error(path, error) from error
    _sync_folder(target.parent)


def write_text_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text, line ends as they are, as `write_bytes_atomically` does."""
    write_bytes_atomically(path, text.encode("utf-8"))


def write_json_atomically(path: Path, value: Any, compact: bool = False) -> None:
    """Write JSON: UTF-8, keys in their order, indent 2 or compact; NaN and Infinity are refused.

    Raises
    ------
    InsarError
        ``file.not_json`` when the value cannot be written as strict JSON; nothing is written then.
    """
    try:
        if compact:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        else:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2)
        data = (text + "\n").encode("utf-8")
    except (ValueError, TypeError) as error:
        raise InsarError("file.not_json", file=str(path), reason=str(error)) from error
    write_bytes_atomically(path, data)


def append_line_durably(path: Path, text: str) -> None:
    """Add a line to a file and wait until the disk has it; a torn last line of a crash stays a line of its own.

    Parameters
    ----------
    text
        Without line ends.

    Raises
    ------
    InsarError
        As `write_bytes_atomically`; the file then ends as before, as far as the disk allows.
    """
    try:
        is_new = not path.exists()
        with path.open("ab+") as file:
            end = file.seek(0, os.SEEK_END)
            is_torn = False
            if end:
                file.seek(end - 1)
                is_torn = file.read(1) != b"\n"
            try:
                file.write(("\n" if is_torn else "").encode() + text.encode("utf-8") + b"\n")
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(end)
                raise
    except OSError as error:
        raise write_error(path, error) from error
    if is_new:
        _sync_folder(path.parent)


def write_error(path: Path, error: OSError) -> InsarError:
    """Give the error of a failed write: disk full, not allowed, or what the system said."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return InsarError("file.disk_full", file=str(path))
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return InsarError("file.not_writable", file=str(path))
    return InsarError("file.write_failed", file=str(path), reason=error.strerror or str(error))


def replace_file(temporary: Path, target: Path) -> None:
    """Rename a file over another one; raises OSError."""
    # Windows refuses to replace a file that somebody has open for a moment (virus scanner, another reader).
    for attempt in range(10):
        try:
            temporary.replace(target)
            return
        except PermissionError:
            if sys.platform != "win32" or attempt == 9:
                raise
            time.sleep(0.05)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    # Some network file systems cannot sync a folder; the rename itself has happened by then.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# --- Reading -----------------------------------------------------------------------------------------


def read_text(path: Path) -> str:
    """Read UTF-8 text, with or without a byte-order mark.

    Raises
    ------
    InsarError
        ``file.missing``, ``file.not_readable``, or ``file.malformed`` for bytes that are no UTF-8.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InsarError("file.missing", file=str(path)) from error
    except OSError as error:
        raise InsarError("file.not_readable", file=str(path), reason=error.strerror or str(error)) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise malformed(path, line=before.count(b"\n") + 1, column=column, reason="not UTF-8") from error


def read_json(path: Path) -> Any:
    """Read a JSON file; NaN and Infinity of foreign writers become None (unknown).

    Raises
    ------
    InsarError
        ``file.missing``, ``file.not_readable`` or ``file.malformed`` (fields file, line, column, reason).
    """
    return parse_json(path, read_text(path))


def parse_json(path: Path, text: str) -> Any:
    """Parse the text of a JSON file as `read_json` does."""
    try:
        return json.loads(text, parse_constant=_unknown_number, object_hook=let_others_run)
    except json.JSONDecodeError as error:
        raise malformed(path, line=error.lineno, column=error.colno, reason=error.msg) from error
    except RecursionError as error:
        raise malformed(path, line=1, column=1, reason="nested too deeply") from error


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a JSON file whose top level must be an object; errors as `read_json`."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise malformed(path, line=1, column=1, reason="not an object")
    return value


def malformed(path: Path, *, line: int = 1, column: int = 1, reason: str = "") -> InsarError:
    return InsarError("file.malformed", file=str(path), line=line, column=column, reason=reason)


def let_others_run(value: dict[str, Any]) -> dict[str, Any]:
    """Give the object back: an ``object_hook`` for `json.loads`.

    Left to itself the parser holds the lock of Python to the end; for a pair database of 300 dates no window would
    answer for a fifth of a second. A call of Python in between is where other threads get their turn.
    """
    return value


def _unknown_number(name: str) -> None:
    return None


# --- Setting aside -----------------------------------------------------------------------------------


def name_aside(path: Path) -> Path:
    """Give the first free name of ``NAME.bak``, ``NAME.bak2``, ..."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.bak{number if number > 1 else ''}")):
        number += 1
    return aside


def set_aside(path: Path) -> Path:
    """Rename a file to `name_aside` and give the new path; nothing is overwritten.

    Raises
    ------
    InsarError
        ``file.missing``, ``file.not_writable`` or ``file.write_failed``.
    """
    while True:
        aside = name_aside(path)
        try:
            path.rename(aside)
        except FileNotFoundError as error:
            raise InsarError("file.missing", file=str(path)) from error
        except FileExistsError:
            continue
        except OSError as error:
            raise write_error(path, error) from error
        return aside


def remove_left_over_temporary_files(folder: Path, older_than_seconds: float = 600.0) -> int:
    """Delete what killed writers left in a folder and give the number of files; call it under the lock."""
    removed = 0
    for path in folder.glob(f".*{_TEMPORARY_SUFFIX}"):
        # A file that vanishes meanwhile, or that may not be deleted, harms nobody.
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > older_than_seconds:
                path.unlink()
                removed += 1
    return removed


# --- The lock ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def folder_lock(
    folder: Path, owner: str, timeout_seconds: float = 5.0, name: str = LOCK_NAME
) -> Iterator[None]:
    """Hold ``.insarhub_qgis.lock`` of a folder while files are read, changed and written.

    The same thread may enter again. A lock whose process is gone on this host, or that was not touched for
    10 minutes on another host, is taken over, which is logged. Readers need no lock.

    Parameters
    ----------
    folder
        Existing job folder.
    owner
        What holds the lock, for the message of whoever waits, e.g. ``prepare-analysis``.
    timeout_seconds
        How long to wait for the present holder.
    name
        File of the lock; another name is for work that takes long and must not keep others from the files.

    Raises
    ------
    InsarError
        ``folder.locked`` (fields folder, owner, host, pid, started_at), ``file.not_writable``,
        ``file.disk_full`` or ``file.write_failed``.
    """
    key = str(folder.resolve() / name)
    me = threading.get_ident()
    held = _HELD.get(key)
    if held is not None and held.thread == me:
        held.depth += 1
        try:
            yield
        finally:
            held.depth -= 1
        return
    lock = _FolderLock(folder / name, owner)
    lock.acquire(timeout_seconds)
    _HELD[key] = lock
    try:
        yield
    finally:
        del _HELD[key]
        lock.release()


@contextlib.contextmanager
def file_lock(lock: Path, owner: str, timeout_seconds: float = 0.0) -> Iterator[None]:
    """Hold a lock file of any name, for work on one file or of one kind; taken over as `folder_lock` says.

    No thread may enter twice.

    Raises
    ------
    InsarError
        As `folder_lock`.
    """
    held = _FolderLock(lock, owner)
    held.acquire(timeout_seconds)
    try:
        yield
    finally:
        held.release()


def lock_holder(folder: Path) -> dict[str, Any] | None:
    """Give owner, host, pid and started_at of the live holder of a folder's lock, or None."""
    path = folder / LOCK_NAME
    content = _lock_content(path)
    if content is None or _is_abandoned(path, content):
        return None
    return {name: content.get(name) for name in ("owner", "host", "pid", "started_at")}


class _FolderLock:
    def __init__(self, path: Path, owner: str) -> None:
        self.path = path
        self.thread = threading.get_ident()
        self.depth = 1
        self._token = secrets.token_hex(8)
        self._released = threading.Event()
        self._content = {
            "owner": owner,
            "host": this_host(),
            "pid": os.getpid(),
            "started_at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            # Tells a process from a later one that got the same number.
            "process_start": process_start_of(os.getpid()),
            "token": self._token,
        }

    def acquire(self, timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while not self._create():
            content = _lock_content(self.path)
            if content is None:
                continue
            if _is_abandoned(self.path, content):
                self._take_over(content)
                continue
            if time.monotonic() >= deadline:
                fields = {name: content.get(name) for name in ("owner", "host", "pid", "started_at")}
                raise InsarError("folder.locked", folder=str(self.path.parent), **fields)
            time.sleep(0.02)
        threading.Thread(target=self._keep_touching, name="insarhub-lock", daemon=True).start()

    def release(self) -> None:
        self._released.set()
        content = _lock_content(self.path)
        if content is not None and content.get("token") == self._token:
            try:
                self.path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("lock %s could not be removed: %s", self.path, error)

    def _create(self) -> bool:
        # Written under another name first, so that the lock never exists without its content.
        draft = self.path.with_name(f"{self.path.name}.{self._token}{_TEMPORARY_SUFFIX}")
        data = json.dumps(self._content).encode("utf-8")
        try:
            try:
                draft.write_bytes(data)
                try:
                    os.link(draft, self.path)
                except FileExistsError:
                    return False
                except (OSError, NotImplementedError):
                    # A file system without hard links.
                    return self._create_without_link(data)
                return True
            finally:
                draft.unlink(missing_ok=True)
        except FileNotFoundError as error:
            raise InsarError("file.missing", file=str(self.path.parent)) from error
        except OSError as error:
            # The folder says more than the name of our lock.
            raise write_error(self.path.parent, error) from error

    def _create_without_link(self, data: bytes) -> bool:
        try:
            with self.path.open("xb") as file:
                file.write(data)
        except FileExistsError:
            return False
        return True

    def _take_over(self, abandoned: dict[str, Any]) -> None:
        # Only the holder of the guard may remove an abandoned lock, so that of two processes that see it
        # neither removes the fresh lock of the other.
        guard = self.path.with_name(self.path.name + ".takeover")
        try:
            guard.open("xb").close()
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - guard.stat().st_mtime > _GUARD_SECONDS:
                    guard.unlink()
            time.sleep(0.02)
            return
        except OSError as error:
            raise write_error(self.path, error) from error
        try:
            content = _lock_content(self.path)
            if content is not None and content == abandoned and _is_abandoned(self.path, content):
                _log.warning(
                    "lock %s of %s (process %s on %s since %s) is abandoned and taken over",
                    self.path, content.get("owner"), content.get("pid"), content.get("host"), content.get("started_at"),
                )  # fmt: skip
                self.path.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(self.path, error) from error
        finally:
            guard.unlink(missing_ok=True)

    def _keep_touching(self) -> None:
        while not self._released.wait(TOUCH_SECONDS):
            content = _lock_content(self.path)
            if content is None or content.get("token") != self._token:
                return
            try:
                os.utime(self.path)
            except OSError as error:
                _log.warning("lock %s could not be touched: %s", self.path, error)


_HELD: dict[str, _FolderLock] = {}


def _lock_content(path: Path) -> dict[str, Any] | None:
    """Give the content of a lock; empty for one that cannot be parsed, None when there is no lock."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def this_host() -> str:
    """Give the name of this computer, as locks and job files record it."""
    return platform.node()


def is_running(host: Any, pid: Any, process_start: str | None = None) -> bool:
    """Tell whether a recorded process still runs; True as well when that cannot be known (another host).

    Parameters
    ----------
    host, pid
        As recorded in a lock or a job file.
    process_start
        `process_start_of` at that time; it tells the process from a later one with the same number.
    """
    if host != this_host() or not isinstance(pid, int) or isinstance(pid, bool):
        return True
    if pid <= 0 or not _is_alive(pid):
        return False
    now = process_start_of(pid)
    return not process_start or now is None or process_start == now


def _is_abandoned(path: Path, content: dict[str, Any]) -> bool:
    start = content.get("process_start")
    if not is_running(content.get("host"), content.get("pid"), start if isinstance(start, str) else None):
        return True
    if content.get("host") == this_host():
        return False
    try:
        return time.time() - path.stat().st_mtime > ABANDONED_SECONDS
    except OSError:
        return False


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":
        import ctypes

        # On Windows os.kill ends the process whatever the signal; asking for a handle does not.
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(0x1000, False, pid)
        if not handle:
            return bool(kernel.GetLastError() == 5)
        code = ctypes.c_ulong()
        kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        kernel.CloseHandle(handle)
        return code.value == 259
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def process_start_of(pid: int) -> str | None:
    """Give the start time of a process in the kernel's own count, or None where it cannot be read."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else None
