# SPDX-License-Identifier: GPL-2.0-or-later
"""The HyP3 service of the sandbox: jobs, users, costs and products, with the answers of the real one.

``GET /_sandbox/jobs`` tells what was accepted and charged, ``POST /_sandbox/account`` sets fields of an account
and ``POST /_sandbox/hyp3`` those of `Hyp3Settings`.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any
from urllib.parse import urlencode

from insarhub_qgis.core.sandbox_credentials import is_sandbox_token, token_claims
from insarhub_qgis.sandbox.byte_ranges import not_there
from insarhub_qgis.sandbox.edl_service import COOKIE
from insarhub_qgis.sandbox.hyp3_accounts import APPLICATION_STATUSES, Accounts
from insarhub_qgis.sandbox.hyp3_job_types import JOB_TYPES
from insarhub_qgis.sandbox.hyp3_jobs import Hyp3Job, Hyp3Settings, JobFilter, JobStore
from insarhub_qgis.sandbox.hyp3_processing import Hyp3Processing, ProductMaker
from insarhub_qgis.sandbox.hyp3_validation import (
    STATUS_CODES,
    Problem,
    check_application_body,
    check_choice,
    check_jobs_body,
    check_query_name,
    check_rename_body,
    check_scenes,
    check_uuid,
    problem,
    query_time_s,
)
from insarhub_qgis.sandbox.known_scenes import KnownScene
from insarhub_qgis.sandbox.product_shelf import ProductShelf
from insarhub_qgis.sandbox.server import Answer, Route, Service, ServiceRequest
from insarhub_qgis.sandbox.service_state import SandboxClock

BUCKET = "sandbox-bucket"
_NOT_ALLOWED = (
    "<!doctype html>\n<html lang=en>\n<title>405 Method Not Allowed</title>\n<h1>Method Not Allowed</h1>\n"
    "<p>The method is not allowed for the requested URL.</p>\n"
)
_OWN_PATH = re.compile(r"/(jobs|user|costs)(/.*)?")


class Hyp3Service(Service):
    """Rows 6 to 13 of the table of sandbox endpoints.

    Parameters
    ----------
    scenes
        What jobs may name.
    make_products
        Simulates the products of a batch of jobs; None: jobs succeed without files.
    """

    def __init__(
        self,
        clock: SandboxClock,
        scenes: Mapping[str, KnownScene],
        make_products: ProductMaker | None = None,
        settings: Hyp3Settings | None = None,
    ) -> None:
        self._clock = clock
        self._scenes = scenes
        self._start_settings = settings or Hyp3Settings()
        self.settings = replace(self._start_settings)
        self._lock = threading.RLock()
        self._accounts = Accounts(clock)
        self._jobs = JobStore()
        self._shelf = ProductShelf()
        self._accepted = 0
        self._processing = Hyp3Processing(clock, self._shelf, make_products)

    # --- Service ---

    def routes(self) -> Sequence[Route]:
        job = "/jobs/([^/]+)"
        table: dict[str, dict[str, Callable[[ServiceRequest], Answer]]] = {
            "/costs": {"GET": self._plain(self._costs)},
            "/jobs": {
                "GET": self._signed_in(self._list_jobs),
                "POST": self._signed_in(self._submit),
                "PATCH": self._signed_in(self._rename_jobs),
            },
            job: {"GET": self._signed_in(self._one_job), "PATCH": self._signed_in(self._rename_job)},
            "/user": {"GET": self._signed_in(self._user), "PATCH": self._signed_in(self._apply)},
        }
        routes: list[Route] = []
        for path, methods in table.items():
            routes += [(method, path, function) for method, function in methods.items()]
            routes += [
                (method, path, _not_allowed)
                for method in ("GET", "POST", "PATCH", "PUT", "DELETE")
                if method not in methods
            ]
        routes += [
            (method, _OWN_PATH.pattern, self._no_route)
            for method in ("GET", "POST", "PATCH", "PUT", "DELETE")
        ]
        routes.append(("GET", "/products/([^/]+)/([^/]+)", self._product))
        routes.append(("GET", "/_sandbox/jobs", self._all_jobs))
        routes.append(("POST", "/_sandbox/account", self._change_account))
        routes.append(("POST", "/_sandbox/hyp3", self._change_settings))
        return routes

    def reset(self) -> None:
        with self._lock:
            self._processing.clear()
            self.settings = replace(self._start_settings)
            self._accounts.clear()
            self._jobs.clear()
            self._shelf.clear()
            self._accepted = 0

    def settle(self) -> None:
        """Wait until every job that is due by the clock has its product."""
        now_s = self._clock.now_s()
        with self._lock:
            due = [
                job
                for job in self._jobs
                if job.outcome is None and now_s - job.requested_s >= self.settings.done_s
            ]
        self._processing.wait_for(due)

    def close(self) -> None:
        self._processing.close()

    def error_answer(self, path: str, status: int, detail: str) -> Answer | None:
        """Give a planned fault of one of its routes in its own form."""
        return problem(status, detail) if _OWN_PATH.fullmatch(path) else None

    # --- Who asks ---

    def _plain(self, function: Callable[[ServiceRequest], Answer]) -> Callable[[ServiceRequest], Answer]:
        def answer(request: ServiceRequest) -> Answer:
            try:
                if self.settings.is_unavailable:
                    raise Problem(503, "HyP3 is currently unavailable. Please try again later.")
                return function(request)
            except Problem as refusal:
                return refusal.answer()

        return answer

    def _signed_in(
        self, function: Callable[[ServiceRequest, str], Answer]
    ) -> Callable[[ServiceRequest], Answer]:
        def answer(request: ServiceRequest) -> Answer:
            user_id = self._user_of(request)
            with self._lock:
                return function(request, user_id)

        return self._plain(answer)

    def _user_of(self, request: ServiceRequest) -> str:
        """Give the user of the token, else of the cookie; raises `Problem` 401.

        Tokens are not verified, but only those that a sandbox made count: a real one does not belong here.
        """
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        token = text.strip() if kind.lower() == "bearer" else _cookie(request.headers.get("cookie", ""))
        if not token:
            raise Problem(401, "No authorization token provided")
        claims = token_claims(token) or {}
        expires_at_s = claims.get("exp")
        if not is_sandbox_token(token) or not claims.get("uid") or not isinstance(expires_at_s, (int, float)):
            raise Problem(401, "Invalid authorization token provided")
        is_expired = request.fault is not None and request.fault.expire_token
        if is_expired or expires_at_s <= self._clock.now_s():
            raise Problem(401, "Invalid authorization token: Signature has expired")
        return str(claims["uid"])

    # --- Costs and users ---

    def _costs(self, request: ServiceRequest) -> Answer:
        return Answer.of_json({name: job_type.cost_definition() for name, job_type in JOB_TYPES.items()})

    def _user(self, request: ServiceRequest, user_id: str) -> Answer:
        return self._user_answer(user_id)

    def _apply(self, request: ServiceRequest, user_id: str) -> Answer:
        body = _body(request)
        check_application_body(body)
        self._accounts.apply(user_id, body["use_case"], body.get("access_code"))
        return self._user_answer(user_id)

    def _user_answer(self, user_id: str) -> Answer:
        names = sorted({job.name for job in self._jobs.of_user(user_id) if job.name is not None})
        return Answer.of_json({**self._accounts.account(user_id).to_json(), "job_names": names})

    # --- Jobs ---

    def _submit(self, request: ServiceRequest, user_id: str) -> Answer:
        body = _body(request)
        check_jobs_body(body)
        check_scenes(body["jobs"], self._scenes, is_cmr_down=self.settings.is_cmr_down)
        account = self._accounts.account(user_id)
        parameters = [JOB_TYPES[job["job_type"]].with_defaults(job["job_parameters"]) for job in body["jobs"]]
        costs = [JOB_TYPES[job["job_type"]].price(values) for job, values in zip(body["jobs"], parameters)]
        priorities = self._accounts.priorities(account, costs)
        requested_s = float(int(self._clock.now_s()))
        jobs = [
            _new_job(user_id, job, values, priority, cost, requested_s)
            for job, values, priority, cost in zip(body["jobs"], parameters, priorities, costs)
        ]
        if not body.get("validate_only"):
            self._accounts.charge(account, sum(costs))
            for job in jobs:
                share, before = self.settings.failed_share, self._accepted
                self._accepted += 1
                job.is_to_fail = int((before + 1) * share + 1e-9) > int(before * share + 1e-9)
                self._jobs.add(job)
            self._processing.add(jobs, self.settings)
        value: dict[str, Any] = {"jobs": [self._job_json(job, request) for job in jobs]}
        if "validate_only" in body:
            value["validate_only"] = body["validate_only"]
        return Answer.of_json(value)

    def _list_jobs(self, request: ServiceRequest, user_id: str) -> Answer:
        query = dict(request.query)
        check_choice(query.get("status_code"), STATUS_CODES)
        check_choice(query.get("job_type"), tuple(JOB_TYPES))
        check_query_name(query.get("name"))
        wanted = JobFilter(
            query.get("user_id") or user_id,
            query_time_s(query.get("start")),
            query_time_s(query.get("end")),
            query.get("status_code"),
            query.get("name"),
            query.get("job_type"),
        )
        is_empty = request.fault is not None and request.fault.empty_page
        jobs, token = self._jobs.page(wanted, query.get("start_token"), self._clock.now_s(), self.settings)
        value: dict[str, Any] = {"jobs": [] if is_empty else [self._job_json(job, request) for job in jobs]}
        if is_empty:
            # The same place once more, so that nothing is lost on the way.
            value["next"] = f"{_base_url(request)}/jobs?{urlencode(query)}"
        elif token is not None:
            value["next"] = f"{_base_url(request)}/jobs?{urlencode({**query, 'start_token': token})}"
        return Answer.of_json(value)

    def _one_job(self, request: ServiceRequest, user_id: str) -> Answer:
        job = self._found(request.path_parts[0])
        return Answer.of_json(self._job_json(job, request))

    def _rename_job(self, request: ServiceRequest, user_id: str) -> Answer:
        body = _body(request)
        check_uuid(request.path_parts[0])
        check_rename_body(body, has_ids=False)
        job = self._rename(request.path_parts[0], body["name"], user_id)
        return Answer.of_json(self._job_json(job, request))

    def _rename_jobs(self, request: ServiceRequest, user_id: str) -> Answer:
        body = _body(request)
        check_rename_body(body, has_ids=True)
        for job_id in dict.fromkeys(body["job_ids"]):
            self._rename(job_id, body["name"], user_id)
        return Answer.of_json({})

    def _rename(self, job_id: str, name: str | None, user_id: str) -> Hyp3Job:
        job = self._found(job_id)
        if job.user_id != user_id:
            raise Problem(403, f"You cannot modify job {job_id} because it belongs to a different user")
        job.name = name
        return job

    def _found(self, job_id: str) -> Hyp3Job:
        check_uuid(job_id)
        job = self._jobs.find(job_id)
        if job is None:
            raise Problem(404, f"job_id does not exist: {job_id}")
        return job

    def _job_json(self, job: Hyp3Job, request: ServiceRequest) -> dict[str, Any]:
        value = job.to_json(self._clock.now_s(), self.settings, _base_url(request))
        if request.fault is not None and request.fault.file_name is not None:
            for file in value.get("files", []):
                file["filename"] = request.fault.file_name
        return value

    # --- Products ---

    def _product(self, request: ServiceRequest) -> Answer:
        job_id, name = request.path_parts
        now_s = self._clock.now_s()
        with self._lock:
            job = self._jobs.find(job_id)
            is_there = (
                job is not None
                and job.status(now_s, self.settings) in ("SUCCEEDED", "FAILED")
                and now_s < job.expires_s(self.settings)
            )
        return self._shelf.answer(job_id, name, request) if is_there else not_there()

    def _no_route(self, request: ServiceRequest) -> Answer:
        return problem(
            404,
            "The requested URL was not found on the server. "
            "If you entered the URL manually please check your spelling and try again.",
        )

    # --- Steering ---

    def _all_jobs(self, request: ServiceRequest) -> Answer:
        """Tell all accepted jobs of all users, oldest first, and what each user was charged."""
        now_s = self._clock.now_s()
        with self._lock:
            jobs = [
                {
                    "job_id": job.job_id,
                    "user": job.user_id,
                    "job_type": job.job_type,
                    "granules": [*job.scenes[0], *job.scenes[1]],
                    "parameters": job.parameters,
                    "credit_cost": job.credit_cost,
                    "name": job.name,
                    "status_code": job.status(now_s, self.settings),
                }
                for job in self._jobs
            ]
            return Answer.of_json({"jobs": jobs, "charged": self._accounts.charged()})

    def _change_account(self, request: ServiceRequest) -> Answer:
        value = request.json()
        if value.get("application_status", APPLICATION_STATUSES[0]) not in APPLICATION_STATUSES:
            raise ValueError(f"application_status is one of {APPLICATION_STATUSES}")
        with self._lock:
            account = self._accounts.change(value.pop("user_id"), **value)
            return Answer.of_json(account.to_json())

    def _change_settings(self, request: ServiceRequest) -> Answer:
        value = request.json()
        unknown = set(value) - {field.name for field in fields(Hyp3Settings)}
        if unknown:
            raise ValueError(f"no settings: {', '.join(sorted(unknown))}")
        with self._lock:
            self.settings = replace(self.settings, **value)
            self._processing.settings_changed(self.settings)
        return Answer.of_json(value)


def _new_job(
    user_id: str,
    sent: Mapping[str, Any],
    parameters: dict[str, Any],
    priority: int,
    cost: float,
    requested_s: float,
) -> Hyp3Job:
    job_id = str(uuid.uuid4())
    bucket, prefix = sent.get("bucket") or BUCKET, sent.get("bucket_prefix") or "{job_id}"
    if bucket == BUCKET and prefix != "{job_id}":
        raise Problem(400, "A bucket_prefix needs a bucket of your own.")
    name = sent.get("name")
    prefix = prefix.replace("{job_id}", job_id).replace("{name}", name or "")
    return Hyp3Job(
        job_id, user_id, sent["job_type"], parameters, name, bucket, prefix, priority, cost, requested_s
    )


def _not_allowed(request: ServiceRequest) -> Answer:
    return Answer.of_text(_NOT_ALLOWED, 405, "text/html; charset=utf-8")


def _body(request: ServiceRequest) -> Any:
    try:
        return request.json()
    except ValueError as error:
        raise Problem(400, "Failed to decode the body as JSON") from error


def _base_url(request: ServiceRequest) -> str:
    return f"http://{request.headers.get('host', '')}"


def _cookie(header: str) -> str:
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value.strip('"')
    return ""
