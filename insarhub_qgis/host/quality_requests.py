# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests about the quality of pairs with what the user allows: services that may be asked, and weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.pair_score import PRESETS, STANDARD, ScoreWeights, preset_of
from insarhub_qgis.core.pair_table_files import (
    FIRES,
    LANDCOVER,
    SNOW_COVER,
    VEGETATION_INDEX,
    WEATHER,
)
from insarhub_qgis.core.requests import BuildPairDatabase, ReweightPairDatabase
from insarhub_qgis.host.endpoints import endpoints, is_sandbox_on
from insarhub_qgis.host.firms_key import is_database_open, map_key_credential, map_key_id
from insarhub_qgis.host.settings import settings

#: All services, in the order in which they are shown.
SOURCES = (WEATHER, LANDCOVER, VEGETATION_INDEX, SNOW_COVER, FIRES)


def allowed_sources() -> tuple[str, ...]:
    """Give the services that the user allows to be asked."""
    chosen = {name.strip() for name in str(settings().quality_sources.value()).split(",")}
    return tuple(name for name in SOURCES if name in chosen)


def allow_sources(names: Iterable[str]) -> None:
    chosen = set(names)
    settings().quality_sources.setValue(",".join(name for name in SOURCES if name in chosen))


def usable_sources() -> tuple[str, ...]:
    """Give the allowed services that can answer: fires want a key, unless the sandbox answers."""
    return tuple(name for name in allowed_sources() if name != FIRES or is_sandbox_on() or bool(map_key_id()))


def default_weights() -> ScoreWeights:
    """Give the weights of jobs that have none of their own."""
    return PRESETS.get(str(settings().quality_preset.value()), PRESETS[STANDARD])


def weights_of_job(section: Mapping[str, Any]) -> ScoreWeights:
    """Give the weights of a job as its config keeps them (`StackQuality.section`), else the default ones."""
    kept = section.get("weights")
    return ScoreWeights.from_json(kept) if isinstance(kept, Mapping) else default_weights()


def build_request(
    job_folder: Path, section: Mapping[str, Any], *, is_asking: bool
) -> tuple[BuildPairDatabase, Credential | None]:
    """Give the request that builds or completes the pair database of a job, and the credential that it needs.

    Parameters
    ----------
    is_asking
        The user began it and may be asked for the master password; else only fires of the cache count while it is not
        known.

    Raises
    ------
    InsarError
        Codes of `endpoints` and `map_key_credential`.
    """
    sources = usable_sources()
    credential = None
    if FIRES in sources and not is_sandbox_on() and (is_asking or is_database_open()):
        credential = map_key_credential()
    request = BuildPairDatabase(
        str(job_folder),
        sources,
        **_weights_json(weights_of_job(section)),
        endpoints=endpoints().to_json(),
        is_background=True,
    )
    return request, credential


def reweight_request(job_folder: Path, weights: ScoreWeights) -> ReweightPairDatabase:
    """Give the request that keeps other weights."""
    return ReweightPairDatabase(str(job_folder), **_weights_json(weights))


def _weights_json(weights: ScoreWeights) -> dict[str, Any]:
    preset = preset_of(weights)
    return {"preset": STANDARD, "weights": weights.to_json()} if preset is None else {"preset": preset}
