# SPDX-License-Identifier: GPL-2.0-or-later
"""Log tab, sentences, language, version."""

from __future__ import annotations

import logging
import re

import pytest
from qgis.core import Qgis, QgsApplication

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.host import counts, log, messages, paths, translation


@pytest.fixture
def tab():
    lines = []
    message_log = QgsApplication.messageLog()

    def take(text, tag, level):
        if tag == log.TAB:
            lines.append((text, level))

    message_log.messageReceived[str, str, Qgis.MessageLevel].connect(take)
    log.attach_log()
    yield lines
    log.detach_log()
    message_log.messageReceived[str, str, Qgis.MessageLevel].disconnect(take)


def test_the_tab_shows_what_the_package_logs(tab):
    logging.getLogger("insarhub_qgis.core.somewhere").warning("%d files", 3)
    log.info("100 % done")
    log.error("failed")
    assert tab == [
        ("3 files", Qgis.MessageLevel.Warning),
        ("100 % done", Qgis.MessageLevel.Info),
        ("failed", Qgis.MessageLevel.Critical),
    ]


def test_a_trace_is_in_the_tab(tab):
    try:
        raise ValueError("odd")
    except ValueError:
        log.exception("reading")
    assert tab[0][0].startswith("reading\nTraceback")


def test_debug_lines_are_shown_only_when_asked_for(tab):
    log.log_engine_line("debug", "a library says")
    log.attach_log(logging.DEBUG)
    log.log_engine_line("debug", "a library says more")
    log.log_engine_line("odd level", "still there")
    assert [text for text, _ in tab] == ["a library says more", "still there"]


def test_nothing_is_logged_twice_or_after_unload(tab):
    log.attach_log()
    log.info("once")
    log.detach_log()
    log.warning("never")
    assert [text for text, _ in tab] == ["once"]


def test_a_sentence_has_its_fields_and_a_next_step():
    error = InsarError(
        "engine.package_outdated", package="mintpy", version="1.5", wanted="1.6.0", python="/e/python"
    )
    assert messages.sentence(error) == (
        "The engine environment has mintpy 1.5, but 1.6.0 or newer is needed. "
        "Update the environment on the Set-up page, or update mintpy in /e/python."
    )
    assert messages.sentence(error) == f"{messages.what_happened(error)} {messages.what_to_do(error)}"


def test_an_unknown_field_is_shown_as_such():
    assert "?" in messages.what_happened(InsarError("file.disk_full"))
    assert "?" in messages.what_happened(InsarError("file.disk_full", file=None))


def test_a_field_with_braces_is_no_format():
    assert "{0.__class__}" in messages.what_happened(InsarError("file.disk_full", file="{0.__class__}"))


def test_an_unknown_code_still_says_something():
    assert messages.sentence(InsarError("no.such", a=1)) == "no.such (a=1)"


def test_a_cancel_is_no_failure():
    assert messages.what_happened(Cancelled()).startswith("Cancelled.")


def test_the_version_is_that_of_metadata():
    assert re.fullmatch(r"\d+\.\d+\.\d+", paths.plugin_version())


def test_an_icon_that_does_not_ship():
    with pytest.raises(FileNotFoundError):
        paths.icon_path("no such icon")


def test_language_comes_and_goes(monkeypatch, tmp_path):
    monkeypatch.setattr(translation, "package_folder", lambda: tmp_path)
    assert translation.install_translation() is False
    translation.remove_translation()
    assert translation.tr("Cancel") == "Cancel"


def test_one_of_something_is_spoken_of_in_the_singular():
    fields = {"dates": ["2020-01-08"]}
    assert messages.what_happened(InsarError("check.unpaired", count=1, **fields)).startswith("One date has")
    assert messages.what_happened(InsarError("check.unpaired", count=2, **fields)).startswith("2 dates have")
    assert messages.what_to_do(InsarError("check.unpaired", count=1, **fields)).endswith("exclude it.")
    assert messages.what_to_do(InsarError("check.unpaired", count=2, **fields)).endswith("exclude them.")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 credits"), (0.5, "0.50 credits"), (1, "1 credit"), (1.0, "1 credit"), (2, "2 credits"),
     (8000, "8,000 credits"), (None, "– credits")],
)  # fmt: skip
def test_numbers_of_things_read_well(number, text):
    assert counts.counted_credits(number) == text


def test_each_noun_has_both_forms():
    for noun in ("scene", "date", "pair", "part", "burst", "job", "product", "pixel"):
        counted = getattr(counts, f"counted_{noun}s")
        assert (counted(0), counted(1), counted(1234)) == (f"0 {noun}s", f"1 {noun}", f"1,234 {noun}s")


def test_credits_in_a_sentence_bring_their_unit():
    price = InsarError("check.dear", credits=1.0, left=8000)
    assert messages.what_happened(price) == "The network costs 1 credit; the account has 8,000 left."
    pair = InsarError("check.red_pairs_priced", count=1, credits=10, pairs=["20200108_20200120"])
    assert messages.what_happened(pair).startswith(
        "One pair is poor (score below 30) and would cost 10 credits:"
    )
