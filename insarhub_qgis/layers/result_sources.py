# SPDX-License-Identifier: GPL-2.0-or-later
"""Which MintPy results a job folder holds, in the order in which an analyst wants to see them. Reads no pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.layers.hdf5_file import Hdf5File, read_hdf5

#: file stem -> (style kind, label, is overview, rank)
_SINGLE = {
    "temporalCoherence": ("coherence", "temporal coherence", True, 30),
    "avgSpatialCoh": ("coherence", "average spatial coherence", True, 31),
    "avgPhaseVelocity": ("velocity", "average phase velocity", True, 32),
    "numTriNonzeroIntAmbiguity": ("count", "triplets with unwrapping error", True, 33),
    "maskConnComp": ("mask", "mask of connected components", True, 34),
    "maskTempCoh": ("mask", "mask of temporal coherence", True, 35),
    "numInvIfgram": ("count", "interferograms inverted", True, 36),
    "demErr": ("dem_error", "DEM error", False, 40),
    "waterMask": ("mask", "water mask", True, 41),
}
#: dataset of a velocity file -> (style kind, label)
_VELOCITY_DATASETS = {
    "velocity": ("velocity", "LOS velocity"),
    "velocityStd": ("velocity_std", "LOS velocity standard deviation"),
    "residue": ("residue", "displacement residue"),
    "intercept": ("displacement", "intercept of the velocity fit"),
    "interceptStd": ("residue", "intercept standard deviation"),
}
#: suffix of a time-series file -> correction in words, in MintPy's order
CORRECTIONS = {
    "LOD": "local oscillator drift",
    "SET": "solid Earth tides",
    "ion": "ionosphere",
    "ERA5": "troposphere (ERA5)",
    "MERRA": "troposphere (MERRA)",
    "NARR": "troposphere (NARR)",
    "GACOS": "troposphere (GACOS)",
    "OPERA": "troposphere (OPERA)",
    "tropHgt": "troposphere (height correlation)",
    "ramp": "ramp removed",
    "demErr": "DEM error corrected",
}


@dataclass(frozen=True)
class ResultSource:
    """One dataset of one MintPy file that can be shown.

    Attributes
    ----------
    key
        ``velocity``, ``timeseries_demErr``, ``velocity/velocityStd``: file stem without ``geo_``, and the dataset where it
        is not the main one.
    kind
        Row of the style table.
    label
        Quantity for the layer name and for lists; corrections in brackets.
    is_overview
        Belongs to Diagnostics, not to Results.
    rank
        Smaller is shown first; the most corrected series comes before the others.
    problem
        Why the file cannot be shown now (busy, radar-coded, unreadable), else None.
    """

    key: str
    path: Path
    dataset: str
    kind: str
    label: str
    is_overview: bool = False
    rank: int = 100
    problem: InsarError | None = None


def list_results(job_folder: Path) -> list[ResultSource]:
    """List what MintPy left in a job folder, best first; never raises for a single bad file (see ``problem``).

    Where the same result exists in several places (root, ``mintpy/``, ``geo/``), a geocoded one wins over a
    radar-coded one, then the newest.
    """
    best: dict[str, tuple[tuple[bool, float], list[ResultSource]]] = {}
    for folder in JobFolder(job_folder).analysis_folders():
        for path in sorted(folder.glob("*.h5")):
            stem = path.stem.removeprefix("geo_")
            if not _is_result(stem):
                continue
            try:
                sources = _sources_of(path, stem)
                weight = (sources[0].problem is None, path.stat().st_mtime)
            except (OSError, IndexError):
                continue
            if stem not in best or weight > best[stem][0]:
                best[stem] = (weight, sources)
    found = [source for _, sources in best.values() for source in sources]
    return sorted(found, key=lambda source: (source.rank, source.key))


def corrections_of(stem: str) -> list[str]:
    """Corrections that a time-series file name tells of, e.g. ``timeseries_ERA5_ramp_demErr``."""
    return [part for part in stem.removeprefix("geo_").split("_")[1:] if part]


def _is_result(stem: str) -> bool:
    return stem in _SINGLE or stem.startswith(("velocity", "timeseries"))


def _sources_of(path: Path, stem: str) -> list[ResultSource]:
    try:
        file = read_hdf5(path)
        names = _shown_datasets(file, stem)
        file.georeference(names[0])
    except InsarError as error:
        kind, label, is_overview, rank = _row(stem, "")
        return [ResultSource(stem, path, _main_dataset(stem), kind, label, is_overview, rank, error)]
    sources = []
    for place, name in enumerate(names):
        kind, label, is_overview, rank = _row(stem, name)
        key = stem if place == 0 else f"{stem}/{name}"
        sources.append(ResultSource(key, path, name, kind, label, is_overview, rank + place))
    return sources


def _main_dataset(stem: str) -> str:
    if stem.startswith("velocity"):
        return "velocity"
    if stem.startswith("timeseries"):
        return "timeseries"
    return "mask" if _SINGLE[stem][0] == "mask" else stem


def _shown_datasets(file: Hdf5File, stem: str) -> list[str]:
    """Datasets worth showing, the main one first."""
    if stem.startswith("velocity"):
        known = [name for name in _VELOCITY_DATASETS if name in file.arrays]
        return [*known, *(name for name in sorted(file.arrays) if name not in known)] or [
            file.array("velocity").name
        ]
    main = _main_dataset(stem)
    if main not in file.arrays and len(file.arrays) == 1:
        main = next(iter(file.arrays))
    return [file.array(main).name]


def _row(stem: str, dataset: str) -> tuple[str, str, bool, int]:
    """Give (kind, label, is overview, rank) of a dataset."""
    if stem in _SINGLE:
        return _SINGLE[stem]
    if stem.startswith("velocity"):
        kind, label = _VELOCITY_DATASETS.get(dataset or "velocity", ("other", dataset))
        variant = stem.removeprefix("velocity").strip("_")
        return kind, f"{label} ({variant})" if variant else label, False, 50 if variant else 0
    corrections = corrections_of(stem)
    words = ", ".join(CORRECTIONS.get(part, part) for part in corrections)
    if stem.startswith("timeseriesResidual"):
        return "residual", f"residual displacement ({words})" if words else "residual displacement", False, 45
    label = f"LOS displacement ({words})" if words else "LOS displacement (uncorrected)"
    return "time_series", label, False, 20 - min(len(corrections), 9)
