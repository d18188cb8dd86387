# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules for pairs before they are paid; each failure names the pair and the rule."""

from __future__ import annotations

import pytest

from insarhub_qgis.core.hyp3_options import PairJob
from insarhub_qgis.core.hyp3_pair_checks import StackFacts, network_parts, pair_refusals
from insarhub_qgis.core.scene_facts import SceneFacts
from tests.makers.job_folders import A, B, C

GAMMA, MULTI, BURST = "INSAR_GAMMA", "INSAR_ISCE_MULTI_BURST", "INSAR_ISCE_BURST"
#: Twelve days after A on the neighbouring track.
OTHER_TRACK = "S1A_IW_SLC__1SDV_20230318T050000_20230318T050027_047701_05BA8E_77C3"
SINGLE = B.replace("1SDV", "1SSV")


def square(x, y, size=1.0):
    return ((x, y), (x + size, y), (x + size, y + size), (x, y + size), (x, y))


def facts_of(frames=(), area=None, **scenes):
    known = {
        name: SceneFacts(name, path=44, frame=frame, footprint=ring) for name, (frame, ring) in scenes.items()
    }
    return StackFacts(known, frozenset(frames), area)


def burst(number=1, day="20200101", time="120000", swath=1, polarization="VV"):
    return f"S1_{number:06d}_IW{swath}_{day}T{time}_{polarization}_ABCD-BURST"


def codes(job_type, *jobs, facts=None):
    made = [
        PairJob(tuple(a), tuple(b)) if isinstance(a, (list, tuple)) else PairJob((a,), (b,)) for a, b in jobs
    ]
    refusals = pair_refusals(job_type, made, facts or StackFacts())
    for index, error in refusals.items():
        assert (error.fields["reference"], error.fields["secondary"]) == made[index].pair
    return {index: error.code.removeprefix("hyp3_pair.") for index, error in refusals.items()}


@pytest.mark.parametrize(
    ("pair", "rule"),
    [
        ((A, B), None),
        ((A, C), None),
        ((B, A), "reversed"),
        ((A, A), "same_scene"),
        ((A, OTHER_TRACK), "other_track"),
        ((A, SINGLE), "polarization"),
        ((A[:-1], B), "not_slc"),
        ((A, B + "0"), "not_slc"),
        ((A.replace("IW_SLC", "EW_SLC"), B), "not_slc"),
        ((A.replace("SLC_", "GRDH"), B), "not_slc"),
        (("short", B), "not_slc"),
        ((burst(), burst(day="20200113")), "not_slc"),
    ],
)
def test_names_alone(pair, rule):
    assert codes(GAMMA, pair) == ({} if rule is None else {0: rule})


def test_a_pair_twice():
    assert codes(GAMMA, (A, B), (A, C), (A, B)) == {2: "repeated"}


def test_frames():
    near, far = square(14, 40), square(14, 40.5)
    assert codes(GAMMA, (A, B), facts=facts_of(**{A: (117, near), B: (117, near)})) == {}
    # A slice starts where it starts: its frame may differ by one.
    assert codes(GAMMA, (A, B), facts=facts_of(**{A: (117, near), B: (118, far)})) == {}
    apart = facts_of(**{A: (117, near), B: (122, far)})
    assert codes(GAMMA, (A, B), facts=apart) == {0: "other_frame"}
    merged = facts_of(frames=(117, 122), **{A: (117, near), B: (122, far)})
    assert codes(GAMMA, (A, B), facts=merged) == {}


def test_ground():
    here, there = square(14, 40), square(14, 42)
    assert codes(GAMMA, (A, B), facts=facts_of(**{A: (117, here), B: (117, there)})) == {0: "no_overlap"}
    east, west = square(179.5, 40), square(-180.4, 40)
    assert codes(GAMMA, (A, B), facts=facts_of(**{A: (117, east), B: (117, west)})) == {}


def test_area():
    here = square(14, 40)
    both = {A: (117, here), B: (117, here)}
    inside = "POLYGON((14.2 40.2,14.4 40.2,14.4 40.4,14.2 40.2))"
    outside = "POLYGON((20.2 40.2,20.4 40.2,20.4 40.4,20.2 40.2))"
    assert codes(GAMMA, (A, B), facts=facts_of(area=inside, **both)) == {}
    assert codes(GAMMA, (A, B), facts=facts_of(area="POINT(14.5 40.5)", **both)) == {}
    assert codes(GAMMA, (A, B), (A, C), facts=facts_of(area=outside, **both)) == {
        0: "outside_area", 1: "outside_area",
    }  # fmt: skip
    assert codes(GAMMA, (A, B), facts=facts_of(area="POINT(1 1)", **both)) == {0: "outside_area"}
    # Nothing is known of the scenes, so nothing is against them.
    assert codes(GAMMA, (A, B), facts=StackFacts(area_wkt=outside)) == {}


LATER = "20200113"


@pytest.mark.parametrize(
    ("job_type", "job", "rule"),
    [
        (BURST, (burst(), burst(day=LATER)), None),
        (BURST, (burst(), burst(2, day=LATER)), "other_burst"),
        (BURST, (burst(), burst(day=LATER, swath=2)), "other_burst"),
        (BURST, (burst(), burst(day=LATER, polarization="HH")), "polarization"),
        (BURST, (burst(polarization="VH"), burst(day=LATER, polarization="VH")), "polarization"),
        (BURST, (burst(day=LATER), burst()), "reversed"),
        (BURST, (A, B), "not_burst"),
        (MULTI, ([burst(1), burst(2)], [burst(1, LATER), burst(2, LATER)]), None),
        (MULTI, ([burst(2), burst(1)], [burst(1, LATER), burst(2, LATER)]), None),
        (MULTI, ([burst(1), burst(2)], [burst(1, LATER), burst(3, LATER)]), "burst_sets"),
        (MULTI, ([burst(1), burst(2)], [burst(1, LATER)]), "burst_sets"),
        (MULTI, ([burst(1), burst(1)], [burst(1, LATER), burst(1, LATER)]), "burst_sets"),
        (MULTI, ([burst(1), burst(2, time="120301")], [burst(1, LATER), burst(2, LATER)]), "burst_times"),
        (MULTI, ([burst(1), burst(2, "20200102")], [burst(1, LATER), burst(2, LATER)]), "burst_times"),
        (
            MULTI,
            ([burst(1, time="235959"), burst(2, "20200102", "000001")], [burst(1, LATER), burst(2, LATER)]),
            None,
        ),
        (MULTI, ([burst(1), burst(3)], [burst(1, LATER), burst(3, LATER)]), "not_whole"),
        (MULTI, ([burst(1), burst(2, swath=2)], [burst(1, LATER), burst(2, LATER, swath=2)]), None),
        (MULTI, ([burst(1), burst(3, swath=2)], [burst(1, LATER), burst(3, LATER, swath=2)]), "not_whole"),
        (MULTI, ([burst(1), burst(1, swath=3)], [burst(1, LATER), burst(1, LATER, swath=3)]), "not_whole"),
        (MULTI, ([burst(1), burst(2, LATER)], [burst(1, LATER), burst(2, LATER)]), "same_scene"),
        (
            MULTI,
            ([burst(n) for n in range(1, 17)], [burst(n, LATER) for n in range(1, 17)]),
            "too_many_bursts",
        ),
        (MULTI, ([burst(n) for n in range(1, 16)], [burst(n, LATER) for n in range(1, 16)]), None),
        (MULTI, ([burst(1000), burst(99000)], [burst(1000, LATER), burst(99000, LATER)]), "other_track"),
    ],
)
def test_bursts(job_type, job, rule):
    assert codes(job_type, job) == ({} if rule is None else {0: rule})


def test_parts_of_the_network():
    jobs = [PairJob((A,), (B,)), PairJob((B,), (C,))]
    assert network_parts(jobs) == 1
    far = [name.replace("2023", "2024") for name in (A, B)]
    assert network_parts([*jobs, PairJob((far[0],), (far[1],))]) == 2
    assert network_parts([]) == 0


def test_a_pass_of_several_bursts_is_no_single_one():
    one, other = burst(), burst(day=LATER)
    facts = StackFacts(bursts={one: (one, burst(2)), other: (other, burst(2, LATER))})
    assert codes(BURST, (one, other), facts=facts) == {0: "several_bursts"}
    alone = StackFacts(bursts={one: (one,), other: (other,)})
    assert codes(BURST, (one, other), facts=alone) == {}
