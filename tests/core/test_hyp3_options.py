# SPDX-License-Identifier: GPL-2.0-or-later
"""Options of HyP3 jobs: ranges, what is sent, fingerprints, names, prices, and the config of InSARHub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_options import (
    FIELDS,
    LONGEST_NAME,
    Hyp3Options,
    credits_per_job,
    fingerprint,
    granules_of,
    job_name,
    pair_jobs,
)
from insarhub_qgis.core.job_config import PROCESSOR, JobConfig, with_section
from insarhub_qgis.core.scenes import Pair
from tests.makers.job_folders import A, B, C

API = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hyp3_api"
GAMMA, MULTI, BURST = "INSAR_GAMMA", "INSAR_ISCE_MULTI_BURST", "INSAR_ISCE_BURST"


def config_of(options, own=None):
    return JobConfig(
        {"processor": {"type": "Hyp3_S1", "config": options}, "insarhub_qgis": {"hyp3": own or {}}}
    )


def test_the_table_names_the_fields_with_their_defaults():
    defaults = {option.name: option.default for option in FIELDS}
    assert defaults == Hyp3Options().to_json()
    for option in FIELDS:
        assert option.help_key == f"hyp3.{option.name}"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"looks": "3x3"}, "hyp3_options.bad_value"),
        ({"looks": "5x1"}, "hyp3_options.looks"),
        ({"phase_filter_parameter": 1.1}, "hyp3_options.bad_value"),
        ({"phase_filter_parameter": float("nan")}, "hyp3_options.bad_value"),
        ({"phase_filter_parameter": "0.6"}, "hyp3_options.bad_value"),
        ({"phase_filter_parameter": True}, "hyp3_options.bad_value"),
        ({"include_dem": 1}, "hyp3_options.bad_value"),
        ({"job_type": "RTC_GAMMA"}, "hyp3_options.bad_value"),
        ({"submission_chunk_size": 201}, "hyp3_options.bad_value"),
        ({"submission_chunk_size": 0}, "hyp3_options.bad_value"),
        ({"max_workers": 2.5}, "hyp3_options.bad_value"),
        ({"name_prefix": "  "}, "hyp3_options.name"),
        ({"include_los_displacement": True}, "hyp3_options.unknown"),
    ],
)
def test_values_that_are_refused(values, code):
    with pytest.raises(InsarError) as caught:
        Hyp3Options.from_json(values)
    assert caught.value.code == code


@pytest.mark.parametrize("value", [0, 0.0, 0.2, 1, 1.0])
def test_a_phase_filter_of_any_strength(value):
    assert Hyp3Options.from_json({"phase_filter_parameter": value}).phase_filter_parameter == value


def test_options_survive_json():
    options = Hyp3Options(job_type=MULTI, looks="5x1", name_prefix="é", apply_water_mask=False)
    assert Hyp3Options.from_json(json.loads(json.dumps(options.to_json()))) == options


def test_what_is_sent_fits_the_schema_of_the_service():
    schemas = json.loads((API / "openapi.json").read_text())["components"]["schemas"]
    kinds = schemas["post_jobs_body"]["properties"]["jobs"]["items"]["oneOf"]
    for job_type in (GAMMA, MULTI, BURST):
        (schema,) = [kind for kind in kinds if kind["properties"]["job_type"]["enum"] == [job_type]]
        known = schema["properties"]["job_parameters"]["properties"]
        sent = Hyp3Options(job_type=job_type).job_parameters([A], [B])
        assert set(sent) <= set(known)
        left_out = set(known) - set(sent)
        assert left_out <= {"include_los_displacement"}
        assert sent["looks"] in known["looks"]["enum"]


def test_a_fingerprint_covers_what_makes_the_product():
    base = Hyp3Options().job_parameters([A], [B])
    same = fingerprint(GAMMA, base)
    # As the service answers: with all its defaults, and with numbers of another type.
    assert fingerprint(GAMMA, {**base, "include_los_displacement": False}) == same
    assert fingerprint(GAMMA, {**base, "new_in_next_version": False}) == same
    assert fingerprint(GAMMA, {**base, "new_in_next_version": True}) != same
    assert fingerprint(GAMMA, dict(reversed(base.items()))) == same
    off = Hyp3Options(phase_filter_parameter=1).job_parameters([A], [B])
    assert fingerprint(GAMMA, off) == fingerprint(GAMMA, {**base, "phase_filter_parameter": 1.0})
    others = [
        fingerprint(GAMMA, Hyp3Options().job_parameters([B], [A])),
        fingerprint(GAMMA, Hyp3Options().job_parameters([A], [C])),
        fingerprint(GAMMA, Hyp3Options(looks="10x2").job_parameters([A], [B])),
        fingerprint(GAMMA, Hyp3Options(include_wrapped_phase=True).job_parameters([A], [B])),
        fingerprint(GAMMA, {**base, "new_option": 3}),
        fingerprint(BURST, base),
    ]
    assert len({same, *others}) == 7
    # The prefix of the name and the size of requests make no other product.
    assert fingerprint(GAMMA, Hyp3Options(name_prefix="z", max_workers=1).job_parameters([A], [B])) == same


def test_the_order_of_bursts_says_nothing():
    one = Hyp3Options(job_type=MULTI).job_parameters(["b1", "b2"], ["c1", "c2"])
    other = Hyp3Options(job_type=MULTI).job_parameters(["b2", "b1"], ["c1", "c2"])
    assert fingerprint(MULTI, one) == fingerprint(MULTI, other)
    assert granules_of(one) == (("b1", "b2"), ("c1", "c2"))
    assert granules_of({"granules": [A, B]}) == ((A,), (B,))
    assert granules_of({}) == ((), ())


def test_names():
    job_fingerprint = fingerprint(GAMMA, Hyp3Options().job_parameters([A], [B]))
    name = job_name("ifg", 44, 117, A, B, job_fingerprint)
    assert name == f"ifg_p44_f117_20230305T051234_20230317T051234_{job_fingerprint[:6]}"
    long = job_name("x" * 200, 175, 1200, A, B, job_fingerprint)
    assert len(long) == LONGEST_NAME
    assert long.endswith(name.removeprefix("ifg_p44_f117"))
    assert job_name("a b/ü", None, None, A, B, "123456ff").startswith("a-b-ü_p0_f0_")


def test_bursts_of_two_days_are_one_job():
    pairs = [Pair(f"S1_00000{n}_IW1_2020010{d}T000000_VV_ABCD-BURST", f"S1_00000{n}_IW1_2020020{d}T000000_VV_ABCD-BURST")
             for d in (1, 2) for n in (2, 1)]  # fmt: skip
    jobs = pair_jobs(MULTI, pairs)
    assert [len(job.references) for job in jobs] == [2, 2]
    assert jobs[0].pair == (pairs[1].reference, pairs[1].secondary)
    assert jobs[0].secondaries == (pairs[1].secondary, pairs[0].secondary)
    assert len(pair_jobs(BURST, pairs)) == 4


def test_a_pass_stands_for_all_its_bursts():
    names = {
        day: tuple(
            f"S1_00000{n}_IW1_{day}T{time}_VV_ABCD-BURST" for n, time in ((1, "235959"), (2, "235959"))
        )
        for day in ("20200101", "20200113", "20200125")
    }
    bursts = {found[0]: found for found in names.values()}
    one, other, third = (found[0] for found in names.values())
    jobs = pair_jobs(MULTI, [Pair(one, other), Pair(other, third)], bursts)
    assert [(job.references, job.secondaries) for job in jobs] == [
        (names["20200101"], names["20200113"]),
        (names["20200113"], names["20200125"]),
    ]
    assert [job.pair for job in jobs] == [(one, other), (other, third)]
    # a pass whose bursts are not known is one burst, and is refused beside one of two
    (odd,) = pair_jobs(MULTI, [Pair(one, other)], {one: names["20200101"]})
    assert (len(odd.references), odd.secondaries) == (2, (other,))
    assert [job.references for job in pair_jobs(BURST, [Pair(one, other)], bursts)] == [(one,)]


def test_prices_of_every_table():
    costs = json.loads((API / "hyp3_costs_response.json").read_text())
    assert credits_per_job(costs, GAMMA, {"looks": "20x4"}) == 10
    assert credits_per_job(costs, GAMMA, {}) == 10
    assert credits_per_job(costs, GAMMA, {"looks": "10x2"}) == 15
    assert credits_per_job(costs, BURST, {}) == 1
    expected = {"20x4": (1, 5, 10), "10x2": (1, 5, 10), "5x1": (1, 20, 110)}
    for looks, prices in expected.items():
        found = [credits_per_job(costs, MULTI, {"looks": looks, "reference": ["b"] * n}) for n in (1, 5, 15)]
        assert tuple(found) == prices
    assert credits_per_job(costs, "RTC_GAMMA", {"resolution": 30.0}) == 5
    for job_type, parameters in (("NEW", {}), (GAMMA, {"looks": "5x1"}), (MULTI, {"reference": ["b"] * 16})):
        with pytest.raises(InsarError) as caught:
            credits_per_job(costs, job_type, parameters)
        assert caught.value.code == "hyp3_options.no_price"


def test_the_section_of_insarhub_is_read():
    """0.4.x writes options that are no business of ours, and one that it never sends."""
    options, notes = Hyp3Options.from_config(
        config_of(
            {
                "looks": "10x2", "phase_filter_parameter": 0.5, "include_los_displacement": True, "dry_run": True,
                "submission_chunk_size": 500, "max_workers": 99, "saved_job_path": None, "include_dem": "yes",
            }
        )
    )  # fmt: skip
    assert options == Hyp3Options(looks="10x2", phase_filter_parameter=0.5, submission_chunk_size=200)
    assert [(note.code, note.fields.get("name")) for note in notes] == [
        ("hyp3_options.chunk_clamped", None),
        ("hyp3_options.bad_value", "include_dem"),
        ("hyp3_options.bad_value", "max_workers"),
    ]


def test_the_section_of_another_processor_is_not_read():
    config = JobConfig({"processor": {"type": "ISCE_S1", "config": {"max_workers": 9}}})
    assert Hyp3Options.from_config(config) == (Hyp3Options(), [])
    assert Hyp3Options.from_config(JobConfig({"processor": "Hyp3_InSAR"})) == (Hyp3Options(), [])


def test_options_survive_the_config():
    document = {"processor": {"type": "Hyp3_S1", "config": {"include_wrapped_phase": True, "foreign": 1}}}
    for options in (
        Hyp3Options(),
        Hyp3Options(looks="10x2", name_prefix="bay", include_dem=False, max_workers=2),
        Hyp3Options(include_wrapped_phase=True, phase_filter_parameter=0.0),
    ):
        written = with_section(document, PROCESSOR, {"type": "Hyp3_S1", "config": options.to_config()})
        assert Hyp3Options.from_config(JobConfig(written))[0] == options
        assert written["processor"]["config"]["foreign"] == 1
    multi = Hyp3Options(job_type=MULTI, looks="5x1")
    written = with_section(document, PROCESSOR, {"type": "Hyp3_S1", "config": multi.to_config()})
    # InSARHub refuses options that it does not know.
    assert "job_type" not in written["processor"]["config"]
    written["insarhub_qgis"] = {"hyp3": {"job_type": MULTI}}
    assert Hyp3Options.from_config(JobConfig(written))[0] == multi
