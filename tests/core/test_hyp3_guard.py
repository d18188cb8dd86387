# SPDX-License-Identifier: GPL-2.0-or-later
"""The guard against paying twice: verdicts from files, service, journal and disk."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from insarhub_qgis.core.hyp3_files import JobFile
from insarhub_qgis.core.hyp3_guard import STATES, classify_pairs, known_jobs, state_of_product
from insarhub_qgis.core.hyp3_jobs import LocalProduct
from insarhub_qgis.core.hyp3_journal import IntendedJob, Intent
from insarhub_qgis.core.hyp3_options import Hyp3Options, PairJob, fingerprint
from insarhub_qgis.core.iso_times import iso
from tests.makers.job_folders import A, B, C

NOW = datetime(2024, 5, 2, 12, 0, tzinfo=timezone.utc)
GAMMA = "INSAR_GAMMA"
OPTIONS = Hyp3Options()
SENT = OPTIONS.job_parameters([A], [B])
PRINT = fingerprint(GAMMA, SENT)
WANTED = [(PairJob((A,), (B,)), SENT)]


def service_job(job_id="id-1", status="SUCCEEDED", parameters=SENT, expires_days=5.0, user="anna", file=""):
    job = {
        "job_id": job_id,
        "user_id": user,
        "job_type": GAMMA,
        "name": "ifg_x",
        "status_code": status,
        "request_time": iso(NOW - timedelta(days=1)),
        "job_parameters": {**parameters, "include_los_displacement": False},
        "credit_cost": 10,
    }
    if status == "SUCCEEDED":
        job["expiration_time"] = iso(NOW + timedelta(days=expires_days))
        job["files"] = [{"filename": file or product(), "size": 3, "url": "http://127.0.0.1/x"}]
    return job


def product(spacing=80, water="w", unique="ABCD"):
    return f"S1AA_20230305T051234_20230317T051234_VVP012_INT{spacing}_G_{water}eF_{unique}.zip"


def on_disk(*names, size=3):
    return {name: LocalProduct(Path("/job") / name, size) for name in names}


def job_file(ids=("id-1",), name="hyp3_jobs.json", **own):
    return JobFile(Path("/job") / name, {"anna": tuple(ids)}, None, own)


def verdict(files=(), jobs=(), products=None, intents=(), missing=(), wanted=WANTED):
    products = products or {}
    known = known_jobs(list(files), list(jobs), products, NOW, missing)
    (found,) = classify_pairs(GAMMA, wanted, known, products, intents)
    assert found.state in STATES
    return found


@pytest.mark.parametrize(
    ("job", "state"),
    [
        (service_job(status="PENDING"), "in_flight"),
        (service_job(status="RUNNING"), "in_flight"),
        (service_job(), "done"),
        (service_job(expires_days=-1), "expired"),
        (service_job(status="FAILED"), "failed"),
    ],
)
def test_a_job_of_the_service_alone_or_in_a_file(job, state):
    alone = verdict(jobs=[job])
    assert (alone.state, alone.job_id, alone.job_file) == (state, "id-1", "")
    # A file by InSARHub holds nothing but ids.
    filed = verdict([job_file()], [job])
    assert (filed.state, filed.job_file) == (state, "hyp3_jobs.json")


@pytest.mark.parametrize(
    ("status", "state"), [("PENDING", "in_flight"), ("SUCCEEDED", "done"), ("FAILED", "failed")]
)
def test_what_files_remember_counts_when_the_service_lists_nothing(status, state):
    """Jobs of another account are in no list."""
    seen = {"id-1": {"status": status, "at": iso(NOW), "expires": iso(NOW + timedelta(days=3))}}
    own = {"fingerprints": {"id-1": PRINT}, "pairs": {"id-1": [A, B]}, "last_seen": seen}
    assert verdict([job_file(**own)]).state == state
    late = {"id-1": {**seen["id-1"], "expires": iso(NOW - timedelta(seconds=1))}}
    assert verdict([job_file(**{**own, "last_seen": late})]).state == (
        "expired" if status == "SUCCEEDED" else state
    )


def test_the_best_job_of_a_product_speaks():
    failed, done = service_job("id-1", "FAILED"), service_job("id-2")
    assert verdict(jobs=[failed, done]).job_id == "id-2"
    assert verdict(jobs=[done, failed]).job_id == "id-2"
    expired = service_job("id-3", expires_days=-1)
    assert verdict(jobs=[failed, expired]).state == "expired"
    assert verdict(jobs=[expired, service_job("id-4", "PENDING")]).state == "in_flight"
    known = known_jobs([], [failed, done], {}, NOW)
    assert state_of_product(PRINT, known) == "done"
    assert state_of_product("other", known) == "new"


def test_other_parameters():
    fine = Hyp3Options(looks="10x2").job_parameters([A], [B])
    for status, state in (
        ("SUCCEEDED", "other_parameters"), ("PENDING", "other_parameters"), ("FAILED", "new"),
    ):  # fmt: skip
        found = verdict(jobs=[service_job(status=status, parameters=fine)])
        assert found.state == state
    found = verdict(jobs=[service_job(parameters=fine)])
    assert found.reason.fields["looks"] == "10x2"
    # The same product is worth more than another one of the pair.
    assert verdict(jobs=[service_job("id-9", parameters=fine), service_job()]).state == "done"
    assert verdict(jobs=[service_job(parameters=fine, expires_days=-1)]).state == "new"


def test_another_pair_is_another_pair():
    other = OPTIONS.job_parameters([A], [C])
    assert verdict(jobs=[service_job(parameters=other)]).state == "new"
    assert verdict(jobs=[service_job(parameters=OPTIONS.job_parameters([B], [A]))]).state == "new"


def test_a_job_of_a_pair_with_unknown_parameters_is_not_silently_repeated():
    own = {"pairs": {"id-1": [A, B]}}
    assert verdict([job_file(**own)]).state == "other_parameters"


def test_jobs_that_are_gone():
    """The service does not know them: paid, and nothing to fetch."""
    own = {"fingerprints": {"id-1": PRINT}, "pairs": {"id-1": [A, B]}}
    never_asked = verdict([job_file(**own)])
    assert (never_asked.state, never_asked.reason.code) == ("in_flight", "hyp3_guard.not_asked")
    gone = verdict([job_file(**own)], missing=["id-1"])
    assert (gone.state, gone.reason.code) == ("expired", "hyp3_guard.gone")


@pytest.mark.parametrize(
    ("name", "size", "state"),
    [
        (product(), 3, "downloaded"),
        (product(spacing=40), 3, "other_parameters"),
        (product(water="u"), 3, "other_parameters"),
        (product(), 0, "new"),
        ("S1AA_20230305T051234_20230329T051235_VVP024_INT80_G_weF_ABCD.zip", 3, "new"),
    ],
)
def test_zips_on_disk(name, size, state):
    assert verdict(products=on_disk(name, size=size)).state == state


def test_a_zip_of_a_known_job_is_what_that_job_says():
    wrapped = Hyp3Options(include_wrapped_phase=True).job_parameters([A], [B])
    zips = on_disk(product())
    # The name does not tell the layers, the job does.
    assert verdict(jobs=[service_job(parameters=wrapped)], products=zips).state == "other_parameters"
    own = verdict(jobs=[service_job()], products=zips)
    assert (own.state, own.job_id, own.file) == ("downloaded", "id-1", product())
    # Cut: not the whole product.
    assert verdict(jobs=[service_job()], products=on_disk(product(), size=2)).state == "done"
    expired = service_job(expires_days=-1)
    assert verdict(jobs=[expired], products=on_disk(product(), size=2)).state == "expired"
    assert verdict(jobs=[expired], products=zips).state == "downloaded"


def test_a_zip_from_elsewhere_makes_up_for_a_job_that_is_over():
    zips = on_disk(product(unique="0000"))
    for job in (service_job(status="FAILED"), service_job(expires_days=-1)):
        assert verdict(jobs=[job], products=zips).state == "downloaded"
        assert verdict(jobs=[job], products=on_disk(product(spacing=40))).state in ("failed", "expired")


def test_a_request_whose_end_is_unknown_is_in_flight():
    intent = Intent(
        "s", 1, NOW, "anna", "http://127.0.0.1:1", "hyp3_jobs.json", "/job",
        (IntendedJob("ifg_x", GAMMA, SENT),), 10.0,
    )  # fmt: skip
    found = verdict(intents=[intent])
    assert (found.state, found.reason.code) == ("in_flight", "hyp3_guard.unresolved")


def test_burst_products_on_disk():
    def burst(number, day, swath=2):
        return f"S1_{number:06d}_IW{swath}_{day}T120000_VV_ABCD-BURST"

    options = Hyp3Options(job_type="INSAR_ISCE_BURST")
    job = PairJob((burst(136231, "20200604"),), (burst(136231, "20200616"),))
    sent = options.job_parameters(job.references, job.secondaries)
    for name, state in (
        ("S1_136231_IW2_20200604_20200616_VV_INT80_12AB.zip", "downloaded"),
        ("S1_136232_IW2_20200604_20200616_VV_INT80_12AB.zip", "new"),
        ("S1_136231_IW2_20200604_20200616_VV_INT20_12AB.zip", "other_parameters"),
    ):
        (found,) = classify_pairs("INSAR_ISCE_BURST", [(job, sent)], [], on_disk(name))
        assert found.state == state, name
    several = PairJob(
        (burst(136231, "20200604"), burst(136232, "20200604"), burst(136230, "20200604", 3)),
        (burst(136231, "20200616"), burst(136232, "20200616"), burst(136230, "20200616", 3)),
    )
    sent = Hyp3Options(job_type="INSAR_ISCE_MULTI_BURST").job_parameters(
        several.references, several.secondaries
    )
    name = "S1_064_000000s1n00-136231s2n02-136230s3n01_IW_20200604_20200616_VV_INT80_77F1.zip"
    (found,) = classify_pairs("INSAR_ISCE_MULTI_BURST", [(several, sent)], [], on_disk(name))
    assert found.state == "downloaded"
    # Over midnight: the name tells the first day of the reference and the last day of the secondary.
    night = PairJob(
        (burst(136231, "20200604"), burst(136232, "20200605")),
        (burst(136231, "20200616"), burst(136232, "20200617")),
    )
    sent = Hyp3Options(job_type="INSAR_ISCE_MULTI_BURST").job_parameters(night.references, night.secondaries)
    name = "S1_064_000000s1n00-136231s2n02-000000s3n00_IW_20200604_20200617_VV_INT80_77F1.zip"
    (found,) = classify_pairs("INSAR_ISCE_MULTI_BURST", [(night, sent)], [], on_disk(name))
    assert found.state == "downloaded"
