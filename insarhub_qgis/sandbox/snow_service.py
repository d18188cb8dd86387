# SPDX-License-Identifier: GPL-2.0-or-later
"""Snow cover of the Planetary Computer in the sandbox: STAC search, signatures, and rasters that want one.

The rasters are those of MOD10A1 and MYD10A1, version 6.1, on the sinusoidal grid at 500 m.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import numpy.typing as npt
from rasterio import Affine
from shapely.geometry import shape

from insarhub_qgis.sandbox.byte_ranges import made_answer, not_there, store_error
from insarhub_qgis.sandbox.modis_grid import CRS, TILE_M, outline, tiles_in, unproject, upper_left
from insarhub_qgis.sandbox.server import Answer, Route, Service, ServiceRequest
from insarhub_qgis.sandbox.service_state import SandboxClock
from insarhub_qgis.sandbox.virtual_geotiff import Axis, BoundedCache, Pixels, RasterGrid, VirtualGeotiff
from insarhub_qgis.sandbox.weather import CELL_DEG, Weather
from insarhub_qgis.sandbox.world import World

COLLECTION = "modis-10A1-061"
_STAC, _SAS, _BLOBS = "/api/stac/v1", "/api/sas/v1", "/modis-061-cogs"
ASSET = "NDSI_Snow_Cover"
#: Values above 100 that stand for no snow cover.
NIGHT, OCEAN, CLOUD, FILL = 211, 239, 250, 255
#: The index is not given below this value.
_LEAST_NDSI = 10
_TILE_PIXELS = 2400
_BLOCK_BYTES = 16_000_000
_KEPT_FILES = 64
_TOKEN_S = 45 * 60
_USUAL_PAGE, _LARGEST_PAGE = 250, 1000
_FIRST = datetime.date(2000, 2, 24)
_LAG_DAYS = 2
_PLATFORMS = {"MOD10A1": "terra", "MYD10A1": "aqua"}
_BLOB = re.compile(
    rf"{_BLOBS}/(MOD10A1|MYD10A1)/(\d\d)/(\d\d)/(\d{{7}})/"
    rf"((?:MOD|MYD)10A1\.A\d{{7}}\.h\d\dv\d\d\.061\.\d{{13}})_{ASSET}\.tif"
)


class _Refused(Exception):
    """A search that the service answers with 400 and this text."""


@dataclass(frozen=True)
class _Granule:
    """One product of a tile and a day."""

    product: str
    h: int
    v: int
    day: datetime.date

    @property
    def name(self) -> str:
        made = self.day + datetime.timedelta(days=_LAG_DAYS)
        return f"{self.product}.A{self.day:%Y%j}.h{self.h:02}v{self.v:02}.061.{made:%Y%j}034512"

    @property
    def blob(self) -> str:
        return f"{_BLOBS}/{self.product}/{self.h:02}/{self.v:02}/{self.day:%Y%j}/{self.name}_{ASSET}.tif"


class SnowService(Service):
    """Snow of row 16 of the table of sandbox endpoints."""

    def __init__(self, clock: SandboxClock, world: World, weather: Weather) -> None:
        self._clock = clock
        self._world = world
        self._weather = weather
        self._blocks = BoundedCache(_BLOCK_BYTES)
        self._files: dict[_Granule, VirtualGeotiff] = {}

    def routes(self) -> Sequence[Route]:
        return (
            ("GET", f"{_STAC}/search", self.search),
            ("POST", f"{_STAC}/search", self.search),
            ("GET", f"{_STAC}/collections/{COLLECTION}/items/([^/]+)", self.item),
            ("GET", f"{_SAS}/sign", self.sign),
            ("GET", f"{_SAS}/token/(?:{COLLECTION}|modiseuwest/modis-061-cogs)", self.token),
            ("GET", rf"{_BLOBS}/.*", self.blob),
        )

    def error_answer(self, path: str, status: int, detail: str) -> Answer | None:
        if path.startswith(_BLOBS):
            return store_error(status, detail)
        if path.startswith((_STAC, _SAS)):
            return Answer.of_json({"code": "SandboxFault", "description": detail}, status)
        return None

    # --- STAC ---

    def search(self, request: ServiceRequest) -> Answer:
        try:
            query = _search_fields(request)
            limit = _limit(query)
            start = _token_place(query.get("token"))
            granules = list(islice(self._found(query), start, start + limit + 1))
        except _Refused as refusal:
            return Answer.of_json({"code": "RequestValidationError", "description": str(refusal)}, 400)
        page = granules[:limit]
        base = _base(request)
        links = [
            {"rel": "root", "type": "application/json", "href": f"{base}{_STAC}/"},
            {"rel": "self", "type": "application/json", "href": f"{base}{_STAC}/search"},
        ]
        if len(granules) > limit:
            token = f"next:{COLLECTION}:{start + limit}"
            links.append(_next_link(request.method, base, query, token))
        return Answer(
            200,
            json.dumps(
                {
                    "type": "FeatureCollection",
                    "features": [self._feature(granule, base) for granule in page],
                    "links": links,
                }
            ).encode(),
            "application/geo+json",
        )

    def item(self, request: ServiceRequest) -> Answer:
        granule = _granule_of_name(request.path_parts[0])
        if granule is None or not self._is_there(granule):
            return Answer.of_json({"code": "NotFoundError", "description": "no such item"}, 404)
        return Answer.of_json(self._feature(granule, _base(request)))

    def _found(self, query: Mapping[str, Any]) -> Iterator[_Granule]:
        """Give the granules of a search, newest first."""
        collections = query.get("collections")
        if collections and COLLECTION not in collections:
            return
        if query.get("ids"):
            named = [_granule_of_name(str(name)) for name in query["ids"]]
            yield from (granule for granule in named if granule is not None and self._is_there(granule))
            return
        first, last = _days(query.get("datetime"))
        first, last = max(first, _FIRST), min(last, self._newest())
        tiles = [tile for tile in _tiles(query) if self._has_land(*tile)]
        for back in range((last - first).days + 1):
            for h, v in tiles:
                for product in _PLATFORMS:
                    yield _Granule(product, h, v, last - datetime.timedelta(days=back))

    def _newest(self) -> datetime.date:
        now = datetime.datetime.fromtimestamp(self._clock.now_s(), datetime.timezone.utc).date()
        return now - datetime.timedelta(days=_LAG_DAYS)

    def _is_there(self, granule: _Granule) -> bool:
        return _FIRST <= granule.day <= self._newest() and self._has_land(granule.h, granule.v)

    def _has_land(self, h: int, v: int) -> bool:
        ring = outline(h, v)
        if ring is None:
            return False
        return self._world.any_in(self._world.land_mask, *_bounds(ring))

    def _feature(self, granule: _Granule, base: str) -> dict[str, Any]:
        ring = outline(granule.h, granule.v) or []
        day = granule.day.isoformat()
        return {
            "type": "Feature",
            "stac_version": "1.1.0",
            "stac_extensions": ["https://stac-extensions.github.io/projection/v1.0.0/schema.json"],
            "id": granule.name,
            "collection": COLLECTION,
            "geometry": {"type": "Polygon", "coordinates": [[list(point) for point in ring]]},
            "bbox": list(_bounds(ring)),
            "properties": {
                "datetime": None,
                "start_datetime": f"{day}T00:00:00Z",
                "end_datetime": f"{day}T23:59:59Z",
                "platform": _PLATFORMS[granule.product],
                "instruments": ["modis"],
                "modis:horizontal-tile": granule.h,
                "modis:vertical-tile": granule.v,
                "modis:tile-id": f"51{granule.h:03}{granule.v:03}",
                "proj:epsg": None,
                "proj:shape": [_TILE_PIXELS, _TILE_PIXELS],
                "proj:transform": list(_grid(granule.h, granule.v).transform)[:6],
            },
            "assets": {
                ASSET: {
                    "href": f"{base}{granule.blob}",
                    "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                    "title": "NDSI snow cover",
                    "roles": ["data"],
                    "raster:bands": [{"data_type": "uint8", "spatial_resolution": 500}],
                }
            },
            "links": [
                {
                    "rel": "self",
                    "type": "application/geo+json",
                    "href": f"{base}{_STAC}/collections/{COLLECTION}/items/{granule.name}",
                }
            ],
        }

    # --- Signatures ---

    def token(self, request: ServiceRequest) -> Answer:
        token, expiry = self._new_token()
        return Answer.of_json({"msft:expiry": expiry, "token": token})

    def sign(self, request: ServiceRequest) -> Answer:
        href = dict(request.query).get("href", "")
        parts = urlsplit(href)
        if not parts.scheme or not parts.netloc:
            return Answer.of_json({"detail": "href is not a valid address"}, 422)
        token, expiry = self._new_token()
        is_ours = parts.path.startswith(_BLOBS) and "sig" not in dict(parse_qsl(parts.query))
        signed = f"{href}{'&' if parts.query else '?'}{token}" if is_ours else href
        return Answer.of_json({"msft:expiry": expiry, "href": signed})

    def _new_token(self) -> tuple[str, str]:
        end = datetime.datetime.fromtimestamp(int(self._clock.now_s()) + _TOKEN_S, datetime.timezone.utc)
        start, expiry = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (end - datetime.timedelta(days=1), end))
        return f"st={start}&se={expiry}&sp=rl&sv=2024-05-04&sr=c&sig={_signature(expiry)}", expiry

    # --- Rasters ---

    def blob(self, request: ServiceRequest) -> Answer:
        fields = dict(request.query)
        if "sig" not in fields:
            return store_error(409, "Public access is not permitted on this storage account.")
        expiry = fields.get("se", "")
        now = datetime.datetime.fromtimestamp(self._clock.now_s(), datetime.timezone.utc)
        if fields["sig"] != _signature(expiry) or expiry < f"{now:%Y-%m-%dT%H:%M:%SZ}":
            return Answer.of_text(
                '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code>'
                "<Message>Server failed to authenticate the request.</Message></Error>",
                403,
                "application/xml",
            )
        match = _BLOB.fullmatch(request.path)
        granule = None if match is None else _granule_of_name(match.group(5))
        if granule is None or granule.blob != request.path or not self._is_there(granule):
            return not_there()
        return made_answer(granule.name, self._file(granule), self._world.seed, request.headers)

    def _file(self, granule: _Granule) -> VirtualGeotiff:
        found = self._files.get(granule)
        if found is None:
            if len(self._files) >= _KEPT_FILES:
                self._files.clear()

            def make_block(xs: Axis, ys: Axis, _: int) -> Pixels:
                return self._values(granule, xs, ys)

            found = self._files[granule] = VirtualGeotiff(
                granule.name, _grid(granule.h, granule.v), lambda *_: True, make_block, self._blocks
            )
        # Another thread may have emptied the table meanwhile.
        return found

    def _values(self, granule: _Granule, xs: Axis, ys: Axis) -> Pixels:
        """Give the values of a grid in metres: snow of the weather's cells, where there is land and no cloud."""
        longitudes, latitudes = unproject(xs[np.newaxis, :], ys[:, np.newaxis])
        off_earth = np.abs(longitudes) > 180.0
        longitudes = np.clip(longitudes, -180.0, 180.0 - 1e-9)
        row = np.round((latitudes + 90.0) / CELL_DEG).astype(np.int64)
        column = np.round((longitudes + 180.0) / CELL_DEG).astype(np.int64)
        cells, place = np.unique(row * 10_000 + column, return_inverse=True)
        cell_latitudes = (cells // 10_000) * CELL_DEG - 90.0
        cell_longitudes = (cells % 10_000) * CELL_DEG - 180.0
        depth, is_cloudy = self._weather.snow_and_cloud(cell_longitudes, cell_latitudes, granule.day)
        ndsi = np.round(85.0 * np.minimum(depth / 0.10, 1.0))
        ndsi[ndsi < _LEAST_NDSI] = 0
        # The afternoon has clouds of its own.
        if granule.product == "MYD10A1":
            other = self._weather.snow_and_cloud(
                cell_longitudes, cell_latitudes, granule.day + datetime.timedelta(days=1)
            )[1]
            is_cloudy = is_cloudy & other
        values = np.where(is_cloudy, CLOUD, ndsi)
        values[_is_night(cell_latitudes, granule.day)] = NIGHT
        pixels: npt.NDArray[np.uint8] = values[place].reshape(longitudes.shape).astype(np.uint8)
        pixels[~self._world.at(self._world.land_mask, longitudes, latitudes)] = OCEAN
        pixels[off_earth] = FILL
        return pixels


def _grid(h: int, v: int) -> RasterGrid:
    left, top = upper_left(h, v)
    pixel = TILE_M / _TILE_PIXELS
    return RasterGrid(_TILE_PIXELS, _TILE_PIXELS, CRS, Affine(pixel, 0, left, 0, -pixel, top), nodata=FILL)


def _is_night(latitudes: Axis, day: datetime.date) -> npt.NDArray[np.bool_]:
    """Tell where the sun is too low at noon for a measurement."""
    declination = -23.44 * math.cos(2 * math.pi * (day.timetuple().tm_yday + 10) / 365.25)
    return np.asarray(np.abs(latitudes - declination) > 85.0)


def _signature(expiry: str) -> str:
    return hashlib.sha256(f"sandbox/{expiry}".encode()).hexdigest()


def _granule_of_name(name: str) -> _Granule | None:
    match = re.fullmatch(r"(MOD10A1|MYD10A1)\.A(\d{4})(\d{3})\.h(\d\d)v(\d\d)\.061\.\d{13}", name)
    if match is None or not 1 <= int(match.group(3)) <= 366:
        return None
    day = datetime.date(int(match.group(2)), 1, 1) + datetime.timedelta(days=int(match.group(3)) - 1)
    granule = _Granule(match.group(1), int(match.group(4)), int(match.group(5)), day)
    return granule if granule.name == name and granule.h < 36 and granule.v < 18 else None


def _base(request: ServiceRequest) -> str:
    return f"http://{request.headers.get('host', '127.0.0.1')}"


def _bounds(ring: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return min(xs), min(ys), max(xs), max(ys)


def _search_fields(request: ServiceRequest) -> dict[str, Any]:
    """Give the criteria of a search, from JSON or from the query, in the forms of JSON."""
    if request.method == "POST":
        try:
            value = request.json()
        except ValueError as error:
            raise _Refused("the body is no JSON") from error
        if not isinstance(value, dict):
            raise _Refused("the body is no object")
        return value
    fields: dict[str, Any] = dict(request.query)
    for name in ("collections", "ids"):
        if name in fields:
            fields[name] = fields[name].split(",")
    try:
        if "bbox" in fields:
            fields["bbox"] = [float(part) for part in fields["bbox"].split(",")]
        if "intersects" in fields:
            fields["intersects"] = json.loads(fields["intersects"])
    except ValueError as error:
        raise _Refused(f"cannot read the area: {error}") from error
    return fields


def _limit(query: Mapping[str, Any]) -> int:
    text = str(query.get("limit", _USUAL_PAGE))
    if not text.isdecimal() or not 1 <= int(text) <= _LARGEST_PAGE:
        raise _Refused(f"limit must be from 1 to {_LARGEST_PAGE}")
    return int(text)


def _token_place(token: Any) -> int:
    if token is None:
        return 0
    match = re.fullmatch(rf"next:{COLLECTION}:(\d+)", str(token))
    if match is None:
        raise _Refused("bad token")
    return int(match.group(1))


def _next_link(method: str, base: str, query: Mapping[str, Any], token: str) -> dict[str, Any]:
    link: dict[str, Any] = {"rel": "next", "type": "application/geo+json", "method": method}
    if method == "POST":
        return link | {"href": f"{base}{_STAC}/search", "body": {**query, "token": token}}
    texts = {
        name: json.dumps(value)
        if isinstance(value, dict)
        else ",".join(str(part) for part in value)
        if isinstance(value, list)
        else str(value)
        for name, value in query.items()
    }
    pairs = urlencode({**texts, "token": token})
    return link | {"href": f"{base}{_STAC}/search?{pairs}"}


def _days(text: Any) -> tuple[datetime.date, datetime.date]:
    """Give the days of a moment or an interval; ``..`` leaves an end open."""
    if not text:
        return datetime.date.min, datetime.date.max
    ends = str(text).split("/")
    if len(ends) > 2:
        raise _Refused(f"cannot read the datetime {text}")
    days = []
    for end, usual in zip((ends[0], ends[-1]), (datetime.date.min, datetime.date.max)):
        if end in ("..", ""):
            days.append(usual)
            continue
        try:
            days.append(datetime.date.fromisoformat(end[:10]))
        except ValueError as error:
            raise _Refused(f"cannot read the datetime {text}") from error
    return days[0], days[1]


def _tiles(query: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Give the tiles of the search area; a box whose west is east of its east crosses the antimeridian."""
    bounds = query.get("bbox")
    if bounds is None and query.get("intersects") is not None:
        try:
            bounds = list(shape(query["intersects"]).bounds)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise _Refused("cannot read the area of intersects") from error
    if bounds is None:
        bounds = [-180.0, -90.0, 180.0, 90.0]
    if not isinstance(bounds, list) or len(bounds) != 4:
        raise _Refused("bbox has four numbers")
    try:
        west, south, east, north = (float(value) for value in bounds)
    except (TypeError, ValueError) as error:
        raise _Refused("bbox has four numbers") from error
    if not (-90 <= south <= north <= 90 and -180 <= west <= 180 and -180 <= east <= 180):
        raise _Refused("bbox is west, south, east, north in degrees")
    if west > east:
        parts = (*tiles_in(west, south, 180.0, north), *tiles_in(-180.0, south, east, north))
        return list(dict.fromkeys(parts))
    return tiles_in(west, south, east, north)
