# SPDX-License-Identifier: GPL-2.0-or-later
"""What an exception means to the user: full disk, missing right, missing package, or a crash."""

from __future__ import annotations

import contextlib
import errno
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.installation import wanted_environment

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
#: HDF5 and GDAL tell the reason in the text only.
_ERRNO_IN_TEXT = re.compile(r"errno = (\d+)")
#: GDAL writes in pieces of this size at most.
_NO_ROOM_BYTES = 1_000_000
_FULL_IN_TEXT = ("No space left on device", "Disk quota exceeded")
_FORBIDDEN_IN_TEXT = ("Permission denied", "Read-only file system")


def in_words(error: InsarError) -> str:
    """Word a fault that is overcome or told elsewhere, for the log: where it was, and the reason."""
    place, reason = error.fields.get("service") or error.fields.get("file"), error.fields.get("reason")
    kind = error.code.partition(".")[2].replace("_", " ")
    status = error.fields.get("status")
    words = str(reason) if reason and not isinstance(reason, Mapping) else kind
    words = f"{words} (HTTP {status})" if status else words
    return f"{place}: {words}" if place else words


def error_from_exception(exception: BaseException) -> InsarError:
    """Give the error that the user should read about ``exception``.

    Codes: those of an `InsarError` itself, ``run.cancelled``, ``file.disk_full``, ``file.not_writable``,
    ``file.missing``, ``file.unusable``, ``engine.out_of_memory``, ``engine.package_missing``, ``engine.package_broken``,
    and ``engine.crashed`` for all else.
    """
    if isinstance(exception, InsarError):
        return exception
    if isinstance(exception, KeyboardInterrupt):
        return Cancelled()
    if isinstance(exception, MemoryError):
        return InsarError("engine.out_of_memory")
    for cause in _chain(exception):
        if isinstance(cause, OSError) or type(cause).__module__.startswith(("rasterio", "h5py")):
            error = _error_of_file_access(cause)
            if error is not None:
                return error
        if isinstance(cause, ImportError):
            error = _error_of_import(cause)
            if error is not None:
                return error
    return InsarError("engine.crashed", reason=f"{type(exception).__name__}: {exception}")


def export_failure(file: Path, error: Exception) -> InsarError:
    """Give ``file.disk_full`` or ``export.write_failed`` for a file that GDAL could not write.

    GDAL's last message is seldom about the disk, so the room that is left is looked at.
    """
    with contextlib.suppress(OSError):
        if shutil.disk_usage(file.parent).free < _NO_ROOM_BYTES:
            return InsarError("file.disk_full", file=str(file))
    return InsarError("export.write_failed", file=str(file), reason=str(error))


def _chain(exception: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = exception
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__
    return chain


def _error_of_file_access(error: BaseException) -> InsarError | None:
    text = str(error)
    # GDAL's errors have a number of their own under the same name.
    number = error.errno if isinstance(error, OSError) else None
    told = _ERRNO_IN_TEXT.search(text)
    if number is None and told:
        number = int(told.group(1))
    file = str(getattr(error, "filename", None) or _file_in(text))
    if number in _FULL or any(phrase in text for phrase in _FULL_IN_TEXT):
        return InsarError("file.disk_full", file=file)
    if number in _FORBIDDEN or any(phrase in text for phrase in _FORBIDDEN_IN_TEXT):
        return InsarError("file.not_writable", file=file)
    if isinstance(error, FileNotFoundError) and error.filename:
        return InsarError("file.missing", file=file)
    if isinstance(error, OSError) and error.errno is not None and error.filename:
        return InsarError("file.unusable", file=file, reason=error.strerror or str(error))
    return None


def _file_in(text: str) -> str:
    quoted = re.search(r"name = '([^']+)'", text) or re.search(r"'([^']*/[^']*)'", text)
    return quoted.group(1) if quoted else ""


def _error_of_import(error: ImportError) -> InsarError | None:
    package = (error.name or "").split(".")[0]
    if not package or package == "insarhub_qgis":
        return None
    if isinstance(error, ModuleNotFoundError):
        return InsarError(
            "engine.package_missing",
            package=package,
            wanted=wanted_environment().pins.get(package),
            python=sys.executable,
        )
    return InsarError("engine.package_broken", package=package, reason=str(error), python=sys.executable)
