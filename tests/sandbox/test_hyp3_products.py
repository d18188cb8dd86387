# SPDX-License-Identifier: GPL-2.0-or-later
"""Products of the sandbox's HyP3: simulated for exactly the submitted pairs, and served whole or in parts."""

from __future__ import annotations

import hashlib
import io
import math
import socket
import sys
import threading
import time
import zipfile
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import rasterio

from insarhub_qgis.core.product_archive import read_product_archive
from insarhub_qgis.core.progress import never_cancelled
from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.sandbox.acquisitions import acquisition
from insarhub_qgis.sandbox.hyp3_jobs import Hyp3Job, Hyp3Settings
from insarhub_qgis.sandbox.hyp3_processing import ProcessingFailed
from insarhub_qgis.sandbox.hyp3_products import StackProducts
from insarhub_qgis.sandbox.hyp3_service import Hyp3Service
from insarhub_qgis.sandbox.known_scenes import known_scenes
from insarhub_qgis.sandbox.pair_simulation import PairSimulation, local_incidence_rad
from insarhub_qgis.sandbox.phase_filter import filtered_noise
from insarhub_qgis.sandbox.scene import FIRST_DATE, make_scene, simulated_dates
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.simulate import run
from insarhub_qgis.sandbox.simulated_catalogue import read_items, simulated_burst_items, simulated_items
from insarhub_qgis.sandbox.truth import read_truth
from tests.makers.hyp3_clients import (
    SMALL,
    advance,
    ask,
    burst_job,
    finished,
    gamma_job,
    multi_burst_job,
    submit,
)
from tests.makers.sandbox_clients import REAL_STACK, call, plan_fault
from tests.makers.sandbox_server import running_sandbox
from tests.makers.waiting import HANG_S, wait_until

FULL = {"include_dem": True, "include_look_vectors": True}


@pytest.fixture(scope="module")
def server():
    with make_sandbox(simulation=SMALL) as server:
        yield server


@pytest.fixture(scope="module")
def product(server):
    """Path of a finished product on the server, and its bytes."""
    (job,) = finished(server.base_url, gamma_job(**FULL))
    path = urlsplit(job["files"][0]["url"]).path
    status, _, body = call(server.base_url, path)
    assert (status, len(body)) == (200, job["files"][0]["size"])
    return path, body


@pytest.fixture(autouse=True)
def _no_faults(server):
    server.faults.clear()


@pytest.fixture(scope="module")
def scenes():
    return known_scenes([*simulated_items(), *simulated_burst_items()])


def job_of(value, job_id="1"):
    """A job as the service keeps it, from what a client sends."""
    from insarhub_qgis.sandbox.hyp3_job_types import JOB_TYPES

    parameters = JOB_TYPES[value["job_type"]].with_defaults(value["job_parameters"])
    return Hyp3Job(job_id, "anna", value["job_type"], parameters, None, "b", job_id, 0, 10, 0.0)


def make(scenes, folder, *values, request=SMALL):
    """What comes of jobs, in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [job_of(value, str(number)) for number, value in enumerate(values)]
    made = {
        job.job_id: outcome for job, outcome in StackProducts(scenes, request)(jobs, folder, never_cancelled)
    }
    return [made[job.job_id] for job in jobs]


def rasters(path):
    archive = read_product_archive(path)
    values = {}
    for kind in archive.members:
        with rasterio.open(archive.gdal_path(kind)) as raster:
            values[kind] = (raster.read(1), raster.transform, raster.crs.to_epsg())
    return archive, values


# --- What a product is ---


def test_a_job_gives_the_product_of_the_simulation(tmp_path, scenes):
    request = Simulate(output_folder=str(tmp_path / "simulated"), width=24, height=20)
    answer = run(request, RunContext())
    for first, second in ((0, 1), (4, 7), (29, 30)):
        (path,) = make(scenes, tmp_path / "jobs", gamma_job(first, second, phase_filter_parameter=0, **FULL))
        archive, values = rasters(path)
        (twin,) = (
            candidate
            for candidate in Path(answer["products_folder"]).iterdir()
            if read_product_archive(candidate).product.pair_id == archive.product.pair_id
        )
        twin_archive, twin_values = rasters(twin)
        assert path.name[:-8] == twin.name[:-8], "all but the last field of the name"
        assert archive.read_metadata().text == twin_archive.read_metadata().text
        assert set(values) == set(twin_values)
        for kind, (found, transform, epsg) in values.items():
            expected, *place = twin_values[kind]
            assert np.array_equal(found, expected), kind
            assert [transform, epsg] == place


def test_products_do_not_depend_on_the_order_of_jobs(tmp_path, scenes):
    pairs = [(0, 1), (0, 9), (3, 5), (9, 30)]
    jobs = [gamma_job(first, second) for first, second in pairs]
    together = make(scenes, tmp_path / "a", *jobs)
    backwards = make(scenes, tmp_path / "b", *reversed(jobs))[::-1]
    alone = [make(scenes, tmp_path / "c", job)[0] for job in (jobs[2], jobs[0], jobs[3], jobs[1])]
    alone = [alone[1], alone[3], alone[0], alone[2]]
    for one, other, third in zip(together, backwards, alone):
        assert one.name == other.name == third.name
        assert one.read_bytes() == other.read_bytes() == third.read_bytes()
    assert len({path.name for path in together}) == 4


def test_phases_of_a_triangle_close_but_for_their_noise(tmp_path, scenes):
    request = Simulate(output_folder="", width=60, height=50)
    jobs = [gamma_job(*pair, phase_filter_parameter=0) for pair in ((0, 1), (1, 2), (0, 2))]
    paths = make(scenes, tmp_path, *jobs, request=request)
    phases, coherence = [], []
    for path in paths:
        _, values = rasters(path)
        phase, transform, _ = values["unw_phase"]
        column, row = round((600_000 - transform.c) / 80), round((transform.f - 4_176_000) / 80)
        window = slice(row, row + 50), slice(column, column + 60)
        phases.append(phase[window].astype(float))
        coherence.append(values["corr"][0][window])
    # whole cycles where the noise wraps, one constant for the three open ones
    closure = np.angle(np.exp(1j * (phases[0] + phases[1] - phases[2])))
    closure = np.angle(np.exp(1j * (closure - np.angle(np.mean(np.exp(1j * closure))))))
    good = np.min(coherence, axis=0) > 0.6
    assert good.mean() > 0.2
    assert closure[good].std() < 0.25
    assert phases[0][good].std() > 2 * closure[good].std(), "the closure is not the phase itself"


def test_options_decide_members_and_name(tmp_path, scenes):
    plain, full = make(
        scenes,
        tmp_path,
        gamma_job(),
        gamma_job(
            **FULL,
            include_inc_map=True,
            include_displacement_maps=True,
            include_wrapped_phase=True,
            apply_water_mask=True,
            looks="10x2",
        ),
    )
    plain, plain_values = rasters(plain)
    full, values = rasters(full)
    assert set(plain_values) == {"unw_phase", "corr", "water_mask", "amp"}
    assert set(values) == {
        "unw_phase", "corr", "water_mask", "amp", "dem", "lv_theta", "lv_phi", "inc_map", "inc_map_ell", "los_disp",
        "vert_disp", "wrapped_phase",
    }  # fmt: skip
    assert (plain.product.pixel_spacing_m, plain.product.is_water_masked) == (80, False)
    assert (full.product.pixel_spacing_m, full.product.is_water_masked) == (40, True)
    phase, transform, _ = values["unw_phase"]
    assert transform.a == 40
    water = values["water_mask"][0] == 0
    assert 0 < water.mean() < 0.2
    assert (phase[water] == 0).all()
    assert (phase[~water] != 0).all()
    assert (plain_values["unw_phase"][0] != 0).all()
    toward = values["los_disp"][0][~water]
    assert np.allclose(toward, -0.0554658 / (4 * np.pi) * phase[~water], atol=1e-6)
    assert np.allclose(
        values["vert_disp"][0][~water], toward / np.cos(values["inc_map_ell"][0][~water]), atol=1e-6
    )
    assert np.allclose(values["lv_theta"][0], np.pi / 2 - values["inc_map_ell"][0], atol=1e-6)
    metadata = full.read_metadata()
    assert metadata.get("Water mask applied") == "yes"
    assert metadata.get("INSAR phase filter") == "yes"
    assert metadata.number("Phase filter parameter") == 0.6
    assert (metadata.get("Range looks"), metadata.get("Azimuth looks")) == ("10", "2")
    assert plain.read_metadata().get("Water mask applied") == "no"


def test_finer_products_cover_the_same_ground(tmp_path, scenes):
    request = Simulate(output_folder="", width=24, height=20, noise=False)
    coarse, fine = make(scenes, tmp_path, gamma_job(0, 1), gamma_job(0, 1, looks="10x2"), request=request)
    bounds = []
    for path in (coarse, fine):
        archive = read_product_archive(path)
        with rasterio.open(archive.gdal_path("unw_phase")) as raster:
            bounds.append((raster.bounds, raster.read(1)))
    assert bounds[0][0] == bounds[1][0]
    one, other = bounds[0][1], bounds[1][1]
    assert other.shape == (2 * one.shape[0], 2 * one.shape[1])
    mean = other.reshape(one.shape[0], 2, one.shape[1], 2).mean(axis=(1, 3))
    assert np.corrcoef(one.ravel(), mean.ravel())[0, 1] > 0.98


@pytest.mark.parametrize(
    ("value", "product_type", "name"),
    [
        (burst_job(0, 2), "burst", "S1_220001_IW1_20200106_20200130_VV_INT80_"),
        (multi_burst_job(1, 2, looks="5x1"), "multi_burst",
         "S1_103_220001s1n01-220002s2n01-000000s3n00_IW_20200118_20200130_VV_INT20_"),
    ],
)  # fmt: skip
def test_products_of_bursts(tmp_path, scenes, value, product_type, name):
    (path,) = make(scenes, tmp_path, value)
    archive, values = rasters(path)
    assert archive.product.product_type == product_type
    assert path.name.startswith(name)
    assert {"conncomp", "wrapped_phase", "dem", "lv_theta", "lv_phi", "water_mask"} <= set(values)
    assert archive.read_metadata().missing_for_mintpy(product_type) == []
    parameters = value["job_parameters"]
    first = parameters.get("reference") or parameters["granules"][:1]
    assert archive.read_metadata().reference_granule == ", ".join(first)


def test_other_tracks_are_simulated_where_they_lie(tmp_path, scenes):
    for path, epsg in ((8, 32630), (59, 32760)):
        stack = sorted(
            (scene for scene in scenes.values() if scene.path == path), key=lambda scene: scene.start
        )
        one, other = stack[0], stack[2]
        value = {"job_type": "INSAR_GAMMA", "job_parameters": {"granules": [one.name, other.name], **FULL}}
        (file,) = make(scenes, tmp_path, value)
        archive, values = rasters(file)
        assert values["dem"][2] == epsg
        metadata = archive.read_metadata()
        assert metadata.get("Reference Pass Direction") == "DESCENDING"
        assert metadata.number("Heading") == -167
        # a right-looking satellite that flies south-south-west looks west, so it stands in the east
        assert abs(values["lv_phi"][0].mean()) < math.radians(30)
        assert archive.product.reference_date == one.date
        bounds = rasterio.warp.transform_bounds(
            f"EPSG:{epsg}", "EPSG:4326", *rasterio.transform.array_bounds(
                *values["dem"][0].shape, values["dem"][1])
        )  # fmt: skip
        from shapely.affinity import translate
        from shapely.geometry import box

        place = box(*bounds)
        assert any(translate(one.footprint, shift).contains(place) for shift in (0, -360))


@pytest.mark.skipif(not (REAL_STACK / "granules.umm.json").is_file(), reason=f"no stack in {REAL_STACK}")
def test_scenes_of_a_file_give_products_at_their_place(tmp_path):
    found = known_scenes(read_items(REAL_STACK / "granules.umm.json"))
    names = sorted(found, key=lambda name: found[name].start)
    value = {"job_type": "INSAR_GAMMA", "job_parameters": {"granules": [names[0], names[1]], **FULL}}
    (path,) = make(found, tmp_path, value)
    archive, values = rasters(path)
    assert values["dem"][2] == 32610
    metadata = archive.read_metadata()
    assert metadata.perpendicular_baseline_m == -31
    assert metadata.reference_granule == names[0]
    assert metadata.missing_for_mintpy("gamma") == []
    assert archive.product.reference_start == names[0][17:32]


@pytest.mark.parametrize(
    ("choose", "reason"),
    [
        (lambda by_path: (by_path[103][0], by_path[103][0]), "same pass"),
        (lambda by_path: (by_path[103][0], by_path[8][0]), "different tracks"),
        (lambda by_path: ("S1A_IW_SLC__1SDV_" + "0" * 50, by_path[8][0]), "could not be downloaded"),
    ],
)
def test_pairs_that_nobody_can_process_fail(tmp_path, scenes, choose, reason):
    by_path = {}
    for name in sorted(scenes):
        if scenes[name].frame is not None:
            by_path.setdefault(scenes[name].path, []).append(name)
    value = {"job_type": "INSAR_GAMMA", "job_parameters": {"granules": list(choose(by_path))}}
    good, failed = make(scenes, tmp_path, gamma_job(), value)
    assert isinstance(failed, ProcessingFailed)
    assert reason in str(failed)
    assert good.is_file(), "the others of the batch are made"


def test_other_job_types_fail(tmp_path, scenes):
    name = next(iter(scenes))
    (failed,) = make(scenes, tmp_path, {"job_type": "RTC_GAMMA", "job_parameters": {"granules": [name]}})
    assert "interferograms only" in str(failed)


def test_a_reversed_pair_is_that_of_the_earlier_scene(tmp_path, scenes):
    forward, backward = make(scenes, tmp_path, gamma_job(2, 5), gamma_job(5, 2))
    assert forward == backward


def test_the_filter_takes_noise_away_and_nothing_else():
    rng = np.random.default_rng(3)
    shape = (150, 130)
    coherence = np.full(shape, 0.6, dtype=np.float32)
    noise = rng.normal(0, 0.5, shape).astype(np.float32)
    assert filtered_noise(noise, coherence, 0.0) is noise
    spread = [filtered_noise(noise, coherence, strength).std() for strength in (0.2, 0.6, 1.0)]
    assert 0.5 > spread[0] > spread[1] > spread[2] > 0.02
    assert spread[1] < 0.35
    quiet = np.full(shape, 0.3, dtype=np.float32)
    assert np.allclose(filtered_noise(quiet, coherence, 0.6), 0.3, atol=1e-5), "also at the edges"
    assert filtered_noise(noise[:40, :21], coherence[:40, :21], 0.6).shape == (40, 21)


def test_local_incidence_on_a_known_slope():
    scene = make_scene(Simulate(output_folder="", width=30, height=30))
    east, north, up = (float(part[20, 20]) for part in scene.line_of_sight())
    rows, columns = np.mgrid[0 : scene.height, 0 : scene.width]
    slope = 0.2
    toward = east / math.hypot(east, north), north / math.hypot(east, north)
    # the ground falls toward the satellite, so it faces it
    elevation = -slope * 80.0 * (columns * toward[0] - rows * toward[1])
    object.__setattr__(scene, "elevation_m", elevation)
    expected = scene.incidence_rad[20, 20] - math.atan(slope)
    assert local_incidence_rad(scene)[20, 20] == pytest.approx(expected, abs=1e-6)


def test_the_truth_of_what_is_served(tmp_path):
    with make_sandbox(simulation=SMALL, truth_folder=str(tmp_path / "truth")):
        truth = read_truth(tmp_path / "truth" / "truth.npz")
    simulation = PairSimulation(SMALL, make_scene(SMALL))
    assert np.array_equal(truth.deformation.maps_m, simulation.deformation.maps_m)
    assert truth.dates == simulation.scene.dates
    assert (tmp_path / "truth" / "true_velocity.tif").is_file()
    assert "mintpy.reference.lalo" in (tmp_path / "truth" / "options.cfg").read_text()


# --- How it is served ---


def part(server, path, wanted, **headers):
    return call(
        server.base_url,
        path,
        headers={"Range": wanted, **{k.replace("_", "-"): v for k, v in headers.items()}},
    )


def test_whole_and_head(server, product):
    path, body = product
    status, headers, got = call(server.base_url, path)
    assert (status, got) == (200, body)
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Type"] == "application/zip"
    assert headers["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert parsedate_to_datetime(headers["Last-Modified"]).timestamp() < server.clock.now_s() + 1
    status, head, got = call(server.base_url, path, "HEAD")
    assert (status, got, head["Content-Length"], head["ETag"]) == (200, b"", str(len(body)), headers["ETag"])
    assert zipfile.ZipFile(io.BytesIO(body)).testzip() is None


@pytest.mark.parametrize(
    ("wanted", "first", "stop"),
    [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-7", -7, None), ("bytes=10-99999999", 10, None),
     ("bytes=-99999999", 0, None), ("bytes=5-5", 5, 6)],
)  # fmt: skip
def test_parts(server, product, wanted, first, stop):
    path, body = product
    status, headers, got = part(server, path, wanted)
    assert (status, got) == (206, body[first:stop])
    start = first % len(body)
    assert headers["Content-Range"] == f"bytes {start}-{start + len(got) - 1}/{len(body)}"
    assert headers["Content-Length"] == str(len(got))


@pytest.mark.parametrize("wanted", ["bytes={size}-", "bytes={size}-99999999", "bytes=-0"])
def test_parts_beyond_the_end(server, product, wanted):
    path, body = product
    status, headers, got = part(server, path, wanted.format(size=len(body)))
    assert (status, got, headers["Content-Range"]) == (416, b"", f"bytes */{len(body)}")


@pytest.mark.parametrize("wanted", ["bytes=9-5", "bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=x-"])
def test_ranges_that_are_none_give_the_whole(server, product, wanted):
    path, body = product
    status, _, got = part(server, path, wanted)
    assert (status, got) == (200, body)


def test_a_part_only_of_the_same_file(server, product):
    path, body = product
    _, headers, _ = call(server.base_url, path, "HEAD")
    for condition in (headers["ETag"], headers["Last-Modified"]):
        assert part(server, path, "bytes=5-", If_Range=condition)[0] == 206
    for condition in ('"other"', "Mon, 01 Jan 2001 00:00:00 GMT", headers["ETag"].strip('"')):
        status, _, got = part(server, path, "bytes=5-", If_Range=condition)
        assert (status, got) == (200, body)


def test_a_file_that_changes(server, product):
    path, body = product
    _, before, _ = call(server.base_url, path, "HEAD")
    plan_fault(server.base_url, route="/products", etag_change=True)
    status, after, got = part(server, path, "bytes=5-", If_Range=before["ETag"])
    assert (status, got) == (200, body)
    assert after["ETag"] != before["ETag"]
    assert after["Last-Modified"] != before["Last-Modified"]
    assert part(server, path, "bytes=5-", If_Range=after["ETag"])[0] == 206, "it stays changed"


@pytest.mark.parametrize("more", [1000, -1000])
def test_a_file_of_another_length_than_said(server, product, more):
    path, body = product
    plan_fault(server.base_url, route="/products", wrong_length=more, times=2)
    status, headers, got = call(server.base_url, path)
    assert (status, len(got), headers["Content-Length"]) == (200, len(body) + more, str(len(body) + more))
    status, headers, _ = part(server, path, "bytes=10-19")
    assert headers["Content-Range"].endswith(f"/{len(body) + more}")
    assert call(server.base_url, path)[2] == body


def test_a_slow_server_is_slow_for_each_connection_alone(server, product):
    path, body = product
    seconds = 0.4
    plan_fault(server.base_url, route="/products", rate=len(body) / seconds)
    started = time.monotonic()
    assert call(server.base_url, path)[2] == body
    assert time.monotonic() - started >= seconds * 0.95
    # One that would take days is on its way, and another one is served in between.
    plan_fault(server.base_url, route="/products", rate=1.0)
    address = urlsplit(server.base_url)
    with socket.create_connection((address.hostname, address.port)) as slow:
        slow.sendall(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        assert slow.recv(1)
        assert call(server.base_url, path)[2] == body
    assert call(server.base_url, "/_sandbox/fault", "POST", value={"rate": 0})[0] == 400


def test_products_expire(server):
    (job,) = finished(server.base_url, gamma_job(3, 4))
    path = urlsplit(job["files"][0]["url"]).path
    try:
        advance(server.base_url, 13 * 86400)
        assert call(server.base_url, path)[0] == 200
        advance(server.base_url, 2 * 86400)
        status, headers, body = call(server.base_url, path)
        assert (status, headers["Content-Type"]) == (404, "application/xml")
        assert b"NoSuchKey" in body
        assert call(server.base_url, path, "HEAD")[0] == 404
    finally:
        server.clock.reset()


def test_what_is_not_there(server, product):
    path, _ = product
    folder, _, name = path.rpartition("/")
    for wrong in (f"{folder}/other.zip", f"/products/none/{name}", f"{folder}/..%2f{name}"):
        assert call(server.base_url, wrong)[0] == 404
    (job,) = submit(server.base_url, gamma_job(5, 6))
    assert call(server.base_url, f"/products/{job['job_id']}/x.zip")[0] == 404


def test_a_name_that_leads_out_of_the_folder(server):
    plan_fault(server.base_url, route="/jobs/", method="GET", file_name="../evil.zip")
    (job,) = finished(server.base_url, gamma_job(7, 8))
    assert job["files"][0]["filename"] == "../evil.zip"
    assert call(server.base_url, urlsplit(job["files"][0]["url"]).path)[0] == 200


def test_files_go_with_the_server(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with make_sandbox(simulation=SMALL) as server:
        finished(server.base_url, gamma_job())
        assert list(tmp_path.rglob("*.zip"))
    assert not list(tmp_path.iterdir())


def test_a_server_that_stops_or_forgets_leaves_its_work(monkeypatch):
    begun, may_go_on, written = threading.Event(), threading.Event(), []
    write = PairSimulation.write

    def write_slowly(self, *arguments):
        written.append(arguments)
        begun.set()
        may_go_on.wait(HANG_S)
        return write(self, *arguments)

    monkeypatch.setattr(PairSimulation, "write", write_slowly)
    with make_sandbox(simulation=SMALL, settings=Hyp3Settings(pending_s=0, done_s=0)) as server:
        (service,) = (each for each in server.services if isinstance(each, Hyp3Service))
        forgotten = submit(server.base_url, *[gamma_job(0, index) for index in range(1, 5)])
        assert begun.wait(HANG_S)
        server.reset()
        may_go_on.set()
        job = {
            "job_type": "RTC_GAMMA",
            "job_parameters": {"granules": forgotten[0]["job_parameters"]["granules"][:1]},
        }
        (job,) = submit(server.base_url, job)
        server.advance(1)
        service.settle()
        assert ask(server.base_url, f"/jobs/{job['job_id']}")[2]["status_code"] in ("SUCCEEDED", "FAILED")
        assert len(written) == 1, "the old ones are not made any more"
        begun.clear()
        may_go_on.clear()
        submit(server.base_url, *[gamma_job(0, index) for index in range(1, 5)])
        assert begun.wait(HANG_S)
        closing = threading.Thread(target=server.stop)
        closing.start()
        wait_until(lambda: service._processing._is_closed, "the end")
        may_go_on.set()
        closing.join(HANG_S)
    assert len(written) == 2


def test_what_is_served_can_be_chosen(tmp_path):
    chosen = {"width": 30, "height": 16, "dates": 5, "revisit_days": 6, "noise": False, "seed": 3}
    with running_sandbox(
        Path(sys.executable), **chosen, truth_folder=str(tmp_path), pending_s=0, done_s=0, failed_share=0.5
    ) as url:
        names = [acquisition(date, FIRST_DATE).granule for date in simulated_dates(5, 6)]
        jobs = [
            {"job_type": "INSAR_GAMMA", "job_parameters": {"granules": [names[0], names[index]]}}
            for index in (1, 2)
        ]
        done, failed = finished(url, *jobs)
        assert (done["status_code"], failed["status_code"]) == ("SUCCEEDED", "FAILED")
        path = tmp_path / done["files"][0]["filename"]
        path.write_bytes(call(url, urlsplit(done["files"][0]["url"]).path)[2])
    archive, values = rasters(path)
    truth = read_truth(tmp_path / "truth.npz")
    assert truth.dates == tuple(simulated_dates(5, 6))
    assert truth.simulation["seed"] == 3
    assert archive.product.secondary_platform == "S1B"
    phase, transform, _ = values["unw_phase"]
    # without noise the product is the truth and its open constant
    moved = truth.deformation.displacement_m(1)[truth.window(transform.c, transform.f, *phase.shape)]
    assert phase.shape[0] >= 16
    assert phase.shape[1] >= 30
    assert np.ptp(phase + 4 * np.pi / 0.0554658 * moved) < 1e-4
