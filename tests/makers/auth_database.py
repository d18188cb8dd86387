# SPDX-License-Identifier: GPL-2.0-or-later
"""QGIS's authentication database of the test profile, opened with a master password and emptied again."""

from __future__ import annotations

import contextlib

from qgis.core import QgsApplication

MASTER_PASSWORD = "master of the tests"


@contextlib.contextmanager
def open_test_database():
    """Give the authentication manager; its configurations are gone after the block."""
    manager = QgsApplication.authManager()
    assert not manager.isDisabled(), manager.disabledMessage()
    assert manager.setMasterPassword(MASTER_PASSWORD, True)
    try:
        yield manager
    finally:
        manager.setMasterPassword(MASTER_PASSWORD, True)
        for auth_id in manager.configIds():
            manager.removeAuthenticationConfig(auth_id)
