# SPDX-License-Identifier: GPL-2.0-or-later
"""The algorithms of HyP3 against the sandbox: accounts, dry run, submission, table of jobs, download, watch, retry."""

from __future__ import annotations

import time

import pytest
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from insarhub_qgis.core.sandbox_credentials import make_sandbox_token
from insarhub_qgis.host import accounts, paths
from insarhub_qgis.host.settings import settings
from tests.makers.auth_database import open_test_database
from tests.makers.sandbox_server import running_sandbox
from tests.makers.tokens import unsigned_token

DAY_S = 86400.0


class Words(QgsProcessingFeedback):
    def __init__(self):
        super().__init__(False)
        self.warnings, self.infos = [], []

    def pushWarning(self, text):
        self.warnings.append(text)

    def pushInfo(self, text):
        self.infos.append(text)


@pytest.fixture(scope="module")
def sandbox(engine):
    with running_sandbox(engine) as url:
        yield url


@pytest.fixture(autouse=True)
def _own_settings(qgis_app, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "private_folder", lambda: tmp_path / "private")
    with open_test_database():
        yield
    for entry in (settings().use_sandbox, settings().sandbox_url, settings().earthdata_account):
        entry.remove()


@pytest.fixture
def use_sandbox(sandbox):
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(sandbox)
    return sandbox


def stops(run, name, **parameters):
    with pytest.raises(QgsProcessingException) as caught:
        run(name, parameters)
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


# --- Accounts ---


def test_the_sandbox_needs_no_account(run, use_sandbox):  # insarhub:hyp3credits
    words = Words()
    answer = run("hyp3credits", {}, words)
    assert answer["CREDITS"] > 0
    assert any(text.startswith("Signed in as sandbox-user until") for text in words.infos)


@pytest.mark.parametrize(
    ("password", "expected"),
    [("any", None), ("wrong", "with this password"), ("eula", "licence"), ("study-area", "study area")],
)
def test_user_and_password(run, use_sandbox, password, expected):
    auth_id = accounts.add_password("sandbox-anna", password)
    if expected is None:
        assert run("hyp3credits", {"AUTH": auth_id})["CREDITS"] > 0
    else:
        assert expected in stops(run, "hyp3credits", AUTH=auth_id)


def test_a_token(run, use_sandbox):
    words = Words()
    auth_id = accounts.add_token(make_sandbox_token("sandbox-otto", time.time() + DAY_S))
    assert run("hyp3credits", {"AUTH": auth_id}, words)["CREDITS"] > 0
    assert any("sandbox-otto" in text for text in words.infos)


def test_a_real_account_stays_here_while_the_sandbox_is_on(run, use_sandbox):
    token = unsigned_token({"uid": "anna", "exp": time.time() + DAY_S})
    for auth_id in (accounts.add_token(token), accounts.add_password("anna", "secret")):
        assert "nothing was sent" in stops(run, "hyp3credits", AUTH=auth_id)


def test_without_account_and_without_sandbox_there_is_a_sentence(run):
    assert "No Earthdata account is chosen" in stops(run, "hyp3credits")
    assert "no configuration abc1234" in stops(run, "hyp3credits", AUTH="abc1234")


def test_without_the_master_password_there_is_a_sentence(run, use_sandbox):
    auth_id = accounts.add_password("sandbox-anna", "any")
    with open_test_database() as manager:
        manager.clearMasterPassword()
        assert "master password" in stops(run, "hyp3credits", AUTH=auth_id)
