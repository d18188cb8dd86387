# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages that solve what keeps a login from working; opened by the user, never by a program."""

from __future__ import annotations

import re

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

#: No account, no port: what a browser reads as the host is what stands here.
_TRUSTED = re.compile(
    r"https://(?:[a-z0-9-]+\.)*(?:earthdata\.nasa\.gov|asf\.alaska\.edu)(?:[/?#]\S*)?", re.IGNORECASE
)


def trusted_page(address: str, otherwise: str) -> str:
    """Give an address that a service named, if it is one of Earthdata or ASF; else ``otherwise``."""
    return address if _TRUSTED.fullmatch(address) else otherwise
