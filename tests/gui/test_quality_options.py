# SPDX-License-Identifier: GPL-2.0-or-later
"""Options of the pair quality: what may be asked is what is asked, and the key of FIRMS is in one place only."""

from __future__ import annotations

from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsSettings

from insarhub_qgis.core.pair_score import PRESETS, ScoreWeights
from insarhub_qgis.gui.options_page import OptionsPage
from insarhub_qgis.host import firms_key
from insarhub_qgis.host.accounts import accounts
from insarhub_qgis.host.quality_requests import build_request, usable_sources
from insarhub_qgis.host.settings import settings
from tests.makers.auth_database import open_test_database

KEY = "0123456789abcdef" * 2
JOB = Path("/jobs/p5_f1")


@pytest.fixture
def manager(qgis_app):
    with open_test_database() as opened:
        yield opened


@pytest.fixture
def options(iface, manager):
    applied = []
    page = OptionsPage(lambda *what: applied.append(what), lambda: None, iface.window)
    page.applied = applied
    yield page
    page.deleteLater()


def settings_text():
    found = QgsSettings()
    return "\n".join(f"{key}={found.value(key)}" for key in found.allKeys())


def test_what_is_ticked_is_what_may_be_asked(options):
    quality = options.quality
    assert [name for name, box in quality.sources.items() if box.isChecked()] == [
        "weather",
        "landcover",
        "vegetation",
    ]
    quality.sources["vegetation"].setChecked(False)
    quality.sources["snow"].setChecked(True)
    quality.preset.setCurrentIndex(quality.preset.findData("cold"))
    assert usable_sources() == ("weather", "landcover", "vegetation"), "nothing is saved before OK"
    options.apply()
    assert options.applied == [(False, False, True)]
    assert usable_sources() == ("weather", "landcover", "snow")
    request, credential = build_request(JOB, {}, is_asking=True)
    assert (request.sources, request.preset, credential) == (("weather", "landcover", "snow"), "cold", None)
    assert request.is_background


def test_all_services_can_be_forbidden(options):
    for box in options.quality.sources.values():
        box.setChecked(False)
    options.apply()
    assert build_request(JOB, {}, is_asking=True)[0].sources == ()


def test_unchanged_options_are_no_change(options):
    options.apply()
    assert options.applied == [(False, False, False)]


def test_each_service_says_what_it_is_told(options):
    tips = {name: box.toolTip() for name, box in options.quality.sources.items()}
    assert len(set(tips.values())) == 5
    for name, host in (("weather", "Open-Meteo"), ("snow", "Planetary Computer"), ("fire", "FIRMS")):
        assert host in tips[name]


def test_the_weights_of_a_job_go_before_the_usual_ones(manager):
    settings().quality_preset.setValue("arid")
    assert build_request(JOB, {}, is_asking=False)[0].preset == "arid"
    kept = {"weights": PRESETS["tropics"].to_json()}
    assert build_request(JOB, kept, is_asking=False)[0].preset == "tropics"
    own = ScoreWeights(rain=0.11)
    request, _ = build_request(JOB, {"weights": own.to_json()}, is_asking=False)
    assert (request.preset, request.weights) == ("standard", own.to_json())
    settings().quality_preset.setValue("no such preset")
    assert build_request(JOB, {}, is_asking=False)[0].preset == "standard"


# --- The key of FIRMS --------------------------------------------------------------------------------


def test_the_key_is_kept_in_the_authentication_database_alone(options, manager):
    quality = options.quality
    assert "free" in quality.state.text()
    for text in ("", "short", KEY[:-1], KEY + "0", "g" * 32):
        quality.key.setText(text)
        assert not quality.keep_button.isEnabled(), text
    quality.key.setText(f" {KEY.upper()} ")
    quality.keep_button.click()
    assert quality.key.text() == ""
    assert "is kept" in quality.state.text()
    assert quality.sources["fire"].isChecked()
    assert firms_key.map_key_credential().password == KEY.upper()
    # It is no Earthdata account, and nothing else knows it.
    assert accounts() == []
    options.apply()
    assert options.applied == [(False, False, True)]
    assert KEY.lower() not in settings_text().lower()
    request, credential = build_request(JOB, {}, is_asking=True)
    assert "fire" in request.sources
    assert credential.password == KEY.upper()
    assert KEY.lower() not in str(request.to_json()).lower()


def test_another_key_takes_its_place_and_it_can_be_removed(options, manager):
    quality = options.quality
    for key in (KEY, KEY[::-1]):
        quality.key.setText(key)
        quality.keep_button.click()
    assert len(manager.configIds()) == 1
    assert firms_key.map_key_credential().password == KEY[::-1]
    quality.remove_button.click()
    assert manager.configIds() == []
    assert (firms_key.map_key_credential(), quality.remove_button.isEnabled()) == (None, False)
    settings().quality_sources.setValue("weather,fire")
    assert usable_sources() == ("weather",), "without a key nobody can be asked"


def test_a_sandbox_never_gets_the_key(options, manager):
    firms_key.keep_map_key(KEY)
    settings().quality_sources.setValue("fire")
    settings().use_sandbox.setValue(True)
    request, credential = build_request(JOB, {}, is_asking=True)
    assert (request.sources, credential) == (("fire",), None)


def test_a_build_that_begins_by_itself_asks_for_no_password(manager, monkeypatch):
    firms_key.keep_map_key(KEY)
    settings().quality_sources.setValue("fire")
    monkeypatch.setattr("insarhub_qgis.host.quality_requests.is_database_open", lambda: False)
    monkeypatch.setattr(
        "insarhub_qgis.host.quality_requests.map_key_credential", lambda: pytest.fail("asked")
    )
    request, credential = build_request(JOB, {}, is_asking=False)
    # What the cache knows of fires still counts.
    assert (request.sources, credential) == (("fire",), None)


def test_a_disabled_database_is_told(options, manager, monkeypatch):
    monkeypatch.setattr(type(QgsApplication.authManager()), "setMasterPassword", lambda *_: False)
    options.quality.key.setText(KEY)
    options.quality.keep_button.click()
    assert "password" in options.quality.state.text()
    assert options.quality.key.text() == KEY
