# SPDX-License-Identifier: GPL-2.0-or-later
"""What the files of a job say about its order: read in a worker thread, before HyP3 is asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_options import Hyp3Options
from insarhub_qgis.core.network_budget import PairPrices
from insarhub_qgis.core.network_checks import CheckRow, check_network
from insarhub_qgis.core.network_files import OpenNetwork, load_network
from insarhub_qgis.gui.network_session import NetworkSession


@dataclass(frozen=True)
class ProcessFacts:
    """What the files of a job say before HyP3 is asked.

    Attributes
    ----------
    pairs
        Active pairs of scenes, those of a merged stack frame by frame.
    is_burst
        The scenes are bursts.
    notes
        What of the options could not be used.
    """

    opened: OpenNetwork
    options: Hyp3Options
    pairs: tuple[tuple[str, str], ...]
    is_burst: bool
    notes: tuple[InsarError, ...] = ()


def read_process_facts(folder: Path) -> ProcessFacts:
    """Read network and options of a job.

    Raises
    ------
    InsarError
        Errors of `load_network` and of the config.
    """
    opened = load_network(folder)
    options, notes = Hyp3Options.from_config(opened.job.read_config())
    network = opened.network
    pairs = [pair for key in network.active_keys() for pair in network.granule_pairs(key)]
    names = [name for node in network.nodes for name in node.scenes]
    return ProcessFacts(
        opened,
        options,
        tuple((pair.reference, pair.secondary) for pair in pairs),
        bool(names) and all(name.endswith("-BURST") for name in names),
        tuple(notes),
    )


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
