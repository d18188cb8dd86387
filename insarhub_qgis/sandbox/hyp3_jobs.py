# SPDX-License-Identifier: GPL-2.0-or-later
"""The jobs of the HyP3 service: their life by the clock, and lists of them in pages."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from insarhub_qgis.sandbox.hyp3_job_types import scene_names
from insarhub_qgis.sandbox.hyp3_validation import Problem
from insarhub_qgis.sandbox.product_shelf import ShelfFile

#: The real service cuts a page here, before it filters.
PAGE_BYTES = 1_048_576
DAY_S = 86400.0


@dataclass
class Hyp3Settings:
    """How the service behaves.

    Attributes
    ----------
    pending_s, done_s
        Seconds after the submission when a job starts, and when it is done if its product is.
    lifetime_s
        How long products are kept.
    failed_share
        0..1 of the jobs that fail.
    page_jobs
        Jobs on a page of a list; 0: as many as fit `PAGE_BYTES`, as the real service does.
    is_cmr_down, is_unavailable
        The service cannot ask the metadata repository; it is down for maintenance.
    """

    pending_s: float = 2.0
    done_s: float = 6.0
    lifetime_s: float = 14 * DAY_S
    failed_share: float = 0.0
    page_jobs: int = 0
    is_cmr_down: bool = False
    is_unavailable: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a job: files, or a failure with the text of its log."""

    files: tuple[ShelfFile, ...] = ()
    log: ShelfFile | None = None
    ready_s: float = 0.0
    processing_s: float = 0.0

    @property
    def has_failed(self) -> bool:
        return self.log is not None


@dataclass(eq=False)
class Hyp3Job:
    """One accepted job.

    Attributes
    ----------
    parameters
        All parameters, defaults filled in.
    requested_s
        Whole seconds since 1970.
    is_to_fail
        Chosen to fail whatever its scenes are.
    """

    job_id: str
    user_id: str
    job_type: str
    parameters: dict[str, Any]
    name: str | None
    bucket: str
    bucket_prefix: str
    priority: int
    credit_cost: float
    requested_s: float
    is_to_fail: bool = False
    outcome: Outcome | None = None

    @property
    def scenes(self) -> tuple[list[str], list[str]]:
        """Names of the reference side and of the secondary side."""
        return scene_names(self.job_type, self.parameters)

    def status(self, now_s: float, settings: Hyp3Settings) -> str:
        age = now_s - self.requested_s
        if age < settings.pending_s:
            return "PENDING"
        if age < settings.done_s or self.outcome is None:
            return "RUNNING"
        return "FAILED" if self.outcome.has_failed else "SUCCEEDED"

    def expires_s(self, settings: Hyp3Settings) -> float:
        """End of the life of the products of a job that is done, seconds since 1970."""
        ready_s = self.outcome.ready_s if self.outcome is not None else 0.0
        return max(self.requested_s + settings.done_s, ready_s) // 1 + settings.lifetime_s

    def to_json(self, now_s: float, settings: Hyp3Settings, base_url: str) -> dict[str, Any]:
        """Give the job as the service tells it: keys appear as it goes on."""
        status = self.status(now_s, settings)
        value: dict[str, Any] = {
            "job_id": self.job_id,
            "user_id": self.user_id,
            "status_code": status,
            "execution_started": status != "PENDING",
            "request_time": iso_time(self.requested_s),
            "priority": self.priority,
            "job_parameters": self.parameters,
            "job_type": self.job_type,
            "bucket": self.bucket,
            "bucket_prefix": self.bucket_prefix,
            "credit_cost": self.credit_cost,
        }
        if self.name is not None:
            value["name"] = self.name
        if self.outcome is None or status not in ("SUCCEEDED", "FAILED"):
            return value
        address = f"{base_url}/products/{self.job_id}"
        value["logs"] = []
        if self.outcome.log is not None:
            value |= {"logs": [f"{address}/{self.outcome.log.name}"], "processing_times": None}
            return value
        value |= {
            "processing_times": [round(self.outcome.processing_s, 3)],
            "expiration_time": iso_time(self.expires_s(settings)),
            "browse_images": [],
            "thumbnail_images": [],
            "files": [
                {
                    "filename": file.name,
                    "size": file.size,
                    "url": f"{address}/{file.name}",
                    "s3": {"bucket": self.bucket, "key": f"{self.bucket_prefix}/{file.name}"},
                }
                for file in self.outcome.files
            ],
        }
        return value


def iso_time(seconds: float) -> str:
    """Write a time as the service does: UTC with its offset, whole seconds."""
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).isoformat(timespec="seconds")


@dataclass(frozen=True)
class JobFilter:
    """Criteria of a list; None takes all. Times are seconds since 1970, both ends included."""

    user_id: str
    start_s: float | None = None
    end_s: float | None = None
    status_code: str | None = None
    name: str | None = None
    job_type: str | None = None


class JobStore:
    """All jobs since the start or the last reset. The caller holds the lock of the service."""

    def __init__(self) -> None:
        self._jobs: dict[str, Hyp3Job] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Hyp3Job]:
        return iter(self._jobs.values())

    def add(self, job: Hyp3Job) -> None:
        self._jobs[job.job_id] = job

    def find(self, job_id: str) -> Hyp3Job | None:
        return self._jobs.get(job_id.lower())

    def of_user(self, user_id: str) -> list[Hyp3Job]:
        return [job for job in self._jobs.values() if job.user_id == user_id]

    def clear(self) -> None:
        self._jobs.clear()

    def page(
        self, wanted: JobFilter, start_token: str | None, now_s: float, settings: Hyp3Settings
    ) -> tuple[list[Hyp3Job], str | None]:
        """Give one page, newest first, and the token of the next one.

        The page is cut out of the jobs of the user and of the time before the other criteria are looked at, so it may
        hold few jobs or none and still not be the last.
        """
        jobs = [
            job
            for job in self.of_user(wanted.user_id)
            if (wanted.start_s is None or job.requested_s >= int(wanted.start_s))
            and (wanted.end_s is None or job.requested_s <= wanted.end_s)
        ]
        jobs.sort(key=lambda job: (job.requested_s, job.job_id), reverse=True)
        if start_token is not None:
            last = _read_token(start_token)
            jobs = [job for job in jobs if (job.requested_s, job.job_id) < last]
        count = settings.page_jobs or _count_of_page(jobs)
        page, rest = jobs[:count], jobs[count:]
        found = [
            job
            for job in page
            if wanted.status_code in (None, job.status(now_s, settings))
            and wanted.name in (None, job.name)
            and wanted.job_type in (None, job.job_type)
        ]
        return found, _token(page[-1]) if rest else None


def _count_of_page(jobs: Sequence[Hyp3Job]) -> int:
    size = 0
    for index, job in enumerate(jobs):
        size += 300 + len(json.dumps(job.parameters)) + len(job.name or "")
        if size > PAGE_BYTES:
            return max(index, 1)
    return len(jobs)


def _token(job: Hyp3Job) -> str:
    value: Mapping[str, Any] = {
        "job_id": job.job_id,
        "user_id": job.user_id,
        "request_time": job.requested_s,
    }
    return base64.b64encode(json.dumps(value).encode("utf-8")).decode("ascii")


def _read_token(text: str) -> tuple[float, str]:
    try:
        value = json.loads(base64.b64decode(text, validate=True))
        return float(value["request_time"]), str(value["job_id"])
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise Problem(400, "Invalid start_token value") from error
