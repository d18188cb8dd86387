# SPDX-License-Identifier: GPL-2.0-or-later

"""The options of MintPy 1.6.4: name, default, what is valid, what it does, and the step it acts on first.

Source: the key names and automatic values of MintPy 1.6.4 (https://github.com/insarlab/MintPy); a test
compares this table with the installed version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Callable, Optional

from insarhub_qgis.core.errors import InsarError

PREFIX = "mintpy."
AUTO = "auto"

#: What MintPy understands as yes and as no.
YES = frozenset({"yes", "true", "y", "on"})
NO = frozenset({"no", "false", "n", "off"})

#: ``check(text)``: None if the value is valid, else what would be.
Check = Callable[[str], Optional[str]]


def _choice(*values: str) -> Check:
    def check(text: str) -> str | None:
        return None if text in values else "one of " + ", ".join(values)

    return check


def _yes_no(text: str) -> str | None:
    return None if text.lower() in YES | NO else "yes or no"


def _number(
    low: float | None = None, high: float | None = None, *, whole: bool = False, above: bool = False
) -> Check:
    kind = "a whole number" if whole else "a number"
    if low is not None and high is not None:
        wanted = f"{kind} from {low:g} to {high:g}"
    elif low is not None:
        wanted = f"{kind} above {low:g}" if above else f"{kind} of at least {low:g}"
    else:
        wanted = kind

    def check(text: str) -> str | None:
        try:
            number = int(text) if whole else float(text)
        except ValueError:
            return wanted
        if number != number or number in (float("inf"), float("-inf")):
            return wanted
        if low is not None and (number < low or (above and number == low)):
            return wanted
        if high is not None and number > high:
            return wanted
        return None

    return check


def _or(check: Check, *words: str) -> Check:
    def either(text: str) -> str | None:
        if text.lower() in words or ("no" in words and text.lower() in NO):
            return None
        reason = check(text)
        return f"{reason}, or {' or '.join(words)}" if reason else None

    return either


def _is_date(text: str) -> bool:
    for length, pattern in ((8, "%Y%m%d"), (13, "%Y%m%dT%H%M")):
        if len(text) == length:
            try:
                datetime.strptime(text, pattern)
            except ValueError:
                return False
            return True
    return False


def _date(text: str) -> str | None:
    return None if len(text) == 8 and _is_date(text) else "a date as YYYYMMDD"


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", text) if word]


def _dates(text: str) -> str | None:
    words = _words(text)
    return (
        None if words and all(_is_date(word) for word in words) else "dates as YYYYMMDD, separated by commas"
    )


def _dates_or_file(text: str) -> str | None:
    if text.endswith(".txt") or _dates(text) is None:
        return None
    return "dates as YYYYMMDD, separated by commas, or the name of a .txt file"


def _date_or_file(text: str) -> str | None:
    return (
        None
        if text.endswith((".txt", ".h5")) or _date(text) is None
        else "a date as YYYYMMDD, or a .txt file"
    )


def _pairs(text: str) -> str | None:
    for word in _words(text) or [""]:
        first, _, second = word.partition("_")
        if not (_date(first) is None and _date(second) is None and first < second):
            return "pairs as YYYYMMDD_YYYYMMDD, earlier date first, separated by commas or blanks"
    return None


def _indices(text: str) -> str | None:
    if re.fullmatch(r"\d+(:\d+)?(\s*,\s*\d+(:\d+)?)*", text):
        return None
    return "indices from 0, or ranges as 1:5, separated by commas"


_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"


def _box(text: str) -> str | None:
    match = re.fullmatch(rf"\[?\s*({_NUMBER}):({_NUMBER})\s*,\s*({_NUMBER}):({_NUMBER})\s*\]?", text)
    if match is None:
        return "a box as first:last,first:last"
    first, last, left, right = (float(value) for value in match.groups())
    return (
        None if first < last and left < right else "a box whose first values are smaller than its last ones"
    )


def _point(whole: bool) -> Check:
    number = r"\d+" if whole else _NUMBER

    def check(text: str) -> str | None:
        if re.fullmatch(rf"\[?\s*{number}\s*,\s*{number}\s*\]?", text):
            return None
        return "row,column" if whole else "latitude,longitude in degrees"

    return check


def _numbers(count: int | None = None) -> Check:
    def check(text: str) -> str | None:
        parts = [part.strip() for part in text.split(",")]
        good = all(re.fullmatch(_NUMBER, part) for part in parts)
        if good and (count is None or len(parts) == count):
            return None
        return f"{count} numbers separated by commas" if count else "numbers separated by commas"

    return check


def _onset_functions(text: str) -> str | None:
    for part in text.split(";"):
        words = [word.strip() for word in part.split(",")]
        if (
            len(words) < 2
            or not _is_date(words[0])
            or not all(re.fullmatch(r"[1-9]\d*", w) for w in words[1:])
        ):
            return "onset date and whole days as 20110311,60, further functions after a semicolon"
    return None


def _workers(text: str) -> str | None:
    if text == "all" or re.fullmatch(r"[1-9]\d*|(100|[1-9]\d?)%", text):
        return None
    return "a whole number of at least 1, all, or a percentage such as 80%"


def _text(text: str) -> str | None:
    return None if text.strip() else "a name or a path"


def _fill_value(text: str) -> str | None:
    if text.lower() in ("np.nan", "nan"):
        return None
    return "np.nan or a number" if _number()(text) else None


@dataclass(frozen=True)
class MintpyOption:
    """One option of MintPy.

    Attributes
    ----------
    key
        Full name, e.g. ``mintpy.network.minCoherence``.
    group
        Heading of the options table.
    default
        What ``auto`` stands for; empty where MintPy has no value of its own.
    help
        What it does, with the unit.
    first_step
        The first step whose result depends on it; empty if no result does.
    choices
        The fixed values; empty if the value is free text.
    """

    key: str
    group: str
    default: str
    help: str
    first_step: str
    check: Check
    choices: tuple[str, ...] = ()

    def validate(self, text: str) -> None:
        """Raise ``mintpy.option_invalid`` with the reason unless MintPy can read the value."""
        value = text.strip()
        reason: str | None = None
        if "#" in value or "\n" in value or "\r" in value:
            reason = "one line without #, which starts a comment"
        elif value and value != AUTO:
            reason = self.check(value)
        elif not value:
            reason = "a value, or auto"
        if reason is not None:
            raise InsarError("mintpy.option_invalid", key=self.key, value=value, reason=reason)

    def effective(self, text: str | None) -> str:
        """What MintPy works with: ``auto`` and absence become the default, yes and no one spelling."""
        value = (text or "").strip()
        if value in ("", AUTO, "def", "default"):
            value = self.default
        lower = value.lower()
        if lower in YES:
            return "yes"
        return "no" if lower in NO else value


def _option(name: str, default: str, check: Check, step: str, help_text: str) -> MintpyOption:
    choices: tuple[str, ...] = ()
    if check is _yes_no:
        choices = ("yes", "no")
    return MintpyOption(PREFIX + name, _GROUPS[name.split(".")[0]], default, help_text, step, check, choices)


def _choice_option(
    name: str, default: str, choices: tuple[str, ...], step: str, help_text: str
) -> MintpyOption:
    group = _GROUPS[name.split(".")[0]]
    return MintpyOption(PREFIX + name, group, default, help_text, step, _choice(*choices), choices)


_GROUPS = {
    "compute": "Computing",
    "load": "Loading",
    "subset": "Loading",
    "multilook": "Loading",
    "network": "Network",
    "reference": "Reference",
    "unwrapError": "Unwrapping errors",
    "networkInversion": "Inversion",
    "solidEarthTides": "Corrections",
    "ionosphericDelay": "Corrections",
    "troposphericDelay": "Corrections",
    "deramp": "Corrections",
    "topographicResidual": "Corrections",
    "residualRMS": "Corrections",
    "timeFunc": "Velocity",
    "geocode": "Output",
    "save": "Output",
    "plot": "Output",
}


def _file_option(name: str, help_text: str) -> MintpyOption:
    return _option(f"load.{name}", "", _text, "load_data", help_text)


_RAMPS = ("linear", "quadratic")
_ALL_RAMPS = (
    "no", "linear", "quadratic", "linear_range", "linear_azimuth", "quadratic_range", "quadratic_azimuth",
)  # fmt: skip

#: In the order of the options table.
OPTIONS: tuple[MintpyOption, ...] = (
    _option("compute.maxMemory", "4", _number(0, above=True), "", "Memory that one calculation may fill, in GB."),
    _choice_option("compute.cluster", "none", ("none", "local", "slurm", "pbs", "lsf"), "",
                   "Where the inversion and the DEM error run in parallel; local uses the cores of this computer."),
    _option("compute.numWorker", "4", _workers, "",
            "Number of parallel workers; all or a percentage refers to the cores of this computer."),
    _option("compute.config", "none", _text, "", "Name of the cluster configuration, if it differs from the cluster."),
    _choice_option("load.processor", "isce",
                   ("isce", "aria", "hyp3", "gmtsar", "snap", "gamma", "roipac", "nisar"), "load_data",
                   "Program that made the interferograms; it decides how metadata is read."),
    _option("load.autoPath", "no", _yes_no, "load_data", "Use MintPy's standard file patterns of the processor."),
    _option("load.updateMode", "yes", _yes_no, "", "Keep HDF5 files that are already complete instead of loading again."),
    _choice_option("load.compression", "default", ("default", "none", "lzf", "gzip"), "load_data",
                   "Compression of the loaded files; QGIS cannot read lzf directly."),
    _choice_option("load.frequency", "A", ("A", "B"), "load_data", "Frequency band, for NISAR only."),
    _file_option("metaFile", "Metadata file of the stack, for ISCE."),
    _file_option("baselineDir", "Folder with the baselines, for ISCE."),
    _file_option("unwFile", "Unwrapped interferograms, as a file pattern."),
    _file_option("corFile", "Coherence maps, as a file pattern."),
    _file_option("connCompFile", "Connected components of the unwrapping, as a file pattern."),
    _file_option("intFile", "Wrapped interferograms, as a file pattern; optional."),
    _file_option("magFile", "Interferogram magnitudes, as a file pattern; optional."),
    _file_option("ionUnwFile", "Unwrapped ionospheric interferograms, as a file pattern."),
    _file_option("ionCorFile", "Coherence of the ionospheric interferograms, as a file pattern."),
    _file_option("ionConnCompFile", "Connected components of the ionospheric interferograms, as a file pattern."),
    _file_option("azOffFile", "Azimuth offsets, as a file pattern."),
    _file_option("rgOffFile", "Range offsets, as a file pattern."),
    _file_option("azOffStdFile", "Standard deviation of the azimuth offsets, as a file pattern."),
    _file_option("rgOffStdFile", "Standard deviation of the range offsets, as a file pattern."),
    _file_option("offSnrFile", "Signal-to-noise ratio of the offsets, as a file pattern."),
    _file_option("demFile", "Elevation model in the geometry of the interferograms."),
    _file_option("lookupYFile", "Latitude or row of each pixel; only for radar geometry."),
    _file_option("lookupXFile", "Longitude or column of each pixel; only for radar geometry."),
    _file_option("incAngleFile", "Incidence angle, or for HyP3 the look vector elevation."),
    _file_option("azAngleFile", "Azimuth angle, or for HyP3 the look vector azimuth."),
    _file_option("shadowMaskFile", "Mask of radar shadow and layover."),
    _file_option("waterMaskFile", "Water mask, 1 on land."),
    _file_option("bperpFile", "Perpendicular baseline of each pixel, as a file pattern."),
    _option("subset.yx", "no", _or(_box, "no"), "load_data", "Part to load in rows and columns, as y0:y1,x0:x1."),
    _option("subset.lalo", "no", _or(_box, "no"), "load_data", "Part to load in degrees, as south:north,west:east."),
    _choice_option("multilook.method", "nearest", ("nearest", "mean", "median"), "load_data",
                   "How pixels are combined while loading; mean and median can hide unwrapping errors."),
    _option("multilook.ystep", "1", _number(1, whole=True), "load_data", "Rows combined into one while loading."),
    _option("multilook.xstep", "1", _number(1, whole=True), "load_data", "Columns combined into one while loading."),
    _option("network.tempBaseMax", "no", _or(_number(1), "no"), "modify_network", "Longest time between the dates of a pair, in days."),
    _option("network.perpBaseMax", "no", _or(_number(1), "no"), "modify_network", "Largest perpendicular baseline of a pair, in metres."),
    _option("network.connNumMax", "no", _or(_number(1, whole=True), "no"), "modify_network", "Most later neighbours that a date is paired with."),
    _option("network.startDate", "no", _or(_date, "no"), "modify_network", "Pairs with an earlier date are left out."),
    _option("network.endDate", "no", _or(_date, "no"), "modify_network", "Pairs with a later date are left out."),
    _option("network.excludeDate", "no", _or(_dates_or_file, "no"), "modify_network", "Dates whose pairs are left out."),
    _option("network.excludeDate12", "no", _or(_pairs, "no"), "modify_network", "Pairs that are left out."),
    _option("network.excludeIfgIndex", "no", _or(_indices, "no"), "modify_network", "Pairs that are left out, by their number in the stack."),
    _option("network.referenceFile", "no", _or(_text, "no"), "modify_network", "List of pairs or stack whose pairs are kept."),
    _option("network.coherenceBased", "no", _yes_no, "modify_network", "Leave out pairs of low mean coherence."),
    _option("network.minCoherence", "0.7", _number(0, 1), "modify_network", "Mean coherence below which a pair is left out, 0 to 1."),
    _option("network.areaRatioBased", "no", _yes_no, "modify_network", "Leave out pairs with a small coherent area."),
    _option("network.minAreaRatio", "0.75", _number(0, 1), "modify_network", "Share of coherent area below which a pair is left out, 0 to 1."),
    _option("network.keepMinSpanTree", "yes", _yes_no, "modify_network",
            "Keep the best pairs that hold the network together, whatever the thresholds say."),
    _option("network.maskFile", "waterMask.h5", _or(_text, "no"), "modify_network", "Mask of the pixels that the mean coherence is taken from."),
    _option("network.aoiYX", "no", _or(_box, "no"), "modify_network", "Area of the mean coherence in rows and columns, as y0:y1,x0:x1."),
    _option("network.aoiLALO", "no", _or(_box, "no"), "modify_network", "Area of the mean coherence in degrees, as south:north,west:east."),
    _option("reference.yx", "no", _or(_point(True), "no"), "reference_point", "Reference pixel as row,column; all displacement is relative to it."),
    _option("reference.lalo", "no", _or(_point(False), "no"), "reference_point", "Reference point as latitude,longitude in degrees."),
    _option("reference.maskFile", "maskConnComp.h5", _or(_text, "no"), "reference_point", "Mask that the reference pixel has to be inside of."),
    _option("reference.coherenceFile", "avgSpatialCoh.h5", _text, "reference_point", "Coherence map that an automatic reference pixel is picked from."),
    _option("reference.minCoherence", "0.85", _number(0, 1), "reference_point", "Coherence that an automatic reference pixel needs, 0 to 1."),
    _option("reference.date", "reference_date.txt", _or(_date_or_file, "no"), "reference_date", "Date at which displacement is zero; a file holds the quietest date."),
    _choice_option("unwrapError.method", "no", ("no", "bridging", "phase_closure", "bridging+phase_closure"), "correct_unwrap_error",
                   "How unwrapping errors are corrected; needs connected components."),
    _option("unwrapError.waterMaskFile", "waterMask.h5", _or(_text, "no"), "correct_unwrap_error", "Mask of the pixels that are corrected."),
    _option("unwrapError.connCompMinArea", "2.5e3", _number(1), "correct_unwrap_error", "Smallest connected component that is used, in pixels."),
    _option("unwrapError.numSample", "100", _number(2, whole=True), "correct_unwrap_error", "Pixels sampled per component for phase closure."),
    _choice_option("unwrapError.ramp", "no", ("no", *_RAMPS), "correct_unwrap_error", "Ramp taken away while regions are bridged."),
    _option("unwrapError.bridgePtsRadius", "50", _number(1), "correct_unwrap_error", "Half size of the window at both ends of a bridge, in pixels."),
    _choice_option("networkInversion.weightFunc", "var", ("var", "fim", "coh", "no"), "invert_network",
                   "Weight of each pair: inverse phase variance, Fisher information, coherence, or none."),
    _option("networkInversion.waterMaskFile", "waterMask.h5", _or(_text, "no"), "invert_network", "Mask of the pixels that are inverted."),
    _option("networkInversion.minNormVelocity", "yes", _yes_no, "invert_network", "Where dates are not connected, keep the velocity small rather than the phase."),
    _choice_option("networkInversion.maskDataset", "no", ("no", "coherence", "connectComponent", "rangeOffsetStd", "azimuthOffsetStd"),
                   "invert_network", "What decides, pixel by pixel, which interferograms are used."),
    _option("networkInversion.maskThreshold", "0.4", _number(0), "invert_network", "Threshold of that mask; for coherence 0 to 1."),
    _option("networkInversion.minRedundancy", "1.0", _number(1), "invert_network", "Fewest interferograms per date that a pixel needs."),
    _option("networkInversion.minTempCoh", "0.7", _number(0, 1), "invert_network", "Temporal coherence from which a pixel counts as reliable, 0 to 1."),
    _option("networkInversion.minNumPixel", "100", _number(1, whole=True), "invert_network", "Fewest reliable pixels for the run to go on."),
    _option("networkInversion.shadowMask", "yes", _yes_no, "invert_network", "Take pixels in radar shadow out of the reliable ones."),
    _option("solidEarthTides", "no", _yes_no, "correct_SET", "Subtract the solid Earth tides."),
    _choice_option("ionosphericDelay.method", "no", ("no", "split_spectrum"), "correct_ionosphere",
                   "Subtract the ionospheric delay; needs split-spectrum interferograms of ISCE2."),
    _option("ionosphericDelay.excludeDate", "no", _or(_dates_or_file, "no"), "correct_ionosphere", "Dates left out of the ionospheric estimate."),
    _option("ionosphericDelay.excludeDate12", "no", _or(_pairs, "no"), "correct_ionosphere", "Pairs left out of the ionospheric estimate."),
    _choice_option("troposphericDelay.method", "pyaps", ("no", "pyaps", "height_correlation", "gacos", "opera"), "correct_troposphere",
                   "Subtract the tropospheric delay: weather model, relation to height, GACOS or OPERA files."),
    _choice_option("troposphericDelay.weatherModel", "ERA5", ("ERA5", "MERRA", "NARR"), "correct_troposphere",
                   "Weather model for pyaps; ERA5 needs a key of the Climate Data Store."),
    _option("troposphericDelay.weatherDir", "${WEATHER_DIR}", _text, "correct_troposphere", "Folder of the weather model files."),
    _choice_option("troposphericDelay.polyOrder", "1", ("1", "2", "3"), "correct_troposphere", "Degree of the relation between phase and height."),
    _option("troposphericDelay.looks", "8", _number(1, whole=True), "correct_troposphere", "Extra looks while that relation is estimated."),
    _option("troposphericDelay.minCorrelation", "0", _number(0, 1), "correct_troposphere", "Correlation with height that a date needs to be corrected, 0 to 1."),
    _option("troposphericDelay.gacosDir", "./GACOS", _text, "correct_troposphere", "Folder of the GACOS files."),
    _option("troposphericDelay.operaDir", "./OPERA", _text, "correct_troposphere", "Folder of the OPERA files."),
    _choice_option("deramp", "no", _ALL_RAMPS, "deramp",
                   "Subtract a surface from each date; for local signals, not for wide ones such as tectonics."),
    _option("deramp.maskFile", "maskTempCoh.h5", _or(_text, "no"), "deramp", "Mask of the pixels that the surface is fitted to."),
    _option("topographicResidual", "yes", _yes_no, "correct_topography", "Estimate and subtract the error of the elevation model."),
    _option("topographicResidual.polyOrder", "2", _number(1, whole=True), "correct_topography", "Degree of the displacement model used meanwhile."),
    _option("topographicResidual.phaseVelocity", "no", _yes_no, "correct_topography", "Minimise the phase velocity instead of the phase."),
    _option("topographicResidual.stepDate", "no", _or(_dates, "no"), "correct_topography", "Dates of sudden displacement, such as earthquakes."),
    _option("topographicResidual.excludeDate", "exclude_date.txt", _or(_dates_or_file, "no"), "correct_topography", "Dates left out of the estimate."),
    _option("topographicResidual.pixelwiseGeometry", "yes", _yes_no, "correct_topography", "Use incidence and range of each pixel instead of their mean."),
    _option("residualRMS.maskFile", "maskTempCoh.h5", _or(_text, "no"), "residual_RMS", "Mask of the pixels that the noise is measured on."),
    _choice_option("residualRMS.deramp", "quadratic", ("no", *_RAMPS), "residual_RMS", "Surface subtracted before the noise is measured."),
    _option("residualRMS.cutoff", "3", _number(0), "residual_RMS", "Dates noisier than this many times the median deviation are left out of the velocity."),
    _option("timeFunc.startDate", "no", _or(_date, "no"), "velocity", "First date of the velocity."),
    _option("timeFunc.endDate", "no", _or(_date, "no"), "velocity", "Last date of the velocity."),
    _option("timeFunc.excludeDate", "exclude_date.txt", _or(_dates_or_file, "no"), "velocity", "Dates left out of the velocity."),
    _option("timeFunc.polynomial", "1", _number(0, whole=True), "velocity", "Degree of the fitted polynomial; 1 is a constant velocity."),
    _option("timeFunc.periodic", "no", _or(_numbers(), "no"), "velocity", "Periods of seasonal terms in years, such as 1,0.5."),
    _option("timeFunc.stepDate", "no", _or(_dates, "no"), "velocity", "Dates at which a step is fitted."),
    _option("timeFunc.exp", "no", _or(_onset_functions, "no"), "velocity", "Exponential terms as onset date and characteristic time in days."),
    _option("timeFunc.log", "no", _or(_onset_functions, "no"), "velocity", "Logarithmic terms as onset date and characteristic time in days."),
    _choice_option("timeFunc.uncertaintyQuantification", "residue", ("residue", "covariance", "bootstrap"), "velocity",
                   "Where the standard deviation comes from."),
    _option("timeFunc.timeSeriesCovFile", "no", _or(_text, "no"), "velocity", "Covariance file of the time series, for covariance."),
    _option("timeFunc.bootstrapCount", "400", _number(2, whole=True), "velocity", "Number of repetitions, for bootstrap."),
    _option("geocode", "yes", _yes_no, "geocode", "Bring results from radar geometry onto the map; not needed for HyP3."),
    _option("geocode.SNWE", "none", _or(_numbers(4), "none"), "geocode", "Extent of the map in degrees, as south,north,west,east."),
    _option("geocode.laloStep", "none", _or(_numbers(2), "none"), "geocode", "Pixel size of the map in degrees, latitude (negative) and longitude."),
    _choice_option("geocode.interpMethod", "nearest", ("nearest", "linear"), "geocode", "How values are taken onto the map."),
    _option("geocode.fillValue", "np.nan", _fill_value, "geocode", "Value outside the data."),
    _option("save.kmz", "yes", _yes_no, "google_earth", "Write the velocity for Google Earth."),
    _option("save.hdfEos5", "no", _yes_no, "hdfeos5", "Write the time series as HDF-EOS5."),
    _option("save.hdfEos5.update", "no", _yes_no, "hdfeos5", "Put a placeholder instead of the last date into that file's name."),
    _option("save.hdfEos5.subset", "no", _yes_no, "hdfeos5", "Put the extent into that file's name."),
    _option("plot", "yes", _yes_no, "plot", "Draw pictures of all results into the folder pic."),
    _option("plot.dpi", "150", _number(1, whole=True), "plot", "Resolution of the pictures, in dots per inch."),
    _option("plot.maxMemory", "4", _number(0, above=True), "plot", "Memory that one picture may use, in GB."),
)  # fmt: skip

OPTION_BY_KEY: dict[str, MintpyOption] = {entry.key: entry for entry in OPTIONS}


def option(key: str) -> MintpyOption:
    """Give the option of a full key; raises ``mintpy.option_unknown``."""
    found = OPTION_BY_KEY.get(key)
    if found is None:
        raise InsarError("mintpy.option_unknown", key=key, closest="")
    return found
