# SPDX-License-Identifier: GPL-2.0-or-later
"""The judged pairs of a job folder, read from its files alone: no raster library, no service, under a second.

A build leaves ``.insarhub_qgis_quality.npz`` beside the pair database: the expected coherence of each signature, and
what else it found out that needs rasters or geometry (sample points of the area, fires). With it and the caches every
score comes out as in the database, together with its explanation, and a later build evaluates new signatures only. The
file may be deleted at any time; then the database alone gives scores until the next build.

Arrays: ``codes`` (see `signature_codes`), ``median``, ``p25``, ``usable_fraction``, ``place_count``, ``is_few``,
``source`` of each signature; ``fire_days``, ``fire_cells``, ``fire_shares`` (see `FireHistory`); ``facts``, a JSON text.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np

from insarhub_qgis.core.atomic_files import malformed, write_bytes_atomically
from insarhub_qgis.core.coherence_decay import DecayStatistics
from insarhub_qgis.core.date_inputs import overpass_hour_utc, read_date_inputs
from insarhub_qgis.core.decay_map_files import find_decay_maps
from insarhub_qgis.core.decay_sources import CLIMATOLOGY, DecayEvaluation, DecaySources
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.fire_history import FireHistory
from insarhub_qgis.core.iso_times import iso, moment_of
from insarhub_qgis.core.job_config import JobConfig
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.network_dates import Node, nodes_of_scenes
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.core.pair_database import (
    ALGORITHM,
    CURRENT,
    LACKING,
    OUTDATED,
    PairTable,
    QualityInputs,
    build_pair_table,
    database_state,
)
from insarhub_qgis.core.pair_score import (
    DECAY,
    DRY_SNOW,
    FIRE,
    FREEZE_THAW,
    GEOMETRIC,
    MISSING_NAMES,
    RAIN_1,
    RAIN_2,
    SNOW_CHANGE,
    VEGETATION,
    WET_SNOW_TEST,
    ScoreWeights,
)
from insarhub_qgis.core.pairwise_file import read_pairwise_file
from insarhub_qgis.core.progress import IsCancelled, never_cancelled
from insarhub_qgis.core.quality_files import (
    PAIR_DATABASE_NAME,
    PairDatabase,
    QualityCache,
    aoi_hash,
    read_database_header,
)

KEPT_INPUTS_NAME = ".insarhub_qgis_quality.npz"
VERSION = 1
#: Key of the scores' basis in our object of the config.
QUALITY = "quality"
#: What of it says how old the answers of the sources are: source -> time.
ASKED = "asked"
#: Missing inputs are asked for again after this time: the archives have the newest days then.
PATIENCE_DAYS = 5
#: Names of sources, as requests have them, and which missing inputs they tell.
WEATHER, LANDCOVER, VEGETATION_INDEX, SNOW_COVER, FIRES = (
    "weather",
    "landcover",
    "vegetation",
    "snow",
    "fire",
)
_TOLD_BY = {
    RAIN_1: WEATHER,
    RAIN_2: WEATHER,
    SNOW_CHANGE: WEATHER,
    DRY_SNOW: WEATHER,
    FREEZE_THAW: WEATHER,
    WET_SNOW_TEST: WEATHER,
    VEGETATION: VEGETATION_INDEX,
    FIRE: FIRES,
}
_OF_SIGNATURES = ("median", "p25", "usable_fraction", "place_count", "is_few")


@dataclass(frozen=True)
class KeptInputs:
    """What a build found out and the caches do not hold.

    Attributes
    ----------
    read_at
        Time of the build: entries of the cache that had not expired then are what its scores rest on.
    sources
        Services that might be asked.
    area_hash, area_origin
        Of the area; ``aoi`` of the job, or the ``footprint`` of its scenes; both empty when no area is known.
    points
        Sample points (latitude, longitude in degrees), the middle first.
    fingerprint, reason
        Of the decay sources, see `DecaySources`.
    maps
        Names, sizes and times of the decay maps that were there.
    """

    read_at: datetime
    sources: tuple[str, ...]
    area_hash: str
    area_origin: str
    points: tuple[tuple[float, float], ...]
    fingerprint: str
    reason: str
    maps: tuple[str, ...]
    evaluation: DecayEvaluation
    fires: FireHistory | None = None


def write_kept_inputs(folder: Path, kept: KeptInputs) -> Path:
    """Write the file of a job folder; codes of `write_bytes_atomically`."""
    fires = kept.fires
    facts = {
        "version": VERSION,
        "read_at": iso(kept.read_at),
        "sources": list(kept.sources),
        "area_hash": kept.area_hash,
        "area_origin": kept.area_origin,
        "points": [list(point) for point in kept.points],
        "fingerprint": kept.fingerprint,
        "reason": kept.reason,
        "maps": list(kept.maps),
        "fire_days": None if fires is None else [fires.first_day.isoformat(), fires.last_day.isoformat()],
    }
    statistics = kept.evaluation.statistics
    arrays = {name: getattr(statistics, name) for name in _OF_SIGNATURES}
    nothing = np.zeros(0)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        facts=np.array(json.dumps(facts)),
        codes=kept.evaluation.codes,
        source=kept.evaluation.source,
        fire_days=nothing if fires is None else fires.days,
        fire_cells=nothing if fires is None else fires.cells,
        fire_shares=nothing if fires is None else fires.cell_share,
        **arrays,
    )
    path = Path(folder) / KEPT_INPUTS_NAME
    write_bytes_atomically(path, buffer.getvalue())
    return path


def read_kept_inputs(folder: Path) -> KeptInputs | None:
    """Read the file of a job folder; None when there is none, or one of another version.

    Raises
    ------
    InsarError
        ``file.malformed`` or ``file.not_readable``.
    """
    path = Path(folder) / KEPT_INPUTS_NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InsarError("file.not_readable", file=str(path), reason=error.strerror or str(error)) from error
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return _kept_inputs(arrays)
    except (ValueError, KeyError, TypeError, IndexError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise malformed(path, reason=f"{type(error).__name__}: {error}") from error


def _kept_inputs(arrays: Mapping[str, Any]) -> KeptInputs | None:
    facts: dict[str, Any] = json.loads(str(arrays["facts"]))
    if facts.get("version") != VERSION:
        return None
    read_at = moment_of(facts["read_at"])
    codes = arrays["codes"].astype(np.int64)
    figures = [arrays[name] for name in _OF_SIGNATURES]
    source = arrays["source"].astype(np.int8)
    if read_at is None or any(each.shape != codes.shape for each in (*figures, source)):
        raise ValueError("figures of other signatures")
    if np.any(np.diff(codes) <= 0):
        raise ValueError("signatures are not in order")
    fires = None
    if facts["fire_days"] is not None:
        first, last = (date.fromisoformat(text) for text in facts["fire_days"])
        days, cells = (arrays[name].astype(np.int64) for name in ("fire_days", "fire_cells"))
        fires = FireHistory(first, last, days, cells, arrays["fire_shares"].astype(np.float64))
    return KeptInputs(
        read_at=read_at,
        sources=tuple(map(str, facts["sources"])),
        area_hash=str(facts["area_hash"]),
        area_origin=str(facts["area_origin"]),
        points=tuple((float(y), float(x)) for y, x in facts["points"]),
        fingerprint=str(facts["fingerprint"]),
        reason=str(facts["reason"]),
        maps=tuple(map(str, facts["maps"])),
        evaluation=DecayEvaluation(codes, DecayStatistics(*figures), source),
        fires=fires,
    )


def map_stamps(folder: Path) -> tuple[str, ...]:
    """Give name, size and time of each decay map of a job folder, to see whether they are others."""
    stamps = []
    for path in find_decay_maps(folder).values():
        try:
            found = path.stat()
        except OSError:
            # It went between listing and looking.
            continue
        stamps.append(f"{path.name}:{found.st_size}:{found.st_mtime_ns}")
    return tuple(sorted(stamps))


def quality_stamp(folder: Path) -> tuple[int, ...]:
    """Give what changes whenever a build has written into a job folder; 0 stands for a file that is not there."""
    stamps = []
    # The config comes last in a build: read before it is there, weights would be those of before.
    for path in (folder / PAIR_DATABASE_NAME, folder / KEPT_INPUTS_NAME, JobFolder(folder).config_file()):
        try:
            stamps.append(path.stat().st_mtime_ns)
        except OSError:
            # Not there, or not readable, which reading will tell.
            stamps.append(0)
    return tuple(stamps)


def lacking_sources(
    section: Mapping[str, Any] | None, sources: Sequence[str], now: datetime | None = None
) -> list[str]:
    """Tell which sources should be asked again, because inputs that they tell are missing.

    A source that answered is left in peace for five days; one that never did may be asked at once.

    Parameters
    ----------
    section
        What the config keeps of the build, see `JudgedPairs.section`, with the times of the answers under ``asked``.
    sources
        Those that may be asked.
    """
    built = section or {}
    missing, decay, asked = (_mapping(built.get(name)) for name in ("missing", "decay_source", ASKED))
    wanted = {_TOLD_BY[name] for name in missing if name in _TOLD_BY}
    if decay.get(CLIMATOLOGY):
        wanted.add(LANDCOVER)
    moment = now or datetime.now(timezone.utc)

    def is_due(source: str) -> bool:
        before = moment_of(asked.get(source))
        return before is None or moment - before >= timedelta(days=PATIENCE_DAYS)

    return [source for source in sources if source in wanted and is_due(source)]


def inputs_of_sources(sources: Sequence[str]) -> frozenset[str]:
    """Give the inputs, of `MISSING_NAMES`, that should be known when these sources are asked; baselines need none."""
    return frozenset({GEOMETRIC, DECAY, *(name for name, source in _TOLD_BY.items() if source in sources)})


@dataclass(frozen=True)
class StackQuality:
    """What the files of a job folder say of the quality of its pairs.

    Attributes
    ----------
    table
        All pairs of the stack with the weights of the last build; None when no build left its inputs.
    database
        The pair database without its scores; None when there is none.
    section
        How its scores came about, as the config keeps it; empty before the first build.
    wanted
        What `database_state` compares that with.
    problems
        Files that could not be read.
    stamp
        Of the files, taken before they were read; see `quality_stamp`.
    """

    table: PairTable | None
    database: PairDatabase | None
    section: Mapping[str, Any]
    scene_names: tuple[str, ...]
    wanted: Mapping[str, Any]
    problems: tuple[InsarError, ...] = ()
    kept: KeptInputs | None = field(default=None, repr=False)
    stamp: tuple[int, ...] = ()

    @property
    def has_scores(self) -> bool:
        """The table knows something."""
        return self.table is not None and bool(self.table.pairs.coherence.is_known.any())

    @property
    def expected_inputs(self) -> frozenset[str]:
        """Inputs that the last build should have found; others were not asked for."""
        return inputs_of_sources(self.kept.sources if self.kept is not None else ())

    @property
    def expected_bits(self) -> int:
        """The same as a bit set, see `PairPenalties.missing`."""
        return sum(1 << bit for bit, name in enumerate(MISSING_NAMES) if name in self.expected_inputs)

    def state(self, sources: Sequence[str] = (), now: datetime | None = None) -> str:
        """Tell what the database needs: see `database_state`, and ``lacking`` when `lacking_sources` names any.

        Parameters
        ----------
        sources
            Those that may be asked.
        """
        state = database_state(self.database, self.scene_names, self.section, self.wanted)
        if state != CURRENT:
            return state
        if self.table is None:
            # Complete, but made without what explains it.
            return OUTDATED
        return LACKING if lacking_sources(self.section, sources, now) else CURRENT


def read_stack_quality(job_folder: Path, is_cancelled: IsCancelled = never_cancelled) -> StackQuality:
    """Read what is known of the pairs of a job's stack; nothing is fetched and nothing is written.

    Raises
    ------
    InsarError
        ``stack.missing``, ``file.malformed`` or ``file.not_readable`` for stack file and config; ``run.cancelled``.
    """
    job = JobFolder(Path(job_folder))
    stack = job.read_stack()
    problems: list[InsarError] = []
    pairwise: dict[tuple[str, str], float | None] = {}
    try:
        pairwise = read_pairwise_file(job.path)
    except InsarError as error:
        problems.append(error)
    baselines = PairBaselines(dict(stack.baselines), pairwise)
    nodes, _ = nodes_of_scenes(stack.scenes, baselines)
    return quality_of_stack(job, nodes, baselines, job.read_config(), problems, is_cancelled)


def quality_of_stack(
    job: JobFolder,
    nodes: tuple[Node, ...],
    baselines: PairBaselines,
    config: JobConfig,
    problems: Sequence[InsarError] = (),
    is_cancelled: IsCancelled = never_cancelled,
) -> StackQuality:
    """Judge the pairs of a stack that was read already; see `read_stack_quality`."""
    found = list(problems)
    stamp = quality_stamp(job.path)
    section = _mapping(config.own.get(QUALITY))
    database: PairDatabase | None = None
    kept: KeptInputs | None = None
    table: PairTable | None = None
    try:
        database = read_database_header(job.path)
        kept = read_kept_inputs(job.path)
        if kept is not None and len(nodes) > 1:
            inputs = _inputs(job.path, nodes, baselines, kept, found)
            weights = ScoreWeights.from_json(section.get("weights"))
            table = build_pair_table(inputs, weights, known=kept.evaluation, is_cancelled=is_cancelled)
    except InsarError as error:
        if error.code == "run.cancelled":
            raise
        found.append(error)
    return StackQuality(
        table=table,
        database=database,
        section=section,
        scene_names=tuple(scene for node in nodes for scene in node.scenes),
        wanted=_wanted(job.path, config, section, kept),
        problems=tuple(found),
        kept=kept,
        stamp=stamp,
    )


def _inputs(
    folder: Path,
    nodes: tuple[Node, ...],
    baselines: PairBaselines,
    kept: KeptInputs,
    problems: list[InsarError],
) -> QualityInputs:
    """Give what the build knew, for the dates of now."""
    cache = QualityCache(folder)
    if cache.problem is not None:
        problems.append(cache.problem)
    dates = read_date_inputs(
        cache,
        kept.points,
        [node.date for node in nodes],
        overpass_hour_utc(scene for node in nodes for scene in node.scenes),
        use_modis_snow=SNOW_COVER in kept.sources,
        vegetation_sources=("modis",) if kept.points else (),
        now=kept.read_at,
    )
    decay = DecaySources((), kept.reason, kept.fingerprint)
    return QualityInputs(nodes, dates, baselines, decay, kept.fires, aoi_hash=kept.area_hash)


def _wanted(
    folder: Path, config: JobConfig, section: Mapping[str, Any], kept: KeptInputs | None
) -> dict[str, Any]:
    """Give the basis that scores would have now, as far as it can be told without rasters and geometry."""
    wanted = {name: section.get(name) for name in ("statistic", "algorithm", "decay", "weights")}
    wanted["algorithm"] = ALGORITHM
    if kept is not None and kept.maps != map_stamps(folder):
        wanted["decay"] = None
    area = config.aoi_wkt
    if area is not None:
        wanted["aoi_hash"] = aoi_hash(area)
    else:
        # The footprint of the scenes is an area as well; only another scene makes it another one.
        is_of_job = kept is not None and kept.area_origin == "aoi"
        wanted["aoi_hash"] = None if is_of_job else section.get("aoi_hash")
    return wanted


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
