# SPDX-License-Identifier: GPL-2.0-or-later
"""Submitting to the HyP3 of the sandbox over real HTTP: nothing is paid twice, no id is lost, faults stop cleanly."""

from __future__ import annotations

import pytest

from insarhub_qgis.core.hyp3_options import Hyp3Options
from insarhub_qgis.core.requests import PlanHyp3, SubmitHyp3
from insarhub_qgis.engine import hyp3_plan, hyp3_submit
from tests.makers.hyp3_submissions import (
    Listener,
    assert_paid_once,
    endpoints_of,
    make_hyp3_job,
    make_hyp3_server,
    pairs_of_stack,
)


@pytest.fixture(scope="module")
def server():
    with make_hyp3_server() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server):
    server.reset()
    return server


def submit(sandbox, folder, listener=None, options=None, **values):
    request = SubmitHyp3(
        str(folder),
        (options or Hyp3Options()).to_json(),
        endpoints=endpoints_of(sandbox).to_json(),
        look_again_s=0.1,
        **values,
    )
    return hyp3_submit.run(request, (listener or Listener()).context)


def plan(sandbox, folder, listener=None, options=None, **values):
    request = PlanHyp3(
        str(folder), (options or Hyp3Options()).to_json(), endpoints=endpoints_of(sandbox).to_json(), **values
    )
    return hyp3_plan.run(request, (listener or Listener()).context)


def test_450_pairs_go_in_three_requests(sandbox, tmp_path):
    pairs = pairs_of_stack(450)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    planned = plan(sandbox, folder)
    assert planned["counts"]["new"] == 450
    assert planned["credits_new"] == 4500
    result = submit(sandbox, folder, agreed_credits=4500)
    assert (result["submitted"], result["credits"], result["credits_left"]) == (450, 4500, 3500)
    assert_paid_once(sandbox, folder, pairs)
    posts = [r for r in sandbox.log.requests() if r.method == "POST" and r.path == "/jobs"]
    assert len(posts) == 3
