# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.scenes import order_pair
from insarhub_qgis.core.stack_file import (
    Stack,
    StackNumbers,
    numbers_of_folder_name,
    numbers_of_stack_name,
    pair_of_key,
    read_stack_file,
    rounded_score,
)
from tests.makers.job_folders import (
    STACK,
    STACK_040,
    STACK_042,
    A,
    B,
    C,
    get_json,
    make_job_folder,
    put_json,
)

AB, BC, AC = order_pair(A, B), order_pair(B, C), order_pair(A, C)


@pytest.mark.parametrize("sample", [STACK, STACK_040, STACK_042])
def test_read_then_write_is_equal(tmp_path: Path, sample: dict) -> None:
    job = JobFolder(make_job_folder(tmp_path, stack=sample))
    stack = job.read_stack()
    assert stack.problems == ()
    path = job.write_stack(stack)
    assert get_json(path) == sample
    assert list(get_json(path)) == list(sample)


def test_the_documented_sample_in_memory() -> None:
    stack = Stack.from_document(STACK, "stack_p44_f117.json")
    assert stack.pairs == (AB,)
    assert stack.scores == {AB: 70.7}
    assert stack.labels == {AB: "healthy"}
    assert stack.factors[AB] == {"coherence": 0.33, "snow": 0.0, "rain": 0.2}
    assert stack.baseline_of(AB) == -41.6
    assert stack.numbers == StackNumbers(44, (117,))


def test_0_4_2_labels_are_no_scores() -> None:
    stack = Stack.from_document(STACK_042)
    assert stack.scores == {}
    assert stack.labels == {AB: "healthy", AC: "concern"}


def test_separators_orders_and_scales_give_the_same_model() -> None:
    percent = {"pairs": [[A, B], [B, C]], "pair_quality": {"scores": {f"{A},{B}": 70, f"{B},{C}": 40}}}
    colon = {"pairs": [[B, A], [C, B]], "pair_quality": {"scores": {f"{B}:{A}": 70, f"{C}:{B}": 40}}}
    unit = {"pairs": [[A, B], [B, C]], "pair_quality": {"scores": {f"{A}:{B}": 0.7, f"{C},{B}": 0.4}}}
    for document in (percent, colon, unit):
        stack = Stack.from_document(document)
        assert stack.pairs == (AB, BC)
        assert {pair: round(score, 9) for pair, score in stack.scores.items()} == {AB: 70.0, BC: 40.0}
        assert stack.problems == ()


@pytest.mark.parametrize(
    ("scores", "status", "expected"),
    [
        ([0.4, 0.4], {"x": "healthy"}, [0.4, 0.4]),
        ([0.4, 0.4], {}, [0.4, 0.4]),
        ([0.4, 0.4], None, [40.0, 40.0]),
        ([0, 0.0], None, [0.0, 0.0]),
        ([0, 1], None, [0.0, 100.0]),
        ([1, 0.5], None, [100.0, 50.0]),
        ([1.5, 0.5], None, [1.5, 0.5]),
        ([80, None], None, [80.0]),
        ([80, "bad"], None, [80.0]),
        ([80, True], None, [80.0]),
    ],
)
def test_the_scale_is_decided_once_per_file(scores: list, status: dict | None, expected: list[float]) -> None:
    quality: dict = {"scores": dict(zip((f"{A},{B}", f"{B},{C}"), scores))}
    if status is not None:
        quality["status"] = {f"{A}:{B}": "healthy"} if status else {}
    stack = Stack.from_document({"pairs": [[A, B], [B, C]], "pair_quality": quality})
    assert list(stack.scores.values()) == expected


def test_mixed_scales_are_flagged_and_kept() -> None:
    document = {"pairs": [[A, B], [B, C]], "pair_quality": {"scores": {f"{A},{B}": 70.0, f"{B},{C}": 0.35}}}
    stack = Stack.from_document(document, "stack_p1_f2.json")
    assert stack.scores == {AB: 70.0, BC: 0.35}
    assert [problem.code for problem in stack.problems] == ["stack.mixed_scales"]


def test_new_quality_is_written_as_documented_and_foreign_keys_stay(tmp_path: Path) -> None:
    job = JobFolder(make_job_folder(tmp_path, stack=STACK_040))
    stack = replace(job.read_stack(), scores={AB: 60.0, BC: 59.94, AC: 12.0}, factors={AB: {"rain": 0.1}})
    written = get_json(job.write_stack(stack))
    assert written["pair_quality"] == {
        "scores": {f"{A},{B}": 60.0, f"{B},{C}": 59.9, f"{A},{C}": 12.0},
        "factors": {f"{A},{B}": {"rain": 0.1}},
        "status": {f"{A}:{B}": "healthy", f"{B}:{C}": "concern", f"{A}:{C}": "concern"},
        "note": "kept",
    }
    assert written["made_by"] == STACK_040["made_by"]
    assert written["pairs"] == STACK_040["pairs"]


def test_new_scores_leave_verdicts_of_pairs_that_have_none(tmp_path: Path) -> None:
    job = JobFolder(make_job_folder(tmp_path, stack=STACK_042))
    written = get_json(job.write_stack(replace(job.read_stack(), scores={AB: 12.0})))
    assert written["pair_quality"]["status"] == {f"{A}:{B}": "concern", f"{A}:{C}": "concern"}
    # A verdict of ours goes with its score.
    written = get_json(job.write_stack(replace(job.read_stack(), scores={})))
    assert written["pair_quality"]["status"] == {f"{A}:{C}": "concern"}


def test_scores_round_halves_away_from_zero() -> None:
    assert [rounded_score(value) for value in (42.25, 49.75, 59.95, 0.0)] == [42.3, 49.8, 60.0, 0.0]


def test_changed_pairs_keep_extra_items_unreadable_items_and_scenes(tmp_path: Path) -> None:
    sample = {"pairs": [[A, B, 12], ["nodate", "x"], [A]], "scenes": [A, B], "baselines": {A: 0.0, B: "?"}}
    job = JobFolder(make_job_folder(tmp_path, stack=sample))
    stack = job.read_stack()
    assert stack.pairs == (AB,)
    assert stack.baselines == {A: 0.0}
    assert [problem.code for problem in stack.problems] == ["stack.not_understood"] * 2
    assert get_json(job.write_stack(stack)) == sample
    written = get_json(job.write_stack(stack.with_pairs([BC, AB])))
    assert written["pairs"] == [[B, C], [A, B, 12], ["nodate", "x"], [A]]
    assert written["scenes"] == [A, B, C]


def test_a_new_stack_is_complete_and_unknown_is_absent(tmp_path: Path) -> None:
    job = JobFolder(tmp_path / "p44_f117")
    path = job.write_stack(Stack(pairs=(AB,), scenes=(C,), baselines={A: 0.0}))
    assert path.name == "stack_p44_f117.json"
    assert get_json(path) == {"pairs": [[A, B]], "baselines": {A: 0.0}, "scenes": [A, B, C]}
    assert job.read_stack().baseline_of(AB) is None


def test_a_change_by_somebody_else_is_noticed_and_merged(tmp_path: Path) -> None:
    job = JobFolder(make_job_folder(tmp_path))
    before, stack = job.stack_fingerprint(), job.read_stack()
    put_json(tmp_path / "stack_p0_f0.json", {**STACK, "pair_quality": STACK_042["pair_quality"], "more": 1})
    with pytest.raises(InsarError, match=r"stack\.changed_on_disk"):
        job.write_stack(stack.with_pairs([AC]), expected=before)
    written = get_json(job.write_stack(stack.with_pairs([AC])))
    assert written["pairs"] == [[A, C]]
    assert written["pair_quality"] == STACK_042["pair_quality"]
    assert written["more"] == 1


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("stack_p0_f0.json", StackNumbers(0, (0,))),
        ("stack_p100_f466.json", StackNumbers(100, (466,))),
        ("stack_p100_merged_f466_f471.json", StackNumbers(100, (466, 471))),
        ("stack_p100.json", None),
        ("stack_p1_f2.json.bak", None),
        ("stack_p../../x_f1.json", None),
    ],
)
def test_names(name: str, numbers: StackNumbers | None) -> None:
    assert numbers_of_stack_name(name) == numbers
    if numbers is not None:
        assert numbers.stack_name == name
        assert numbers_of_folder_name(numbers.stem) == numbers


def test_legacy_pairs_and_baselines(tmp_path: Path) -> None:
    put_json(tmp_path / "pairs_p44_f117.json", [[B, A], [B, C]])
    put_json(tmp_path / "baselines_p44_f117.json", {A: 0.0, B: 7.5})
    job = JobFolder(tmp_path)
    assert job.is_job_folder()
    stack = job.read_stack()
    assert (stack.pairs, stack.baselines, stack.numbers) == (
        (AB, BC),
        {A: 0.0, B: 7.5},
        StackNumbers(44, (117,)),
    )
    path = job.write_stack(stack)
    assert path.name == "stack_p44_f117.json"
    assert get_json(path)["scenes"] == [A, B, C]
    assert job.stack_file() == path


def test_legacy_pairs_json(tmp_path: Path) -> None:
    path = put_json(tmp_path / "pairs.json", {"pairs": [[A, B]]})
    assert read_stack_file(path).pairs == (AB,)
    put_json(path, {"p1_f2": [[A, C]]})
    assert JobFolder(tmp_path).read_stack().pairs == (AC,)
    put_json(path, {"a": 1, "b": 2})
    with pytest.raises(InsarError, match=r"file\.malformed"):
        read_stack_file(path)


def test_keys() -> None:
    assert pair_of_key(f"{B} , {A}") == AB
    assert pair_of_key(f"{A}:{B}") == AB
    assert pair_of_key(A) is None
    assert pair_of_key("one:two") is None
