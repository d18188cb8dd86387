# SPDX-License-Identifier: GPL-2.0-or-later
"""Decay maps on disk: names, bands, tags, and when a map may be used again. No raster is read here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from insarhub_qgis.core.errors import InsarError

DECAY_FOLDER = "decay_maps"
NODATA = -9999.0
CRS = "EPSG:4326"
#: The fit. It changes with anything that changes a fitted value; maps of another one are built again.
ALGORITHM = "grid32-1"
#: Begins the source of maps of simulated coherence, so that they are never taken for real ones.
SIMULATED = "Sandbox, simulated: "

#: Season in file names -> its months. Northern names in both hemispheres: the dataset has no others.
SEASONS: dict[str, tuple[int, int, int]] = {
    "winter": (12, 1, 2),
    "spring": (3, 4, 5),
    "summer": (6, 7, 8),
    "fall": (9, 10, 11),
}
POLARIZATIONS = ("vv", "hh")

#: Band 1, 2, 3: what it holds. tau is in days.
BAND_DESCRIPTIONS = ("gamma_inf", "gamma_0", "tau")
_BAND_TAGS = {
    "band1": "gamma_inf_PS_floor",
    "band2": "gamma0_initial_coherence",
    "band3": "tau_decorrelation_days",
}
_OWN_TAGS = (
    "AOI_HASH",
    "LEVELS",
    "ALGORITHM",
    "RESOLUTION",
    "FIT_RMSE_MEDIAN",
    "MONTHS",
    "SOURCE",
    "FETCHED",
)

#: Quantities of the rasters that are made from the maps; each begins the names of its files.
EXPECTED, LONGEST, BEST, NETWORK = (
    "expected_coherence",
    "longest_baseline",
    "best_season",
    "network_coherence",
)

_NAME = re.compile(r"^S1_coherence_decay_(winter|spring|summer|fall)_(vv|hh)\.tif$")

OWN_MAP, INSARHUB_MAP, OUTDATED, UNUSABLE = "own", "insarhub", "outdated", "unusable"


def decay_map_name(season: str, polarization: str) -> str:
    """Give the file name; raises ``decay.bad_name`` for a season or polarisation that the dataset lacks."""
    name = f"S1_coherence_decay_{season}_{polarization.lower()}.tif"
    if _NAME.match(name) is None:
        raise InsarError("decay.bad_name", season=season, polarization=polarization)
    return name


def decay_map_file(job_folder: Path, season: str, polarization: str) -> Path:
    return Path(job_folder) / DECAY_FOLDER / decay_map_name(season, polarization)


def find_decay_maps(job_folder: Path) -> dict[tuple[str, str], Path]:
    """Give (season, polarisation) -> file of the maps present; other files in the folder are passed over."""
    found: dict[tuple[str, str], Path] = {}
    for path in sorted((Path(job_folder) / DECAY_FOLDER).glob("S1_coherence_decay_*.tif")):
        match = _NAME.match(path.name)
        if match is not None:
            found[(match.group(1), match.group(2))] = path
    return found


def derived_map_file(
    job_folder: Path,
    quantity: str,
    *,
    season: str = "",
    days: float = 0.0,
    first: str = "",
    second: str = "",
    coherence: float = 0.0,
) -> Path:
    """Give the file of a raster made from the maps of a job; the parameters are those of `requests.DeriveFromDecay`.

    >>> derived_map_file(Path("job"), LONGEST, season="summer", coherence=0.3).name
    'longest_baseline_summer_0.3.tif'
    >>> derived_map_file(Path("job"), EXPECTED, first="2019-12-01", second="2020-03-06").name
    'expected_coherence_20191201_20200306.tif'
    """
    dates = [day.replace("-", "") for day in (first, second) if day]
    parts = [quantity, *dates]
    if not dates and quantity != NETWORK:
        parts += [season] if season else []
        parts.append(f"{coherence:g}" if quantity == LONGEST else f"{days:g}d")
    return Path(job_folder) / DECAY_FOLDER / f"{'_'.join(parts)}.tif"


def find_derived_maps(job_folder: Path) -> list[tuple[str, Path]]:
    """Give (quantity, file) of the rasters made from the maps of a job."""
    files = sorted((Path(job_folder) / DECAY_FOLDER).glob("*.tif"))
    return [
        (quantity, path)
        for quantity in (EXPECTED, LONGEST, BEST, NETWORK)
        for path in files
        if path.stem == quantity or path.stem.startswith(f"{quantity}_")
    ]


@dataclass(frozen=True)
class DecayMapBuild:
    """What decides whether a map fits: the area, the coherence levels used, the fit.

    Attributes
    ----------
    levels
        Repeat intervals in days, e.g. (6, 12, 18, 24, 36, 48).
    resolution
        ``90 m`` or ``0.01 deg``, information.
    """

    aoi_hash: str
    levels: tuple[int, ...]
    algorithm: str
    resolution: str = ""
    source: str = ""

    def tags(
        self, season: str, polarization: str, fit_rmse_median: float | None = None, fetched_at: str = ""
    ) -> dict[str, str]:
        """Give all GeoTIFF tags of a map; what is unknown is left out. ``fetched_at``: ISO UTC."""
        values = (
            self.aoi_hash,
            ",".join(str(level) for level in self.levels),
            self.algorithm,
            self.resolution,
            "" if fit_rmse_median is None else f"{fit_rmse_median:.4f}",
            ",".join(str(month) for month in SEASONS[season]),
            self.source,
            fetched_at,
        )
        own = {name: value for name, value in zip(_OWN_TAGS, values) if value}
        return {"season": season, "pol": polarization.lower(), **_BAND_TAGS, **own}


@dataclass(frozen=True)
class DecayMapFacts:
    """What the reader of a raster found.

    Attributes
    ----------
    bounds
        West, south, east, north in degrees.
    """

    band_count: int
    crs: str
    bounds: tuple[float, float, float, float]
    tags: Mapping[str, str]


def reuse_of(facts: DecayMapFacts, wanted: DecayMapBuild, aoi_bounds: Sequence[float]) -> str:
    """Decide what may be done with a map that exists.

    Returns
    -------
    decision
        ``own``: ours and as wanted, use it. ``insarhub``: without our tags but covers the area, use it labelled
        "made by InSARHub", never delete it. ``outdated``: ours of another area, levels or fit, or simulated where real
        coherence is wanted and the other way round; build it again. ``unusable``: not three bands, not EPSG:4326, or
        the area is not inside.
    """
    west, south, east, north = facts.bounds
    # About a tenth of the finest pixel (90 m): bounds of the same grid differ in the last digits.
    tolerance = 1e-4
    covers = (
        west <= aoi_bounds[0] + tolerance
        and south <= aoi_bounds[1] + tolerance
        and east >= aoi_bounds[2] - tolerance
        and north >= aoi_bounds[3] - tolerance
    )
    is_ours = "AOI_HASH" in facts.tags
    if facts.band_count != len(BAND_DESCRIPTIONS) or facts.crs.upper() != CRS:
        return OUTDATED if is_ours else UNUSABLE
    if is_ours:
        same = (
            facts.tags.get("AOI_HASH") == wanted.aoi_hash
            and facts.tags.get("LEVELS") == ",".join(str(level) for level in wanted.levels)
            and facts.tags.get("ALGORITHM") == wanted.algorithm
            and is_simulated(facts.tags.get("SOURCE", "")) == is_simulated(wanted.source)
        )
        return OWN_MAP if same and covers else OUTDATED
    return INSARHUB_MAP if covers else UNUSABLE


def is_simulated(source: str) -> bool:
    """Tell whether the source of a map names simulated coherence."""
    return source.startswith(SIMULATED)
