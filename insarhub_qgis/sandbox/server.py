# SPDX-License-Identifier: GPL-2.0-or-later
"""The sandbox: HTTP on a port of 127.0.0.1 that answers for all remote services from memory.

Nothing here reaches the network. ``/_sandbox/fault``, ``/advance``, ``/reset`` and ``/log`` steer it; services add
routes of their own below ``/_sandbox/``.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.sandbox.service_state import Fault, FaultPlan, RequestLog, SandboxClock

HOST = "127.0.0.1"
_JSON = "application/json; charset=utf-8"
#: A body that a client announces and never sends must not hold a thread for ever.
_READ_LIMIT_S = 30.0
_LARGEST_BODY = 32_000_000
#: A slow answer is written in pieces of this time.
_SLOW_STEP_S = 0.02
#: A body that is made while it is read is never whole in memory.
_PIECE_BYTES = 1_000_000
_FAULT_DETAIL = "planned fault of the sandbox"


@dataclass(frozen=True)
class ServiceRequest:
    """A request as a service sees it.

    Attributes
    ----------
    query, form
        Pairs in the order they came; form fields of a form-encoded body.
    headers
        Names in lower case.
    fault
        The planned fault, for those that only the service itself can play.
    """

    method: str
    path: str
    query: list[tuple[str, str]]
    form: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes = b""
    fault: Fault | None = None
    match: re.Match[str] | None = None

    def json(self) -> Any:
        return json.loads(self.body.decode("utf-8") or "null")

    @property
    def path_parts(self) -> tuple[str, ...]:
        """What the groups of the route's pattern found in the path; empty for a group that took no part."""
        return tuple(part or "" for part in self.match.groups()) if self.match is not None else ()


class Body(Protocol):
    """Bytes, or what gives its bytes piece by piece."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


@dataclass(frozen=True)
class Answer:
    """What a service answers; the server adds the length."""

    status: int = 200
    body: Body = b""
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        return cls(status, json.dumps(value, separators=(",", ":")).encode("utf-8"), _JSON, headers or {})

    @classmethod
    def of_text(cls, text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Answer:
        return cls(status, text.encode("utf-8"), content_type)


#: (method, pattern of the whole path, function)
Route = tuple[str, str, Callable[[ServiceRequest], Answer]]


class Service:
    """A remote service: its routes, and for one that keeps something, how it forgets it."""

    def routes(self) -> Sequence[Route]:
        raise NotImplementedError

    def reset(self) -> None:
        """Forget what clients did."""

    def settle(self) -> None:
        """Finish the work that is due after the clock was moved."""

    def close(self) -> None:
        """End threads and remove files; the service is not used again."""

    def error_answer(self, path: str, status: int, detail: str) -> Answer | None:
        """Give an error in the form of this service, or None for a path that is not its own."""
        return None


class SandboxServer:
    """The server with its services; also a context manager.

    Parameters
    ----------
    services
        Asked in order; the first route that fits answers.
    clock
        Shared with the services.
    port
        0 takes a free one.

    Raises
    ------
    InsarError
        ``sandbox.port`` when the port is taken or not allowed.
    """

    def __init__(self, services: Sequence[Service], clock: SandboxClock | None = None, port: int = 0) -> None:
        self.services = list(services)
        self.clock = clock or SandboxClock()
        self.faults = FaultPlan()
        self.log = RequestLog()
        self._routes = [
            (method, re.compile(pattern), function)
            for service in self.services
            for method, pattern, function in service.routes()
        ]
        try:
            self._server = _Server((HOST, port), self)
        except OSError as error:
            raise InsarError("sandbox.port", port=port, reason=error.strerror or str(error)) from error
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self._server.server_address[1]}"

    def start(self) -> SandboxServer:
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        for service in self.services:
            service.close()

    def __enter__(self) -> SandboxServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def reset(self) -> None:
        """Restore the state of the start: faults, clock, log and services."""
        self.faults.clear()
        self.clock.reset()
        self.log.clear()
        for service in self.services:
            service.reset()

    def advance(self, seconds: float) -> None:
        """Move the clock; work that is due by then is done when this returns."""
        self.clock.advance(seconds)
        for service in self.services:
            service.settle()

    def error_answer(self, path: str, status: int, detail: str) -> Answer:
        """Give an error in the form of the service that the path belongs to."""
        for service in self.services:
            answer = service.error_answer(path, status, detail)
            if answer is not None:
                return answer
        return Answer.of_json({"errors": [detail]}, status)

    def answer(self, request: ServiceRequest) -> Answer:
        """Give the answer of the first route that fits; 404 and 405 as JSON errors."""
        is_known = False
        for method, pattern, function in self._routes:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            is_known = True
            if method == request.method or (method, request.method) == ("GET", "HEAD"):
                return function(_with_match(request, match))
        status = 405 if is_known else 404
        return Answer.of_json({"errors": [f"No {request.method} {request.path} here."]}, status)

    def steer(self, request: ServiceRequest) -> Answer:
        """Answer ``/_sandbox/...``."""
        action = request.path.removeprefix("/_sandbox/")
        try:
            value = request.json() if request.body else {}
            if (request.method, action) == ("GET", "log"):
                return Answer.of_json({"requests": self.log.to_json()})
            if (request.method, action) == ("POST", "reset"):
                self.reset()
            elif (request.method, action) == ("POST", "advance"):
                self.advance(float(value["seconds"]))
            elif (request.method, action) == ("POST", "fault"):
                self.faults.add(Fault.from_json(value))
            else:
                return self.answer(request)
        except (InsarError, ValueError, KeyError, TypeError) as error:
            return Answer.of_json({"errors": [str(error)]}, 400)
        return Answer.of_json({"now_s": self.clock.now_s()})


def _with_match(request: ServiceRequest, match: re.Match[str]) -> ServiceRequest:
    return ServiceRequest(
        request.method,
        request.path,
        request.query,
        request.form,
        request.headers,
        request.body,
        request.fault,
        match,
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    #: A second sandbox on the same port would take every other request.
    allow_reuse_port = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that went away; the engine's streams belong to its protocol."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "InSARHubSandbox"
    sys_version = ""
    timeout = _READ_LIMIT_S
    #: Headers and body leave separately; held back until the first is confirmed, each answer would take 40 ms more.
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """The request log of the sandbox takes its place."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Give the time of the header ``Date``: a moved clock shows to clients as a wrong one."""
        now_s = self.server.sandbox.clock.now_s()
        return super().date_time_string(now_s if timestamp is None else timestamp)

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        sandbox = self.server.sandbox
        request = self._read_request()
        if request is None:
            return
        if request.path.startswith("/_sandbox/"):
            self._send(sandbox.steer(request), None)
            return
        fault = request.fault
        if fault is not None and fault.delay_s > 0:
            time.sleep(fault.delay_s)
        if fault is not None and fault.drop:
            self._log(request, 0)
            self._drop()
            return
        if fault is not None and fault.status is not None:
            answer = _faulty_answer(fault, sandbox.error_answer(request.path, fault.status, _FAULT_DETAIL))
        else:
            answer = sandbox.answer(request)
        self._log(request, answer.status)
        if fault is not None and fault.lose_answer:
            self._drop()
            return
        self._send(answer, fault)

    def _read_request(self) -> ServiceRequest | None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            length = int(headers.get("content-length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= _LARGEST_BODY:
            self.close_connection = True
            self._send(Answer.of_json({"errors": ["bad Content-Length"]}, 400), None)
            return None
        body = self.rfile.read(length)
        form: list[tuple[str, str]] = []
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            form = parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True)
        is_steering = parts.path.startswith("/_sandbox/")
        return ServiceRequest(
            self.command,
            parts.path,
            parse_qsl(parts.query, keep_blank_values=True),
            form,
            headers,
            body,
            None if is_steering else self.server.sandbox.faults.take(self.command, parts.path),
        )

    def _log(self, request: ServiceRequest, status: int) -> None:
        self.server.sandbox.log.add(
            request.method, self.path, dict(self.headers.items()), request.form, status
        )

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        body = answer.body
        if fault is not None and fault.cut_body is not None:
            body = body[: fault.cut_body]
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        rate = fault.rate if fault is not None else None
        if fault is not None and fault.truncate_after is not None:
            self._write(body[: fault.truncate_after], rate)
            self._drop()
            return
        self._write(body, rate)

    def _write(self, body: Body, rate: float | None) -> None:
        """Write a body, at a rate of so many bytes a second when one is given."""
        if rate is None:
            for start in range(0, len(body), _PIECE_BYTES):
                self.wfile.write(body[start : start + _PIECE_BYTES])
            return
        started, step = time.monotonic(), max(int(rate * _SLOW_STEP_S), 1)
        for start in range(0, len(body), step):
            self.wfile.write(body[start : start + step])
            sent = min(start + step, len(body))
            time.sleep(max(started + sent / rate - time.monotonic(), 0.0))

    def _drop(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.connection.close()


def _faulty_answer(fault: Fault, usual: Answer) -> Answer:
    """Give the planned error: the body of the fault, else the usual one of the service."""
    headers = {} if fault.retry_after_s is None else {"Retry-After": f"{fault.retry_after_s:g}"}
    if fault.body is not None:
        return Answer(usual.status, fault.body.encode("utf-8"), fault.content_type, headers)
    return Answer(usual.status, usual.body, usual.content_type, headers)
