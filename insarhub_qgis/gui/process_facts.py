# SPDX-License-Identifier: GPL-2.0-or-later
"""What the files of a job say about its order: read in a worker thread, before HyP3 is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from insarhub_qgis.core.burst_estimate import estimated_burst_count
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_options import Hyp3Options
from insarhub_qgis.core.job_config import DOWNLOADER, JobConfig
from insarhub_qgis.core.network_budget import PairPrices
from insarhub_qgis.core.network_checks import CheckRow, check_network
from insarhub_qgis.core.network_files import OpenNetwork, load_network
from insarhub_qgis.core.network_model import StackNetwork
from insarhub_qgis.core.scenes import burst_id
from insarhub_qgis.gui.network_session import NetworkSession


@dataclass(frozen=True)
class ProcessFacts:
    """What the files of a job say before HyP3 is asked.

    Attributes
    ----------
    pairs
        Active pairs of scenes, those of a merged stack frame by frame.
    burst_ids
        ``220001_IW1``: the bursts of each date; empty for whole scenes.
    estimated_bursts
        Of whole scenes: how many bursts the area of the job takes, by the footprint of a scene; None when unknown.
    burst_search
        Values of `requests.SearchScenes` that would find them.
    notes
        What of the options could not be used.
    """

    opened: OpenNetwork
    options: Hyp3Options
    pairs: tuple[tuple[str, str], ...]
    burst_ids: tuple[str, ...] = ()
    estimated_bursts: int | None = None
    burst_search: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[InsarError, ...] = ()

    @property
    def is_burst(self) -> bool:
        """The scenes are bursts."""
        return bool(self.burst_ids)


def read_process_facts(folder: Path) -> ProcessFacts:
    """Read network and options of a job.

    Raises
    ------
    InsarError
        Errors of `load_network` and of the config.
    """
    opened = load_network(folder)
    config = opened.job.read_config()
    options, notes = Hyp3Options.from_config(config)
    network = opened.network
    pairs = [pair for key in network.active_keys() for pair in network.granule_pairs(key)]
    found = {burst_id(name) for node in network.nodes for name in node.scenes}
    burst_ids = config.burst_ids or tuple(sorted(found - {None})) if found and None not in found else ()
    search = _burst_search(config)
    return ProcessFacts(
        opened,
        options,
        tuple((pair.reference, pair.secondary) for pair in pairs),
        burst_ids,
        None if burst_ids else _estimated_bursts(network, search["aoi_wkt"]),
        search,
        tuple(notes),
    )


def _burst_search(config: JobConfig) -> dict[str, Any]:
    """Give what finds the bursts of a job of whole scenes: its own search, without what bursts do not know."""
    options = config.stage_options(DOWNLOADER)
    path = options.get("relativeOrbit")
    return {
        "product": "BURST",
        "aoi_wkt": str(options.get("intersectsWith") or ""),
        "start": str(options.get("start") or "")[:10],
        "end": str(options.get("end") or "")[:10],
        "direction": str(options.get("flightDirection") or "").upper(),
        "paths": (path,) if isinstance(path, int) else (),
    }


def _estimated_bursts(network: StackNetwork, aoi_wkt: str) -> int | None:
    footprints = (
        network.facts[name].footprint
        for node in network.nodes
        for name in node.scenes
        if name in network.facts
    )
    footprint = next((ring for ring in footprints if ring), ())
    return estimated_burst_count(aoi_wkt, footprint)


def check_pairs(
    opened: OpenNetwork, kept: Collection[tuple[str, str]], prices: PairPrices | None
) -> list[CheckRow]:
    """Check the network that some pairs of scenes make; the open network stays as it is."""
    network = NetworkSession(opened).copy_of_network()
    network.remove_pairs(
        key
        for key in network.active_keys()
        if not any((pair.reference, pair.secondary) in kept for pair in network.granule_pairs(key))
    )
    return check_network(replace(opened, network=network), prices=prices)
