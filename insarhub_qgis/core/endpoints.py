# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the remote services are: one object, swapped as a whole between production and sandbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from insarhub_qgis.core.errors import InsarError

#: This machine by a name or address, and nothing else: no account, no path.
_LOCAL_ADDRESS = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?")


@dataclass(frozen=True)
class Endpoints:
    """Base addresses of all services, without a slash at the end.

    Attributes
    ----------
    sandbox_url
        Address of the sandbox that answers for every service; empty for production.
    cmr, edl, asf_login
        Metadata repository, Earthdata Login, and the login of ASF that sets the cookie.
    hyp3, products
        The HyP3 service; products carry their own addresses, so theirs is empty in production.
    weather_archive, weather_forecast, coherence, land_cover, vegetation, snow, fire
        Sources of pair quality.
    """

    sandbox_url: str = ""
    cmr: str = "https://cmr.earthdata.nasa.gov"
    edl: str = "https://urs.earthdata.nasa.gov"
    asf_login: str = "https://cumulus.asf.alaska.edu"
    hyp3: str = "https://hyp3-api.asf.alaska.edu"
    products: str = ""
    weather_archive: str = "https://archive-api.open-meteo.com"
    weather_forecast: str = "https://api.open-meteo.com"
    coherence: str = "https://sentinel-1-global-coherence-earthbigdata.s3.us-west-2.amazonaws.com"
    land_cover: str = "https://esa-worldcover.s3.eu-central-1.amazonaws.com"
    vegetation: str = "https://modis.ornl.gov"
    snow: str = "https://planetarycomputer.microsoft.com"
    fire: str = "https://firms.modaps.eosdis.nasa.gov"

    @property
    def is_sandbox(self) -> bool:
        return bool(self.sandbox_url)

    @classmethod
    def of_sandbox(cls, url: str) -> Endpoints:
        """Give the endpoints of a sandbox; all services together, so that none is left on production.

        Raises
        ------
        InsarError
            ``sandbox.not_local``: the address is not on this machine, where a sandbox token could not stay private.
        """
        base = url.strip().rstrip("/")
        if not _LOCAL_ADDRESS.fullmatch(base):
            raise InsarError("sandbox.not_local", address=base)
        services = {field.name: base for field in fields(cls) if field.name != "coherence"}
        return cls(**services, coherence=f"{base}/s3/sentinel-1-global-coherence-earthbigdata")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Endpoints:
        """Read the endpoints of a request; an empty object is production.

        Raises
        ------
        InsarError
            ``endpoints.unknown`` for a service that is not known, ``sandbox.not_local``.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(value) - known)
        if unknown:
            raise InsarError("endpoints.unknown", names=unknown)
        texts = {name: str(text).rstrip("/") for name, text in value.items()}
        if texts.get("sandbox_url"):
            # A sandbox answers for everything: what else the request says must not lead out of it.
            return cls.of_sandbox(texts["sandbox_url"])
        return replace(PRODUCTION, **texts)

    def to_json(self) -> dict[str, str]:
        return asdict(self)


PRODUCTION = Endpoints()
