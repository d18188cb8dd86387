# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of a MintPy run: order, what each writes and needs, and what its output text means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_options import OPTION_BY_KEY, PREFIX

STACK_FILE = "inputs/ifgramStack.h5"


@dataclass(frozen=True)
class MintpyStep:
    """One step.

    Attributes
    ----------
    writes
        Regular expressions of the files it writes, relative to the MintPy folder, forward slashes.
    needs
        Files that have to be there before it can run.
    alters
        Regular expressions of files of earlier steps whose data it changes in place.
    weight
        Share of the run, for progress only.
    is_leaf
        No later step reads what it writes.
    """

    name: str
    writes: tuple[str, ...]
    needs: tuple[str, ...] = ()
    alters: tuple[str, ...] = ()
    weight: float = 1.0
    is_leaf: bool = False


#: Options that name input files; what counts is which files they find.
INPUT_FILE_KEYS: tuple[str, ...] = tuple(
    key for key in OPTION_BY_KEY if key.startswith("mintpy.load.") and key.endswith(("File", "Dir"))
)

_SERIES = r"timeseries(?!Residual)\w*"

STEPS: tuple[MintpyStep, ...] = (
    MintpyStep("load_data", (r"inputs/[^/]+\.h5", r"clip/[^/]+\.rsc"), weight=4),
    MintpyStep(
        "modify_network",
        (r"waterMask\.h5", r"coherence(SpatialAvg|AreaRatio)(RevMsk)?\.txt", r"(pic/)?network\.pdf"),
        (STACK_FILE,),
    ),
    MintpyStep("reference_point", (r"maskConnComp\.h5", r"avgSpatial(Coh|SNR)\.h5"), (STACK_FILE,)),
    MintpyStep(
        "quick_overview",
        (r"avgPhaseVelocity\.h5", r"numTriNonzeroIntAmbiguity\.(h5|png)"),
        (STACK_FILE,),
        is_leaf=True,
    ),
    MintpyStep("correct_unwrap_error", (), (STACK_FILE, "maskConnComp.h5"), weight=4),
    MintpyStep(
        "invert_network",
        (r"timeseries\.h5", r"temporalCoherence\.h5", r"numInvIfgram\.h5", r"maskTempCoh\.h5"),
        (STACK_FILE,),
        weight=8,
    ),
    MintpyStep("correct_LOD", (rf"{_SERIES}_LOD\.h5",), ("timeseries.h5",)),
    MintpyStep("correct_SET", (rf"{_SERIES}_SET\.h5", r"inputs/SET\.h5"), ("timeseries.h5",)),
    MintpyStep("correct_ionosphere", (rf"{_SERIES}_ion\.h5", r"inputs/ion\.h5"), ("timeseries.h5",)),
    MintpyStep(
        "correct_troposphere",
        (
            rf"{_SERIES}_(ERA5|MERRA|NARR|tropHgt|GACOS|OPERA)\.h5",
            r"inputs/(ERA5|MERRA|NARR|GACOS|OPERA)\.h5",
        ),
        ("timeseries.h5",),
        weight=4,
    ),
    MintpyStep("deramp", (rf"{_SERIES}_ramp\.h5",), ("timeseries.h5", "maskTempCoh.h5")),
    MintpyStep(
        "correct_topography",
        (rf"{_SERIES}_demErr\.h5", r"demErr\.h5", r"timeseriesResidual\.h5"),
        ("timeseries.h5",),
        weight=3,
    ),
    MintpyStep(
        "residual_RMS",
        (
            r"timeseriesResidual_\w+\.h5",
            r"rms_timeseriesResidual\w*\.(txt|pdf)",
            r"(reference|exclude)_date\.txt",
        ),
        ("timeseriesResidual.h5",),
    ),
    MintpyStep("reference_date", (), ("timeseries.h5",), (rf"{_SERIES}\.h5",), weight=2),
    MintpyStep("velocity", (r"velocity\w*\.h5",), ("timeseries.h5",)),
    MintpyStep("geocode", (r"geo/[^/]+\.h5",), ("velocity.h5",), weight=2, is_leaf=True),
    MintpyStep("google_earth", (r"((geo|pic)/)?(geo_)?velocity\w*\.kmz",), ("velocity.h5",), is_leaf=True),
    MintpyStep("hdfeos5", (r"[^/]+\.he5",), ("velocity.h5",), (rf"{_SERIES}\.h5",), is_leaf=True),
    MintpyStep("plot", (r"pic/[^/]+\.(png|pdf|txt)",), (STACK_FILE,), weight=4, is_leaf=True),
)

STEP_NAMES: tuple[str, ...] = tuple(step.name for step in STEPS)
STEP_BY_NAME: dict[str, MintpyStep] = {step.name: step for step in STEPS}

#: Processors whose interferograms are already on a map grid.
_GEOCODED_PROCESSORS = frozenset({"hyp3", "aria", "gmtsar", "snap", "nisar"})
_TROPOSPHERE_SUFFIX = {"height_correlation": "tropHgt", "gacos": "GACOS", "opera": "OPERA"}


def step_index(name: str) -> int:
    """Give the place of a step in the run; raises ``analysis.unknown_step``."""
    if name not in STEP_BY_NAME:
        raise InsarError("analysis.unknown_step", step=name, known=list(STEP_NAMES))
    return STEP_NAMES.index(name)


def in_order(names: Iterable[str]) -> list[str]:
    """Give steps once each, in the order in which they run."""
    return sorted(set(names), key=step_index)


def wrote(step: MintpyStep, relative_path: str) -> bool:
    """Whether a file, relative to the MintPy folder, is a product of the step."""
    return any(re.fullmatch(pattern, relative_path) for pattern in step.writes)


def enabled_steps(values: Mapping[str, str]) -> list[str]:
    """Give the steps that do something under these effective option values, in order.

    Parameters
    ----------
    values
        `MintpyConfig.effective_values`.
    """

    def has(key: str) -> bool:
        return values[PREFIX + key] not in ("no", "")

    is_radar = values[PREFIX + "load.processor"] not in _GEOCODED_PROCESSORS
    has_residual = values[PREFIX + "topographicResidual"] == "yes"
    reference_date = values[PREFIX + "reference.date"]
    map_output = has("save.kmz") or has("save.hdfEos5")
    is_on = {
        "correct_unwrap_error": has("unwrapError.method"),
        # Only Envisat needs it, and of the two processors we prepare for only radar stacks may be Envisat's.
        "correct_LOD": is_radar,
        "correct_SET": has("solidEarthTides"),
        "correct_ionosphere": has("ionosphericDelay.method"),
        "correct_troposphere": has("troposphericDelay.method"),
        "deramp": has("deramp"),
        "correct_topography": has_residual,
        "residual_RMS": has_residual,
        "reference_date": reference_date != "no" and (has_residual or reference_date != "reference_date.txt"),
        "geocode": is_radar and (has("geocode") or map_output),
        "google_earth": has("save.kmz"),
        "hdfeos5": has("save.hdfEos5"),
        "plot": has("plot"),
    }
    return [name for name in STEP_NAMES if is_on.get(name, True)]


def steps_after(names: Sequence[str]) -> list[str]:
    """Give the steps whose results no longer hold once ``names`` run again, those included, in order."""
    chosen = in_order(names)
    through = [name for name in chosen if not STEP_BY_NAME[name].is_leaf]
    later = STEP_NAMES[step_index(through[0]) :] if through else ()
    return in_order([*chosen, *later])


def option_values_of(step: str, values: Mapping[str, str]) -> dict[str, str]:
    """Give the values, different from MintPy's default, of the options that act on a step first.

    Paths of input files are left out: the same files may lie in a folder that has moved.
    """
    return {
        key: values[key]
        for key, entry in OPTION_BY_KEY.items()
        if entry.first_step == step and key not in INPUT_FILE_KEYS and values[key] != entry.effective("auto")
    }


def final_series_name(values: Mapping[str, str]) -> str:
    """Give the name of the most corrected series that the enabled steps write (Envisat's LOD aside)."""
    name = "timeseries"
    enabled = set(enabled_steps(values))
    if "correct_SET" in enabled:
        name += "_SET"
    if "correct_ionosphere" in enabled:
        name += "_ion"
    if "correct_troposphere" in enabled:
        method = values[PREFIX + "troposphericDelay.method"]
        name += "_" + _TROPOSPHERE_SUFFIX.get(method, values[PREFIX + "troposphericDelay.weatherModel"])
    if "deramp" in enabled:
        name += "_ramp"
    if "correct_topography" in enabled:
        name += "_demErr"
    return name + ".h5"


# --- Output text ---------------------------------------------------------------------------------------

_BAR = re.compile(r"\[[=> ]*?(?:(\d{1,3})%)?[=> ]*\]")
_DASK_BAR = re.compile(r"\[[# ]*\] \| +(\d{1,3})% Completed")


def parse_percent(line: str) -> float | None:
    """Give 0..100 from a progress bar of MintPy or dask, None for other text.

    Examples
    --------
    >>> parse_percent("[=========>             45%                    ] 9/20    0s /     0s")
    45.0
    """
    dask = _DASK_BAR.search(line)
    if dask:
        return float(dask.group(1))
    match = _BAR.search(line)
    if match is None or len(match.group(0)) < 30:
        return None
    if match.group(1):
        return min(float(match.group(1)), 100.0)
    bar = match.group(0)[1:-1]
    if set(bar) == {"="}:
        return 100.0
    return 0.0 if bar.startswith(">") else None


#: Text of a failed step and the code of its cause, the most telling first.
_CAUSES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"No space left on device|Disk quota exceeded|errno = 28", "disk.full"),
        (r"MemoryError|Unable to allocate|Cannot allocate memory|KilledWorker", "analysis.out_of_memory"),
        (r"unable to lock file|Resource temporarily unavailable", "analysis.file_in_use"),
        (r"Not enough reliable pixels \(minimum of (?P<pixels>\d+)\)", "analysis.too_few_pixels"),
        (r"Zero interferogram left|ALL interferograms are marked as dropped", "analysis.no_pair_left"),
        (r"Input network of interferograms is not fully connected", "analysis.network_split"),
        (r"No pixel with average spatial coherence > (?P<coherence>[\d.]+)", "analysis.no_reference_pixel"),
        (r"reference point is (OUT of data coverage|in masked OUT area)", "analysis.reference_outside"),
        (r"reference y/x have nan value|no pixel found with valid phase", "analysis.reference_invalid"),
        (r"required licen[cs]es? not accepted|not agreed to the required terms", "era5.licence"),
        (r"(401|403) Client Error|Authentication failed|invalid api key|Missing/incomplete configuration", "era5.key_rejected"),
        (r"(?=.*(cds|copernicus|ecmwf)).*(Max retries|Connection|Timeout|resolution)", "era5.unreachable"),
        (r"has different size|NOT all input .* have the same row/column|operands could not be broadcast", "analysis.size_mismatch"),
        (r"NOT all types of dataset have the same number of files", "analysis.files_missing"),
        (r"input poly order .* > number of acquisition", "analysis.too_few_dates"),
        (r"No triplets found", "analysis.no_triplets"),
        (r"No (input )?(unwFile|.*unwrapped).*found|unable to read any dataset|no data files? found", "analysis.not_prepared"),
    )
)  # fmt: skip

#: MintPy goes on after these, with less data than was prepared; for us that is a failure.
FATAL_WARNINGS = ("analysis.size_mismatch", "analysis.files_missing")


def failure_cause(lines: Sequence[str]) -> tuple[str, dict[str, str]] | None:
    """Give the code of a known cause and its fields from the last lines of a failed step."""
    for pattern, code in _CAUSES:
        for line in reversed(lines):
            match = pattern.search(line)
            if match:
                return code, match.groupdict()
    return None


def fatal_warning(line: str) -> str | None:
    """Give the code of a warning after which MintPy would silently go on with less data."""
    found = failure_cause([line]) if "WARNING" in line else None
    return found[0] if found and found[0] in FATAL_WARNINGS else None


def last_traceback_line(lines: Sequence[str]) -> str:
    """Give the line that names the exception, else the last line with text."""
    for line in reversed(lines):
        if re.match(r"^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|Warning)\b", line.strip()):
            return line.strip()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
