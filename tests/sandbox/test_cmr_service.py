# SPDX-License-Identifier: GPL-2.0-or-later
"""CMR of the sandbox: recorded requests, asf_search as it comes, filters, paging, simulated stacks."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import asf_search
import numpy as np
import pytest
from shapely.geometry import Point
from shapely.ops import unary_union

from insarhub_qgis.core.relative_orbit import relative_orbit
from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.sandbox.acquisitions import acquisition
from insarhub_qgis.sandbox.cmr_service import CmrService
from insarhub_qgis.sandbox.known_scenes import known_scenes
from insarhub_qgis.sandbox.orbit import NODAL_PERIOD_S, ground_point, longitude_latitude, orbit_over
from insarhub_qgis.sandbox.scene import FIRST_DATE, make_scene, simulated_baselines_m
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.simulated_catalogue import (
    BURSTS_LACKING,
    SITE_LATITUDE_DEG,
    SITE_LONGITUDE_DEG,
    simulated_burst_items,
    simulated_items,
)
from tests.makers.sandbox_clients import REAL_STACK, call, many_items, plain_asf_session, search

SEARCH = "/search/granules.umm_json"
SITE = "-1.76,37.65"
#: 31 passes with 18 bursts each, two of which lack one, and the cross-polarised ones of the first pass.
BURSTS = 31 * 18 - 2 + 18

needs_real_stack = pytest.mark.skipif(
    not (REAL_STACK / "granules.umm.json").is_file(), reason=f"no recorded stack in {REAL_STACK}"
)


@pytest.fixture(scope="module")
def simulated():
    with make_sandbox() as server:
        yield server.base_url


@pytest.fixture(scope="module")
def real():
    with make_sandbox(str(REAL_STACK / "granules.umm.json")) as server:
        yield server.base_url


@pytest.fixture(scope="module")
def large():
    with SandboxServer([CmrService(many_items(simulated_items()[0], 5000))]) as server:
        yield server.base_url


@pytest.fixture(autouse=True)
def _no_reports(monkeypatch):
    """The library would post errors to a real host."""
    monkeypatch.setattr(asf_search, "REPORT_ERRORS", False)


def hits(url, *fields):
    return search(url, ("page_size", "0"), *fields)[0]["hits"]


# --- Recorded requests ---


@needs_real_stack
def test_every_recorded_request_is_answered(real):
    recorded = json.loads((REAL_STACK / "client_requests.json").read_text())
    assert len(recorded) == 32
    answers = []
    for entry in recorded:
        headers = {name: value for name, value in entry["h"].items() if name != "Host"}
        form = entry["kv"] if entry["m"] == "POST" else None
        status, answer_headers, body = call(real, entry["p"], entry["m"], form=form, headers=headers)
        path = urlsplit(entry["p"]).path
        answers.append((path, status))
        if path == SEARCH:
            answer = json.loads(body)
            assert status == 200, (entry, answer)
            assert set(answer) == {"hits", "took", "items"}
            assert int(answer_headers["CMR-Hits"]) == answer["hits"]
            page_size = int(dict(entry["kv"])["page_size"])
            assert len(answer["items"]) == (
                min(answer["hits"], page_size) if "CMR-Search-After" not in headers else 0
            )
    by_path = dict(answers)
    assert by_path["/api/users/find_or_create_token"] == 200
    assert by_path["/oauth/authorize"] == 302
    # "tok" is no token, and the sandbox serves no files yet.
    assert by_path["/oauth/tokens/user"] == 401
    assert by_path["/data/x.zip"] == by_path["/nope.zip"] == 404


@needs_real_stack
def test_the_recorded_area_finds_the_thirty_scenes(real):
    recorded = json.loads((REAL_STACK / "client_requests.json").read_text())
    rectangle = recorded[0]
    assert dict(rectangle["kv"])["bounding_box"]
    assert search(real, *rectangle["kv"])[0]["hits"] == 30


@needs_real_stack
def test_items_come_out_as_they_went_in(real):
    given = json.loads((REAL_STACK / "granules.umm.json").read_text())["items"]
    got, _ = search(real, ("page_size", "250"))
    by_name = {item["umm"]["GranuleUR"]: item for item in got["items"]}
    assert by_name == {item["umm"]["GranuleUR"]: item for item in given}
    ends = [item["umm"]["TemporalExtent"]["RangeDateTime"]["EndingDateTime"] for item in got["items"]]
    assert ends == sorted(ends, reverse=True)


# --- asf_search as it comes ---


def test_asf_search_pages_through_5000(large):
    results = asf_search.search(
        relativeOrbit=8, platform=["S1"], opts=asf_search.ASFSearchOptions(session=plain_asf_session(large))
    )
    assert results == []
    path = int(asf_attribute(large, "PATH_NUMBER"))
    session = plain_asf_session(large)
    results = asf_search.search(
        relativeOrbit=path,
        processingLevel="SLC",
        platform=["SENTINEL-1A"],
        opts=asf_search.ASFSearchOptions(session=session),
    )
    assert len(results) == 5000
    assert results.searchComplete
    assert len({product.properties["fileID"] for product in results}) == 5000


def asf_attribute(url, name):
    item = search(url, ("page_size", "1"))[0]["items"][0]
    return next(entry["Values"][0] for entry in item["umm"]["AdditionalAttributes"] if entry["Name"] == name)


def test_asf_search_counts(simulated):
    options = asf_search.ASFSearchOptions(session=plain_asf_session(simulated))
    assert asf_search.search_count(relativeOrbit=103, opts=options) == 60 + BURSTS
    assert asf_search.search_count(relativeOrbit=103, dataset=["SLC-BURST"], opts=options) == BURSTS


def test_asf_search_left_early_spoils_the_next_search_of_its_session(simulated):
    """Why the door never shares a session: services.md 1.2, row 2."""
    session = plain_asf_session(simulated)
    wishes = {"platform": ["S1"], "processingLevel": "SLC"}
    pages = asf_search.search_generator(opts=asf_search.ASFSearchOptions(session=session, **wishes))
    assert len(next(pages)) == 152
    del pages
    again = asf_search.search(opts=asf_search.ASFSearchOptions(session=session, **wishes))
    assert len(again) == 0


def test_asf_search_finds_by_area_name_and_pattern(simulated):
    def found(**options):
        return asf_search.search(
            opts=asf_search.ASFSearchOptions(session=plain_asf_session(simulated), **options)
        )

    area = found(intersectsWith="POLYGON((-2 37.5,-1.6 37.4,-1.5 37.9,-2 37.9,-2 37.5))", platform=["S1"])
    assert {product.properties["pathNumber"] for product in area} == {8, 103}
    name = area[0].properties["sceneName"]
    assert [product.properties["sceneName"] for product in found(product_list=[f"{name}-SLC"])] == [name]
    assert [product.properties["sceneName"] for product in found(granule_list=[name])] == [name]
    pattern = found(granule_list=["S1B_IW_SLC__1S*_2021*"])
    assert pattern
    assert all(p.properties["sceneName"].startswith("S1B") for p in pattern)
    assert all("_2021" in p.properties["sceneName"] for p in pattern)


# --- Filters ---


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ((("attribute[]", "int,PATH_NUMBER,103"),), 60),
        ((("attribute[]", "int,PATH_NUMBER,100,110"),), 60),
        ((("attribute[]", "int,PATH_NUMBER,,60"),), 92),
        ((("attribute[]", "int,PATH_NUMBER,103"), ("attribute[]", "int,FRAME_NUMBER,126")), 29),
        ((("attribute[]", "string,ASCENDING_DESCENDING,ASCENDING"),), 60),
        ((("attribute[]", "string,ASCENDING_DESCENDING,UPWARDS"),), 0),
        ((("attribute[]", "string,POLARIZATION,VV"),), 2),
        ((("shortName", "SENTINEL-1B_SLC"), ("shortName", "SENTINEL-1A_SLC")), 152),
        ((("shortName", "SENTINEL-1_BURSTS"),), BURSTS),
        ((("shortName", "SENTINEL-1_BURSTS"), ("attribute[]", "string,POLARIZATION,VH")), 18),
        ((("shortName", "SENTINEL-1_BURSTS"), ("attribute[]", "string,BURST_ID_FULL,103_220001_IW2")), 31),
        ((("shortName", "SENTINEL-1_BURSTS"), ("point", "10,10")), 0),
        ((("platform[]", "sentinel-1a"), ("attribute[]", "int,PATH_NUMBER,59")), 12),
        ((("instrument[]", "c-sar"),), 152),
        ((("instrument[]", "PALSAR"),), 0),
        ((("echo_collection_id[]", "C0-OTHER"),), 0),
        ((("updated_since", "2014-01-01T00:00:00Z"),), 152),
        ((("updated_since", "2031-01-01T00:00:00Z"),), 0),
        ((("provider", "LPCLOUD"),), 0),
        ((("point", SITE),), 111),
        ((("point", "10,10"),), 0),
        ((("circle", f"{SITE},1000"),), 111),
        ((("circle", "10,10,1000"),), 0),
        ((("bounding_box", "-2,37.5,-1.5,37.9"),), 111),
        ((("bounding_box", "179,-17,-179,-16"),), 12),
        ((("bounding_box", "-180,-17,-179.5,-16"),), 12),
        ((("line", "-1.9,37.6,-1.6,37.7"),), 111),
        ((("temporal", "2020-01-06T00:00:00Z,2020-01-06T23:59:59Z,"),), 2),
        ((("temporal", "2020-01-06T00:00:00Z,2020-01-06T00:00:00Z,"),), 0),
        ((("temporal", ",2020-01-07T00:00:00Z,"),), 2),
        ((("temporal", "2021-07-01T00:00:00Z,,"),), 2),
    ],
)
def test_filters(simulated, fields, count):
    """Of whole scenes, where nothing else is said."""
    if "shortName" not in dict(fields):
        fields = (*fields, ("shortName", "SENTINEL-1A_SLC"), ("shortName", "SENTINEL-1B_SLC"))
    assert hits(simulated, *fields) == count


def test_season_is_part_of_temporal(simulated):
    answer, _ = search(
        simulated, ("temporal", "2020-01-01T00:00:00Z,2021-12-31T00:00:00Z,150,200"), ("page_size", "250")
    )
    months = {
        item["umm"]["TemporalExtent"]["RangeDateTime"]["BeginningDateTime"][5:7] for item in answer["items"]
    }
    assert months == {"05", "06", "07"}


@pytest.mark.parametrize(
    "field",
    [
        ("page_size", "many"),
        ("page_size", "2001"),
        ("polygon", "0,0,1,0,1,1,0,1"),
        ("polygon", "0,0,2,0,0,1,2,1,0,0"),
        ("polygon", "0,0,200,0,200,1,0,1,0,0"),
        ("point", "0"),
        ("point", "a,b"),
        ("bounding_box", "0,5,1,4"),
        ("circle", "0,0,wide"),
        ("circle", "0,0,0"),
        ("updated_since", "yesterday"),
        ("line", "0,0"),
        ("temporal", "yesterday,"),
        ("temporal", "2020-02-01T00:00:00Z,2020-01-01T00:00:00Z,"),
        ("attribute[]", "int,PATH_NUMBER,many"),
        ("attribute[]", "PATH_NUMBER"),
        ("orbit_number", "1,2,3"),
        ("unheard", "of"),
    ],
)
def test_bad_requests_are_refused_with_a_reason(simulated, field):
    status, _, body = call(simulated, SEARCH, "POST", form=(field,))
    assert status == 400
    assert len(json.loads(body)["errors"]) == 1


def test_paging_ends(simulated):
    seen, header = [], None
    for _ in range(10):
        extra = {"CMR-Search-After": header} if header else {}
        answer, headers = search(simulated, ("page_size", "90"), headers=extra)
        assert answer["hits"] == 152 + BURSTS
        header = headers.get("CMR-Search-After")
        if not answer["items"]:
            break
        seen += [item["umm"]["GranuleUR"] for item in answer["items"]]
    assert len(seen) == len(set(seen)) == 152 + BURSTS
    assert header is None
    status, _, _ = call(
        simulated, SEARCH, "POST", form=(("page_size", "1"),), headers={"CMR-Search-After": "x"}
    )
    assert status == 400


# --- Simulated stacks ---


def test_the_catalogue_is_that_of_the_simulated_products():
    scene = make_scene(Simulate(output_folder="", width=32, height=32))
    expected = {f"{acquisition(date, scene.dates[0]).granule}-SLC" for date in scene.dates}
    items = simulated_items(1)
    assert expected <= {item["umm"]["GranuleUR"] for item in items}
    assert simulated_items(1) == items
    assert simulated_items(2) != items


def test_asf_search_gets_the_simulated_baselines(simulated):
    """The library interpolates linearly in 10 s, which costs some metres; the sign must be the same."""
    results = asf_search.search(
        relativeOrbit=103,
        asfFrame=121,
        platform=["S1"],
        opts=asf_search.ASFSearchOptions(session=plain_asf_session(simulated)),
    )
    first = min(results, key=lambda product: product.properties["startTime"])
    stack, warnings = asf_search.baseline.stack.get_baseline_from_stack(first, results)
    assert warnings == []
    values = [
        product.properties["perpendicularBaseline"]
        for product in sorted(stack, key=lambda product: product.properties["startTime"])
    ]
    difference = np.array(values) - simulated_baselines_m(1, 31)
    assert np.abs(difference).max() < 10
    assert np.corrcoef(values, simulated_baselines_m(1, 31))[0, 1] > 0.999


def test_asf_search_reads_the_bursts(simulated):
    found = asf_search.search(
        dataset=["SLC-BURST"],
        fullBurstID=["103_220002_IW2"],
        polarization=["VV"],
        opts=asf_search.ASFSearchOptions(session=plain_asf_session(simulated)),
    )
    first = min(found, key=lambda product: product.properties["startTime"])
    assert type(first).__name__ == "S1BurstProduct"
    one = acquisition(FIRST_DATE, FIRST_DATE)
    properties, burst = first.properties, first.properties["burst"]
    assert properties["sceneName"] == properties["fileID"] == one.burst(1)
    assert (properties["pathNumber"], properties["orbit"]) == (103, one.orbit)
    assert (burst["fullBurstID"], burst["relativeBurstID"], burst["subswath"]) == (
        "103_220002_IW2",
        220002,
        "IW2",
    )
    assert burst["absoluteBurstID"] % 375_887 == 220002
    assert properties["url"].endswith(f"{one.granule}/IW2/VV/{burst['burstIndex']}.tiff")
    assert properties["additionalUrls"] == [properties["url"].replace(".tiff", ".xml")]
    assert int(properties["bytes"]) == burst["samplesPerBurst"] * 1508 * 4
    stack, warnings = asf_search.baseline.stack.get_baseline_from_stack(first, found)
    assert warnings == []
    values = [
        product.properties["perpendicularBaseline"]
        for product in sorted(stack, key=lambda product: product.properties["startTime"])
    ]
    assert np.abs(np.array(values) - simulated_baselines_m(1, 31)).max() < 10


def test_bursts_are_strips_that_overlap_and_cover_the_site():
    bursts = known_scenes(simulated_burst_items())
    first = {
        tuple(name.split("_")[1:3]): burst.footprint
        for name, burst in bursts.items()
        if burst.start.date() == FIRST_DATE and "_VV_" in name
    }
    assert len(first) == 18
    for (number, swath), footprint in first.items():
        corners = [
            ground_point(longitude, latitude) for longitude, latitude in list(footprint.exterior.coords)[:4]
        ]
        along = np.linalg.norm(corners[1] - corners[0]) / 1000
        across = np.linalg.norm(corners[2] - corners[1]) / 1000
        assert 19 < along < 22
        assert 70 < across < 105
        later = first.get((f"{int(number) + 1:06d}", swath))
        assert later is None or 0.02 < later.intersection(footprint).area / footprint.area < 0.2
        beside = first.get((number, f"IW{int(swath[2]) + 1}"))
        assert beside is None or beside.intersects(footprint)
    site = Point(SITE_LONGITUDE_DEG, SITE_LATITUDE_DEG).buffer(0.06)
    assert unary_union(list(first.values())).contains(site)


def test_some_passes_lack_a_burst():
    dates = sorted({burst.date for burst in known_scenes(simulated_burst_items()).values()})
    names = known_scenes(simulated_burst_items())
    for index, (number, swath) in BURSTS_LACKING.items():
        of_day = [name for name, burst in names.items() if burst.date == dates[index]]
        assert len(of_day) == 17
        assert not any(name.startswith(f"S1_{number}_IW{swath}_") for name in of_day)


def test_paths_and_orbit_numbers_agree():
    for item in simulated_items():
        name = item["umm"]["GranuleUR"]
        path = next(
            int(entry["Values"][0])
            for entry in item["umm"]["AdditionalAttributes"]
            if entry["Name"] == "PATH_NUMBER"
        )
        assert (
            relative_orbit(name[:3], item["umm"]["OrbitCalculatedSpatialDomains"][0]["OrbitNumber"]) == path
        )


@pytest.mark.parametrize("ascending", [True, False])
def test_the_orbit_sees_the_point_to_its_right(ascending):
    orbit, since_node_s = orbit_over(-1.76, 37.65, 38.0, ascending=ascending)
    point = ground_point(-1.76, 37.65)
    position, velocity = orbit.position(since_node_s), orbit.velocity(since_node_s)
    sight = position - point
    assert abs(sight @ velocity) / np.linalg.norm(sight) < 1.0
    incidence = np.degrees(np.arccos(sight @ point / np.linalg.norm(sight) / np.linalg.norm(point)))
    assert incidence == pytest.approx(38.0, abs=0.3)
    assert (velocity[2] > 0) == ascending
    assert np.cross(velocity, position) @ -sight > 0
    step = 1e-3
    numeric = (orbit.position(since_node_s + step) - orbit.position(since_node_s - step)) / (2 * step)
    assert np.abs(numeric - velocity).max() < 1e-3
    # The track repeats: the node moves west by one 175th of twelve turns in each orbit.
    west = longitude_latitude(orbit.position(NODAL_PERIOD_S))[0] - longitude_latitude(orbit.position(0.0))[0]
    assert west % 360 == pytest.approx(-12 * 360 / 175 % 360, abs=1e-6)
