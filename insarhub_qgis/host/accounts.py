# SPDX-License-Identifier: GPL-2.0-or-later
"""Earthdata accounts in QGIS's authentication database; settings keep no more than the id of the usual one.

An account is an authentication configuration whose resource is Earthdata Login: ``Basic`` for user and password,
``APIHeader`` with ``Authorization: Bearer ...`` for a token. Whatever reads or writes a secret may make QGIS ask for its
master password, so it belongs on the main thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from qgis.core import QgsApplication, QgsAuthManager, QgsAuthMethodConfig

from insarhub_qgis.core.bearer_token import read_token
from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.earthdata_pages import BEARER_PAGE, SIGN_IN_PAGE
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.login_files import credit_pool_file, netrc_file, read_credit_pool, read_netrc
from insarhub_qgis.core.sandbox_credentials import (
    SANDBOX_USER_PREFIX,
    is_sandbox_token,
    make_sandbox_token,
)
from insarhub_qgis.host.endpoints import is_sandbox_on
from insarhub_qgis.host.settings import settings

#: Resource of the configurations, by which they are found again.
EARTHDATA_URI = SIGN_IN_PAGE.rstrip("/")
SANDBOX_USER = f"{SANDBOX_USER_PREFIX}user"
#: Method of a configuration -> kind of the account.
_METHODS = {"APIHeader": "token", "Basic": "password"}
_HEADER = "Authorization"
_DAY_S = 86400.0


@dataclass(frozen=True)
class StoredAccount:
    """An account as a list shows it; its secret stays in the database.

    Attributes
    ----------
    auth_id
        Id of the authentication configuration.
    name
        Name of the configuration.
    kind
        ``token`` or ``password``.
    """

    auth_id: str
    name: str
    kind: str


def accounts() -> list[StoredAccount]:
    """Give all accounts by name. Asks for no master password; none when the database is disabled."""
    manager = QgsApplication.authManager()
    if manager.isDisabled():
        return []
    found = (
        StoredAccount(auth_id, config.name(), _METHODS[config.method()])
        for auth_id, config in manager.availableAuthMethodConfigs().items()
        if config.method() in _METHODS and config.uri().rstrip("/") == EARTHDATA_URI
    )
    return sorted(found, key=lambda account: (account.name.lower(), account.auth_id))


def account_ids() -> list[str]:
    return [account.auth_id for account in accounts()]


def default_account() -> str:
    """Give the id of the account that is usually signed in: the chosen one, else the only one; else empty."""
    ids, chosen = account_ids(), str(settings().earthdata_account.value())
    if chosen in ids:
        return chosen
    return ids[0] if len(ids) == 1 else ""


def set_default_account(auth_id: str) -> None:
    settings().earthdata_account.setValue(auth_id)


def add_token(token: str) -> str:
    """Keep a token and give the id of its configuration; the token of the same user is replaced.

    Raises
    ------
    InsarError
        ``credentials.token_malformed``, ``credentials.token_expired``, and the codes of `open_database`.
    """
    read = read_token(token)
    return _keep(f"Earthdata {read.account} (token)", "APIHeader", {_HEADER: f"Bearer {read.text}"})


def add_password(user: str, password: str) -> str:
    """Keep user and password and give the id of their configuration; the password of the same user is replaced.

    Raises
    ------
    InsarError
        ``credentials.missing``, and the codes of `open_database`.
    """
    if not user.strip() or not password:
        raise InsarError("credentials.missing", page=SIGN_IN_PAGE)
    values = {"username": user.strip(), "password": password}
    return _keep(f"Earthdata {user.strip()}", "Basic", values)


def import_netrc() -> list[str]:
    """Keep the Earthdata entry of ``.netrc`` and give its id; codes of `read_netrc` and `add_password`."""
    return _import([read_netrc(netrc_file())])


def import_credit_pool() -> list[str]:
    """Keep the accounts of ``~/.credit_pool`` and give their ids; codes of `read_credit_pool` and `add_password`."""
    return _import(read_credit_pool(credit_pool_file()))


def remove_account(auth_id: str) -> None:
    """Delete a configuration with its secret.

    Raises
    ------
    InsarError
        ``credentials.account_gone``, and the codes of `open_database`.
    """
    manager = _database()
    if auth_id not in manager.configIds():
        raise InsarError("credentials.account_gone", account=auth_id)
    if not manager.removeAuthenticationConfig(auth_id):
        raise InsarError("credentials.not_stored", account=auth_id)
    if settings().earthdata_account.value() == auth_id:
        settings().earthdata_account.remove()


def credential_of(auth_id: str) -> Credential:
    """Give the login of an authentication configuration; QGIS may ask for its master password. Main thread only.

    An empty id means the sandbox's own login while the sandbox is on, else the usual account.

    Raises
    ------
    InsarError
        ``credentials.no_account``: there is none, or several and none was chosen; ``credentials.account_gone``;
        ``credentials.not_earthdata``: a configuration of another kind; ``credentials.not_sandbox``,
        ``credentials.sandbox_only``: it belongs to the other side; and the codes of `open_database`.
    """
    if not auth_id and is_sandbox_on():
        return sandbox_credential()
    auth_id = auth_id or default_account()
    if not auth_id:
        raise InsarError("credentials.no_account", page=BEARER_PAGE)
    manager = _database()
    if auth_id not in manager.configIds():
        raise InsarError("credentials.account_gone", account=auth_id)
    open_database()
    config = QgsAuthMethodConfig()
    if not manager.loadAuthenticationConfig(auth_id, config, True)[0]:
        raise InsarError("credentials.not_readable", account=auth_id)
    credential = _credential_in(config)
    _check_side(credential)
    return credential


def sandbox_credential() -> Credential:
    """Give a login that only a sandbox takes."""
    return Credential(token=make_sandbox_token(SANDBOX_USER, time.time() + 60 * _DAY_S))


def open_database() -> None:
    """Make the authentication database readable; QGIS asks for the master password unless it has it.

    Raises
    ------
    InsarError
        ``credentials.database_disabled``, ``credentials.master_password``.
    """
    if not _database().setMasterPassword(True):
        raise InsarError("credentials.master_password")


def _database() -> QgsAuthManager:
    manager = QgsApplication.authManager()
    if manager.isDisabled():
        raise InsarError("credentials.database_disabled", reason=manager.disabledMessage() or "?")
    return manager


def _keep(name: str, method: str, values: dict[str, str]) -> str:
    manager = _database()
    open_database()
    config = QgsAuthMethodConfig(method)
    config.setName(name)
    config.setUri(EARTHDATA_URI)
    config.setConfigMap(values)
    known = [account.auth_id for account in accounts() if account.name == name]
    if known:
        # The same id, so that models and settings that name it go on to work.
        config.setId(known[0])
        is_stored = manager.updateAuthenticationConfig(config)
    else:
        is_stored, config = manager.storeAuthenticationConfig(config)
    if not is_stored:
        raise InsarError("credentials.not_stored", account=name)
    return config.id()


def _import(logins: Iterable[tuple[str, str]]) -> list[str]:
    return [add_password(user, password) for user, password in logins]


def _credential_in(config: QgsAuthMethodConfig) -> Credential:
    values = config.configMap()
    if config.method() == "Basic" and values.get("username") and values.get("password"):
        return Credential(user=values["username"], password=values["password"])
    if config.method() == "APIHeader":
        header = next(
            (value for name, value in values.items() if name.strip().lower() == "authorization"), ""
        )
        kind, _, token = header.strip().partition(" ")
        if kind.lower() == "bearer" and token.strip():
            return Credential(token=token.strip())
    raise InsarError("credentials.not_earthdata", account=config.name())


def _check_side(credential: Credential) -> None:
    """Stop a login of the other side before it leaves QGIS; the engine guards once more."""
    if credential.token:
        is_of_sandbox = is_sandbox_token(credential.token)
    else:
        is_of_sandbox = credential.user.startswith(SANDBOX_USER_PREFIX)
    if is_sandbox_on() and not is_of_sandbox:
        raise InsarError("credentials.not_sandbox", service="the sandbox")
    if is_of_sandbox and not is_sandbox_on():
        raise InsarError("credentials.sandbox_only", service="HyP3")
