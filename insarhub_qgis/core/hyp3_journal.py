# SPDX-License-Identifier: GPL-2.0-or-later
"""``hyp3_journal.jsonl``: each request that may be paid, written down before it is sent and once its end is known.

An intent without an end may have been paid: whoever finds one asks the service before anything else is sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import append_line_durably, malformed
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_options import fingerprint
from insarhub_qgis.core.iso_times import moment_of
from insarhub_qgis.core.job_config import OWN_VERSION, utc_now

JOURNAL_NAME = "hyp3_journal.jsonl"
INTENT = "intent"
ACCEPTED, REJECTED, ADOPTED, ABANDONED = "accepted", "rejected", "adopted", "abandoned"
ENDS = (ACCEPTED, REJECTED, ADOPTED, ABANDONED)
_LINE = "line"
#: The service was asked for the jobs of an intent, and they were not all there.
LOOKED = "looked"


@dataclass(frozen=True)
class IntendedJob:
    """One job of a request as it is sent; ``retry_of``: id of the job that it repeats, or empty."""

    name: str
    job_type: str
    job_parameters: Mapping[str, Any]
    retry_of: str = ""

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.job_type, self.job_parameters)

    def prepared(self) -> dict[str, Any]:
        """Give the job as the service takes it."""
        job: dict[str, Any] = {"job_type": self.job_type, "job_parameters": dict(self.job_parameters)}
        return {**job, "name": self.name} if self.name else job


@dataclass(frozen=True)
class Intent:
    """A request that is about to be sent.

    Attributes
    ----------
    submission, chunk
        The run that sends it, and its number in it.
    time
        UTC: the earlier one of our clock and that of the service.
    job_file
        Name of the file that takes the ids.
    out_dir
        Folder for the products.
    credits
        What the request costs.
    own
        Further entries for our object of the job file.
    """

    submission: str
    chunk: int
    time: datetime
    account: str
    api_url: str
    job_file: str
    out_dir: str
    jobs: tuple[IntendedJob, ...]
    credits: float
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def intent_id(self) -> str:
        return f"{self.submission}-{self.chunk}"

    def to_json(self) -> dict[str, Any]:
        return {
            "version": OWN_VERSION,
            "event": INTENT,
            "intent": self.intent_id,
            "submission": self.submission,
            "chunk": self.chunk,
            "time": self.time.isoformat(timespec="seconds"),
            "account": self.account,
            "api_url": self.api_url,
            "job_file": self.job_file,
            "out_dir": self.out_dir,
            "cost": self.credits,
            "jobs": [
                {
                    "name": job.name,
                    "job_type": job.job_type,
                    "job_parameters": dict(job.job_parameters),
                    "retry_of": job.retry_of,
                }
                for job in self.jobs
            ],
            "own": dict(self.own),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Intent:
        """Read an entry; raises KeyError, TypeError or ValueError for one that is no intent."""
        time = moment_of(value["time"])
        if time is None:
            raise ValueError("no time")
        return cls(
            submission=str(value["submission"]),
            chunk=int(value["chunk"]),
            time=time,
            account=str(value["account"]),
            api_url=str(value["api_url"]),
            job_file=str(value["job_file"]),
            out_dir=str(value["out_dir"]),
            jobs=tuple(
                IntendedJob(
                    str(job["name"]),
                    str(job["job_type"]),
                    dict(job["job_parameters"]),
                    str(job.get("retry_of") or ""),
                )
                for job in value["jobs"]
            ),
            credits=float(value["cost"]),
            own=dict(value.get("own") or {}),
        )


def write_intent(folder: Path, intent: Intent) -> None:
    """Write an intent and wait for the disk; only then may its request be sent. Errors of `append_line_durably`."""
    _append(folder, intent.to_json())


def write_end(folder: Path, intent: Intent, event: str, job_ids: Sequence[str] = (), **fields: Any) -> None:
    """Write how a request ended: one of `ENDS`; a rejected one with its ``reason``."""
    _append(
        folder,
        {"event": event, "intent": intent.intent_id, "time": utc_now(), "ids": list(job_ids), **fields},
    )


def write_look(folder: Path, intent: Intent) -> None:
    """Write that the jobs of an intent were looked for in vain."""
    _append(folder, {"event": LOOKED, "intent": intent.intent_id, "time": utc_now()})


def first_look(folder: Path, intent: Intent) -> datetime | None:
    """Give when the jobs of an intent were first looked for in vain; None before that."""
    for entry in _entries(folder / JOURNAL_NAME):
        if entry.get("event") == LOOKED and entry.get("intent") == intent.intent_id:
            return moment_of(entry.get("time"))
    return None


def open_intents(folder: Path) -> list[Intent]:
    """Give the requests whose end is not known, oldest first.

    A torn line of a crash is passed over: a request is sent only after its line is whole on the disk.

    Raises
    ------
    InsarError
        ``file.not_readable``; ``file.malformed`` for a whole intent that cannot be understood: it may be paid.
    """
    path = folder / JOURNAL_NAME
    found: dict[str, Intent] = {}
    for entry in _entries(path):
        name = str(entry.get("intent"))
        if entry.get("event") in ENDS:
            found.pop(name, None)
        elif entry.get("event") == INTENT:
            try:
                found[name] = Intent.from_json(entry)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise malformed(path, line=entry[_LINE], reason="an intent that is not understood") from error
    return list(found.values())


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """Give the lines that are whole, each with its number."""
    for number, line in enumerate(_lines(path), 1):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield {**entry, _LINE: number}


def _append(folder: Path, entry: Mapping[str, Any]) -> None:
    append_line_durably(folder / JOURNAL_NAME, json.dumps(entry, ensure_ascii=False, allow_nan=False))


def _lines(path: Path) -> list[str]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InsarError("file.not_readable", file=str(path), reason=error.strerror or str(error)) from error
    return data.decode("utf-8", errors="replace").split("\n")
