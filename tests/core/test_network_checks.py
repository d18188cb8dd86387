# SPDX-License-Identifier: GPL-2.0-or-later
"""Each check before processing: what stops, what warns, and that its sentence exists."""

from __future__ import annotations

import ast
import json
import string
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from insarhub_qgis.core import network_checks
from insarhub_qgis.core.coherence_decay import rounded_season_days, season_days_of_pairs, signature_codes
from insarhub_qgis.core.decay_sources import DecaySources, evaluate_signatures
from insarhub_qgis.core.footprints import area_km2, covered_share, polygons_of_wkt
from insarhub_qgis.core.network_budget import PairPrices
from insarhub_qgis.core.network_checks import NOTE, OK, STOP, WARNING, check_network, disk_needed
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.pair_table_files import KeptInputs, write_kept_inputs
from insarhub_qgis.core.quality_files import QualityCache, aoi_hash, weather_key
from insarhub_qgis.core.search_answer import write_search_answer
from tests.architecture.test_messages import message_rows
from tests.makers.hyp3_job_files import write_burst_job
from tests.makers.network_jobs import AOI, make_network_job, scene_name, umm_item

DAYS = [12 * number for number in range(8)]
RING = [(one, other) for one in range(8) for other in range(one + 1, min(one + 3, 8))]
NOW = datetime(2024, 5, 3, tzinfo=timezone.utc)
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "asf_p13_f411_2019"


def rows_of(job: Path, **more) -> dict[str, network_checks.CheckRow]:
    rows = check_network(load_network(job), now=NOW, free_bytes=more.pop("free_bytes", 10**13), **more)
    ranks = [network_checks.LEVELS.index(row.level) for row in rows]
    assert ranks == sorted(ranks)
    assert len({row.code for row in rows}) == len(rows)
    return {row.code: row for row in rows}


def items(change=None, *, days=DAYS) -> list[dict]:
    """Items of the stack, some with other attributes: {number: {...}}."""
    return [umm_item(scene_name(day), **(change or {}).get(number, {})) for number, day in enumerate(days)]


def test_a_good_network_has_nothing_that_warns(tmp_path):
    rows = rows_of(make_network_job(tmp_path, DAYS, pairs=[*RING, (0, 3), (4, 7)]))
    assert {row.level for row in rows.values()} == {OK, NOTE}
    assert {code for code, row in rows.items() if row.level == NOTE} == {"check.not_judged"}
    assert {row.check for row in rows.values()} >= {"coverage", "frames", "geometry", "names", "components", "bridges", "degree", "loops", "disk"}  # fmt: skip


def test_coverage_per_date(tmp_path):
    shifts = {2: {"shift_deg": 20.0}, 5: {"shift_deg": 1.05}}
    rows = rows_of(make_network_job(tmp_path / "a", DAYS, pairs=RING, items=items(shifts)))
    assert (rows["check.not_covered"].level, rows["check.not_covered"].dates) == (STOP, (2,))
    assert rows["check.not_covered"].fix == network_checks.EXCLUDE_DATES
    partly = rows["check.partly_covered"]
    assert (partly.level, partly.dates) == (WARNING, (5,))
    assert partly.fields["percent"] == pytest.approx(50.0, abs=2.0)
    job = make_network_job(tmp_path / "b", DAYS, pairs=RING, items=items(shifts))
    opened = load_network(job)
    opened.network.exclude_dates([2])
    assert "check.not_covered" not in {row.code for row in check_network(opened, free_bytes=10**13)}
    rows = rows_of(make_network_job(tmp_path / "c", DAYS, pairs=RING, items=[]))
    assert rows["check.coverage_unknown"].level == NOTE
    rows = rows_of(make_network_job(tmp_path / "d", DAYS, pairs=RING, config={"downloader": {"type": "S1_SLC", "config": {}}}))  # fmt: skip
    assert rows["check.no_area"].level == NOTE


def test_two_frames_cover_together_and_a_missing_one_is_named(tmp_path):
    names = [(day, second) for day in DAYS for second in (9, 34) if (day, second) != (24, 9)]
    job = make_network_job(tmp_path, DAYS, pairs=RING)
    stack = json.loads((job / "stack_p0_f0.json").read_text(encoding="utf-8"))
    stack["scenes"] = [scene_name(*name) for name in names]
    (job / "stack_p0_f0.json").write_text(json.dumps(stack), encoding="utf-8")
    from insarhub_qgis.core.search_answer import write_search_answer

    shift = {9: 1.05, 34: -0.95}
    write_search_answer(job, [umm_item(scene_name(*name), frame=400 + name[1], shift_deg=shift[name[1]]) for name in names])  # fmt: skip
    rows = rows_of(job)
    assert rows["check.frames_missing"].dates == (2,)
    assert rows["check.frames_missing"].fields["frames"] == [409]
    assert rows["check.partly_covered"].dates == (2,)


def test_bursts_are_not_compared_by_frames(tmp_path):
    pairs = write_burst_job(tmp_path, 5, 2)
    names = sorted({name for pair in pairs for name in pair})
    write_search_answer(tmp_path, [umm_item(name, frame=220001) for name in names])
    rows = rows_of(tmp_path)
    assert not any(code.startswith("check.frames") for code in rows)
    assert "check.names_good" in rows


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"PATH_NUMBER": "6"}, "check.mixed_track"),
        ({"ASCENDING_DESCENDING": "ASCENDING"}, "check.mixed_direction"),
        ({"BEAM_MODE": "EW"}, "check.mixed_beam_mode"),
        ({"POLARIZATION": "HH"}, "check.mixed_polarization"),
    ],
)
def test_mixed_geometry_stops(tmp_path, change, code):
    rows = rows_of(make_network_job(tmp_path, DAYS, pairs=RING, items=items({3: change})))
    assert rows[code].level == STOP
    if code != "check.mixed_polarization":
        assert rows[code].dates == (3,)


def test_one_common_polarisation_is_enough_and_names_tell_the_track(tmp_path):
    rows = rows_of(
        make_network_job(tmp_path / "a", DAYS, pairs=RING, items=items({3: {"POLARIZATION": "VV"}}))
    )
    assert "check.mixed_polarization" not in rows
    job = make_network_job(tmp_path / "b", DAYS, pairs=RING, items=[])
    stack = (job / "stack_p0_f0.json").read_text(encoding="utf-8")
    other = scene_name(36, orbit=20_028)
    (job / "stack_p0_f0.json").write_text(stack.replace(scene_name(36), other), encoding="utf-8")
    assert rows_of(job)["check.mixed_track"].fields["values"] == ["5", "6"]


def test_names_and_pairs_of_the_file(tmp_path):
    job = make_network_job(tmp_path, DAYS, pairs=RING)
    document = json.loads((job / "stack_p0_f0.json").read_text(encoding="utf-8"))
    text = json.dumps(document).replace(scene_name(36), "S1A_20180206_short")
    document = json.loads(text)
    document["pairs"] += [list(reversed(document["pairs"][0])), document["pairs"][1]]
    (job / "stack_p0_f0.json").write_text(json.dumps(document), encoding="utf-8")
    rows = rows_of(job)
    assert rows["check.unknown_names"].level == STOP
    assert rows["check.unknown_names"].fields["scenes"] == ["S1A_20180206_short"]
    assert rows["check.unknown_names"].dates == (3,)
    repair = rows["check.pairs_to_repair"]
    assert (repair.level, repair.fix) == (STOP, network_checks.SAVE)
    assert (repair.fields["reversed"], repair.fields["duplicates"]) == (1, 2)
    load_network(job).save()
    assert "check.pairs_to_repair" not in rows_of(job)
    rows = rows_of(make_network_job(tmp_path / "b", DAYS, pairs=RING, items=items()[:-1]))
    assert rows["check.not_in_answer"].level == WARNING
    assert rows["check.not_in_answer"].dates == (7,)


def test_structure(tmp_path):
    rows = rows_of(make_network_job(tmp_path, DAYS, pairs=[(0, 1), (1, 2), (0, 2), (3, 4), (4, 5)]))
    assert {code: row.level for code, row in rows.items() if row.check in ("components", "bridges", "degree", "loops")} == {
        "check.split": WARNING, "check.unpaired": WARNING, "check.bridges": WARNING, "check.articulation": WARNING,
        "check.few_pairs": WARNING, "check.no_loop": WARNING,
    }  # fmt: skip
    assert rows["check.split"].fields["parts"] == 2
    assert rows["check.split"].fix == network_checks.SUGGEST_BRIDGES
    assert rows["check.unpaired"].dates == (6, 7)
    assert rows["check.bridges"].pairs == rows["check.no_loop"].pairs == ((3, 4), (4, 5))
    assert rows["check.articulation"].dates == (4,)
    rows = rows_of(make_network_job(tmp_path / "b", DAYS))
    assert rows["check.no_pairs"].level == STOP
    rows = rows_of(make_network_job(tmp_path / "c", [0]))
    assert rows["check.too_few_dates"].level == STOP


def test_limits_and_unknown_baselines(tmp_path):
    bperp = [0.0, 0.0, None, 0.0, 0.0, 0.0, 0.0, 0.0]
    job = make_network_job(tmp_path, [*DAYS[:-1], 400], bperp, pairs=RING)
    opened = load_network(job)
    opened.network.add_pair((0, 7))
    rows = {row.code: row for row in check_network(opened, free_bytes=10**13)}
    assert rows["check.relaxed"].pairs == ((0, 7),)
    assert set(rows["check.unknown_bperp"].pairs) == {pair for pair in RING if 2 in pair}


def test_quality_and_its_price(tmp_path):
    scores = dict.fromkeys(RING[2:], 80.0) | {RING[0]: 12.0}
    job = make_network_job(tmp_path, DAYS, pairs=RING, scores=scores)
    rows = rows_of(job)
    assert (rows["check.red_pairs"].level, rows["check.red_pairs"].pairs) == (WARNING, (RING[0],))
    assert rows["check.unjudged_pairs"].pairs == (RING[1],)
    rows = rows_of(job, prices=PairPrices(15.0))
    assert rows["check.red_pairs_priced"].fields["credits"] == 15
    assert rows["check.price"].fields["credits"] == 15 * len(RING)


def test_scores_in_figures(tmp_path):
    scores = dict.fromkeys(RING, 80.0) | {RING[3]: 41.0}
    rows = rows_of(make_network_job(tmp_path, DAYS, pairs=RING, scores=scores))
    assert rows["check.good_quality"].level == OK
    row = rows["check.scores"]
    assert (row.level, row.pairs) == (OK, (RING[3],))
    assert (row.fields["mean"], row.fields["lowest"]) == (77, 41)
    assert "check.scores" not in rows_of(make_network_job(tmp_path / "unjudged", DAYS, pairs=RING))


def judged(tmp_path, weather_of):
    """A job whose pairs are judged: as good as the climate, and with the weather of some dates."""
    job = make_network_job(tmp_path, DAYS, pairs=RING, bperp_m=[0.0] * len(DAYS))
    cache = QualityCache(job)
    nodes = load_network(job).network.nodes
    point = (54.25, -120.5)
    for number, node in enumerate(nodes):
        if (values := weather_of(number)) is not None:
            cache.put("weather", weather_key(*point, node.date), values)
    cache.save()
    codes = signature_codes(
        rounded_season_days(season_days_of_pairs([n.date for n in nodes], *np.triu_indices(len(nodes), 1)))
    )
    decay = DecaySources.ranked(fractions={"urban_frac": 1.0})
    kept = KeptInputs(
        datetime.now(timezone.utc), ("weather",), aoi_hash(AOI), "aoi", (point,), decay.fingerprint(),
        decay.reason, (), evaluate_signatures(decay, codes),
    )  # fmt: skip
    write_kept_inputs(job, kept)
    return job


def test_melting_snow_and_lacking_inputs_are_named(tmp_path):
    def weather(number):
        if number == 6:
            return None
        snow = 0.3 if number == 2 else 0.0
        return {"precip_3d_mm": 0.0, "temp_overpass_c": 4.0, "soil_temp_c": 4.0, "snow_depth_m": snow}

    job = judged(tmp_path, weather)
    rows = rows_of(job)
    wet = {pair for pair in RING if 2 in pair}
    assert set(rows["check.wet_snow_pairs"].pairs) == wet
    assert rows["check.wet_snow_pairs"].fix == network_checks.REMOVE_PAIRS
    assert "check.red_pairs" not in rows
    assert set(rows["check.degraded_pairs"].pairs) == {pair for pair in RING if 6 in pair}
    assert rows["check.degraded_pairs"].level == NOTE
    assert rows["check.scores"].fields["lowest"] == 0
    rows = rows_of(job, prices=PairPrices(15.0))
    assert rows["check.wet_snow_pairs_priced"].fields["credits"] == 15 * len(wet)


@pytest.mark.parametrize(
    ("left", "code", "level"),
    [(129.0, "check.too_dear", STOP), (130.0, "check.dear", WARNING), (163.0, "check.affordable", OK)],
)
def test_credits(tmp_path, left, code, level):
    rows = rows_of(make_network_job(tmp_path, DAYS, pairs=RING), prices=PairPrices(10.0), credits_left=left)
    assert len(RING) == 13
    assert rows[code].level == level
    if level == STOP:
        assert rows[code].fields["missing"] == 1


def test_what_is_processed_or_expires(tmp_path):
    job = make_network_job(tmp_path, DAYS, pairs=RING)
    (job / "S1AA_20180101T051234_20180113T051234_VVP012_INT80_G_ueF_3BEA.zip").write_bytes(b"")
    names = [scene_name(day) for day in DAYS]
    seen = {
        "a": {"status": "SUCCEEDED", "expires": "2024-05-04T08:00:00Z", "file": "a.zip"},
        "b": {"status": "SUCCEEDED", "expires": "2024-05-01T08:00:00Z", "file": "b.zip"},
        "c": {"status": "RUNNING"},
    }
    own = {"pairs": {"a": names[1:3], "b": names[2:4], "c": names[3:5]}, "last_seen": seen}
    document = {"job_ids": {"me": ["a", "b", "c"]}, "out_dir": str(job), "insarhub_qgis": own}
    (job / "hyp3_jobs.json").write_text(json.dumps(document), encoding="utf-8")
    rows = rows_of(job, prices=PairPrices(10.0))
    processed = rows["check.processed_priced"]
    assert processed.pairs == ((0, 1), (1, 2), (3, 4))
    assert processed.fields["credits"] == 30
    assert processed.fix == network_checks.REUSE
    assert rows["check.price"].fields["credits"] == 10 * (len(RING) - 3)
    assert rows["check.expires_soon"].fields == {"count": 1, "first": "2024-05-04 08:00 UTC"}
    assert rows["check.expired"].fields == {"count": 1}


def test_disk(tmp_path):
    job = make_network_job(tmp_path, DAYS, pairs=RING)
    needed = disk_needed(load_network(job))
    # 13 products of a frame of about 57 000 km2 at 80 m, and MintPy's files of an area of 3 600 km2
    assert 1.0e9 < needed < 2.0e9
    for free, code in (
        (needed - 1, "check.disk_too_small"),
        (needed, "check.disk_tight"),
        (2 * needed, "check.disk_enough"),
    ):
        assert code in rows_of(job, free_bytes=free)
    config = json.loads((job / "insarhub_config.json").read_text(encoding="utf-8"))
    config["processor"] = {"type": "Hyp3_S1", "config": {"looks": "10x2"}}
    (job / "insarhub_config.json").write_text(json.dumps(config), encoding="utf-8")
    assert disk_needed(load_network(job)) == pytest.approx(4 * needed, rel=0.01)


def test_each_code_has_a_sentence_whose_fields_exist(tmp_path):
    _, table = message_rows()
    source = Path(network_checks.__file__).read_text(encoding="utf-8")
    literals = {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("check.")
    }
    codes = literals - {"check.mixed_"} | {
        f"check.mixed_{what}" for what in ("track", "direction", "beam_mode")
    }
    codes |= {
        f"{code}_priced" for code in ("check.red_pairs", "check.unjudged_pairs", "check.wet_snow_pairs")
    }
    assert len(codes) > 40
    assert codes - set(table) == set()
    assert {code for code in table if code.startswith("check.")} - codes == set()
    for number, job in enumerate((DAYS, [0], [0, 12])):
        made = make_network_job(tmp_path / str(number), job, pairs=[(0, 1)] if len(job) > 1 else [])
        for row in check_network(load_network(made), prices=PairPrices(10.0), credits_left=5.0, free_bytes=1):
            wanted = {
                name for text in table[row.code] for _, name, _, _ in string.Formatter().parse(text) if name
            }
            assert wanted <= set(row.fields), row.code


@pytest.mark.skipif(not DATA.is_dir(), reason="shared data are not there")
def test_a_real_search_answer(tmp_path):
    from insarhub_qgis.core.pair_selection import select_for
    from insarhub_qgis.core.search_answer import write_search_answer
    from insarhub_qgis.core.selection_parameters import SelectionParameters

    answer = json.loads((DATA / "granules.umm.json").read_text(encoding="utf-8"))["items"]
    expected = json.loads((DATA / "expected_baselines.json").read_text(encoding="utf-8"))
    baselines = {name: float(entry["perpendicularBaseline"]) for name, entry in expected.items()}
    stack = {"pairs": [], "baselines": baselines, "scenes": sorted(baselines)}
    (tmp_path / "stack_p13_f411.json").write_text(json.dumps(stack), encoding="utf-8")
    (tmp_path / "insarhub_config.json").write_text(
        json.dumps({"downloader": {"type": "S1_SLC", "config": {"intersectsWith": AOI}}}), encoding="utf-8"
    )
    write_search_answer(tmp_path, answer)
    opened = load_network(tmp_path)
    assert len(opened.network.nodes) == 30
    selection = select_for(opened.network, SelectionParameters())
    opened.network.apply_selection(selection)
    assert selection.diagnostics.bridges == ()
    rows = {row.code: row.level for row in check_network(opened, free_bytes=10**13)}
    assert rows["check.covered"] == rows["check.one_geometry"] == rows["check.names_good"] == OK
    assert STOP not in rows.values()


# --- Footprints --------------------------------------------------------------------------------------


def test_shares_and_areas():
    square = polygons_of_wkt("POLYGON((10 50, 12 50, 12 51, 10 51, 10 50))")
    assert covered_share(
        square, polygons_of_wkt("POLYGON ((10 50, 11 50, 11 51, 10 51, 10 50))")
    ) == pytest.approx(0.5, abs=0.01)
    assert covered_share(square, []) == 0.0
    halves = [
        *polygons_of_wkt("POLYGON((9 49,11 49,11 52,9 52,9 49))"),
        *polygons_of_wkt("POLYGON((11 49,13 49,13 52,11 52,11 49))"),
    ]
    assert covered_share(square, halves) == 1.0
    holed = polygons_of_wkt("POLYGON((9 49,13 49,13 52,9 52,9 49),(10 50,11 50,11 51,10 51,10 50))")
    assert covered_share(square, holed) == pytest.approx(0.5, abs=0.01)
    assert area_km2(polygons_of_wkt("POLYGON((0 0,1 0,1 1,0 1,0 0))")) == pytest.approx(12364, rel=0.001)
    assert area_km2(holed) < area_km2(halves) * 1.01


def test_across_the_antimeridian_and_points():
    area = polygons_of_wkt(
        "MULTIPOLYGON(((179 0,180 0,180 1,179 1,179 0)),((-180 0,-179 0,-179 1,-180 1,-180 0)))"
    )
    assert len(area) == 2
    frame = polygons_of_wkt("POLYGON((178 -1,-178 -1,-178 2,178 2,178 -1))")
    assert covered_share(area, frame) == 1.0
    east = polygons_of_wkt("POLYGON((-180 -1,-178 -1,-178 2,-180 2,-180 -1))")
    assert covered_share(area, east) == pytest.approx(0.5, abs=0.02)
    point = polygons_of_wkt("SRID=4326;POINT(179.5 0.5)")
    assert covered_share(point, frame) == 1.0
    assert covered_share(point, east) == 0.0
    assert polygons_of_wkt("nonsense") == polygons_of_wkt("") == []
    assert covered_share([], frame) is None
