# SPDX-License-Identifier: GPL-2.0-or-later
"""Tokens that look like those of Earthdata Login."""

from __future__ import annotations

import base64
import json


def unsigned_token(claims):
    """A JWT-shaped text with these claims; no sandbox made it."""
    parts = [{"typ": "JWT", "alg": "RS256"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "signature"])
