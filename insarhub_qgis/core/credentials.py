# SPDX-License-Identifier: GPL-2.0-or-later
"""A login of Earthdata as it travels from QGIS to the engine: on standard input, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from insarhub_qgis.core.errors import InsarError


@dataclass(frozen=True)
class Credential:
    """A bearer token, or a user with a password, or the wish to read ``.netrc``.

    Secrets are left out of ``repr``, so that no log or trace shows them.

    Attributes
    ----------
    token
        Bearer token of Earthdata Login; wins over the other two.
    user, password
        Account of Earthdata Login.
    use_netrc
        The user asked that the entry of Earthdata Login in ``.netrc`` is read.
    """

    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    use_netrc: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "token": self.token,
            "user": self.user,
            "password": self.password,
            "use_netrc": self.use_netrc,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Credential:
        """Read the credential of a request; raises ``engine.bad_request`` without repeating any of it."""
        texts = {name: value.get(name, "") for name in ("token", "user", "password")}
        if not all(isinstance(text, str) for text in texts.values()):
            raise InsarError("engine.bad_request", reason="the credential is not made of texts")
        return cls(**texts, use_netrc=bool(value.get("use_netrc", False)))
