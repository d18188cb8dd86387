# SPDX-License-Identifier: GPL-2.0-or-later
"""Submitting to the HyP3 of the sandbox over real HTTP: nothing is paid twice, no id is lost, faults stop cleanly."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from insarhub_qgis.core import atomic_files
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_journal import JOURNAL_NAME, open_intents
from insarhub_qgis.core.hyp3_options import MOST_BURSTS, Hyp3Options
from insarhub_qgis.core.job_config import PROCESSOR
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.requests import PlanHyp3, RefreshHyp3, SubmitHyp3
from insarhub_qgis.engine import (
    hyp3_door,
    hyp3_plan,
    hyp3_recovery,
    hyp3_refresh,
    hyp3_saving,
    hyp3_sending,
    hyp3_submit,
)
from insarhub_qgis.sandbox.acquisitions import RELATIVE_ORBIT
from insarhub_qgis.sandbox.hyp3_job_types import JOB_TYPES, Choice, Flag
from insarhub_qgis.sandbox.hyp3_jobs import Hyp3Job
from insarhub_qgis.sandbox.server import Answer
from insarhub_qgis.sandbox.service_state import Fault
from tests.architecture.test_messages import message_rows
from tests.makers.hyp3_submissions import (
    USER,
    Listener,
    assert_paid_once,
    catalogue,
    endpoints_of,
    jobs_of_server,
    make_hyp3_job,
    make_hyp3_server,
    pairs_of_stack,
    set_account,
    stack_scenes,
    steer,
)
from tests.makers.waiting import HANG_S, holding

MESSAGES = message_rows()[1]


@pytest.fixture(scope="module")
def server():
    with make_hyp3_server() as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(hyp3_door, "RETRY_WAITS_S", (0.01, 0.01, 0.01))


@pytest.fixture
def sandbox(server):
    server.reset()
    return server


def submit(sandbox, folder, listener=None, options=None, **values):
    request = SubmitHyp3(
        str(folder),
        (options or Hyp3Options()).to_json(),
        endpoints=endpoints_of(sandbox).to_json(),
        **{"look_again_s": 0.1, **values},
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


def run_code(function, *arguments, **values):
    with pytest.raises(InsarError) as caught:
        function(*arguments, **values)
    assert caught.value.code in MESSAGES
    return caught.value


def payments(sandbox):
    """Requests that may be paid: those for validation repeat the jobs without a charge."""
    return [entry for entry in sandbox.log.requests() if entry.method == "POST" and entry.path == "/jobs"]


def journal(folder):
    lines = (folder / JOURNAL_NAME).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_files_are_as_documented(sandbox, tmp_path):
    pairs = pairs_of_stack(3)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    listener = Listener()
    submit(sandbox, folder, listener)
    document = json.loads((folder / "hyp3_jobs.json").read_text(encoding="utf-8"))
    assert list(document)[:2] == ["job_ids", "out_dir"]
    assert list(document["job_ids"]) == [USER]
    assert document["out_dir"] == folder.as_posix()
    own = document["insarhub_qgis"]
    assert own["api_url"] == sandbox.base_url
    assert own["job_type"] == "INSAR_GAMMA"
    assert own["name"] == "ifg"
    assert own["credits"] == 30
    assert own["parameters"] == {
        "looks": "20x4",
        "phase_filter_parameter": 0.6,
        "include_dem": True,
        "include_look_vectors": True,
        "apply_water_mask": True,
        "include_inc_map": False,
        "include_displacement_maps": False,
        "include_wrapped_phase": False,
    }
    assert own["retry_of"] == {}
    assert own["retry_of_file"] is None
    assert sorted(map(tuple, own["pairs"].values())) == sorted(pairs)
    for job_id, (reference, secondary) in own["pairs"].items():
        starts = f"{reference[17:32]}_{secondary[17:32]}"
        frame = json.loads((folder / "insarhub_config.json").read_text())["downloader"]["config"]["frame"]
        fp6 = own["fingerprints"][job_id][:6]
        assert own["names"][job_id] == f"ifg_p{RELATIVE_ORBIT}_f{frame}_{starts}_{fp6}"
        assert own["last_seen"][job_id]["status"] == "PENDING"
    config = JobFolder(folder).read_config()
    assert config["processor"] == {
        "type": "Hyp3_S1",
        "config": {
            "looks": "20x4",
            "phase_filter_parameter": 0.6,
            "include_inc_map": False,
            "include_displacement_maps": False,
        },
    }
    assert [entry["event"] for entry in journal(folder)] == ["intent", "accepted"]
    assert [item["state"] for item in listener.items] == ["accepted"] * 3
    jobs, _ = jobs_of_server(sandbox)
    assert {name: jobs[0]["parameters"][name] for name in own["parameters"]} == own["parameters"]


def test_the_best_pairs_go_first(sandbox, tmp_path):
    pairs = pairs_of_stack(4)
    scores = {pairs[2]: 90.0, pairs[0]: 40.0, pairs[3]: 70.0}
    folder = make_hyp3_job(tmp_path / "job", pairs, scores=scores)
    submit(sandbox, folder, options=Hyp3Options(submission_chunk_size=1))
    jobs, _ = jobs_of_server(sandbox)
    assert [tuple(job["granules"]) for job in jobs] == [pairs[2], pairs[3], pairs[0], pairs[1]]


def test_submitting_twice_pays_once(sandbox, tmp_path):
    pairs = pairs_of_stack(5)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    submit(sandbox, folder)
    again = submit(sandbox, folder)
    assert (again["submitted"], again["credits"], again["job_file"]) == (0, 0, "")
    assert [row["state"] for row in again["skipped"]] == ["in_flight"] * 5
    steer(sandbox, "advance", seconds=60)
    assert [row["state"] for row in submit(sandbox, folder)["skipped"]] == ["done"] * 5
    assert_paid_once(sandbox, folder, pairs)
    # Another folder of the same stack and account: the list of the service tells.
    other = make_hyp3_job(tmp_path / "other", pairs)
    assert {row["state"] for row in submit(sandbox, other)["skipped"]} == {"done"}
    assert len(jobs_of_server(sandbox)[0]) == 5


def test_only_what_the_user_ticks_is_paid_again(sandbox, tmp_path):
    pairs = pairs_of_stack(3)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    submit(sandbox, folder)
    submit(sandbox, folder, pairs=(pairs[1],), repeat_states=("in_flight",))
    jobs, charged = jobs_of_server(sandbox)
    assert [tuple(job["granules"]) for job in jobs].count(pairs[1]) == 2
    assert charged[USER] == 40


def test_other_options_are_offered_and_never_silent(sandbox, tmp_path):
    pairs = pairs_of_stack(2)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    submit(sandbox, folder)
    fine = Hyp3Options(looks="10x2")
    planned = plan(sandbox, folder, options=fine)
    assert planned["counts"]["other_parameters"] == 2
    assert planned["rows"][0]["reason"]["fields"]["looks"] == "20x4"
    assert (planned["credits_each"], planned["credits_new"]) == (15, 0)
    assert submit(sandbox, folder, options=fine)["submitted"] == 0
    paid = submit(sandbox, folder, options=fine, repeat_states=("other_parameters",))
    assert (paid["submitted"], paid["credits"]) == (2, 30)
    assert plan(sandbox, folder)["counts"]["in_flight"] == 2
    assert plan(sandbox, folder, options=fine)["counts"]["in_flight"] == 2


def test_products_on_disk_are_reused(sandbox, tmp_path):
    pairs = pairs_of_stack(3)
    folder = make_hyp3_job(tmp_path / "job", pairs)

    def put(pair, spacing, water):
        times = f"{pair[0][17:32]}_{pair[1][17:32]}"
        (folder / f"S1AA_{times}_VVP012_INT{spacing}_G_{water}eF_ABCD.zip").write_bytes(b"zip")

    put(pairs[0], 80, "w")
    put(pairs[1], 40, "w")
    put(pairs[2], 80, "u")
    planned = plan(sandbox, folder)
    assert [row["state"] for row in planned["rows"]] == ["downloaded", "other_parameters", "other_parameters"]
    assert submit(sandbox, folder)["submitted"] == 0


def test_expired_and_failed_pairs_are_offered(sandbox, tmp_path):
    pairs = pairs_of_stack(2)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    steer(sandbox, "hyp3", failed_share=0.5)
    submit(sandbox, folder)
    steer(sandbox, "advance", seconds=60)
    assert sorted(row["state"] for row in plan(sandbox, folder)["rows"]) == ["done", "failed"]
    steer(sandbox, "advance", seconds=14 * 86400)
    listener = Listener(life_s=30 * 86400)
    assert sorted(row["state"] for row in plan(sandbox, folder, listener)["rows"]) == ["expired", "failed"]
    assert submit(sandbox, folder, listener)["submitted"] == 0


def test_a_job_file_by_insarhub_is_understood(sandbox, tmp_path):
    """0.4.x writes ids only, and names that collide between frames."""
    pairs = pairs_of_stack(2)
    first = make_hyp3_job(tmp_path / "first", pairs)
    submit(sandbox, first)
    ids = json.loads((first / "hyp3_jobs.json").read_text())["job_ids"]
    folder = make_hyp3_job(tmp_path / "job", pairs)
    (folder / "hyp3_jobs.json").write_text(json.dumps({"job_ids": ids, "out_dir": str(folder)}))
    planned = plan(sandbox, folder)
    assert [row["state"] for row in planned["rows"]] == ["in_flight"] * 2
    assert {row["job_file"] for row in planned["rows"]} == {"hyp3_jobs.json"}


@pytest.mark.parametrize("is_refreshed", [False, True])
def test_expired_jobs_of_insarhub_are_not_new_when_no_list_has_them(
    sandbox, tmp_path, monkeypatch, is_refreshed
):
    pairs = pairs_of_stack(2)
    first = make_hyp3_job(tmp_path / "first", pairs)
    submit(sandbox, first)
    steer(sandbox, "advance", seconds=60)
    jobs_of_server(sandbox)
    ids = json.loads((first / "hyp3_jobs.json").read_text())["job_ids"]
    folder = make_hyp3_job(tmp_path / "job", pairs)
    (folder / "hyp3_jobs.json").write_text(json.dumps({"job_ids": ids, "out_dir": str(folder)}))
    steer(sandbox, "advance", seconds=60 * 86400)
    listener = Listener(life_s=90 * 86400)
    refresh = RefreshHyp3(str(folder), endpoints_of(sandbox).to_json())
    assert hyp3_refresh.run(refresh, listener.context)["counts"]["EXPIRED"] == 2
    # After a refresh the files tell enough; as earlier versions left them, the service is asked.
    if is_refreshed:
        monkeypatch.setattr(hyp3_plan, "_MOST_SINGLE", 0)
    else:
        document = json.loads((folder / "hyp3_jobs.json").read_text())
        del document["insarhub_qgis"]["fingerprints"]
        (folder / "hyp3_jobs.json").write_text(json.dumps(document))
    assert plan(sandbox, folder, listener)["counts"]["expired"] == 2


def test_jobs_of_another_account_count(sandbox, tmp_path):
    pairs = pairs_of_stack(2)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    submit(sandbox, folder, Listener("sandbox-berta"))
    again = submit(sandbox, folder)
    assert again["submitted"] == 0
    assert {row["state"] for row in again["skipped"]} == {"in_flight"}


def test_a_damaged_job_file_stops_everything(sandbox, tmp_path):
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(2))
    (folder / "hyp3_jobs.json").write_text('{"job_ids": ')
    assert run_code(submit, sandbox, folder).code == "file.malformed"
    assert payments(sandbox) == []


def test_many_jobs_over_many_pages(sandbox, tmp_path):
    """Pages of one account come short and empty, and the pairs stand on the last one."""
    pairs = pairs_of_stack(3)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    submit(sandbox, folder)
    (folder / "hyp3_jobs.json").unlink()
    (folder / JOURNAL_NAME).unlink()
    filler = make_hyp3_job(tmp_path / "filler", pairs_of_stack(60)[3:])
    submit(sandbox, filler)
    steer(sandbox, "hyp3", page_jobs=7)
    sandbox.faults.add(Fault(route="/jobs", method="GET", empty_page=True, times=3))
    assert plan(sandbox, folder)["counts"]["in_flight"] == 3


def test_an_account_with_2500_jobs(sandbox, tmp_path):
    set_account(sandbox, remaining_credits=None)
    with hyp3_door.open_hyp3(endpoints_of(sandbox), Listener().context) as door:
        fine = Hyp3Options(looks="10x2")
        jobs = [
            {"job_type": "INSAR_GAMMA", "job_parameters": fine.job_parameters([one], [other])}
            for one, other in pairs_of_stack(200)
        ]
        for start in range(0, 2500, 200):
            door.post_jobs(jobs[: 2500 - start], validate_only=False)
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(450))
    sandbox.log.clear()
    planned = plan(sandbox, folder)
    assert len(sandbox.log.requests()) < 10, "the list comes in pages, not job by job"
    assert (planned["counts"]["other_parameters"], planned["counts"]["new"]) == (200, 250)


# --- Local checks, dry run, agreement ---


def test_pairs_that_the_service_would_take_and_charge_are_refused_here(sandbox, tmp_path):
    pairs = pairs_of_stack(3)
    wrong = [(pairs[0][1], pairs[0][0]), (pairs[0][0], pairs[0][0]), pairs[1], pairs[1]]
    folder = make_hyp3_job(tmp_path / "job", pairs)
    result = submit(sandbox, folder, pairs=tuple(wrong))
    assert result["submitted"] == 1
    assert [row["reason"]["code"] for row in result["skipped"]] == [
        "hyp3_pair.reversed", "hyp3_pair.same_scene", "hyp3_pair.repeated",
    ]  # fmt: skip
    assert [tuple(job["granules"]) for job in jobs_of_server(sandbox)[0]] == [pairs[1]]


def test_a_dry_run_asks_the_service_and_writes_nothing(sandbox, tmp_path):
    pairs = pairs_of_stack(5)
    folder = make_hyp3_job(tmp_path / "job", [*pairs, unknown_pair(1)])
    before = {path: path.read_bytes() for path in folder.iterdir()}
    listener = Listener()
    result = submit(sandbox, folder, listener, dry_run=True)
    assert (result["submitted"], result["credits"], result["dry_run"]) == (5, 50, True)
    assert [row["reason"]["code"] for row in result["rejected"]] == ["hyp3.unknown_scenes"]
    assert sorted(item["state"] for item in listener.items) == ["rejected", *["valid"] * 5]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert jobs_of_server(sandbox) == ([], {USER: 0})


def test_a_dry_run_says_when_the_credits_do_not_suffice(sandbox, tmp_path):
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(5))
    poor = Listener("sandbox-poor")
    options = Hyp3Options(submission_chunk_size=2)
    result = submit(sandbox, folder, poor, options=options, dry_run=True)
    assert result["stopped_by"] == {
        "code": "hyp3.no_credits", "fields": {"cost": 50.0, "left": 35.0, "reason": ""},
    }  # fmt: skip


def test_a_higher_price_stops_before_anything_is_sent(sandbox, tmp_path):
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(4))
    error = run_code(submit, sandbox, folder, agreed_credits=30)
    assert (error.code, error.fields) == ("hyp3.price_higher", {"credits": 40.0, "agreed": 30})
    assert payments(sandbox) == []


def test_the_plan_names_prices_of_other_looks(sandbox, tmp_path):
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(4))
    assert plan(sandbox, folder)["alternatives"] == [
        {"job_type": "INSAR_GAMMA", "looks": "20x4", "credits_each": 10, "credits_new": 40},
        {"job_type": "INSAR_GAMMA", "looks": "10x2", "credits_each": 15, "credits_new": 60},
    ]


def test_a_price_that_is_missing_elsewhere_stops_no_plan(sandbox, tmp_path):
    """18 bursts of two passes as pairs of their own: a job of all of them has no price."""
    sides = {}
    for name in sorted(name for name in catalogue() if name.endswith("-BURST") and "_VV_" in name):
        sides.setdefault(catalogue()[name].date, []).append(name)
    pairs = list(zip(*(sides[day] for day in sorted(sides)[:2])))
    assert len(pairs) > MOST_BURSTS
    folder = make_hyp3_job(tmp_path / "job", pairs)
    config = json.loads((folder / "insarhub_config.json").read_text())
    del config["downloader"]["config"]["intersectsWith"]
    (folder / "insarhub_config.json").write_text(json.dumps(config))
    planned = plan(sandbox, folder, options=Hyp3Options(job_type="INSAR_ISCE_BURST"))
    new = planned["counts"]["new"]
    assert new > MOST_BURSTS
    assert {(row["job_type"], row["credits_new"]) for row in planned["alternatives"]} == {
        ("INSAR_ISCE_BURST", new)
    }


def test_unlimited_credits(sandbox, tmp_path):
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(2))
    rich = Listener("sandbox-unlimited")
    assert plan(sandbox, folder, rich)["credits_left"] is None
    result = submit(sandbox, folder, rich)
    assert (result["submitted"], result["credits_left"]) == (2, None)


def test_bursts_of_two_passes_are_one_job(sandbox, tmp_path):
    """A stack that names every burst, as opened products may."""
    names = sorted(name for name in catalogue() if "S1_220001_IW1" in name or "S1_220002_IW2" in name)
    names = [name for name in names if "_VV_" in name]
    days = sorted({catalogue()[name].date for name in names})[:2]
    sides = [[name for name in names if catalogue()[name].date == day] for day in days]
    pairs = list(zip(*sides))
    folder = make_hyp3_job(tmp_path / "job", pairs)
    options = Hyp3Options(job_type="INSAR_ISCE_MULTI_BURST")
    planned = plan(sandbox, folder, options=options)
    (row,) = planned["rows"]
    assert (row["state"], row["bursts"], row["credits"]) == ("new", len(pairs), 1)
    assert {entry["job_type"] for entry in planned["alternatives"]} == {
        "INSAR_ISCE_MULTI_BURST", "INSAR_ISCE_BURST",
    }  # fmt: skip
    assert submit(sandbox, folder, options=options)["submitted"] == 1
    own = json.loads((folder / "hyp3_jobs.json").read_text())["insarhub_qgis"]
    (granules,) = own["granules"].values()
    assert granules == {"reference": list(sides[0]), "secondary": list(sides[1])}
    assert plan(sandbox, folder, options=options)["counts"]["in_flight"] == 1
    config = JobFolder(folder).read_config()
    assert config.own["hyp3"] == {"job_type": "INSAR_ISCE_MULTI_BURST"}
    assert "job_type" not in config.stage_options(PROCESSOR)
    assert Hyp3Options.from_config(config)[0].job_type == "INSAR_ISCE_MULTI_BURST"


def test_slc_pairs_are_no_bursts(sandbox, tmp_path):
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(2))
    planned = plan(sandbox, folder, options=Hyp3Options(job_type="INSAR_ISCE_MULTI_BURST"))
    assert {row["reason"]["code"] for row in planned["rows"]} == {"hyp3_pair.not_burst"}


# --- Refusals of the service ---


def unknown_pair(number):
    """A pair of the right form whose secondary the archive does not know."""
    reference = stack_scenes()[number]
    return reference, f"{stack_scenes()[number + 1][:-4]}{number:04X}"


def test_3_bad_pairs_of_450_are_named_and_447_submitted(sandbox, tmp_path):
    good = pairs_of_stack(447)
    bad = [unknown_pair(number) for number in (0, 5, 9)]
    pairs = list(good)
    for position, pair in zip((10, 120, 400), bad):
        pairs.insert(position, pair)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    result = submit(sandbox, folder)
    assert (result["submitted"], result["credits"], result["not_sent"]) == (447, 4470, 0)
    assert sorted(tuple(row["pair"]) for row in result["rejected"]) == sorted(bad)
    for row in result["rejected"]:
        assert row["reason"]["code"] == "hyp3.unknown_scenes"
        assert row["reason"]["fields"]["scenes"] == [row["pair"][1]]
    assert_paid_once(sandbox, folder, good)
    own = json.loads((folder / "hyp3_jobs.json").read_text())["insarhub_qgis"]
    assert sorted(tuple(row["pair"]) for row in own["rejected"]) == sorted(bad)


def test_bad_pairs_are_found_also_when_the_service_names_none(sandbox, tmp_path, monkeypatch):
    """A fault of the schema repeats the whole request and names no field."""
    good, bad = pairs_of_stack(11), [unknown_pair(0), unknown_pair(5)]
    folder = make_hyp3_job(tmp_path / "job", [*good[:4], bad[0], *good[4:], bad[1]])
    answer = sandbox.answer

    def answer_without_names(request):
        found = answer(request)
        if found.status == 400:
            return Answer.of_json({"status": 400, "detail": f"{request.body!r} is not valid" * 3}, 400)
        return found

    monkeypatch.setattr(sandbox, "answer", answer_without_names)
    result = submit(sandbox, folder)
    assert result["submitted"] == 11
    assert sorted(tuple(row["pair"]) for row in result["rejected"]) == sorted(bad)
    assert {row["reason"]["code"] for row in result["rejected"]} == {"hyp3.refused"}
    assert max(len(row["reason"]["fields"]["reason"]) for row in result["rejected"]) <= 303
    monkeypatch.undo()
    assert_paid_once(sandbox, folder, good)


def test_all_pairs_bad(sandbox, tmp_path):
    folder = make_hyp3_job(tmp_path / "job", [unknown_pair(number) for number in range(4)])
    result = submit(sandbox, folder)
    assert (result["submitted"], result["job_file"], len(result["rejected"])) == (0, "", 4)
    assert not (folder / "hyp3_jobs.json").exists()


def test_credits_run_out_in_the_third_request(sandbox, tmp_path):
    pairs = pairs_of_stack(450)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    set_account(sandbox, remaining_credits=4100)
    result = submit(sandbox, folder)
    assert (result["submitted"], result["not_sent"], result["credits"]) == (400, 50, 4000)
    assert result["stopped_by"]["code"] == "hyp3.no_credits"
    assert (result["stopped_by"]["fields"]["cost"], result["stopped_by"]["fields"]["left"]) == (500, 100)
    assert [entry["event"] for entry in journal(folder)] == [
        "intent", "accepted", "intent", "accepted", "intent", "rejected",
    ]  # fmt: skip
    set_account(sandbox, remaining_credits=4000)
    assert submit(sandbox, folder)["submitted"] == 50
    assert_paid_once(sandbox, folder, pairs)


WHOLE_REQUEST = [
    (Fault(route="/jobs", method="POST", skip=1, status=401, body='{"detail": "no"}'), "hyp3.unauthorized"),
    (Fault(route="/jobs", method="POST", skip=1, expire_token=True), "hyp3.token_expired"),
    (
        Fault(route="/jobs", method="POST", skip=1, status=403, body='{"detail": "pending"}'),
        "hyp3.not_approved",
    ),
    (Fault(route="/jobs", method="POST", skip=1, status=429, retry_after_s=1), "hyp3.busy"),
    (Fault(route="/jobs", method="POST", skip=1, status=503, body="down"), "hyp3.down"),
    (Fault(route="/jobs", method="POST", skip=1, status=500, body="<html>"), "hyp3.down"),
    (Fault(route="/jobs", method="POST", skip=1, drop=True), "network.offline"),
    (Fault(route="/jobs", method="POST", skip=1, status=200, body="<html>sign in</html>"), "hyp3.not_json"),
]


@pytest.mark.parametrize(("fault", "code"), WHOLE_REQUEST)
def test_faults_of_the_second_request_stop_cleanly(sandbox, tmp_path, fault, code):
    pairs = pairs_of_stack(6)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    sandbox.faults.add(fault)
    result = submit(sandbox, folder, options=Hyp3Options(submission_chunk_size=2))
    stopped = InsarError.from_json(result["stopped_by"])
    assert stopped.code == code
    assert stopped.code in MESSAGES
    assert (result["submitted"], result["not_sent"]) == (2, 4)
    assert_paid_once(sandbox, folder, [pairs[0], pairs[1]])
    # Nobody asked for those four a second time meanwhile.
    assert len(payments(sandbox)) == 2
    assert submit(sandbox, folder)["submitted"] == 4
    assert_paid_once(sandbox, folder, pairs)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(route="/jobs", method="POST", skip=1, lose_answer=True),
        Fault(route="/jobs", method="POST", skip=1, truncate_after=40),
        Fault(route="/jobs", method="POST", skip=1, cut_body=40),
    ],
)
def test_a_lost_answer_is_looked_for_and_the_submission_goes_on(sandbox, tmp_path, fault):
    pairs = pairs_of_stack(6)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    sandbox.faults.add(fault)
    result = submit(sandbox, folder, options=Hyp3Options(submission_chunk_size=2))
    assert (result["submitted"], result["credits"], result["stopped_by"]) == (6, 60, None)
    assert_paid_once(sandbox, folder, pairs)
    assert len(payments(sandbox)) == 3
    assert [entry["event"] for entry in journal(folder)].count("adopted") == 1


@pytest.mark.parametrize("parameter", [Flag(), Choice("usual", ("usual", "other"))])
def test_a_lost_answer_of_a_later_version_of_the_service_is_found(sandbox, tmp_path, monkeypatch, parameter):
    """It fills in a parameter that was not sent."""
    monkeypatch.setitem(JOB_TYPES["INSAR_GAMMA"].parameters, "new_in_next_version", parameter)
    pairs = pairs_of_stack(3)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    sandbox.faults.add(Fault(route="/jobs", method="POST", lose_answer=True))
    result = submit(sandbox, folder)
    assert (result["submitted"], result["stopped_by"]) == (3, None)
    assert_paid_once(sandbox, folder, pairs)
    again = submit(sandbox, folder)
    state = "in_flight" if isinstance(parameter, Flag) else "other_parameters"
    assert (again["submitted"], {row["state"] for row in again["skipped"]}) == (0, {state})


def test_a_service_that_answers_too_late(sandbox, tmp_path, monkeypatch):
    """It works on after we gave up: the second look finds what the first did not."""
    monkeypatch.setattr(hyp3_door, "READ_TIMEOUT_S", 0.3)
    pairs = pairs_of_stack(4)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    sandbox.faults.add(Fault(route="/jobs", method="POST", delay_s=0.5))
    result = submit(sandbox, folder, look_again_s=0.6)
    assert (result["submitted"], result["stopped_by"]) == (4, None)
    assert_paid_once(sandbox, folder, pairs)
    assert len(payments(sandbox)) == 1


def test_a_lost_answer_stays_open_while_the_service_is_down(sandbox, tmp_path):
    pairs = pairs_of_stack(4)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    sandbox.faults.add(Fault(route="/jobs", method="POST", lose_answer=True))
    sandbox.faults.add(Fault(route="/jobs", method="GET", skip=1, status=503, body="down", times=99))
    result = submit(sandbox, folder)
    assert result["stopped_by"]["code"] == "hyp3.down"
    assert len(open_intents(folder)) == 1
    assert run_code(submit, sandbox, folder).code == "hyp3.down"
    assert len(payments(sandbox)) == 1
    sandbox.faults.clear()
    result = submit(sandbox, folder)
    assert (result["adopted"], result["submitted"]) == (4, 0)
    assert Path(result["job_file"]).name == "hyp3_jobs.json"
    assert_paid_once(sandbox, folder, pairs)


def test_an_account_is_named_as_the_service_names_it(sandbox, tmp_path, monkeypatch):
    """Who signs in as Anna is anna to the service, and jobs are looked for under that name."""
    real = hyp3_door.sign_in

    def sign_in(*arguments):
        return replace(real(*arguments), account=USER.upper())

    monkeypatch.setattr(hyp3_door, "sign_in", sign_in)
    pairs = pairs_of_stack(4)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    sandbox.faults.add(Fault(route="/jobs", method="POST", lose_answer=True))
    result = submit(sandbox, folder)
    assert (result["account"], result["submitted"], result["stopped_by"]) == (USER, 4, None)
    assert_paid_once(sandbox, folder, pairs)
    assert list(json.loads((folder / "hyp3_jobs.json").read_text())["job_ids"]) == [USER]


def test_a_plan_saves_what_a_crash_left_on_the_service(sandbox, tmp_path):
    pairs = pairs_of_stack(4)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    sandbox.faults.add(Fault(route="/jobs", method="POST", lose_answer=True))
    sandbox.faults.add(Fault(route="/jobs", method="GET", skip=1, status=503, times=4))
    submit(sandbox, folder)
    planned = plan(sandbox, folder)
    assert (planned["adopted"], planned["counts"]["in_flight"]) == (4, 4)
    assert_paid_once(sandbox, folder, pairs)


def test_a_plan_does_not_wait_for_the_second_look(sandbox, tmp_path, monkeypatch):
    """What is not found at once stays in flight; a look a minute later sets it free."""
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(4))
    sandbox.faults.add(Fault(route="/jobs", method="POST", drop=True))
    sandbox.faults.add(Fault(route="/jobs", method="GET", skip=1, status=503, times=4))
    submit(sandbox, folder)
    monkeypatch.setattr(hyp3_recovery, "_wait", lambda *_: pytest.fail("waited"))
    for _ in range(2):
        planned = plan(sandbox, folder)
        assert planned["counts"]["in_flight"] == 4
        assert planned["rows"][0]["reason"]["code"] == "hyp3_guard.unresolved"
    monkeypatch.setattr(hyp3_plan, "LOOK_AGAIN_S", 0.0)
    planned = plan(sandbox, folder)
    assert (planned["adopted"], planned["counts"]["new"]) == (0, 4)
    assert [entry["event"] for entry in journal(folder)] == ["intent", "looked", "abandoned"]


@pytest.mark.parametrize("skew_h", [-72, -1, 1, 72])
def test_clocks_that_differ(sandbox, tmp_path, monkeypatch, skew_h):
    """Our clock is wrong by hours, so that the jobs seem to be older than the request, or of the future."""

    class Skewed(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(hours=skew_h)

    for module in (hyp3_door, hyp3_sending, hyp3_recovery):
        monkeypatch.setattr(module, "datetime", Skewed)
    pairs = pairs_of_stack(3)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    sandbox.faults.add(Fault(route="/jobs", method="POST", lose_answer=True))
    result = submit(sandbox, folder)
    assert (result["submitted"], result["stopped_by"]) == (3, None)
    assert_paid_once(sandbox, folder, pairs)


def test_a_full_disk_after_the_payment_loses_nothing(sandbox, tmp_path, monkeypatch):
    pairs = pairs_of_stack(4)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    real = hyp3_saving.add_jobs

    def full(path, *_, **__):
        raise InsarError("file.disk_full", file=str(path))

    monkeypatch.setattr(hyp3_saving, "add_jobs", full)
    result = submit(sandbox, folder, options=Hyp3Options(submission_chunk_size=2))
    # They were charged, whatever the disk says.
    assert (result["stopped_by"]["code"], result["submitted"]) == ("file.disk_full", 2)
    assert (result["credits"], result["not_sent"]) == (jobs_of_server(sandbox)[1][USER], 2)
    assert result["job_file"] == ""
    assert len(payments(sandbox)) == 1
    monkeypatch.setattr(hyp3_saving, "add_jobs", real)
    result = submit(sandbox, folder)
    assert (result["adopted"], result["submitted"]) == (2, 2)
    assert_paid_once(sandbox, folder, pairs)


def test_paid_jobs_of_an_odd_answer_are_saved(sandbox, tmp_path, monkeypatch):
    pairs = pairs_of_stack(2)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    monkeypatch.setattr(Hyp3Job, "to_json", lambda job, *_: {"job_id": job.job_id, "job_parameters": "odd"})
    assert submit(sandbox, folder)["stopped_by"] is None
    saved = json.loads((folder / "hyp3_jobs.json").read_text())["job_ids"][USER]
    assert sorted(saved) == sorted(job["job_id"] for job in jobs_of_server(sandbox)[0])
    assert open_intents(folder) == []


def test_a_full_disk_before_the_payment_pays_nothing(sandbox, tmp_path, monkeypatch):
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(4))

    def full(path, *_):
        raise InsarError("file.disk_full", file=str(path))

    monkeypatch.setattr(hyp3_sending, "write_intent", full)
    assert submit(sandbox, folder)["stopped_by"]["code"] == "file.disk_full"
    assert payments(sandbox) == []


def test_a_folder_that_another_run_holds_pays_nothing(sandbox, tmp_path, monkeypatch):
    """Prepare holds it for minutes: the ids of paid jobs could not be saved."""
    pairs = pairs_of_stack(4)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    monkeypatch.setattr(atomic_files.folder_lock.__wrapped__, "__defaults__", (0.1, atomic_files.LOCK_NAME))
    with atomic_files.file_lock(folder / atomic_files.LOCK_NAME, "prepare-analysis"):
        result = submit(sandbox, folder)
    assert (result["stopped_by"]["code"], result["submitted"]) == ("folder.locked", 0)
    assert result["stopped_by"]["fields"]["owner"] == "prepare-analysis"
    assert payments(sandbox) == []
    assert open_intents(folder) == []
    submit(sandbox, folder)
    assert_paid_once(sandbox, folder, pairs)


def test_cancel_between_requests_keeps_what_was_accepted(sandbox, tmp_path):
    pairs = pairs_of_stack(6)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    listener = Listener(is_cancelled=lambda: len(listener.items) >= 2)
    with pytest.raises(Cancelled):
        submit(sandbox, folder, listener, options=Hyp3Options(submission_chunk_size=2))
    assert_paid_once(sandbox, folder, pairs[:2])
    submit(sandbox, folder)
    assert_paid_once(sandbox, folder, pairs)


# --- Two windows ---


def test_a_second_window_gets_a_sentence_and_pays_nothing(sandbox, tmp_path):
    pairs = pairs_of_stack(6)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    done = []
    first = threading.Thread(target=lambda: done.append(submit(sandbox, folder)))
    with holding(sandbox, lambda request: (request.method, request.path) == ("POST", "/jobs")) as held:
        first.start()
        assert held.arrived.wait(HANG_S)
        error = run_code(submit, sandbox, folder)
        assert error.code == "hyp3.submission_running"
        assert "{pid}" in MESSAGES[error.code][0]
        # Reading, and writing other files of the folder, goes on meanwhile.
        assert plan(sandbox, folder)["counts"]["in_flight"] == 6
        JobFolder(folder).write_config_section("insarhub_qgis", {"name": "bay"})
    first.join(HANG_S)
    assert done[0]["submitted"] == 6
    assert submit(sandbox, folder)["submitted"] == 0
    assert_paid_once(sandbox, folder, pairs)


def test_eight_windows_at_once(sandbox, tmp_path):
    pairs = pairs_of_stack(6)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    codes = []

    def window():
        try:
            codes.append(submit(sandbox, folder)["submitted"])
        except InsarError as error:
            codes.append(error.code)

    windows = [threading.Thread(target=window) for _ in range(8)]
    for one in windows:
        one.start()
    for one in windows:
        one.join()
    assert sum(code for code in codes if isinstance(code, int)) == 6
    assert {code for code in codes if isinstance(code, str)} <= {"hyp3.submission_running"}
    assert_paid_once(sandbox, folder, pairs)


# --- Services are not mixed ---


def test_simulated_scenes_never_go_to_the_real_service(tmp_path):
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(2))
    request = SubmitHyp3(str(folder), Hyp3Options().to_json())
    assert run_code(hyp3_submit.run, request, Listener().context).code == "hyp3.sandbox_job"


def test_jobs_of_another_service_are_not_mixed_in(sandbox, tmp_path):
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(2))
    document = {"job_ids": {"anna": ["x"]}, "insarhub_qgis": {"api_url": "https://hyp3-api.asf.alaska.edu"}}
    (folder / "hyp3_jobs.json").write_text(json.dumps(document))
    assert run_code(submit, sandbox, folder).code == "hyp3.other_service"
    assert sandbox.log.requests() == []


def test_a_sandbox_token_does_not_reach_the_real_service(tmp_path):
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(2), own={"is_sandbox": False})
    request = SubmitHyp3(str(folder), Hyp3Options().to_json())
    assert run_code(hyp3_submit.run, request, Listener().context).code == "credentials.sandbox_only"


def test_a_folder_that_is_none(sandbox, tmp_path):
    assert run_code(plan, sandbox, tmp_path / "nowhere").code == "folder.missing"
    empty = make_hyp3_job(tmp_path / "empty", [])
    assert run_code(plan, sandbox, empty).code == "hyp3.no_pairs"
