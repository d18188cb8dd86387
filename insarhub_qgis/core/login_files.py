# SPDX-License-Identifier: GPL-2.0-or-later
"""Logins in files of other programs: ``.netrc`` and InSARHub's ``.credit_pool``; read when the user asks, never written."""

from __future__ import annotations

import netrc
import os
from pathlib import Path

from insarhub_qgis.core.errors import InsarError

#: The machine whose entry in ``.netrc`` is the Earthdata login.
EARTHDATA_HOST = "urs.earthdata.nasa.gov"


def netrc_file() -> Path:
    """Give the file that ``NETRC`` names, else ``.netrc`` or ``_netrc`` in the home folder, whichever exists."""
    named = os.environ.get("NETRC")
    if named:
        return Path(named).expanduser()
    files = [Path.home() / name for name in (".netrc", "_netrc")]
    return next((file for file in files if file.is_file()), files[0])


def credit_pool_file() -> Path:
    return Path.home() / ".credit_pool"


def read_netrc(file: Path) -> tuple[str, str]:
    """Give user and password of Earthdata Login in a ``.netrc``; an entry ``default`` is for others.

    Raises
    ------
    InsarError
        ``login_file.missing``, ``login_file.not_readable``, ``login_file.no_earthdata``.
    """
    if not file.is_file():
        raise InsarError("login_file.missing", file=str(file))
    try:
        entry = netrc.netrc(str(file)).hosts.get(EARTHDATA_HOST)
    except netrc.NetrcParseError as error:
        # Its text may repeat a word of the file, which could be a password.
        raise InsarError("login_file.not_readable", file=str(file), line=error.lineno) from None
    except (OSError, UnicodeDecodeError):
        raise InsarError("login_file.not_readable", file=str(file), line=None) from None
    if entry is None or not entry[0] or not entry[2]:
        raise InsarError("login_file.no_earthdata", file=str(file), host=EARTHDATA_HOST)
    return entry[0], entry[2]


def read_credit_pool(file: Path) -> list[tuple[str, str]]:
    """Give the (user, password) pairs of a ``.credit_pool``: one ``user:password`` a line.

    Blank lines and lines that begin with ``#`` are skipped; only the first colon splits, so a password may hold more.

    Raises
    ------
    InsarError
        ``login_file.missing``, ``login_file.not_readable`` with the first line that is no login.
    """
    if not file.is_file():
        raise InsarError("login_file.missing", file=str(file))
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InsarError("login_file.not_readable", file=str(file), line=None) from None
    logins = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        user, colon, password = line.partition(":")
        if not colon or not user.strip() or not password:
            raise InsarError("login_file.not_readable", file=str(file), line=number)
        logins.append((user.strip(), password.rstrip("\r")))
    return logins
