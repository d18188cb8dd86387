# SPDX-License-Identifier: GPL-2.0-or-later
"""Which bursts of a pass HyP3 can merge.

In each sub-swath the numbers follow one another, and neighbouring sub-swaths begin and end within one burst of each
other. The service finds out when the job runs: bursts of another shape are paid for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable


def number_of(burst_id: str) -> int:
    """Give the number in ``220001_IW1``."""
    return int(burst_id.partition("_")[0])


def whole_set(burst_ids: Iterable[str]) -> tuple[str, ...]:
    """Add the bursts that make a set whole: none between others missing, sub-swaths side by side within one burst.

    Examples
    --------
    >>> whole_set(["5_IW1", "6_IW1", "7_IW1", "7_IW2"])
    ('000005_IW1', '000006_IW1', '000006_IW2', '000007_IW1', '000007_IW2')
    """
    ranges: dict[int, list[int]] = {}
    for name in burst_ids:
        number, swath = number_of(name), int(name[-1])
        known = ranges.setdefault(swath, [number, number])
        known[:] = min(known[0], number), max(known[1], number)
    swaths = range(min(ranges), max(ranges) + 1)
    for swath in swaths:
        # Between two sub-swaths the one in the middle is needed, as far as both reach.
        if swath not in ranges:
            beside = ranges[swath - 1], ranges[swath + 1]
            ranges[swath] = sorted((max(one[0] for one in beside), min(one[1] for one in beside)))
    for _ in swaths:
        for one, other in zip(swaths, swaths[1:]):
            _bring_together(ranges[one], ranges[other])
    return tuple(
        sorted(
            f"{number:06d}_IW{swath}"
            for swath, (first, last) in ranges.items()
            for number in range(first, last + 1)
        )
    )


def _bring_together(one: list[int], other: list[int]) -> None:
    """Lengthen the shorter of two ranges of numbers until both ends are within one of each other."""
    one[0], other[0] = min(one[0], other[0] + 1), min(other[0], one[0] + 1)
    one[1], other[1] = max(one[1], other[1] - 1), max(other[1], one[1] - 1)
