# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of a sandbox that are not ours: plain HTTP, and asf_search as it comes."""

from __future__ import annotations

import copy
import json
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import requests

REAL_STACK = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "asf_p13_f411_2019"


class RedirectAdapter(requests.adapters.HTTPAdapter):
    """Sends everything to the sandbox and changes nothing else."""

    def __init__(self, base_url):
        super().__init__()
        self._base = urlsplit(base_url)

    def send(self, request, **options):
        request.headers["X-Forwarded-Host"] = urlsplit(request.url).netloc
        request.url = urlsplit(request.url)._replace(scheme="http", netloc=self._base.netloc).geturl()
        return super().send(request, **options)


def plain_asf_session(base_url):
    """An unmodified ASFSession whose requests reach the sandbox."""
    import asf_search

    session = asf_search.ASFSession()
    session.headers["User-Agent"] += "; tests"
    session.mount("https://", RedirectAdapter(base_url))
    session.mount("http://", RedirectAdapter(base_url))
    return session


def call(base_url, path, method="GET", form=None, value=None, headers=None, body=None):
    """(status, headers, body) of one request."""
    data = body
    headers = dict(headers or {})
    if form is not None:
        data = urlencode([(name, value) for name, value in form]).encode()
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    elif value is not None:
        data = json.dumps(value).encode()
        headers.setdefault("Content-Type", "application/json")
    request = urllib.request.Request(base_url + path, data=data, method=method, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def search(base_url, *fields, headers=None):
    """The JSON answer of a granule search, with its headers."""
    status, answer_headers, body = call(
        base_url, "/search/granules.umm_json", "POST", form=fields, headers=headers
    )
    assert status == 200, body
    return json.loads(body), answer_headers


def plan_fault(base_url, **fault):
    status, _, body = call(base_url, "/_sandbox/fault", "POST", value=fault)
    assert status == 200, body


def many_items(pattern, count):
    """``count`` copies of an item, a day apart, each with a name and times of its own."""
    items = []
    for index in range(count):
        item = copy.deepcopy(pattern)
        start = datetime(2015, 1, 1, 6, 0, 0) + timedelta(days=index % 3000, seconds=40 * (index // 3000))
        stop = start + timedelta(seconds=27)
        name = f"S1A_IW_SLC__1SDV_{start:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}_{index:06d}_{index:06X}_{index % 65536:04X}"
        umm = item["umm"]
        umm["GranuleUR"] = f"{name}-SLC"
        umm["DataGranule"]["Identifiers"] = [{"Identifier": name, "IdentifierType": "ProducerGranuleId"}]
        umm["TemporalExtent"]["RangeDateTime"] = {
            "BeginningDateTime": f"{start:%Y-%m-%dT%H:%M:%S}.000Z",
            "EndingDateTime": f"{stop:%Y-%m-%dT%H:%M:%S}.000Z",
        }
        items.append(item)
    return items
