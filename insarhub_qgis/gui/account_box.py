# SPDX-License-Identifier: GPL-2.0-or-later
"""Which Earthdata account an order is for."""

from __future__ import annotations

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QWidget

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.host.accounts import accounts, credential_of, default_account
from insarhub_qgis.host.endpoints import is_sandbox_on


class AccountBox(QComboBox):
    """The accounts of QGIS's authentication database, the usual one first chosen; the sandbox needs none.

    Signals
    -------
    account_chosen
        The user chose another account.
    """

    account_chosen = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubAccount")
        self.setAccessibleName(self.tr("Earthdata account"))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.activated.connect(lambda _: self.account_chosen.emit())
        self.show_accounts()

    @property
    def auth_id(self) -> str:
        """Id of the authentication configuration; empty for the sandbox and without an account."""
        return str(self.currentData() or "")

    @property
    def has_account(self) -> bool:
        """Whether there is somebody to sign in."""
        return is_sandbox_on() or bool(self.auth_id)

    def show_accounts(self) -> None:
        """List the accounts anew; the chosen one stays."""
        chosen = self.auth_id or default_account()
        self.clear()
        if is_sandbox_on():
            self.addItem(self.tr("Sandbox, no account needed"), "")
        else:
            for account in accounts():
                self.addItem(account.name, account.auth_id)
            if not self.count():
                self.addItem(self.tr("No account yet"), "")
        self.setCurrentIndex(max(0, self.findData(chosen)))
        self.setEnabled(self.count() > 1)

    def credential(self) -> Credential:
        """Give the login; QGIS may ask for its master password. Raises as `credential_of`."""
        return credential_of(self.auth_id)
