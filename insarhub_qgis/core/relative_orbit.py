# SPDX-License-Identifier: GPL-2.0-or-later
"""The Sentinel-1 path (relative orbit) that an absolute orbit or a burst identifier belongs to."""

from __future__ import annotations

ORBITS_PER_CYCLE = 175
_CYCLE_SECONDS = 12 * 86400.0
_BURST_INTERVAL_S = 2.758273
_FIRST_BURST_START_S = 2.299849
#: Bursts this near to an ascending node may carry the number of either path.
_NODE_MARGIN_S = 60.0

#: Platform -> (first absolute orbit of the phase, offset), newest phase first.
_PHASES: dict[str, tuple[tuple[int, int], ...]] = {
    "S1A": ((0, 73),),
    "S1B": ((0, 27),),
    "S1C": ((8019, 99), (0, 172)),
    "S1D": ((0, 42),),
}


def relative_orbit(platform: str, absolute_orbit: int) -> int | None:
    """Give the path 1..175 of an absolute orbit, or None for a platform without a known rule.

    Source: ESA Sentinel-1 product naming (S1A, S1B, S1C), and the orbital reconfiguration of June 2026, after
    which S1C counts anew from absolute orbit 8019. MintPy 1.6.4 uses the same numbers.

    >>> relative_orbit("S1A", 20027)
    5
    """
    for first_orbit, offset in _PHASES.get(platform.upper(), ()):
        if absolute_orbit >= first_orbit:
            return (absolute_orbit - offset) % ORBITS_PER_CYCLE + 1
    return None


def relative_orbit_of_burst(burst_id: int) -> int | None:
    """Give the path 1..175 of an ESA burst identifier, or None within a minute of an ascending node.

    Bursts are numbered through one 12-day cycle at a fixed interval from the first ascending node.

    Source: ESA, Sentinel-1 burst identifiers, S1-TN-MDA-52-7445 section 9.25.

    >>> relative_orbit_of_burst(136231)
    64
    """
    orbit_seconds = _CYCLE_SECONDS / ORBITS_PER_CYCLE
    seconds = (burst_id - 1) * _BURST_INTERVAL_S + _FIRST_BURST_START_S
    path_index, since_node = divmod(seconds, orbit_seconds)
    if burst_id < 1 or path_index >= ORBITS_PER_CYCLE:
        return None
    if since_node < _NODE_MARGIN_S or since_node > orbit_seconds - _NODE_MARGIN_S:
        return None
    return int(path_index) + 1
