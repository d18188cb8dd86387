# SPDX-License-Identifier: GPL-2.0-or-later
"""Earthdata accounts in Options: added by dialogs, tested against the sandbox, removed when agreed."""

from __future__ import annotations

import time

import pytest
from qgis.gui import QgsPasswordLineEdit
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDialogButtonBox, QLineEdit, QMessageBox

from insarhub_qgis.core.sandbox_credentials import make_sandbox_token
from insarhub_qgis.gui import earthdata_accounts
from insarhub_qgis.gui.earthdata_accounts import EarthdataAccounts, TokenDialog
from insarhub_qgis.gui.options_page import OptionsPage
from insarhub_qgis.host import accounts
from insarhub_qgis.host.settings import settings
from tests.makers.auth_database import open_test_database
from tests.makers.engine_python import find_engine_python
from tests.makers.sandbox_server import running_sandbox
from tests.makers.tokens import unsigned_token

DAY_S = 86400.0


@pytest.fixture(autouse=True)
def manager(qgis_app):
    with open_test_database() as manager:
        yield manager


@pytest.fixture(scope="module")
def sandbox():
    python = find_engine_python()
    if python is None:
        pytest.skip("no engine environment: run make setup")
    with running_sandbox(python) as url:
        yield url


def real_token(user="anna"):
    return unsigned_token({"uid": user, "exp": int(time.time() + 30 * DAY_S)})


@pytest.fixture
def shown(qgis_app):
    boxes = []

    def show():
        box = EarthdataAccounts()
        boxes.append(box)
        box.resize(560, 160)
        box.show()
        QTest.qWaitForWindowExposed(box)
        return box

    yield show
    for box in boxes:
        box.close()
        box.deleteLater()


def click(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def in_dialog(act):
    """Do something in the dialog that opens next."""

    def work():
        dialog = QApplication.activeModalWidget()
        assert dialog is not None
        act(dialog)

    QTimer.singleShot(100, work)


def type_into(dialog, name, text):
    field = dialog.findChild(QLineEdit, name) or dialog.findChild(QgsPasswordLineEdit, name)
    field.clear()
    QTest.keyClicks(field, text)


def press(dialog, button):
    click(dialog.findChild(QDialogButtonBox).button(button))


def add_password(box, user, password):
    def act(dialog):
        type_into(dialog, "insarhubUser", user)
        type_into(dialog, "insarhubPassword", password)
        press(dialog, QDialogButtonBox.StandardButton.Ok)

    in_dialog(act)
    click(box.findChild(object, "insarhubAddPassword"))


def test_without_any_account(shown):
    box = shown()
    assert box.account.count() == 0
    assert not box.test_button.isEnabled()
    assert not box.remove_button.isEnabled()
    assert not box.page_button.isVisible()
    box.apply()
    assert settings().earthdata_account.value() == ""


def test_a_token_is_added_when_it_is_one(shown):
    box = shown()
    token = real_token()

    def act(dialog):
        ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
        assert not ok.isEnabled()
        assert dialog.token.echoMode() == QLineEdit.EchoMode.Password
        dialog.token.setText("abc")
        assert "no Earthdata token" in dialog.state.text()
        assert not ok.isEnabled()
        dialog.token.setText(unsigned_token({"uid": "anna", "exp": 1_600_000_000}))
        assert "expired" in dialog.state.text()
        assert not ok.isEnabled()
        dialog.token.setText(f"Bearer {token} ")
        assert "Token of anna, good until" in dialog.state.text()
        click(ok)

    in_dialog(act)
    click(box.findChild(object, "insarhubAddToken"))
    assert box.account.currentText() == "Earthdata anna (token)"
    assert "Earthdata anna (token)" in box.state.text()
    assert accounts.credential_of(box.account.currentData()).token == token


def test_a_dialog_that_is_cancelled_keeps_nothing(shown):
    box = shown()

    def act(dialog):
        type_into(dialog, "insarhubUser", "anna")
        press(dialog, QDialogButtonBox.StandardButton.Cancel)

    in_dialog(act)
    click(box.findChild(object, "insarhubAddPassword"))
    assert accounts.accounts() == []


def test_the_usual_account_is_saved_with_ok_only(shown):
    box = shown()
    add_password(box, "anna", "one")
    add_password(box, "otto", "two")
    assert box.account.count() == 2
    assert box.account.currentText() == "Earthdata otto"
    assert accounts.default_account() == ""
    box.apply()
    assert accounts.credential_of("").user == "otto"
    again = shown()
    assert again.account.currentText() == "Earthdata otto"


def test_an_account_is_removed_when_agreed(shown, monkeypatch):
    box = shown()
    add_password(box, "anna", "one")
    asked = []
    monkeypatch.setattr(
        earthdata_accounts.QMessageBox,
        "question",
        staticmethod(lambda *what: asked.append(what) or QMessageBox.StandardButton.No),
    )
    click(box.remove_button)
    assert "Earthdata anna" in asked[0][2]
    assert asked[0][4] == QMessageBox.StandardButton.No
    assert box.account.count() == 1
    monkeypatch.setattr(
        earthdata_accounts.QMessageBox, "question", staticmethod(lambda *_: QMessageBox.StandardButton.Yes)
    )
    click(box.remove_button)
    assert box.account.count() == 0
    assert accounts.accounts() == []
    assert "deleted" in box.state.text()


def test_files_are_imported_by_the_menu(shown, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    box = shown()
    from_netrc, from_pool = box.import_button.menu().actions()
    from_netrc.trigger()
    assert "There is no file" in box.state.text()
    (tmp_path / ".credit_pool").write_text("# none yet\n")
    from_pool.trigger()
    assert "names no account" in box.state.text()
    (tmp_path / ".credit_pool").write_text("anna:a\notto:b:c\n")
    from_pool.trigger()
    assert "Earthdata anna, Earthdata otto" in box.state.text()
    assert box.account.count() == 2


def test_without_the_master_password_nothing_is_kept(shown, manager):
    box = shown()
    manager.clearMasterPassword()
    add_password(box, "anna", "one")
    assert "master password" in box.state.text()
    assert box.account.count() == 0


# --- Test ---


def run_test(box, patience):
    click(box.test_button)
    assert box.test_button.text() == "Cancel"
    patience.waitUntil(lambda: box._task is None, timeout=30_000)
    return box.state.text()


@pytest.fixture
def use_sandbox(sandbox, engine):
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(sandbox)


def test_who_is_signed_in_until_when_and_what_is_left(shown, use_sandbox, patience):
    box = shown()
    assert box.account.currentText() == "login of the sandbox"
    text = run_test(box, patience)
    assert text.startswith(f"Signed in as {accounts.SANDBOX_USER} until ")
    assert "credits" in text
    assert not box.page_button.isVisible()
    box.apply()
    assert settings().earthdata_account.value() == ""


@pytest.mark.parametrize(
    ("password", "words", "page"),
    [
        ("any", "Signed in as sandbox-anna until", ""),
        ("wrong", "does not know sandbox-anna with this password", "https://urs.earthdata.nasa.gov/"),
        ("eula", "licence has not been accepted", "https://urs.earthdata.nasa.gov/accept_eula"),
        ("study-area", "no study area", "https://urs.earthdata.nasa.gov/profile"),
        ("not-authorised", "application of ASF may not use", "https://urs.earthdata.nasa.gov/approve_app"),
    ],
)
def test_each_case_is_told_apart(shown, use_sandbox, patience, monkeypatch, password, words, page):
    opened = []
    monkeypatch.setattr(
        earthdata_accounts.QDesktopServices,
        "openUrl",
        staticmethod(lambda url: opened.append(url.toString())),
    )
    box = shown()
    add_password(box, "sandbox-anna", password)
    assert words in run_test(box, patience)
    assert box.page_button.isVisible() == bool(page)
    if page:
        click(box.page_button)
        assert opened == [page]


def test_a_token_of_the_sandbox(shown, use_sandbox, patience):
    auth_id = accounts.add_token(make_sandbox_token("sandbox-tok", time.time() + 5 * DAY_S))
    box = shown()
    # Without a choice it is the sandbox's own login, also for a user with one real account.
    assert box.account.currentData() == ""
    box.account.setCurrentIndex(box.account.findData(auth_id))
    assert "Signed in as sandbox-tok until" in run_test(box, patience)


def test_a_real_account_is_not_tested_at_the_sandbox(shown, use_sandbox):
    box = shown()
    add_password(box, "anna", "one")
    click(box.test_button)
    assert box._task is None
    assert "nothing was sent" in box.state.text()


def test_no_server_is_no_wrong_password(shown, engine, patience):
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue("http://127.0.0.1:9")
    box = shown()
    click(box.test_button)
    patience.waitUntil(lambda: "Signing in" in box.state.text())
    # A server that is away is asked again for a while: the test can be cancelled.
    click(box.test_button)
    patience.waitUntil(lambda: box._task is None, timeout=30_000)
    assert box.state.text() == "Cancelled."


def test_closing_options_ends_a_test(shown, use_sandbox, patience):
    box = shown()
    click(box.test_button)
    box.close()
    patience.waitUntil(lambda: box._task is None, timeout=30_000)
    assert box.state.text() == "Cancelled."


def test_the_options_page_has_the_accounts_and_saves_the_usual_one(qgis_app):
    auth_id = accounts.add_password("anna", "one")
    accounts.add_password("otto", "two")
    applied = []
    for expected in (True, False):
        page = OptionsPage(lambda *what: applied.append(what), lambda: None, None)
        page.accounts.account.setCurrentIndex(page.accounts.account.findData(auth_id))
        page.apply()
        assert accounts.default_account() == auth_id
        # Pages that show the account hear of it like of other services.
        assert applied[-1] == (False, False, expected)
        page.deleteLater()


def test_the_dialog_of_a_token_forgets_it(qgis_app):
    dialog = TokenDialog()
    dialog.token.setText(real_token())
    dialog.clear()
    assert dialog.token.text() == ""
    dialog.deleteLater()
