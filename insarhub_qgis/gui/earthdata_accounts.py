# SPDX-License-Identifier: GPL-2.0-or-later
"""Earthdata accounts in Options: which one is usually signed in, add, import, remove, and test it."""

from __future__ import annotations

from typing import Any, Callable

from qgis.gui import QgsPasswordLineEdit
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices, QHideEvent
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.bearer_token import read_token
from insarhub_qgis.core.earthdata_pages import BEARER_PAGE, SIGN_IN_PAGE
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.requests import Hyp3Account
from insarhub_qgis.gui.page_context import call_if_alive
from insarhub_qgis.host import accounts
from insarhub_qgis.host.account_texts import account_text, approval_error, day_text, page_of
from insarhub_qgis.host.endpoints import endpoints, is_sandbox_on
from insarhub_qgis.host.engine_process import EngineTask, start_engine_task
from insarhub_qgis.host.messages import sentence, what_happened


class EarthdataAccounts(QGroupBox):
    """Adding and removing act at once, as in QGIS's own page of authentication; the usual account waits for OK."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Earthdata Accounts"))
        self.setFlat(True)
        self._task: EngineTask | None = None
        self._page = ""
        self._before = (accounts.default_account(), accounts.accounts())
        self._build()
        self._fill("" if is_sandbox_on() else accounts.default_account())

    def _build(self) -> None:
        self.account = QComboBox(self)
        self.account.setObjectName("insarhubEarthdataAccount")
        self.account.setPlaceholderText(self.tr("no account yet"))
        self.account.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.account.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.account.setToolTip(
            self.tr("The account that is usually signed in, for searches and orders at HyP3")
        )
        self.account.currentIndexChanged.connect(self._on_account)
        label = QLabel(self.tr("Usua&l account"), self)
        label.setBuddy(self.account)
        self.test_button = QPushButton(self.tr("&Test"), self)
        self.test_button.setObjectName("insarhubTestAccount")
        self.test_button.setToolTip(self.tr("Sign in and ask HyP3 for the credits; nothing is ordered"))
        self.test_button.clicked.connect(self._test_or_cancel)
        self.remove_button = QPushButton(self.tr("&Remove…"), self)
        self.remove_button.setObjectName("insarhubRemoveAccount")
        self.remove_button.clicked.connect(self._remove)
        first = QHBoxLayout()
        first.setSpacing(6)
        first.addWidget(label)
        first.addWidget(self.account, 1)
        first.addWidget(self.test_button)
        first.addWidget(self.remove_button)

        token = QPushButton(self.tr("Add T&oken…"), self)
        token.setObjectName("insarhubAddToken")
        token.clicked.connect(self._add_token)
        password = QPushButton(self.tr("Add &User and Password…"), self)
        password.setObjectName("insarhubAddPassword")
        password.clicked.connect(self._add_password)
        self.import_button = QPushButton(self.tr("&Import"), self)
        self.import_button.setObjectName("insarhubImportAccounts")
        menu = QMenu(self.import_button)
        menu.addAction(self.tr("From .&netrc"), lambda: self._import(accounts.import_netrc))
        menu.addAction(self.tr("From .&credit_pool"), lambda: self._import(accounts.import_credit_pool))
        self.import_button.setMenu(menu)
        second = QHBoxLayout()
        second.setSpacing(6)
        for button in (token, password, self.import_button):
            second.addWidget(button)
        second.addStretch(1)

        self.state = QLabel(self)
        self.state.setObjectName("insarhubAccountState")
        self.state.setWordWrap(True)
        self.state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.state.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.page_button = QPushButton(self.tr("Open Pa&ge"), self)
        self.page_button.setObjectName("insarhubOpenAccountPage")
        self.page_button.clicked.connect(self._open_page)
        third = QHBoxLayout()
        third.setSpacing(6)
        third.addWidget(self.state, 1)
        third.addWidget(self.page_button, 0, Qt.AlignmentFlag.AlignTop)

        layout = QVBoxLayout(self)
        layout.setSpacing(6)
        layout.addLayout(first)
        layout.addLayout(second)
        layout.addLayout(third)
        self._say("")

    def apply(self) -> bool:
        """Keep the id of the usual account; True when it or the list is another one than at the beginning."""
        auth_id = self.account.currentData()
        if auth_id:
            accounts.set_default_account(auth_id)
        return self._before != (accounts.default_account(), accounts.accounts())

    def _fill(self, chosen: str) -> None:
        self.account.blockSignals(True)
        self.account.clear()
        if is_sandbox_on():
            self.account.addItem(self.tr("login of the sandbox"), "")
        for account in accounts.accounts():
            self.account.addItem(account.name, account.auth_id)
        index = 0 if is_sandbox_on() and not chosen else self.account.findData(chosen) if chosen else -1
        self.account.setCurrentIndex(index)
        self.account.setPlaceholderText(
            self.tr("choose one") if self.account.count() else self.tr("no account yet")
        )
        self.account.blockSignals(False)
        self._enable()

    def _enable(self) -> None:
        is_running = self._task is not None
        self.test_button.setText(self.tr("Cancel") if is_running else self.tr("&Test"))
        self.test_button.setEnabled(is_running or self.account.currentIndex() >= 0)
        self.remove_button.setEnabled(bool(self.account.currentData()) and not is_running)
        self.account.setEnabled(not is_running)

    def _on_account(self) -> None:
        self._say("")
        self._enable()

    def _say(self, text: str, page: str = "") -> None:
        self.state.setText(text)
        self._page = page
        self.page_button.setVisible(bool(page))
        self.page_button.setToolTip(page)

    def _say_error(self, error: InsarError) -> None:
        self._say(sentence(error), page_of(error))

    def _open_page(self) -> None:
        QDesktopServices.openUrl(QUrl(self._page))

    # accounts

    def _add_token(self) -> None:
        self._add(TokenDialog(self))

    def _add_password(self) -> None:
        self._add(PasswordDialog(self))

    def _add(self, dialog: TokenDialog | PasswordDialog) -> None:
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self._keep(lambda: [dialog.keep()])
        dialog.clear()
        dialog.deleteLater()

    def _import(self, read: Callable[[], list[str]]) -> None:
        self._keep(read)

    def _keep(self, store: Callable[[], list[str]]) -> None:
        try:
            auth_ids = store()
        except InsarError as error:
            self._fill(self.account.currentData() or "")
            self._say_error(error)
            return
        if not auth_ids:
            self._say(self.tr("The file names no account."))
            return
        self._fill(auth_ids[0])
        names = {account.auth_id: account.name for account in accounts.accounts()}
        kept = ", ".join(names[auth_id] for auth_id in auth_ids)
        self._say(self.tr("Kept in QGIS's authentication database: {names}.").format(names=kept))

    def _remove(self) -> None:
        name = self.account.currentText()
        answer = QMessageBox.question(
            self,
            self.tr("Remove Account"),
            self.tr("Delete {name} with its secret from QGIS's authentication database?").format(name=name),
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
            QMessageBox.StandardButton.No,
        )
        if answer != QMessageBox.StandardButton.Yes:
            return
        try:
            accounts.remove_account(self.account.currentData())
        except InsarError as error:
            self._say_error(error)
            return
        self._fill("" if is_sandbox_on() else accounts.default_account())
        self._say(self.tr("{name} is deleted.").format(name=name))

    # test

    def _test_or_cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            return
        try:
            credential = accounts.credential_of(self.account.currentData())
            request = Hyp3Account(endpoints().to_json())
        except InsarError as error:
            self._say_error(error)
            return
        self._task = EngineTask(request, self.tr("Test of an account"), credential=credential)
        self._task.succeeded.connect(lambda answer: call_if_alive(self._on_answer, answer))
        self._task.failed.connect(lambda error: call_if_alive(self._on_failure, error))
        self._say(self.tr("Signing in…"))
        self._enable()
        start_engine_task(self._task)

    def _on_answer(self, answer: dict[str, Any]) -> None:
        self._end_test()
        refusal = approval_error(answer)
        self._say(account_text(answer), page_of(refusal) if refusal is not None else "")

    def _on_failure(self, error: InsarError) -> None:
        self._end_test()
        if isinstance(error, Cancelled):
            self._say(self.tr("Cancelled."))
        else:
            self._say_error(error)

    def _end_test(self) -> None:
        self._task = None
        self._enable()

    def hideEvent(self, event: QHideEvent) -> None:
        """A test ends with the dialog."""
        if self._task is not None and not event.spontaneous() and self.window().isHidden():
            self._task.cancel()
        super().hideEvent(event)


class TokenDialog(QDialog):
    """Takes a token and says whose it is before it is kept."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Add Token"))
        self.resize(480, 0)
        self.token = QgsPasswordLineEdit(self)
        self.token.setObjectName("insarhubToken")
        self.token.textChanged.connect(self._on_text)
        self.state = QLabel(self)
        self.state.setWordWrap(True)
        self.state.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.state.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        self.buttons = _buttons(self)
        form = QFormLayout()
        form.addRow(self.tr("&Token"), self.token)
        layout = QVBoxLayout(self)
        layout.addWidget(_link(self.tr("Make or copy one on"), BEARER_PAGE, self))
        layout.addLayout(form)
        layout.addWidget(self.state)
        layout.addWidget(self.buttons)
        self._on_text()

    def keep(self) -> str:
        return accounts.add_token(self.token.text())

    def clear(self) -> None:
        self.token.clear()

    def _on_text(self) -> None:
        text = self.token.text().strip()
        is_good, said = False, self.tr("It stands for your account for 60 days.")
        if text:
            try:
                token = read_token(text)
            except InsarError as error:
                said = what_happened(error)
            else:
                is_good = True
                said = self.tr("Token of {account}, good until {day}.").format(
                    account=token.account, day=day_text(token.expires_at)
                )
        self.state.setText(said)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(is_good)


class PasswordDialog(QDialog):
    """Takes user and password of Earthdata Login."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Add User and Password"))
        self.resize(420, 0)
        self.user = QLineEdit(self)
        self.user.setObjectName("insarhubUser")
        self.password = QgsPasswordLineEdit(self)
        self.password.setObjectName("insarhubPassword")
        self.buttons = _buttons(self)
        form = QFormLayout()
        form.addRow(self.tr("&User"), self.user)
        form.addRow(self.tr("&Password"), self.password)
        layout = QVBoxLayout(self)
        layout.addWidget(_link(self.tr("The account of"), SIGN_IN_PAGE, self))
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        for field in (self.user, self.password):
            field.textChanged.connect(self._enable)
        self._enable()

    def keep(self) -> str:
        return accounts.add_password(self.user.text(), self.password.text())

    def clear(self) -> None:
        self.password.clear()

    def _enable(self) -> None:
        is_complete = bool(self.user.text().strip() and self.password.text())
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(is_complete)


def _buttons(dialog: QDialog) -> QDialogButtonBox:
    buttons = QDialogButtonBox(
        QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, dialog
    )
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons


def _link(text: str, page: str, parent: QWidget) -> QLabel:
    label = QLabel(f'{text} <a href="{page}">{page.partition("//")[2].rstrip("/")}</a>.', parent)
    label.setOpenExternalLinks(True)
    return label
