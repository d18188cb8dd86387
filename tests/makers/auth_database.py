# SPDX-License-Identifier: GPL-2.0-or-later
"""QGIS's authentication database of the test profile, opened with a master password and emptied again."""

from __future__ import annotations

import contextlib

from qgis.core import QgsApplication

MASTER_PASSWORD = "master of the tests"
#: Where pytest-qgis keeps the profile; configurations of a real one are not ours to delete.
_TEST_PROFILE = ".qgis-settings"


@contextlib.contextmanager
def open_test_database():
    """Give the authentication manager without any configuration, before and after the block."""
    manager = QgsApplication.authManager()
    assert _TEST_PROFILE in QgsApplication.qgisSettingsDirPath()
    assert not manager.isDisabled(), manager.disabledMessage()
    assert manager.setMasterPassword(MASTER_PASSWORD, True)
    _empty(manager)
    try:
        yield manager
    finally:
        manager.setMasterPassword(MASTER_PASSWORD, True)
        _empty(manager)


def _empty(manager):
    for auth_id in manager.configIds():
        manager.removeAuthenticationConfig(auth_id)
