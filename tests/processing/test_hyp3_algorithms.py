# SPDX-License-Identifier: GPL-2.0-or-later
"""The algorithms of HyP3 against the sandbox: accounts, dry run, submission, table of jobs, download, watch, retry."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingException, QgsProcessingFeedback

from insarhub_qgis.core.sandbox_credentials import make_sandbox_token
from insarhub_qgis.host import accounts, paths
from insarhub_qgis.host.settings import settings
from tests.makers.auth_database import open_test_database
from tests.makers.sandbox_server import running_sandbox
from tests.makers.tokens import unsigned_token
from tests.makers.waiting import HANG_S

DAY_S = 86400.0
#: Within the simulated site.
SMALL_AREA = "-1.80,-1.70,37.60,37.70 [EPSG:4326]"


class Words(QgsProcessingFeedback):
    def __init__(self):
        super().__init__(False)
        self.warnings, self.infos = [], []

    def pushWarning(self, text):
        self.warnings.append(text)

    def pushInfo(self, text):
        self.infos.append(text)


@pytest.fixture(scope="module")
def sandbox(engine):
    with running_sandbox(engine) as url:
        yield url


@pytest.fixture(autouse=True)
def _own_settings(qgis_app, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "private_folder", lambda: tmp_path / "private")
    with open_test_database():
        yield
    for entry in (settings().use_sandbox, settings().sandbox_url, settings().earthdata_account):
        entry.remove()


@pytest.fixture
def use_sandbox(sandbox):
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(sandbox)
    return sandbox


def stops(run, name, **parameters):
    with pytest.raises(QgsProcessingException) as caught:
        run(name, parameters)
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def small_job(run, sandbox, tmp_path_factory):
    """A job folder of five dates and a few pairs, made by the algorithms."""
    work = tmp_path_factory.mktemp("work ñ")
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(sandbox)
    found = run(
        "searchscenes",
        {"AOI": "-2.5,-1.2,37.1,38.3 [EPSG:4326]", "PATH": "103", "FRAME": "121", "START": "2020-01-01",
         "END": "2020-02-28", "OUTPUT": "TEMPORARY_OUTPUT"},
    )["OUTPUT"]  # fmt: skip
    run("addjobs", {"SCENES": found, "WORK_DIRECTORY": str(work)})
    run("selectpairs", {"JOB_FOLDER": str(work), "DT_TARGETS": "12,24", "DT_MAX": 30, "PB_MAX": 500})
    settings().use_sandbox.remove()
    settings().sandbox_url.remove()
    return work


@pytest.fixture
def job(small_job, use_sandbox, tmp_path):
    """A job folder of its own, at a sandbox without any jobs."""
    steer(use_sandbox, "reset")
    folder = tmp_path / "jöb"
    shutil.copytree(small_job, folder)
    return folder


def steer(url, action, **values):
    request = urllib.request.Request(f"{url}/_sandbox/{action}", json.dumps(values).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def pair_count(job):
    (stack,) = job.glob("stack_*.json")
    return len(json.loads(stack.read_text(encoding="utf-8"))["pairs"])


# --- Accounts ---


def test_the_sandbox_needs_no_account(run, use_sandbox):  # insarhub:hyp3credits
    words = Words()
    answer = run("hyp3credits", {}, words)
    assert answer["CREDITS"] > 0
    assert any(text.startswith("Signed in as sandbox-user until") for text in words.infos)


@pytest.mark.parametrize(
    ("password", "expected"),
    [("any", None), ("wrong", "with this password"), ("eula", "licence"), ("study-area", "study area")],
)
def test_user_and_password(run, use_sandbox, password, expected):
    auth_id = accounts.add_password("sandbox-anna", password)
    if expected is None:
        assert run("hyp3credits", {"AUTH": auth_id})["CREDITS"] > 0
    else:
        assert expected in stops(run, "hyp3credits", AUTH=auth_id)


def test_an_account_that_may_not_order_yet(run, use_sandbox):
    words = Words()
    auth_id = accounts.add_password("sandbox-new", "any")
    assert run("hyp3credits", {"AUTH": auth_id}, words)["CREDITS"] == 0
    assert any("not asked for yet" in text for text in words.infos)
    words = Words()
    assert (
        run("hyp3credits", {"AUTH": accounts.add_password("sandbox-unlimited", "any")}, words)["CREDITS"]
        is None
    )
    assert any("not limited" in text for text in words.infos)


def test_a_token(run, use_sandbox):
    words = Words()
    auth_id = accounts.add_token(make_sandbox_token("sandbox-otto", time.time() + DAY_S))
    assert run("hyp3credits", {"AUTH": auth_id}, words)["CREDITS"] > 0
    assert any("sandbox-otto" in text for text in words.infos)


def test_a_real_account_stays_here_while_the_sandbox_is_on(run, use_sandbox):
    token = unsigned_token({"uid": "anna", "exp": time.time() + DAY_S})
    for auth_id in (accounts.add_token(token), accounts.add_password("anna", "secret")):
        assert "nothing was sent" in stops(run, "hyp3credits", AUTH=auth_id)


def test_without_account_and_without_sandbox_there_is_a_sentence(run):
    assert "No Earthdata account is chosen" in stops(run, "hyp3credits")
    assert "no configuration abc1234" in stops(run, "hyp3credits", AUTH="abc1234")


def test_without_the_master_password_there_is_a_sentence(run, use_sandbox):
    auth_id = accounts.add_password("sandbox-anna", "any")
    QgsApplication.authManager().clearMasterPassword()
    assert "master password" in stops(run, "hyp3credits", AUTH=auth_id)


# --- Dry run and submission ---


def test_a_dry_run_orders_nothing_and_reports_each_pair(run, job):
    count = pair_count(job)
    before = {path.name for path in job.rglob("*")}
    credits = run("hyp3credits", {})["CREDITS"]
    answer = run("submithyp3", {"JOB_FOLDER": str(job), "DRY_RUN": True})  # insarhub:submithyp3
    assert (answer["SUBMITTED"], answer["JOB_FILE"]) == (0, "")
    assert answer["COST"] == 10 * count
    page = Path(answer["REPORT"]).read_text(encoding="utf-8")
    assert page.count(">valid</td>") == count
    assert f"{count} pairs are valid and would cost {10 * count} credits." in page
    assert {path.name for path in job.rglob("*")} == before
    assert run("hyp3credits", {})["CREDITS"] == credits


def test_pairs_are_ordered_once(run, job, tmp_path):
    count = pair_count(job)
    credits = run("hyp3credits", {})["CREDITS"]
    page = tmp_path / "report.html"
    answer = run("submithyp3", {"JOB_FOLDER": str(job), "REPORT": str(page)})
    assert (answer["SUBMITTED"], answer["COST"]) == (count, 10 * count)
    assert answer["REPORT"] == str(page)
    assert page.read_text(encoding="utf-8").count(">submitted</td>") == count
    written = json.loads(Path(answer["JOB_FILE"]).read_text(encoding="utf-8"))
    assert Path(answer["JOB_FILE"]).name == "hyp3_jobs.json"
    assert len(written["job_ids"]["sandbox-user"]) == count
    parameters = written["insarhub_qgis"]["parameters"]
    assert parameters["include_dem"]
    assert parameters["include_look_vectors"]
    assert parameters["apply_water_mask"]
    assert not parameters["include_inc_map"]
    again = run("submithyp3", {"JOB_FOLDER": str(job)})
    assert (again["SUBMITTED"], again["COST"], again["JOB_FILE"]) == (0, 0, "")
    assert Path(again["REPORT"]).read_text(encoding="utf-8").count(">ordered already</td>") == count
    assert run("hyp3credits", {})["CREDITS"] == credits - 10 * count


def test_options_reach_the_jobs(run, job):
    answer = run(
        "submithyp3",
        {"JOB_FOLDER": str(job), "LOOKS": "10x2", "PHASE_FILTER": 0.3, "INCLUDE_INC_MAP": True, "WATER_MASK": False,
         "INCLUDE_DISPLACEMENT_MAPS": True, "INCLUDE_WRAPPED_PHASE": True, "NAME": "valley"},
    )  # fmt: skip
    own = json.loads(Path(answer["JOB_FILE"]).read_text(encoding="utf-8"))["insarhub_qgis"]
    expected = {
        "looks": "10x2", "phase_filter_parameter": 0.3, "include_inc_map": True, "apply_water_mask": False,
        "include_displacement_maps": True, "include_wrapped_phase": True, "include_dem": True,
    }  # fmt: skip
    assert {name: own["parameters"][name] for name in expected} == expected
    assert all(name.startswith("valley_p103_f121_") for name in own["names"].values())
    assert answer["COST"] == 15 * pair_count(job)


def test_a_pair_that_hyp3_does_not_know_is_named(run, job):
    (file,) = job.glob("stack_*.json")
    stack = json.loads(file.read_text(encoding="utf-8"))
    lost = "S1A_IW_SLC__1SDV_20200106T060813_20200106T060840_030674_038404_FFFF"
    stack["pairs"].append([lost, stack["pairs"][0][1]])
    file.write_text(json.dumps(stack), encoding="utf-8")
    words = Words()
    answer = run("submithyp3", {"JOB_FOLDER": str(job)}, words)
    assert answer["SUBMITTED"] == len(stack["pairs"]) - 1
    assert len(words.warnings) == 1
    page = Path(answer["REPORT"]).read_text(encoding="utf-8")
    assert page.count(">rejected by HyP3</td>") + page.count(">refused before it is sent</td>") == 1
    assert lost in page


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"LOOKS": "5x1"}, "5x1"),
        ({"PHASE_FILTER": 1.5}, "PHASE_FILTER"),
        ({"NAME": "///"}, "///"),
        ({"JOB_TYPE": "INSAR_ISCE_BURST"}, "burst"),
    ],
)
def test_what_cannot_be_ordered_is_refused_with_a_sentence(run, job, parameters, expected):
    assert expected in stops(run, "submithyp3", JOB_FOLDER=str(job), **parameters)
    assert not (job / "hyp3_jobs.json").exists()


def test_too_few_credits_stop_it(run, job, use_sandbox):
    steer(use_sandbox, "account", user_id="sandbox-user", remaining_credits=20)
    text = stops(run, "submithyp3", JOB_FOLDER=str(job))
    assert "credits" in text
    assert not (job / "hyp3_jobs.json").exists()


def test_there_is_no_such_folder(run, use_sandbox, tmp_path):
    assert "there is no folder" in stops(run, "submithyp3", JOB_FOLDER=str(tmp_path / "none"))


# --- Bursts ---


@pytest.fixture(scope="module")
def small_burst_job(run, sandbox, tmp_path_factory):
    """A job folder of bursts over a small area, made by the algorithms."""
    work = tmp_path_factory.mktemp("bursts ñ")
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(sandbox)
    found = run(
        "searchscenes",
        {"PRODUCT": "bursts", "AOI": SMALL_AREA, "START": "2020-01-01", "END": "2020-03-15", "OUTPUT": "TEMPORARY_OUTPUT"},
    )["OUTPUT"]  # fmt: skip
    run("addjobs", {"SCENES": found, "WORK_DIRECTORY": str(work)})
    run("selectpairs", {"JOB_FOLDER": str(work), "DT_TARGETS": "12,24", "DT_MAX": 30, "PB_MAX": 500})
    settings().use_sandbox.remove()
    settings().sandbox_url.remove()
    return work


@pytest.fixture
def burst_job(small_burst_job, use_sandbox, tmp_path):
    steer(use_sandbox, "reset")
    folder = tmp_path / "bürsts"
    shutil.copytree(small_burst_job, folder)
    return folder


def test_bursts_go_from_the_search_to_the_order(run, burst_job):
    config = json.loads((burst_job / "insarhub_config.json").read_text(encoding="utf-8"))
    passes, burst_ids = (config["insarhub_qgis"][key] for key in ("bursts", "burst_ids"))
    assert config["downloader"]["type"] == "S1_Burst" and "frame" not in config["downloader"]["config"]
    assert 1 < len(burst_ids) <= 4
    count = pair_count(burst_job)
    assert count >= len(passes) - 1 >= 4
    order = {"JOB_FOLDER": str(burst_job), "JOB_TYPE": "INSAR_ISCE_MULTI_BURST"}
    assert run("submithyp3", {**order, "DRY_RUN": True})["COST"] == count
    # The finest looks cost by the number of bursts.
    dear = run("submithyp3", {**order, "LOOKS": "5x1", "DRY_RUN": True})
    assert dear["COST"] == count * (5 * (len(burst_ids) - 1))
    answer = run("submithyp3", order)
    assert (answer["SUBMITTED"], answer["COST"]) == (count, count)
    own = json.loads(Path(answer["JOB_FILE"]).read_text(encoding="utf-8"))["insarhub_qgis"]
    for job_id, pair in own["pairs"].items():
        granules = own["granules"][job_id]
        assert granules == {"reference": passes[pair[0]], "secondary": passes[pair[1]]}
        assert [name[3:13] for name in granules["reference"]] == burst_ids
    # Nothing is ordered twice.
    assert run("submithyp3", order)["SUBMITTED"] == 0


@pytest.mark.parametrize("job_type", ["INSAR_GAMMA", "INSAR_ISCE_BURST"])
def test_a_job_of_bursts_is_not_ordered_by_a_type_that_does_not_fit(run, burst_job, job_type):
    text = stops(run, "submithyp3", JOB_FOLDER=str(burst_job), JOB_TYPE=job_type)
    assert "burst" in text.lower()
    assert not (burst_job / "hyp3_jobs.json").exists()


# --- Retry ---


def submit_and_wait(run, url, job, *, failed_share=0.0):
    """Order all pairs and let the service finish them."""
    steer(url, "hyp3", failed_share=failed_share)
    run("submithyp3", {"JOB_FOLDER": str(job)})
    steer(url, "advance", seconds=3600)
    steer(url, "hyp3", failed_share=0.0)


def test_failed_jobs_are_ordered_once_more(run, job, use_sandbox):  # insarhub:retryhyp3
    count = pair_count(job)
    assert run("retryhyp3", {"JOB_FOLDER": str(job)})["SUBMITTED"] == 0
    submit_and_wait(run, use_sandbox, job, failed_share=1.0)
    answer = run("retryhyp3", {"JOB_FOLDER": str(job)})
    assert answer["SUBMITTED"] == count
    file = Path(answer["JOB_FILE"])
    assert file.parent == job
    assert file.name.startswith("hyp3_retry_jobs_")
    assert len(json.loads(file.read_text(encoding="utf-8"))["insarhub_qgis"]["retry_of"]) == count
    again = run("retryhyp3", {"JOB_FOLDER": str(job)})
    assert (again["SUBMITTED"], again["JOB_FILE"]) == (0, "")


# --- Refresh, download, watch ---

COUNTS = ("PENDING", "RUNNING", "SUCCEEDED", "DOWNLOADED", "FAILED", "EXPIRED", "UNKNOWN")


def refresh(run, job):
    return run("refreshhyp3", {"JOB_FOLDER": str(job), "OUTPUT": "TEMPORARY_OUTPUT"})


def counts_of(answer):
    return {name: answer[f"COUNT_{name}"] for name in COUNTS if answer[f"COUNT_{name}"]}


def wait_for(run, job, **expected):
    end = time.monotonic() + HANG_S
    while counts_of(answer := refresh(run, job)) != expected:
        assert time.monotonic() < end, counts_of(answer)
        time.sleep(0.5)
    return answer


def test_the_table_has_a_row_per_job(run, job):  # insarhub:refreshhyp3
    count = pair_count(job)
    answer = run("submithyp3", {"JOB_FOLDER": str(job)})
    written = json.loads(Path(answer["JOB_FILE"]).read_text(encoding="utf-8"))
    answer = refresh(run, job)
    layer = answer["OUTPUT"]
    assert layer.featureCount() == count == sum(answer[f"COUNT_{name}"] for name in COUNTS)
    rows = list(layer.getFeatures())
    assert {row["job_id"] for row in rows} == set(written["job_ids"]["sandbox-user"])
    for row in rows:
        assert [row["reference"], row["secondary"]] == written["insarhub_qgis"]["pairs"][row["job_id"]]
        assert row["status"] in ("PENDING", "RUNNING", "SUCCEEDED")
        assert row["credits"] == 10
        assert row["is_current"] is True
        assert (row["account"], row["file"], row["looks"]) == ("sandbox-user", "hyp3_jobs.json", "20x4")
        assert abs(row["requested_at"].toSecsSinceEpoch() - time.time()) < HANG_S
        assert row["name"].startswith("ifg_p103_f121_")


def test_a_job_that_was_repeated_is_counted_once(run, job, use_sandbox):
    count = pair_count(job)
    submit_and_wait(run, use_sandbox, job, failed_share=1.0)
    answer = wait_for(run, job, FAILED=count)
    messages = {row["message"] for row in answer["OUTPUT"].getFeatures()}
    assert all("could not process the job" in text for text in messages)
    assert all(row["logs"] for row in answer["OUTPUT"].getFeatures())
    run("retryhyp3", {"JOB_FOLDER": str(job)})
    answer = refresh(run, job)
    assert answer["COUNT_FAILED"] == 0
    assert answer["OUTPUT"].featureCount() == 2 * count
    assert [row["is_current"] for row in answer["OUTPUT"].getFeatures()].count(True) == count


def test_products_are_downloaded_once(run, job, use_sandbox, tmp_path):  # insarhub:downloadhyp3
    count = pair_count(job)
    submit_and_wait(run, use_sandbox, job)
    wait_for(run, job, SUCCEEDED=count)
    folder = tmp_path / "zips é"
    answer = run("downloadhyp3", {"JOB_FOLDER": str(job), "FOLDER": str(folder)})
    assert answer == {"FOLDER": str(folder), "DOWNLOADED": count}
    assert len(list(folder.glob("*.zip"))) == count
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.zip")}
    words = Words()
    assert run("downloadhyp3", {"JOB_FOLDER": str(job), "FOLDER": str(folder)}, words)["DOWNLOADED"] == count
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.zip")} == before
    assert any(f"0 downloaded, {count} there already" in text for text in words.infos)


def test_the_folder_of_the_job_file_is_used_when_none_is_given(run, job, use_sandbox):
    count = pair_count(job)
    submit_and_wait(run, use_sandbox, job)
    wait_for(run, job, SUCCEEDED=count)
    answer = run("downloadhyp3", {"JOB_FOLDER": str(job)})
    assert (Path(answer["FOLDER"]), answer["DOWNLOADED"]) == (job, count)
    assert wait_for(run, job, DOWNLOADED=count)
    stack = run("openproducts", {"PRODUCTS": str(job), "JOB_FOLDER": str(job)})
    assert stack["PAIR_COUNT"] == count


def test_watch_downloads_until_all_have_ended(run, job):  # insarhub:watchhyp3
    count = pair_count(job)
    run("submithyp3", {"JOB_FOLDER": str(job)})
    words = Words()
    answer = run("watchhyp3", {"JOB_FOLDER": str(job), "TIMEOUT": 0.5}, words)
    assert sum(counts_of(answer).values()) == count
    assert any("time is over" in text for text in words.warnings)


def test_a_watch_that_is_cancelled_is_not_offered_again(run, job):
    class Impatient(Words):
        def pushInfo(self, text):
            super().pushInfo(text)
            assert (job / ".insarhub_watch.json").is_file()
            self.cancel()

    run("submithyp3", {"JOB_FOLDER": str(job)})
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("watchhyp3", {"JOB_FOLDER": str(job)}, Impatient())
    assert not (job / ".insarhub_watch.json").exists()


def test_a_watch_that_finds_all_done_ends(run, job, use_sandbox):
    count = pair_count(job)
    submit_and_wait(run, use_sandbox, job)
    wait_for(run, job, SUCCEEDED=count)
    answer = run("watchhyp3", {"JOB_FOLDER": str(job)})
    assert counts_of(answer) == {"DOWNLOADED": count}
    assert len(list(Path(answer["FOLDER"]).glob("*.zip"))) == count


def test_expired_products_are_named(run, job, use_sandbox):
    count = pair_count(job)
    submit_and_wait(run, use_sandbox, job)
    wait_for(run, job, SUCCEEDED=count)
    steer(use_sandbox, "advance", seconds=20 * DAY_S)
    assert counts_of(refresh(run, job)) == {"EXPIRED": count}
    assert run("retryhyp3", {"JOB_FOLDER": str(job)})["SUBMITTED"] == 0
    assert run("retryhyp3", {"JOB_FOLDER": str(job), "INCLUDE_EXPIRED": True})["SUBMITTED"] == count
