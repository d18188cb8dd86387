# SPDX-License-Identifier: GPL-2.0-or-later
"""Earthdata accounts in a real authentication database of QGIS, with a master password of this test."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsAuthMethodConfig, QgsSettings

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.sandbox_credentials import is_sandbox_token, make_sandbox_token, token_claims
from insarhub_qgis.host import accounts
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.host.settings import settings
from tests.makers.auth_database import MASTER_PASSWORD, open_test_database
from tests.makers.tokens import unsigned_token

DAY_S = 86400.0


@pytest.fixture(autouse=True)
def manager(qgis_app):
    with open_test_database() as manager:
        yield manager


def real_token(user="anna", days=30.0):
    return unsigned_token(
        {"uid": user, "exp": int(time.time() + days * DAY_S), "iss": accounts.EARTHDATA_URI}
    )


def fails(code, function, *arguments):
    with pytest.raises(InsarError) as caught:
        function(*arguments)
    assert caught.value.code == code, caught.value
    assert code not in sentence(caught.value)
    return caught.value


def test_a_token_is_kept_and_given_back():
    token = real_token()
    auth_id = accounts.add_token(f" Bearer {token}\n")
    (account,) = accounts.accounts()
    assert (account.auth_id, account.name, account.kind) == (auth_id, "Earthdata anna (token)", "token")
    credential = accounts.credential_of(auth_id)
    assert (credential.token, credential.user, credential.password) == (token, "", "")


def test_user_and_password_are_kept_and_given_back():
    auth_id = accounts.add_password(" anna ", "pä:ss wörd ")
    credential = accounts.credential_of(auth_id)
    assert (credential.user, credential.password, credential.token) == ("anna", "pä:ss wörd ", "")
    assert accounts.accounts()[0].kind == "password"


def test_a_new_secret_of_the_same_user_keeps_the_id():
    first = accounts.add_token(real_token(days=1))
    second = accounts.add_token(real_token(days=40))
    other = accounts.add_token(real_token("otto"))
    password = accounts.add_password("anna", "a")
    assert first == second
    assert accounts.add_password("anna", "b") == password
    assert set(accounts.account_ids()) == {first, other, password}
    assert len({first, other, password}) == 3
    assert token_claims(accounts.credential_of(first).token)["exp"] > time.time() + 30 * DAY_S
    assert accounts.credential_of(password).password == "b"


def test_the_usual_account():
    fails("credentials.no_account", accounts.credential_of, "")
    only = accounts.add_password("anna", "a")
    assert accounts.default_account() == only
    assert accounts.credential_of("").user == "anna"
    second = accounts.add_password("otto", "b")
    assert accounts.default_account() == ""
    fails("credentials.no_account", accounts.credential_of, "")
    accounts.set_default_account(second)
    assert accounts.credential_of("").user == "otto"
    accounts.remove_account(second)
    assert settings().earthdata_account.value() == ""
    assert accounts.default_account() == only


def test_settings_keep_the_id_and_nothing_else():
    token, password = real_token(), "s3cret-pässword"
    accounts.set_default_account(accounts.add_token(token))
    accounts.add_password("anna", password)
    QgsSettings().sync()
    stored = Path(QgsSettings().fileName()).read_bytes()
    assert accounts.default_account().encode() in stored
    for secret in (token, token.split(".")[1], password, "s3cret", MASTER_PASSWORD):
        assert secret.encode() not in stored


def test_configurations_of_other_services_are_no_accounts(manager):
    for uri, method in (("https://maps.example", "Basic"), (accounts.EARTHDATA_URI, "EsriToken")):
        config = QgsAuthMethodConfig(method)
        config.setName(f"{uri} {method}")
        config.setUri(uri)
        config.setConfigMap({"username": "u", "password": "p", "token": "t"})
        assert manager.storeAuthenticationConfig(config)[0]
    assert accounts.accounts() == []


def test_a_configuration_made_in_qgis_works_as_well(manager):
    token = real_token()
    config = QgsAuthMethodConfig("APIHeader")
    config.setName("mine")
    config.setConfigMap({"authorization": f"bearer  {token}"})
    _, config = manager.storeAuthenticationConfig(config)
    assert accounts.credential_of(config.id()).token == token
    for values in ({"Authorization": "Basic YTpi"}, {"X-Key": "a"}, {"Authorization": "Bearer "}):
        config.setConfigMap(values)
        assert manager.updateAuthenticationConfig(config)
        assert fails("credentials.not_earthdata", accounts.credential_of, config.id()).fields == {
            "account": "mine"
        }


@pytest.mark.parametrize("token", ["", "abc", "a.b.c", "Bearer ", unsigned_token({"uid": "anna"})])
def test_what_is_no_token_is_not_kept(token):
    fails("credentials.token_malformed", accounts.add_token, token)
    assert accounts.accounts() == []


def test_an_expired_token_is_not_kept():
    error = fails("credentials.token_expired", accounts.add_token, real_token(days=-1))
    assert error.fields["account"] == "anna"
    assert accounts.accounts() == []


def test_a_password_without_user_is_not_kept():
    for user, password in (("", "a"), (" ", "a"), ("anna", "")):
        fails("credentials.missing", accounts.add_password, user, password)


# --- Files ---


def test_files_are_read_when_asked_and_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    fails("login_file.missing", accounts.import_netrc)
    fails("login_file.missing", accounts.import_credit_pool)
    netrc, pool = tmp_path / ".netrc", tmp_path / ".credit_pool"
    netrc.write_text("machine urs.earthdata.nasa.gov login anna password one\n")
    pool.write_text("# pool\n\nbert:two:three\ncara:four\n")
    before = (netrc.read_bytes(), pool.read_bytes(), sorted(tmp_path.iterdir()))
    fails("credentials.no_account", accounts.credential_of, "")
    assert accounts.accounts() == []
    (anna,) = accounts.import_netrc()
    bert, cara = accounts.import_credit_pool()
    assert accounts.credential_of(anna).password == "one"
    assert accounts.credential_of(bert).password == "two:three"
    assert accounts.credential_of(cara).user == "cara"
    assert accounts.import_credit_pool() == [bert, cara]
    assert (netrc.read_bytes(), pool.read_bytes(), sorted(tmp_path.iterdir())) == before


# --- Master password ---


def test_without_the_master_password(manager):
    auth_id = accounts.add_password("anna", "a")
    manager.clearMasterPassword()
    error = fails("credentials.master_password", accounts.credential_of, auth_id)
    assert "master password" in sentence(error)
    fails("credentials.master_password", accounts.add_password, "otto", "b")
    # What needs no secret goes on to work.
    assert accounts.account_ids() == [auth_id]
    assert manager.setMasterPassword(MASTER_PASSWORD, True)
    assert accounts.credential_of(auth_id).user == "anna"


def test_a_configuration_that_is_gone():
    auth_id = accounts.add_password("anna", "a")
    accounts.remove_account(auth_id)
    assert accounts.accounts() == []
    fails("credentials.account_gone", accounts.credential_of, auth_id)
    fails("credentials.account_gone", accounts.remove_account, auth_id)


def test_a_disabled_database(monkeypatch):
    class Disabled:
        def isDisabled(self):
            return True

        def disabledMessage(self):
            return "QCA is missing"

    monkeypatch.setattr(accounts.QgsApplication, "authManager", staticmethod(Disabled))
    assert accounts.accounts() == []
    error = fails("credentials.database_disabled", accounts.credential_of, "abc1234")
    assert "QCA is missing" in sentence(error)
    fails("credentials.database_disabled", accounts.add_password, "anna", "a")


# --- Sandbox ---


def test_the_sandbox_needs_no_account():
    settings().use_sandbox.setValue(True)
    credential = accounts.credential_of("")
    assert is_sandbox_token(credential.token)
    assert token_claims(credential.token)["uid"] == accounts.SANDBOX_USER


def test_a_real_account_stays_here_while_the_sandbox_is_on():
    token, password = accounts.add_token(real_token()), accounts.add_password("anna", "a")
    settings().use_sandbox.setValue(True)
    for auth_id in (token, password):
        fails("credentials.not_sandbox", accounts.credential_of, auth_id)


def test_an_account_of_the_sandbox_is_for_the_sandbox_only():
    token = accounts.add_token(make_sandbox_token("sandbox-anna", time.time() + DAY_S))
    password = accounts.add_password("sandbox-anna", "eula")
    for auth_id in (token, password):
        fails("credentials.sandbox_only", accounts.credential_of, auth_id)
    settings().use_sandbox.setValue(True)
    assert is_sandbox_token(accounts.credential_of(token).token)
    assert accounts.credential_of(password).password == "eula"


def test_the_database_itself_holds_no_plain_secret():
    password = "s3cret-in-the-database"
    accounts.add_password("anna", password)
    file = Path(QgsApplication.qgisSettingsDirPath()) / "qgis-auth.db"
    assert file.is_file()
    assert password.encode() not in file.read_bytes()
