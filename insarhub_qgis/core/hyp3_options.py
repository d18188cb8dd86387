# SPDX-License-Identifier: GPL-2.0-or-later
"""Options of HyP3 jobs: their ranges, what is sent for a pair, its fingerprint, its name, and its price."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_config import PROCESSOR, JobConfig
from insarhub_qgis.core.scenes import Pair, scene_start

INSAR_GAMMA = "INSAR_GAMMA"
MULTI_BURST = "INSAR_ISCE_MULTI_BURST"
SINGLE_BURST = "INSAR_ISCE_BURST"
#: The first one is the default.
JOB_TYPES = (INSAR_GAMMA, MULTI_BURST, SINGLE_BURST)
LOOKS: dict[str, tuple[str, ...]] = {
    INSAR_GAMMA: ("20x4", "10x2"),
    MULTI_BURST: ("20x4", "10x2", "5x1"),
    SINGLE_BURST: ("20x4", "10x2", "5x1"),
}
#: Pixel spacing of the products, m.
SPACING_M = {"20x4": 80, "10x2": 40, "5x1": 20}
#: Limits of the service.
LARGEST_CHUNK, LONGEST_NAME, MOST_BURSTS = 200, 100, 15
PROCESSOR_TYPE = "Hyp3_S1"
#: Our object of the config: what the section of the processor must not hold.
OWN_HYP3 = "hyp3"

#: What the service fills in; a job answers with all of them.
_DEFAULTS: dict[str, dict[str, Any]] = {
    INSAR_GAMMA: {
        "include_look_vectors": False,
        "include_los_displacement": False,
        "include_displacement_maps": False,
        "include_inc_map": False,
        "include_dem": False,
        "include_wrapped_phase": False,
        "apply_water_mask": False,
        "looks": "20x4",
        "phase_filter_parameter": 0.6,
    },
    MULTI_BURST: {"apply_water_mask": False, "looks": "20x4"},
    SINGLE_BURST: {"apply_water_mask": False, "looks": "20x4"},
}
_GRANULE_KEYS = ("granules", "reference", "secondary")
#: What a name is freed of.
_ODD = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Option:
    """A row of the table of options, for the dialog and for checks.

    Attributes
    ----------
    kind
        ``choice``, ``text``, ``number``, ``integer`` or ``flag``.
    values
        The choices; for numbers lowest and highest.
    job_types
        Those that know the option.
    help_key
        Name of its help text.
    """

    name: str
    default: Any
    kind: str
    values: tuple[Any, ...] = ()
    job_types: tuple[str, ...] = JOB_TYPES
    help_key: str = field(default="")


_GAMMA_ONLY = (INSAR_GAMMA,)

FIELDS: tuple[Option, ...] = (
    Option("job_type", INSAR_GAMMA, "choice", JOB_TYPES, JOB_TYPES, "hyp3.job_type"),
    Option("name_prefix", "ifg", "text", (), JOB_TYPES, "hyp3.name_prefix"),
    Option("looks", "20x4", "choice", ("20x4", "10x2", "5x1"), JOB_TYPES, "hyp3.looks"),
    Option("phase_filter_parameter", 0.6, "number", (0.0, 1.0), _GAMMA_ONLY, "hyp3.phase_filter_parameter"),
    Option("include_dem", True, "flag", (), _GAMMA_ONLY, "hyp3.include_dem"),
    Option("include_look_vectors", True, "flag", (), _GAMMA_ONLY, "hyp3.include_look_vectors"),
    Option("apply_water_mask", True, "flag", (), JOB_TYPES, "hyp3.apply_water_mask"),
    Option("include_inc_map", False, "flag", (), _GAMMA_ONLY, "hyp3.include_inc_map"),
    Option("include_displacement_maps", False, "flag", (), _GAMMA_ONLY, "hyp3.include_displacement_maps"),
    Option("include_wrapped_phase", False, "flag", (), _GAMMA_ONLY, "hyp3.include_wrapped_phase"),
    Option(
        "submission_chunk_size", 200, "integer", (1, LARGEST_CHUNK), JOB_TYPES, "hyp3.submission_chunk_size"
    ),
    Option("max_workers", 4, "integer", (1, 16), JOB_TYPES, "hyp3.max_workers"),
)

#: Written always: InSARHub has other defaults for them, or its documentation shows them.
_ALWAYS_WRITTEN = ("looks", "phase_filter_parameter", "include_inc_map", "include_displacement_maps")


@dataclass(frozen=True)
class Hyp3Options:
    """Options of a submission. DEM and look vectors are needed by MintPy and cannot be added afterwards.

    Attributes
    ----------
    looks
        Looks in range x azimuth: 20x4, 10x2 (bursts also 5x1); pixels of 80, 40 or 20 m.
    phase_filter_parameter
        Strength 0..1 of the adaptive phase filter; 0 switches it off, useful are 0.2..1.
    submission_chunk_size
        Jobs per request, 1..200.
    max_workers
        Parallel downloads, 1..16.
    """

    job_type: str = INSAR_GAMMA
    name_prefix: str = "ifg"
    looks: str = "20x4"
    phase_filter_parameter: float = 0.6
    include_dem: bool = True
    include_look_vectors: bool = True
    apply_water_mask: bool = True
    include_inc_map: bool = False
    include_displacement_maps: bool = False
    include_wrapped_phase: bool = False
    submission_chunk_size: int = LARGEST_CHUNK
    max_workers: int = 4

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Hyp3Options:
        """Read the options of a request; what is absent has its default.

        Raises
        ------
        InsarError
            ``hyp3_options.unknown`` for names that are none; those of `check`.
        """
        known = {option.name for option in fields(cls)}
        unknown = sorted(set(value) - known)
        if unknown:
            raise InsarError("hyp3_options.unknown", names=unknown)
        options = cls(**value)
        options.check()
        return options

    @classmethod
    def from_config(cls, config: JobConfig) -> tuple[Hyp3Options, list[InsarError]]:
        """Read the processor section of a config, also of InSARHub, and what of it cannot be used.

        Options that are no business of a submission are passed over. A value out of range gives its default, a
        chunk beyond the limit of the service that limit; both are told.
        """
        section = config.stage_options(PROCESSOR) if _is_hyp3(config) else {}
        own = config.own.get(OWN_HYP3)
        if isinstance(own, Mapping) and own.get("job_type") in JOB_TYPES:
            section = {**section, "job_type": own["job_type"]}
        options, notes = cls(), []
        chunk = section.get("submission_chunk_size")
        if isinstance(chunk, int) and not isinstance(chunk, bool) and chunk > LARGEST_CHUNK:
            notes.append(InsarError("hyp3_options.chunk_clamped", value=chunk, limit=LARGEST_CHUNK))
            section = {**section, "submission_chunk_size": LARGEST_CHUNK}
        for option in FIELDS:
            if option.name not in section:
                continue
            changed = replace(options, **{option.name: section[option.name]})
            try:
                changed.check()
            except InsarError as error:
                notes.append(error)
            else:
                options = changed
        return options, notes

    def to_config(self) -> dict[str, Any]:
        """Give the ``config`` of the processor section: options at their default are None, which takes them away."""
        written: dict[str, Any] = {}
        for option in FIELDS:
            value = getattr(self, option.name)
            is_kept = value != option.default or option.name in _ALWAYS_WRITTEN
            # InSARHub refuses options that it does not know.
            if option.name != "job_type":
                written[option.name] = value if is_kept and self.job_type in option.job_types else None
        return written

    def check(self) -> None:
        """Refuse values that the service would refuse.

        Raises
        ------
        InsarError
            ``hyp3_options.bad_value`` (name, value, allowed), ``hyp3_options.looks`` (looks, job_type, allowed),
            ``hyp3_options.name`` (prefix).
        """
        for option in FIELDS:
            value = getattr(self, option.name)
            if not _is_allowed(option, value):
                allowed = ", ".join(str(entry) for entry in option.values) or option.kind
                raise InsarError(
                    "hyp3_options.bad_value", name=option.name, value=str(value)[:80], allowed=allowed
                )
        if self.looks not in LOOKS[self.job_type]:
            raise InsarError(
                "hyp3_options.looks",
                looks=self.looks,
                job_type=self.job_type,
                allowed=", ".join(LOOKS[self.job_type]),
            )
        if not _ODD.sub("", self.name_prefix).strip("._-"):
            raise InsarError("hyp3_options.name", prefix=self.name_prefix[:80])

    def parameters(self) -> dict[str, Any]:
        """Give the job parameters without granules, as they are sent."""
        names = [
            option.name
            for option in FIELDS
            if self.job_type in option.job_types and option.name in _DEFAULTS[self.job_type]
        ]
        return {name: getattr(self, name) for name in names}

    def job_parameters(self, references: Sequence[str], secondaries: Sequence[str]) -> dict[str, Any]:
        """Give ``job_parameters`` of a job: granules and every option that the job type knows.

        Parameters
        ----------
        references, secondaries
            One scene each; for multi-bursts 1..15 bursts each, in the same order.
        """
        if self.job_type == MULTI_BURST:
            granules: dict[str, Any] = {"reference": list(references), "secondary": list(secondaries)}
        else:
            granules = {"granules": [*references, *secondaries]}
        return {**granules, **self.parameters()}


@dataclass(frozen=True)
class PairJob:
    """What one job processes: a scene on each side, or 1..15 bursts on each side in the same order."""

    references: tuple[str, ...]
    secondaries: tuple[str, ...]

    @property
    def pair(self) -> tuple[str, str]:
        """Reference and secondary, of bursts the first ones: what names the job in files and tables."""
        return self.references[0], self.secondaries[0]


def pair_jobs(
    job_type: str, pairs: Iterable[Pair], bursts: Mapping[str, Sequence[str]] | None = None
) -> list[PairJob]:
    """Give the jobs of pairs: one each; for multi-bursts one for all bursts of the same two passes.

    Bursts belong to one pass when their names tell the same day; those of one job are in the order of their names.

    Parameters
    ----------
    bursts
        First burst of a pass -> names of all, for stacks that name passes by their first burst.
    """
    if job_type != MULTI_BURST:
        return [PairJob((pair.reference,), (pair.secondary,)) for pair in pairs]
    known = bursts or {}
    jobs: list[PairJob] = []
    passes: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        if pair.reference in known or pair.secondary in known:
            sides = (known.get(name) or (name,) for name in (pair.reference, pair.secondary))
            jobs.append(PairJob(*(tuple(side) for side in sides)))
        else:
            days = tuple((scene_start(name) or name)[:8] for name in (pair.reference, pair.secondary))
            passes.setdefault((days[0], days[1]), []).append(pair)
    for found in passes.values():
        ordered = sorted(found, key=lambda pair: pair.reference)
        jobs.append(
            PairJob(tuple(pair.reference for pair in ordered), tuple(pair.secondary for pair in ordered))
        )
    return jobs


def granules_of(job_parameters: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give reference and secondary scenes of a job as the service describes it; both empty when it names none."""
    if "reference" in job_parameters or "secondary" in job_parameters:
        return _names(job_parameters.get("reference")), _names(job_parameters.get("secondary"))
    granules = _names(job_parameters.get("granules"))
    return granules[:1], granules[1:]


def fingerprint(job_type: str, job_parameters: Mapping[str, Any]) -> str:
    """Give what two jobs have in common that would give the same product: a hex text.

    It covers the type, the granules in their order and the parameters with the defaults of the service filled in. What
    a later version of the service offers besides counts only when it is not off.

    Examples
    --------
    >>> sent = {"granules": ["A", "B"], "looks": "20x4"}
    >>> fingerprint("INSAR_GAMMA", sent) == fingerprint("INSAR_GAMMA", {**sent, "include_dem": False})
    True
    """
    references, secondaries = granules_of(job_parameters)
    defaults = _DEFAULTS.get(job_type, {})
    given = {name: value for name, value in job_parameters.items() if name not in _GRANULE_KEYS}
    parameters = {
        name: float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
        for name, value in {**defaults, **given}.items()
        if value is not None and (name in defaults or value is not False)
    }
    if job_type == MULTI_BURST:
        # Their order says nothing: the bursts of one side are merged.
        references, secondaries = tuple(sorted(references)), tuple(sorted(secondaries))
    text = json.dumps([job_type, references, secondaries, parameters], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def job_name(
    prefix: str,
    path: int | None,
    frame: int | None,
    reference: str,
    secondary: str,
    job_fingerprint: str,
) -> str:
    """Give the name of a job: the same in each run, and another one for other looks or another frame.

    Examples
    --------
    >>> job_name("ifg", 44, 117, "S1A_IW_SLC__1SDV_20230305T051234_X", "S1A_IW_SLC__1SDV_20230317T051234_X", "0a1b2c3d")
    'ifg_p44_f117_20230305T051234_20230317T051234_0a1b2c'
    """
    starts = [scene_start(name) or "" for name in (reference, secondary)]
    rest = f"_p{path or 0}_f{frame or 0}_{starts[0]}_{starts[1]}_{job_fingerprint[:6]}"
    plain = _ODD.sub("-", prefix).strip("-")
    return f"{plain[: LONGEST_NAME - len(rest)]}{rest}"


def credits_per_job(costs: Mapping[str, Any], job_type: str, job_parameters: Mapping[str, Any]) -> float:
    """Give the credits of a job from the answer of ``GET /costs``.

    Raises
    ------
    InsarError
        ``hyp3_options.no_price`` (job_type): the service does not offer the type or has no price for the parameters.

    Examples
    --------
    >>> costs = {"INSAR_GAMMA": {"cost_parameters": ["looks"], "cost_table": {"20x4": 10, "10x2": 15}}}
    >>> credits_per_job(costs, "INSAR_GAMMA", {"looks": "10x2"})
    15.0
    """
    definition = costs.get(job_type)
    found: Any = None
    if isinstance(definition, Mapping):
        found = definition.get("cost", definition.get("cost_table"))
        filled = {**_DEFAULTS.get(job_type, {}), **job_parameters}
        for name in definition.get("cost_parameters") or []:
            found = found.get(_cost_key(filled.get(name))) if isinstance(found, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
        raise InsarError("hyp3_options.no_price", job_type=job_type)
    return float(found)


def _cost_key(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return str(len(value))
    return f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _is_hyp3(config: JobConfig) -> bool:
    return config.known_stage_type(PROCESSOR) in (PROCESSOR_TYPE, None)


def _is_allowed(option: Option, value: Any) -> bool:
    if option.kind == "flag":
        return isinstance(value, bool)
    if option.kind == "choice":
        return isinstance(value, str) and value in option.values
    if option.kind == "text":
        return isinstance(value, str)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if option.kind == "integer" and not isinstance(value, int):
        return False
    return bool(option.values[0] <= value <= option.values[1])


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, Iterable) or isinstance(value, (str, Mapping)):
        return ()
    return tuple(str(name) for name in value)


def own_section(job_type: str) -> dict[str, Any]:
    """Give what our object of the config keeps about the processor, as `JobFolder.write_config_section` takes it."""
    return {OWN_HYP3: {"job_type": job_type}}
