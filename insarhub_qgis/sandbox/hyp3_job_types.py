# SPDX-License-Identifier: GPL-2.0-or-later
"""The job types of HyP3: their parameters with defaults and limits, and what a job costs.

Facts of the service 10.17; a job that fits here is accepted by the schema of the real one.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

SLC = (re.compile(r"^S1[ABCD]_IW_SLC__1S[SD][VH]"), 67)
_GRD = (re.compile(r"^S1[ABCD]_IW_GRDH_1S[SD][VH]"), 67)
_SENTINEL_2 = (re.compile(r"^S2[ABCD]_MSIL1C_"), 60)
_LANDSAT = (re.compile(r"^L([CO]0[89]|E07|T0[45])_L1"), 40)
_BURST = (re.compile(r"^S1_\d{6}_IW.*-BURST"), 43)
_BURST_OF_MANY = (re.compile(r"^S1_\d{6}_IW\d_\d{8}T\d{6}_[VH]{2}_[\dA-F]{4}-BURST$"), 43)

NamePattern = tuple[re.Pattern[str], int]


class Parameter(Protocol):
    """One parameter of a job."""

    @property
    def default(self) -> Any:
        """Value that the service fills in; None when the parameter is required."""

    def accepts(self, value: Any) -> bool: ...


@dataclass(frozen=True)
class Flag:
    """True or false."""

    default: bool = False

    def accepts(self, value: Any) -> bool:
        return isinstance(value, bool)


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    default: Any
    values: tuple[Any, ...]

    def accepts(self, value: Any) -> bool:
        return not isinstance(value, bool) and value in self.values


@dataclass(frozen=True)
class Number:
    """A number within limits, both included; without a default it is required."""

    default: float | None
    lowest: float
    highest: float
    is_integer: bool = False

    def accepts(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return self.lowest <= value <= self.highest and (not self.is_integer or value == int(value))


@dataclass(frozen=True)
class Day:
    """A day as ``YYYY-MM-DD``."""

    default: None = None

    def accepts(self, value: Any) -> bool:
        try:
            return isinstance(value, str) and bool(datetime.date.fromisoformat(value)) and len(value) == 10
        except ValueError:
            return False


@dataclass(frozen=True)
class Names:
    """A list of scene names; ``count`` None leaves their number to the checks of the job type."""

    patterns: tuple[NamePattern, ...]
    count: int | None
    default: None = None

    def accepts(self, value: Any) -> bool:
        return (
            isinstance(value, list)
            and (self.count is None or len(value) == self.count)
            and all(isinstance(name, str) and self._fits(name) for name in value)
        )

    def _fits(self, name: str) -> bool:
        return any(len(name) == length and pattern.search(name) for pattern, length in self.patterns)


@dataclass(frozen=True)
class JobType:
    """Parameters by name, and the price: a number, or the parameters that it depends on and their table."""

    parameters: Mapping[str, Parameter]
    cost: float = 0
    cost_parameters: tuple[str, ...] = ()
    cost_table: Mapping[str, Any] = field(default_factory=dict)

    def accepts(self, parameters: Any) -> bool:
        """Tell whether the schema takes these parameters."""
        return (
            isinstance(parameters, dict)
            and set(parameters) <= set(self.parameters)
            and all(self.parameters[name].accepts(value) for name, value in parameters.items())
            and all(
                name in parameters for name, parameter in self.parameters.items() if parameter.default is None
            )
        )

    def with_defaults(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Give all parameters: defaults first, as the service does, then what was sent."""
        defaults = {
            name: parameter.default
            for name, parameter in self.parameters.items()
            if parameter.default is not None
        }
        return {**defaults, **parameters}

    def price(self, parameters: Mapping[str, Any]) -> float:
        """Give the credits of a job with all its parameters."""
        cost: Any = self.cost_table if self.cost_parameters else self.cost
        for name in self.cost_parameters:
            value = parameters[name]
            key = (
                str(len(value))
                if isinstance(value, list)
                else f"{value:g}"
                if name == "resolution"
                else value
            )
            cost = cost[key]
        return float(cost) if cost != int(cost) else int(cost)

    def cost_definition(self) -> dict[str, Any]:
        if not self.cost_parameters:
            return {"cost": self.cost}
        return {"cost_parameters": list(self.cost_parameters), "cost_table": self.cost_table}


def _steps(*prices: tuple[int, int]) -> dict[str, int]:
    """Prices by number of bursts, from (last number, price)."""
    table: dict[str, int] = {}
    for last, price in prices:
        table.update({str(count): price for count in range(len(table) + 1, last + 1)})
    return table


_FULL_RESOLUTION = {str(count): 1 if count == 1 else 5 * (count - 1) for count in range(1, 11)} | {
    str(count): 90 + 5 * (count - 11) for count in range(11, 16)
}
_BURST_OPTIONS: dict[str, Parameter] = {
    "apply_water_mask": Flag(),
    "looks": Choice("20x4", ("20x4", "10x2", "5x1")),
}

JOB_TYPES: dict[str, JobType] = {
    "AUTORIFT": JobType({"granules": Names((SLC, _SENTINEL_2, _LANDSAT), 2)}, cost=25),
    "INSAR_GAMMA": JobType(
        {
            "granules": Names((SLC,), 2),
            "include_look_vectors": Flag(),
            "include_los_displacement": Flag(),
            "include_displacement_maps": Flag(),
            "include_inc_map": Flag(),
            "include_dem": Flag(),
            "include_wrapped_phase": Flag(),
            "apply_water_mask": Flag(),
            "looks": Choice("20x4", ("20x4", "10x2")),
            "phase_filter_parameter": Number(0.6, 0.0, 1.0),
        },
        cost_parameters=("looks",),
        cost_table={"20x4": 10, "10x2": 15},
    ),
    "RTC_GAMMA": JobType(
        {
            "granules": Names((_GRD, SLC), 1),
            "resolution": Choice(30.0, (30.0, 20.0, 10.0)),
            "dem_name": Choice("copernicus", ("copernicus",)),
            "radiometry": Choice("gamma0", ("gamma0", "sigma0")),
            "scale": Choice("power", ("power", "decibel", "amplitude")),
            "speckle_filter": Flag(),
            "dem_matching": Flag(),
            "include_dem": Flag(),
            "include_inc_map": Flag(),
            "include_scattering_area": Flag(),
            "include_rgb": Flag(),
        },
        cost_parameters=("resolution",),
        cost_table={"30": 5, "20": 15, "10": 60},
    ),
    "INSAR_ISCE_BURST": JobType({"granules": Names((_BURST,), 2), **_BURST_OPTIONS}, cost=1),
    "INSAR_ISCE_MULTI_BURST": JobType(
        {
            "reference": Names((_BURST_OF_MANY,), None),
            "secondary": Names((_BURST_OF_MANY,), None),
            **_BURST_OPTIONS,
        },
        cost_parameters=("looks", "reference"),
        cost_table={
            "20x4": _steps((4, 1), (12, 5), (15, 10)),
            "10x2": _steps((3, 1), (9, 5), (15, 10)),
            "5x1": _FULL_RESOLUTION,
        },
    ),
    "ARIA_S1_GUNW": JobType(
        {
            "reference_date": Day(),
            "secondary_date": Day(),
            "frame_id": Number(None, 0, 27397, is_integer=True),
        },
        cost=60,
    ),
}

#: Most bursts on each side of a multi-burst job.
MOST_BURSTS = 15


def scene_names(job_type: str, parameters: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Give the scenes of the reference and of the secondary side; both empty for jobs that name no scenes."""
    if job_type == "INSAR_ISCE_MULTI_BURST":
        return list(parameters["reference"]), list(parameters["secondary"])
    granules = list(parameters.get("granules", []))
    return granules[:1], granules[1:]
