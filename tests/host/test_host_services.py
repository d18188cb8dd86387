# SPDX-License-Identifier: GPL-2.0-or-later
"""Log tab, sentences, language, version."""

from __future__ import annotations

import logging
import re

import pytest
from qgis.core import Qgis, QgsApplication

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.host import log, messages, paths, translation


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
