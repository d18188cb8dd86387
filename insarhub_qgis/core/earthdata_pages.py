# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages that solve what keeps a login from working; opened by the user, never by a program."""

from __future__ import annotations

from urllib.parse import urlsplit

#: Sign in, to see whether user and password are right; it also resets a password.
SIGN_IN_PAGE = "https://urs.earthdata.nasa.gov/"
#: Make a token, or look up the present one.
BEARER_PAGE = "https://urs.earthdata.nasa.gov/user_tokens"
#: Study area, licences, applications.
PROFILE_PAGE = "https://urs.earthdata.nasa.gov/profile"
LICENCE_PAGE = "https://urs.earthdata.nasa.gov/users/eulas"
APPLICATIONS_PAGE = "https://urs.earthdata.nasa.gov/approve_app?client_id=BO_n7nTIlMljdvU6kRRB3g"
#: How to be approved for HyP3.
ACCESS_PAGE = "https://hyp3-docs.asf.alaska.edu/using/requesting_access/"

_TRUSTED = ("earthdata.nasa.gov", "asf.alaska.edu")


def trusted_page(address: str, otherwise: str) -> str:
    """Give an address that a service named, if it is one of Earthdata or ASF; else ``otherwise``."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    is_trusted = any(host == name or host.endswith(f".{name}") for name in _TRUSTED)
    return address if parts.scheme == "https" and is_trusted else otherwise
