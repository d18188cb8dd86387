# SPDX-License-Identifier: GPL-2.0-or-later
"""What a build leaves for the editor: read back as it was, refused when damaged, and what is due to be asked again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest

from insarhub_qgis.core.coherence_decay import DecayStatistics
from insarhub_qgis.core.decay_sources import DecayEvaluation
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.fire_history import FireHistory
from insarhub_qgis.core.pair_database import INCOMPLETE, MISSING, PairValues
from insarhub_qgis.core.pair_table_files import (
    KEPT_INPUTS_NAME,
    KeptInputs,
    lacking_sources,
    read_kept_inputs,
    read_stack_quality,
    write_kept_inputs,
)
from insarhub_qgis.core.quality_files import (
    PAIR_DATABASE_NAME,
    begin_pair_database,
    read_database_header,
    read_pair_database,
    write_pair_database,
)
from insarhub_qgis.core.scenes import order_pair
from tests.makers.network_jobs import make_network_job, scene_name

NOW = datetime(2024, 6, 10, 12, tzinfo=timezone.utc)
ALL = ("weather", "landcover", "vegetation", "snow", "fire")


def kept_inputs(**changed):
    figures = DecayStatistics(
        np.array([0.4, np.nan, 0.2]),
        np.array([0.3, np.nan, 0.1]),
        np.array([0.9, np.nan, 0.0]),
        np.array([5, 0, 5]),
        np.array([False, False, True]),
    )
    fires = FireHistory(
        date(2024, 1, 1),
        date(2024, 3, 1),
        np.array([738_900, 738_901]),
        np.array([0, 1]),
        np.array([0.2, 0.1]),
    )
    values = KeptInputs(
        read_at=NOW,
        sources=("weather", "snow"),
        area_hash="0c5e91ab",
        area_origin="aoi",
        points=((54.25, -120.5), (54.125, -120.75)),
        fingerprint="0123456789abcdef",
        reason="water",
        maps=("S1_coherence_decay_summer_vv.tif:10:20",),
        evaluation=DecayEvaluation(np.array([12, 24, 36]), figures, np.array([0, -1, 2], dtype=np.int8)),
        fires=fires,
    )
    return replace(values, **changed)


def rewrite(path, **changed):
    with np.load(path) as arrays:
        values = dict(arrays)
    values.update(changed)
    with path.open("wb") as file:
        np.savez_compressed(file, **{name: value for name, value in values.items() if value is not None})


@pytest.mark.parametrize("has_fires", [True, False])
def test_what_is_written_is_read(tmp_path, has_fires):
    kept = kept_inputs() if has_fires else kept_inputs(fires=None)
    write_kept_inputs(tmp_path, kept)
    found = read_kept_inputs(tmp_path)
    for name in ("read_at", "sources", "area_hash", "area_origin", "points", "fingerprint", "reason", "maps"):
        assert getattr(found, name) == getattr(kept, name), name
    assert np.array_equal(found.evaluation.codes, kept.evaluation.codes)
    assert np.array_equal(found.evaluation.source, kept.evaluation.source)
    for one, other in zip(found.evaluation.statistics._arrays(), kept.evaluation.statistics._arrays()):
        assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    assert (found.fires is not None) is has_fires
    if has_fires:
        days = [date(2024, 1, 5), date(2024, 2, 20)]
        pair = (np.array([0]), np.array([1]))
        assert np.array_equal(found.fires.burned_shares(days, *pair), kept.fires.burned_shares(days, *pair))


def test_without_the_file_nothing_is_known(tmp_path):
    assert read_kept_inputs(tmp_path) is None


def test_a_file_of_another_version_is_passed_over(tmp_path):
    path = write_kept_inputs(tmp_path, kept_inputs())
    with np.load(path) as arrays:
        facts = json.loads(str(arrays["facts"]))
    rewrite(path, facts=np.array(json.dumps({**facts, "version": 99})))
    assert read_kept_inputs(tmp_path) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"median": np.zeros(2)},
        {"codes": np.array([12, 12, 36])},
        {"codes": None},
        {"facts": np.array("{")},
        {"facts": np.array('{"version": 1}')},
    ],
    ids=["other length", "twice the same", "absent", "no JSON", "no facts"],
)
def test_a_file_that_does_not_hold_together_is_refused(tmp_path, changed):
    rewrite(write_kept_inputs(tmp_path, kept_inputs()), **changed)
    with pytest.raises(InsarError) as caught:
        read_kept_inputs(tmp_path)
    assert caught.value.code == "file.malformed"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_cut_file_is_refused(tmp_path, share):
    path = write_kept_inputs(tmp_path, kept_inputs())
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InsarError) as caught:
        read_kept_inputs(tmp_path)
    assert caught.value.code == "file.malformed"


def test_objects_in_the_file_are_not_loaded(tmp_path):
    path = write_kept_inputs(tmp_path, kept_inputs())
    rewrite(path, facts=np.array([{"version": 1}], dtype=object))
    with pytest.raises(InsarError) as caught:
        read_kept_inputs(tmp_path)
    assert caught.value.code == "file.malformed"


# --- State -------------------------------------------------------------------------------------------


def section(asked, missing=("rain_1",), decay=None):
    return {"missing": dict.fromkeys(missing, 3), "decay_source": decay or {"s1_pixel": 3}, "asked": asked}


@pytest.mark.parametrize(
    ("asked_days_ago", "is_due"), [(None, True), (0, False), (4.9, False), (5, True), (100, True)]
)
def test_missing_inputs_are_asked_for_again_after_five_days(asked_days_ago, is_due):
    asked = (
        {}
        if asked_days_ago is None
        else {"weather": (NOW - timedelta(days=asked_days_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")}
    )
    assert lacking_sources(section(asked), ALL, NOW) == (["weather"] if is_due else [])


@pytest.mark.parametrize(
    ("missing", "decay", "source"),
    [
        ("vegetation", None, ["vegetation"]),
        ("fire", None, ["fire"]),
        ("wet_snow_test", None, ["weather"]),
        ("geometric", None, []),
        ("decay", None, []),
        ("geometric", {"climatology": 1, "s1_pixel": 2}, ["landcover"]),
    ],
)
def test_each_missing_input_has_its_source(missing, decay, source):
    assert lacking_sources(section({}, (missing,), decay), ALL, NOW) == source


def test_a_source_that_may_not_be_asked_is_not_waited_for():
    assert lacking_sources(section({}, ("fire",)), ("weather", "landcover"), NOW) == []
    assert lacking_sources({}, ALL, NOW) == []
    assert lacking_sources(None, ALL, NOW) == []


@pytest.mark.parametrize("asked", ["yesterday", 5, None, []])
def test_a_time_that_is_none_counts_as_never(asked):
    assert lacking_sources(section({"weather": asked}), ALL, NOW) == ["weather"]
    assert lacking_sources({**section({}), "asked": asked}, ALL, NOW) == ["weather"]


def test_a_job_without_any_build_has_no_table(tmp_path):
    job = make_network_job(tmp_path / "job", [0, 12, 24])
    found = read_stack_quality(job)
    assert (found.table, found.state(ALL, NOW), found.problems) == (None, MISSING, ())
    begin_pair_database(job, 3, NOW)
    assert read_stack_quality(job).state(ALL, NOW) == INCOMPLETE


@pytest.mark.parametrize("count", [1, 2])
def test_few_dates_are_no_fault(tmp_path, count):
    job = make_network_job(tmp_path / "job", [12 * number for number in range(count)])
    write_kept_inputs(job, kept_inputs(area_hash="", points=(), fires=None))
    found = read_stack_quality(job)
    assert (found.table is not None) is (count == 2)
    assert found.problems == ()


def test_a_damaged_file_is_told_and_costs_only_the_table(tmp_path):
    job = make_network_job(tmp_path / "job", [0, 12, 24])
    (job / KEPT_INPUTS_NAME).write_bytes(b"no archive")
    found = read_stack_quality(job)
    assert found.table is None
    assert [error.code for error in found.problems] == ["file.malformed"]


# --- Header of the database --------------------------------------------------------------------------


def test_the_header_is_that_of_the_whole_database(tmp_path):
    names = [scene_name(day) for day in (0, 12)]
    pair = order_pair(*names)
    assert read_database_header(tmp_path) is None
    begin_pair_database(tmp_path, 2, NOW)
    assert read_database_header(tmp_path) == read_pair_database(tmp_path)
    write_pair_database(tmp_path, names, {pair: 61.5}, {pair: {"dt_days": 12, "score": 0.615}}, NOW)
    whole = read_pair_database(tmp_path)
    assert whole.scores == {pair: 61.5}
    assert read_database_header(tmp_path) == replace(whole, scores={}, factors={})


def test_the_header_of_another_program_is_found_in_any_order(tmp_path):
    names = [scene_name(day) for day in (0, 12)]
    document = {
        "scores": {":".join(names): 0.5},
        "_scene_names": names,
        "_complete": True,
        "_schema_version": 1,
    }
    (tmp_path / PAIR_DATABASE_NAME).write_text(json.dumps(document, indent=1), encoding="utf-8")
    found = read_database_header(tmp_path)
    assert (found.is_complete, found.scene_names, found.scores) == (True, tuple(names), {})


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"a":1,"scores":{"x":'])
def test_a_damaged_database_is_refused(tmp_path, content):
    (tmp_path / PAIR_DATABASE_NAME).write_bytes(content)
    with pytest.raises(InsarError) as caught:
        read_pair_database(tmp_path)
    with pytest.raises(InsarError) as again:
        read_database_header(tmp_path)
    assert again.value.code == caught.value.code


@pytest.mark.parametrize("cut", [1, 2, 3, 30, 100])
def test_a_database_that_is_cut_is_damaged_though_its_header_is_whole(tmp_path, cut):
    names = [scene_name(day) for day in (0, 12)]
    pair = order_pair(*names)
    write_pair_database(tmp_path, names, {pair: 61.5}, {pair: {"dt_days": 12, "score": 0.615}}, NOW)
    path = tmp_path / PAIR_DATABASE_NAME
    path.write_bytes(path.read_bytes()[:-cut])
    if cut == 1:
        # Only the end of the line is gone.
        assert read_database_header(tmp_path).is_complete is True
        return
    with pytest.raises(InsarError, match="malformed"):
        read_database_header(tmp_path)


# --- Values of all pairs -----------------------------------------------------------------------------


def test_values_of_pairs_are_a_mapping_of_the_known_ones():
    keys = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    numbers = [10.0, np.nan, 0.0, 40.0, np.nan, 60.0]
    values = PairValues(4, np.array(numbers))
    known = {key: number for key, number in zip(keys, numbers) if number == number}
    assert dict(values) == known
    assert len(values) == 4
    assert [values.get(key) for key in keys] == [known.get(key) for key in keys]
    assert values.get((0, 2), 50.0) == 50.0
    # Nothing that is no pair of these dates has a value, and 0 is a value.
    for key in ((1, 0), (2, 2), (-1, 2), (0, 4), (3, 4)):
        assert key not in values
    assert (0, 3) in values
    assert (0, 2) not in values
    with pytest.raises(KeyError):
        values[(0, 2)]
    assert not PairValues(4, np.full(6, np.nan))
