# SPDX-License-Identifier: GPL-2.0-or-later
"""The journal of requests that may be paid: durable, append-only, and readable after any crash."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone

import pytest

from insarhub_qgis.core import atomic_files
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_journal import (
    ABANDONED,
    ACCEPTED,
    ENDS,
    JOURNAL_NAME,
    IntendedJob,
    Intent,
    open_intents,
    write_end,
    write_intent,
)
from insarhub_qgis.core.hyp3_options import Hyp3Options
from tests.makers.job_folders import A, B


def intent(chunk=1, retry_of=""):
    parameters = Hyp3Options().job_parameters([A], [B])
    return Intent(
        submission="20240101T000000-abcd",
        chunk=chunk,
        time=datetime(2024, 1, 1, 12, 0, 5, tzinfo=timezone.utc),
        account="änna",
        api_url="https://hyp3-api.asf.alaska.edu",
        job_file="hyp3_jobs.json",
        out_dir="/data/bay",
        jobs=(IntendedJob("ifg_x", "INSAR_GAMMA", parameters, retry_of),),
        credits=10.0,
        own={"name": "ifg"},
    )


def test_an_intent_is_open_until_its_end(tmp_path):
    assert open_intents(tmp_path) == []
    first, second = intent(1), intent(2, "old-id")
    write_intent(tmp_path, first)
    write_intent(tmp_path, second)
    assert open_intents(tmp_path) == [first, second]
    write_end(tmp_path, first, ACCEPTED, ["id-1"])
    assert open_intents(tmp_path) == [second]
    write_end(tmp_path, second, ABANDONED)
    assert open_intents(tmp_path) == []
    lines = [json.loads(line) for line in (tmp_path / JOURNAL_NAME).read_text("utf-8").splitlines()]
    assert [line["event"] for line in lines] == ["intent", "intent", "accepted", "abandoned"]
    assert lines[2]["ids"] == ["id-1"]
    assert {"submission", "chunk", "time", "account", "api_url", "cost"} <= set(lines[0])


@pytest.mark.parametrize("event", ENDS)
def test_every_end_closes(tmp_path, event):
    write_intent(tmp_path, intent())
    write_end(tmp_path, intent(), event, reason={"code": "hyp3.refused"})
    assert open_intents(tmp_path) == []


def test_it_is_on_the_disk_before_it_returns(tmp_path, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(atomic_files.os, "fsync", lambda handle: (synced.append(handle), real(handle)))
    write_intent(tmp_path, intent())
    # The file, and the folder that has its name.
    assert len(synced) == 2
    write_end(tmp_path, intent(), ACCEPTED)
    assert len(synced) == 3


def test_a_line_torn_at_any_byte_leaves_the_others(tmp_path):
    write_intent(tmp_path, intent(1))
    whole = (tmp_path / JOURNAL_NAME).read_bytes()
    write_intent(tmp_path, intent(2))
    both = (tmp_path / JOURNAL_NAME).read_bytes()
    for end in range(len(whole), len(both) - 1, 7):
        (tmp_path / JOURNAL_NAME).write_bytes(both[:end])
        assert open_intents(tmp_path) == [intent(1)]
        write_intent(tmp_path, intent(3))
        assert open_intents(tmp_path) == [intent(1), intent(3)]


def test_a_torn_end_leaves_the_intent_open(tmp_path):
    write_intent(tmp_path, intent())
    write_end(tmp_path, intent(), ACCEPTED, ["id-1"])
    data = (tmp_path / JOURNAL_NAME).read_bytes()
    (tmp_path / JOURNAL_NAME).write_bytes(data[:-5])
    assert open_intents(tmp_path) == [intent()]


def test_a_whole_intent_of_another_form_is_not_passed_over(tmp_path):
    line = {**intent().to_json(), "jobs": "none"}
    (tmp_path / JOURNAL_NAME).write_text(json.dumps(line) + "\n", encoding="utf-8")
    with pytest.raises(InsarError) as caught:
        open_intents(tmp_path)
    assert (caught.value.code, caught.value.fields["line"]) == ("file.malformed", 1)


def test_other_lines_are_passed_over(tmp_path):
    write_intent(tmp_path, intent())
    with (tmp_path / JOURNAL_NAME).open("ab") as file:
        file.write(b'\n[]\n"a"\n{"event": "note"}\n\xff\xfe\n')
    assert open_intents(tmp_path) == [intent()]


def test_a_full_disk_leaves_no_torn_line(tmp_path, monkeypatch):
    write_intent(tmp_path, intent(1))
    before = (tmp_path / JOURNAL_NAME).read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_files.os, "fsync", full)
    with pytest.raises(InsarError) as caught:
        write_intent(tmp_path, intent(2))
    assert caught.value.code == "file.disk_full"
    assert (tmp_path / JOURNAL_NAME).read_bytes() == before


def test_it_holds_no_secret(tmp_path):
    write_intent(tmp_path, intent())
    text = (tmp_path / JOURNAL_NAME).read_text("utf-8").lower()
    assert not any(word in text for word in ("token", "password", "authorization", "bearer"))
