# SPDX-License-Identifier: GPL-2.0-or-later
"""The map key of FIRMS in QGIS's authentication database; settings and job folders never hold it.

Keeping and reading it may make QGIS ask for its master password, so both belong on the main thread.
"""

from __future__ import annotations

import re

from qgis.core import QgsApplication, QgsAuthMethodConfig

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.endpoints import PRODUCTION
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.accounts import open_database

#: Where a key is given, for free.
KEY_PAGE = "https://firms.modaps.eosdis.nasa.gov/api/map_key/"
#: Resource of the configuration, by which it is found again.
_URI = PRODUCTION.fire.rstrip("/")
_NAME, _USER = "FIRMS map key", "map key"
_KEY = re.compile(r"[0-9A-Fa-f]{32}")


def map_key_id() -> str:
    """Give the id of the configuration with the key; empty without one. Asks for no master password."""
    manager = QgsApplication.authManager()
    if manager.isDisabled():
        return ""
    found = (
        auth_id
        for auth_id, config in sorted(manager.availableAuthMethodConfigs().items())
        if config.method() == "Basic" and config.uri().rstrip("/") == _URI
    )
    return next(found, "")


def is_map_key(text: str) -> bool:
    """Whether a text can be a key: 32 hexadecimal digits."""
    return _KEY.fullmatch(text.strip()) is not None


def keep_map_key(text: str) -> str:
    """Keep a key instead of the former one; gives the id of its configuration.

    Raises
    ------
    InsarError
        ``quality.bad_map_key``, ``credentials.not_stored``, and the codes of `open_database`.
    """
    if not is_map_key(text):
        raise InsarError("quality.bad_map_key", page=KEY_PAGE)
    open_database()
    manager = QgsApplication.authManager()
    config = QgsAuthMethodConfig("Basic")
    config.setName(_NAME)
    config.setUri(_URI)
    config.setConfigMap({"username": _USER, "password": text.strip()})
    known = map_key_id()
    if known:
        config.setId(known)
        is_stored = manager.updateAuthenticationConfig(config)
    else:
        is_stored, config = manager.storeAuthenticationConfig(config)
    if not is_stored:
        raise InsarError("credentials.not_stored", account=_NAME)
    return str(config.id())


def remove_map_key() -> None:
    """Delete the key; ``credentials.not_stored`` and the codes of `open_database`."""
    known = map_key_id()
    if not known:
        return
    open_database()
    if not QgsApplication.authManager().removeAuthenticationConfig(known):
        raise InsarError("credentials.not_stored", account=_NAME)


def map_key_credential() -> Credential | None:
    """Give the key as the engine takes it; None without one.

    Raises
    ------
    InsarError
        ``credentials.not_readable``, and the codes of `open_database`.
    """
    known = map_key_id()
    if not known:
        return None
    open_database()
    config = QgsAuthMethodConfig()
    if not QgsApplication.authManager().loadAuthenticationConfig(known, config, True)[0]:
        raise InsarError("credentials.not_readable", account=_NAME)
    return Credential(user=_USER, password=config.configMap().get("password", ""))


def is_database_open() -> bool:
    """Whether the key can be read without asking the user for the master password."""
    return bool(QgsApplication.authManager().masterPasswordIsSet())
