# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of finished jobs, served whole or in parts as a content network does: ranges, ETag, Last-Modified."""

from __future__ import annotations

import email.utils
import hashlib
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from insarhub_qgis.sandbox.byte_ranges import not_there, ranged_answer
from insarhub_qgis.sandbox.server import Answer, ServiceRequest


@dataclass(frozen=True)
class ShelfFile:
    """One file of one job.

    Attributes
    ----------
    modified_s
        Whole seconds since 1970.
    version
        Counts the changes of content that a fault pretends.
    """

    name: str
    path: Path
    size: int
    digest: str
    modified_s: float
    content_type: str = "application/zip"
    version: int = 0

    @property
    def etag(self) -> str:
        return f'"{self.digest}-{self.version}"' if self.version else f'"{self.digest}"'

    @property
    def last_modified(self) -> str:
        return email.utils.formatdate(self.modified_s + self.version, usegmt=True)


class ProductShelf:
    """Files by job and name."""

    def __init__(self) -> None:
        self._files: dict[tuple[str, str], ShelfFile] = {}
        self._lock = threading.Lock()

    def put(self, job_id: str, path: Path, now_s: float, name: str = "", content_type: str = "") -> ShelfFile:
        """Put a file that is complete under a job; it stays where it is."""
        content = path.read_bytes()
        file = ShelfFile(
            name or path.name,
            path,
            len(content),
            hashlib.md5(content, usedforsecurity=False).hexdigest(),
            float(int(now_s)),
            content_type or "application/zip",
        )
        with self._lock:
            self._files[job_id, file.name] = file
        return file

    def clear(self) -> None:
        with self._lock:
            self._files.clear()

    def answer(self, job_id: str, name: str, request: ServiceRequest) -> Answer:
        """Answer GET or HEAD of a file, with the faults that belong to files."""
        fault = request.fault
        with self._lock:
            file = self._files.get((job_id, name))
            if file is not None and fault is not None and fault.etag_change:
                file = replace(file, version=file.version + 1)
                self._files[job_id, name] = file
        if file is None:
            return not_there()
        content = file.path.read_bytes()
        if fault is not None and fault.wrong_length:
            longer = fault.wrong_length
            content = content + b"\0" * longer if longer > 0 else content[:longer]
        return ranged_answer(content, file.etag, file.last_modified, file.content_type, request.headers)
