# SPDX-License-Identifier: GPL-2.0-or-later
"""What the HyP3 service checks before it takes jobs, and the errors that it answers with.

It checks no more than the real one: two tracks, one scene twice, a reference that is newer than its
secondary, and the repeat of an earlier job all pass.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from http.client import responses
from typing import Any

from insarhub_qgis.sandbox.hyp3_job_types import JOB_TYPES, MOST_BURSTS, scene_names
from insarhub_qgis.sandbox.known_scenes import KnownScene
from insarhub_qgis.sandbox.server import Answer

MOST_JOBS = 200
MOST_RENAMED = 100
LONGEST_NAME = 100
STATUS_CODES = ("PENDING", "RUNNING", "SUCCEEDED", "FAILED")
PROBLEM_TYPE = "application/problem+json"

_BUCKET = re.compile(r"(?!^xn--|.+-s3alias$)(?!^\d{1,3}(\.\d{1,3}){3}$)^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
_BUCKET_PREFIX = re.compile(r"^(?!/)(?!.*//)(?:[A-Za-z0-9._/-]|\{job_id\}|\{name\}){1,1024}$")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_OFFSET_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_SAME_PASS_S = 120.0


class Problem(Exception):
    """A request that is answered with an error.

    Parameters
    ----------
    detail
        Text for the client.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail

    def answer(self) -> Answer:
        return problem(self.status, self.detail)


def problem(status: int, detail: str) -> Answer:
    """Give an error in the service's form."""
    title = responses.get(status, "Error")
    value = {"status": status, "detail": detail, "title": title, "type": "about:blank"}
    answer = Answer.of_json(value, status)
    return Answer(status, answer.body, PROBLEM_TYPE)


# --- Bodies ---


def check_jobs_body(body: Any) -> None:
    """Check the body of ``POST /jobs`` against the schema.

    Raises
    ------
    Problem
        400. As in the real service its text repeats the whole request, whatever its length, and names no field.
    """
    if not isinstance(body, dict) or set(body) - {"jobs", "validate_only"}:
        raise _not_valid(body)
    jobs = body.get("jobs")
    if jobs == []:
        raise Problem(400, "[] should be non-empty")
    if not isinstance(jobs, list) or not isinstance(body.get("validate_only", False), bool):
        raise _not_valid(body)
    if len(jobs) > MOST_JOBS:
        raise Problem(400, f"{jobs!r} is too long")
    if not all(_is_job(job) for job in jobs):
        raise _not_valid(body)


def _not_valid(body: Any) -> Problem:
    return Problem(400, f"{body!r} is not valid under any of the given schemas")


def _is_job(job: Any) -> bool:
    if not isinstance(job, dict) or set(job) - {
        "job_type",
        "job_parameters",
        "name",
        "bucket",
        "bucket_prefix",
    }:
        return False
    job_type = job.get("job_type")
    return (
        isinstance(job_type, str)
        and job_type in JOB_TYPES
        and JOB_TYPES[job_type].accepts(job.get("job_parameters"))
        and ("name" not in job or is_name(job["name"]))
        and _is_text_or_null(job.get("bucket"), _BUCKET, 3, 63)
        and _is_text_or_null(job.get("bucket_prefix"), _BUCKET_PREFIX, 1, 100)
    )


def is_name(value: Any) -> bool:
    """Tell whether a value is a name of 1 to 100 characters, of any script."""
    return isinstance(value, str) and 1 <= len(value) <= LONGEST_NAME


def _is_text_or_null(value: Any, pattern: re.Pattern[str], shortest: int, longest: int) -> bool:
    if value is None:
        return True
    return isinstance(value, str) and shortest <= len(value) <= longest and bool(pattern.search(value))


def check_rename_body(body: Any, *, has_ids: bool) -> None:
    """Check the body of ``PATCH /jobs`` (with ids) or ``PATCH /jobs/{id}``; raises `Problem` 400."""
    wanted = {"job_ids", "name"} if has_ids else {"name"}
    if not isinstance(body, dict) or set(body) != wanted:
        raise _not_valid(body)
    if body["name"] is not None and not is_name(body["name"]):
        raise _not_valid(body)
    if has_ids:
        ids = body["job_ids"]
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise _not_valid(body)
        for one in ids:
            check_uuid(one)
        if not ids:
            raise Problem(400, "Must provide at least one job ID")
        if len(ids) > MOST_RENAMED:
            raise Problem(400, f"Cannot update more than {MOST_RENAMED} jobs")


def check_application_body(body: Any) -> None:
    """Check the body of ``PATCH /user``; raises `Problem` 400."""
    if (
        not isinstance(body, dict)
        or set(body) - {"use_case", "access_code"}
        or not isinstance(body.get("use_case"), str)
        or not isinstance(body.get("access_code", ""), str)
    ):
        raise _not_valid(body)


# --- Values in addresses ---


def check_uuid(text: str) -> None:
    if not _UUID.fullmatch(text):
        raise Problem(400, f"'{text}' is not a 'uuid'")


def check_choice(value: str | None, allowed: Sequence[str]) -> None:
    if value is not None and value not in allowed:
        raise Problem(400, f"'{value}' is not one of {list(allowed)}")


def check_query_name(value: str | None) -> None:
    if value is not None and not is_name(value):
        raise Problem(400, f"'{value}' is too long" if value else "'' should be non-empty")


def query_time_s(text: str | None) -> float | None:
    """Read a time with its offset, seconds since 1970; raises `Problem` 400 for one without."""
    if text is None:
        return None
    # A plus sign that the client did not encode arrives as a blank.
    repaired = re.sub(r" (\d\d:\d\d)$", r"+\1", text)
    if not _OFFSET_TIME.fullmatch(repaired):
        raise Problem(400, f"'{text}' is not a 'date-time'")
    try:
        return datetime.datetime.fromisoformat(re.sub("[Zz]$", "+00:00", repaired)).timestamp()
    except ValueError as error:
        raise Problem(400, f"'{text}' is not a 'date-time'") from error


# --- Scenes ---


def check_scenes(
    jobs: Sequence[Mapping[str, Any]], catalogue: Mapping[str, KnownScene], *, is_cmr_down: bool
) -> None:
    """Check the scenes of all jobs as the service does, one refusal for the whole request.

    Raises
    ------
    Problem
        400 for scenes that are not found, lie outside the elevation model or cannot be paired; 503 when the
        metadata cannot be asked, which jobs of whole scenes do not mind.
    """
    if is_cmr_down:
        if any(job["job_type"] in ("INSAR_ISCE_BURST", "INSAR_ISCE_MULTI_BURST") for job in jobs):
            raise Problem(503, "Could not query CMR. Please try again later.")
        return
    by_job = [[*first, *second] for first, second in (_sides(job) for job in jobs)]
    wanted = dict.fromkeys(name for names in by_job for name in names if name.startswith("S1"))
    missing = [name for name in wanted if name not in catalogue]
    if missing:
        raise Problem(400, f"Some requested scenes could not be found: {', '.join(missing)}")
    for job, names in zip(jobs, by_job):
        scenes = [catalogue[name] for name in names if name in catalogue]
        without = [scene.name for scene in scenes if not scene.has_elevation]
        if without:
            raise Problem(400, f"Some requested scenes do not have DEM coverage: {', '.join(without)}")
        if job["job_type"] == "INSAR_ISCE_BURST":
            _check_burst_pair(names, scenes)
        elif job["job_type"] == "INSAR_ISCE_MULTI_BURST":
            _check_burst_sets(*_sides(job))


def _sides(job: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    return scene_names(job["job_type"], job["job_parameters"])


def _burst_fields(name: str) -> tuple[str, datetime.datetime, str]:
    """Burst id with swath, start and polarisation of a burst name."""
    parts = name.split("_")
    start = datetime.datetime.strptime(parts[3], "%Y%m%dT%H%M%S")
    return f"{parts[1]}_{parts[2]}", start, parts[4]


def _check_burst_pair(names: Sequence[str], scenes: Sequence[KnownScene]) -> None:
    (first, _, one_polarization), (second, _, other) = (_burst_fields(name) for name in names)
    if first != second:
        raise Problem(400, f"The requested scenes have different burst IDs: {first} and {second}")
    if one_polarization != other:
        raise Problem(
            400, f"The requested scenes need to have the same polarization, got: {one_polarization}, {other}"
        )
    _check_polarization(other)
    if any(scene.crosses_antimeridian for scene in scenes):
        raise Problem(400, f"Granule {names[0]} crosses the antimeridian. Processing is not supported.")


def _check_polarization(polarization: str) -> None:
    if polarization not in ("VV", "HH"):
        raise Problem(400, f"{polarization} polarization is not currently supported, only VV and HH")


def _check_burst_sets(reference: Sequence[str], secondary: Sequence[str]) -> None:
    if not reference or not secondary:
        raise Problem(400, "Must include at least 1 reference scene and 1 secondary scene")
    if len(reference) != len(secondary):
        raise Problem(
            400,
            "Must provide the same number of reference and secondary scenes, "
            f"got {len(reference)} reference and {len(secondary)} secondary",
        )
    if len(reference) > MOST_BURSTS:
        raise Problem(400, f"Must provide no more than {MOST_BURSTS} scenes, got {len(reference)}")
    first, second = ([_burst_fields(name) for name in side] for side in (reference, secondary))
    ids, other_ids = ({(burst, polarization) for burst, _, polarization in side} for side in (first, second))
    if ids != other_ids:
        raise Problem(400, "Burst identifiers must be the same for reference scenes and secondary scenes")
    if len(ids) != len(reference):
        raise Problem(400, "Each reference scene must have a unique burst identifier")
    polarizations = sorted({polarization for _, polarization in ids})
    if len(polarizations) > 1:
        raise Problem(400, f"Scenes must have the same polarization, got: {', '.join(polarizations)}")
    _check_polarization(polarizations[0])
    times = [sorted(start for _, start, _ in side) for side in (first, second)]
    for side, name in zip(times, ("Reference", "Secondary")):
        if (side[-1] - side[0]).total_seconds() > _SAME_PASS_S:
            raise Problem(400, f"{name} scenes must fall within a 2-minute window to be of the same pass")
    if times[0][-1] >= times[1][0]:
        raise Problem(400, "Reference scenes must be older than secondary scenes")
