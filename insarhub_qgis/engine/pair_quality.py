# SPDX-License-Identifier: GPL-2.0-or-later
"""Build the pair database of a job: fetch what is missing, judge all pairs, write scores and factors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from insarhub_qgis.core.atomic_files import file_lock
from insarhub_qgis.core.decay_sources import NO_SOURCE, SOURCE_LABELS
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.iso_times import iso
from insarhub_qgis.core.job_config import OWN_SECTION
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.network_dates import granule_pairs
from insarhub_qgis.core.pair_database import (
    CURRENT,
    OWN_WEIGHTS,
    REWEIGHTED,
    PairTable,
    QualityInputs,
    build_pair_table,
    database_state,
    score_basis,
)
from insarhub_qgis.core.pair_score import (
    GREEN_CLASS,
    PRESETS,
    RED_CLASS,
    UNKNOWN_CLASS,
    YELLOW_CLASS,
    ScoreWeights,
    count_missing,
    preset_of,
    score_classes,
)
from insarhub_qgis.core.pair_table_files import (
    ASKED,
    KEPT_INPUTS_NAME,
    QUALITY,
    KeptInputs,
    lacking_sources,
    map_stamps,
    read_kept_inputs,
    read_stack_quality,
    write_kept_inputs,
)
from insarhub_qgis.core.progress import part_of, stop_if_cancelled
from insarhub_qgis.core.quality_files import (
    PAIR_DATABASE_NAME,
    PairDatabase,
    QualityCache,
    begin_pair_database,
    read_database_header,
)
from insarhub_qgis.core.requests import BuildPairDatabase, ReweightPairDatabase
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.sandbox_credentials import SANDBOX_USER_PREFIX
from insarhub_qgis.core.scene_facts import read_scene_facts
from insarhub_qgis.engine.fire_source import FireSource
from insarhub_qgis.engine.land_cover_source import LandCoverSource
from insarhub_qgis.engine.process import leave_processor_to_others
from insarhub_qgis.engine.quality_area import OF_SCENES
from insarhub_qgis.engine.quality_http import QualityDoor
from insarhub_qgis.engine.quality_job import read_quality_job
from insarhub_qgis.engine.quality_sources import (
    FIRE,
    LANDCOVER,
    SNOW,
    VEGETATION,
    WEATHER,
    QualitySource,
    QualityStack,
)
from insarhub_qgis.engine.snow_source import SnowSource
from insarhub_qgis.engine.vegetation_source import VegetationSource
from insarhub_qgis.engine.weather_source import WeatherSource

LOCK_NAME = ".insarhub_pair_database.lock"
OWNER = "build-pair-database"
MAPS, PAIRS = "maps", "pairs"
#: Phases in order, with their share of the progress.
_PHASES = {WEATHER: 0.4, SNOW: 0.1, LANDCOVER: 0.05, VEGETATION: 0.2, FIRE: 0.1, MAPS: 0.05, PAIRS: 0.1}
SOURCES = (WEATHER, SNOW, LANDCOVER, VEGETATION, FIRE)
CLASS_NAMES = {
    GREEN_CLASS: "green",
    YELLOW_CLASS: "yellow",
    RED_CLASS: "red",
    UNKNOWN_CLASS: "unknown",
}
_ROWS_PER_ITEM = 2000


def run(request: BuildPairDatabase, context: RunContext) -> dict[str, Any]:
    """Answer `BuildPairDatabase`; see the request for the result.

    Raises
    ------
    InsarError
        ``stack.missing``, ``quality.unknown_source``, ``quality.unknown_preset``, ``quality.bad_weight``,
        ``quality.already_building``, ``quality.few_dates``, codes of `read_search_area` for the job's area,
        ``file.malformed``, ``file.not_readable``, ``file.not_writable``, ``folder.locked``, ``run.cancelled``.
    """
    job = JobFolder(Path(request.job_folder))
    weights = weights_of(request.preset, request.weights)
    unknown = sorted(set(request.sources) - set(SOURCES))
    if unknown:
        raise InsarError("quality.unknown_source", names=unknown, known=list(SOURCES))
    endpoints = Endpoints.from_json(request.endpoints)
    job.read_stack()
    if request.is_background:
        leave_processor_to_others()
    with _building(job):
        return _Build(job, request, endpoints, weights, context).run()


def reweight(request: ReweightPairDatabase, context: RunContext) -> dict[str, Any]:
    """Answer `ReweightPairDatabase`; see the request for the result.

    Raises
    ------
    InsarError
        ``stack.missing``, ``quality.unknown_preset``, ``quality.bad_weight``, ``quality.already_building``,
        ``quality.not_built``, ``file.malformed``, ``file.not_readable``, ``file.not_writable``, ``folder.locked``,
        ``run.cancelled``.
    """
    job = JobFolder(Path(request.job_folder))
    weights = weights_of(request.preset, request.weights)
    job.read_stack()
    with _building(job):
        context.report(0.0, "Pairs")
        found = read_stack_quality(job.path, context.is_cancelled)
        if found.table is None:
            raise InsarError("quality.not_built", folder=str(job.path))
        table = found.table.with_weights(weights)
        stop_if_cancelled(context.is_cancelled)
        section = {**found.section, "preset": preset_of(weights) or OWN_WEIGHTS, "weights": weights.to_json()}
        # A database that lacks scenes, or rests on other maps, waits for its next build, which takes these weights.
        is_new = found.state() == CURRENT
        if is_new:
            now = datetime.now(timezone.utc)
            table.write(job.path, read_scene_facts(job.path), now, is_cancelled=context.is_cancelled)
            section["built_at"] = iso(now)
        job.write_config_section(OWN_SECTION, {QUALITY: section})
        context.report(1.0, f"{len(table.pairs)} pairs")
    return {
        "database": str(job.path / PAIR_DATABASE_NAME),
        "is_new": is_new,
        "pairs": len(table.pairs),
        "counts": class_counts(table),
    }


@contextmanager
def _building(job: JobFolder) -> Iterator[None]:
    """Keep others from the pair database of a job; they are told who has it."""
    try:
        with file_lock(job.path / LOCK_NAME, OWNER):
            yield
    except InsarError as error:
        if error.code == "folder.locked" and error.fields.get("owner") == OWNER:
            host, pid = error.fields.get("host"), error.fields.get("pid")
            raise InsarError("quality.already_building", folder=str(job.path), host=host, pid=pid) from error
        raise


def weights_of(preset: str, changed: Mapping[str, float]) -> ScoreWeights:
    """Give the weights of a preset with some of them changed; ``quality.unknown_preset``, ``quality.bad_weight``."""
    if preset not in PRESETS:
        raise InsarError("quality.unknown_preset", preset=preset, known=list(PRESETS))
    if not changed:
        return PRESETS[preset]
    known = PRESETS[preset].to_json()
    wrong = sorted(set(changed) - set(known))
    if wrong:
        raise InsarError("quality.bad_weight", name=wrong[0], value=str(changed[wrong[0]]))
    weights = ScoreWeights(**{**known, **changed})
    weights.check()
    return weights


def _damaged(error: InsarError) -> InsarError:
    """Word the error of a file that gives way to a new one, which `file.malformed` does not."""
    if error.code != "file.malformed":
        return error
    return InsarError("quality.damaged_file", file=error.fields["file"], reason=error.fields["reason"])


def class_counts(table: PairTable) -> dict[str, int]:
    """Give class -> number of pairs."""
    classes = score_classes(table.pairs.score)
    return {name: int(np.count_nonzero(classes == number)) for number, name in CLASS_NAMES.items()}


class _Build:
    """One run of the build."""

    def __init__(
        self,
        job: JobFolder,
        request: BuildPairDatabase,
        endpoints: Endpoints,
        weights: ScoreWeights,
        context: RunContext,
    ) -> None:
        self._job = job
        self._request = request
        self._endpoints = endpoints
        self._weights = weights
        self._context = context
        self._known = read_quality_job(job)
        self._problems: list[InsarError] = list(self._known.problems)
        self._failed: list[tuple[str, InsarError]] = []
        self._fetched: dict[str, int] = {}
        #: Sources that cannot be asked.
        self._closed: set[str] = set()
        self._now = datetime.now(timezone.utc)
        self._cache = QualityCache(job.path)
        if self._cache.problem is not None:
            self._problems.append(_damaged(self._cache.problem))

    def run(self) -> dict[str, Any]:
        area = self._known.area
        if area is None:
            self._problems.append(InsarError("quality.no_area", folder=str(self._job.path)))
        elif area.origin == OF_SCENES:
            self._problems.append(InsarError("quality.area_of_scenes", folder=str(self._job.path)))
        inputs = self._inputs()
        state = self._state(inputs)
        stack = None if area is None else self._known.stack(area, self._cache, self._now)
        sources = self._sources(stack)
        is_valid = state in (CURRENT, REWEIGHTED)
        if not is_valid:
            begin_pair_database(self._job.path, len(self._known.scenes), self._now)
        if stack is not None:
            self._fetch(stack, sources)
        if any(self._fetched.values()):
            self._phase(MAPS, "running")
            self._context.report(self._start_of(MAPS), "Decay maps")
            inputs = self._inputs()
            self._phase(MAPS, "done")
        self._phase(PAIRS, "running")
        self._context.report(self._start_of(PAIRS), "Pairs")
        kept = self._kept_inputs()
        is_same_decay = kept is not None and kept.fingerprint == inputs.decay.fingerprint()
        table = build_pair_table(
            inputs,
            self._weights,
            known=kept.evaluation if kept is not None and is_same_decay else None,
            is_cancelled=self._context.is_cancelled,
        )
        # Snow and fires of the cache count when their sources may be asked.
        has_other_sources = kept is not None and set(kept.sources) != set(self._request.sources)
        is_new = not is_valid or state == REWEIGHTED or has_other_sources or any(self._fetched.values())
        stop_if_cancelled(self._context.is_cancelled)
        if is_new:
            self._write(table)
        else:
            self._write_what_is_lacking(table)
        self._phase(PAIRS, "done")
        if self._request.give_rows:
            self._give_rows(table)
        self._context.report(1.0, f"{len(table.pairs)} pairs")
        return self._result(table, state, is_new)

    # --- What the folder knows ---

    def _inputs(self) -> QualityInputs:
        """Give all that is known now, without any service."""
        inputs, problems = self._known.inputs(self._cache, self._now, self._request.sources)
        known = {(error.code, str(error.fields)) for error in self._problems}
        self._problems += [error for error in problems if (error.code, str(error.fields)) not in known]
        return inputs

    def _kept_inputs(self) -> KeptInputs | None:
        """Give what the build before left; a damaged file is told and made anew."""
        try:
            return read_kept_inputs(self._job.path)
        except InsarError as error:
            self._problems.append(error)
            return None

    def _state(self, inputs: QualityInputs) -> str:
        database: PairDatabase | None = None
        try:
            database = read_database_header(self._job.path)
        except InsarError as error:
            if error.code != "file.malformed":
                raise
            self._problems.append(_damaged(error))
        return database_state(
            database, self._known.scenes, self._section(), score_basis(inputs, self._weights)
        )

    # --- Services ---

    def _sources(self, stack: QualityStack | None) -> list[QualitySource]:
        """Give the sources that are asked, in the order of the phases."""
        if stack is None:
            return []
        found: list[QualitySource] = [
            WeatherSource(),
            SnowSource(),
            LandCoverSource(),
            VegetationSource(),
        ]
        if FIRE in self._request.sources:
            key = self._map_key()
            if key:
                found.append(FireSource(key))
            else:
                self._closed.add(FIRE)
                self._problems.append(InsarError("quality.no_map_key"))
        return [source for source in found if source.name in self._request.sources and source.missing(stack)]

    def _map_key(self) -> str:
        """Give the key of FIRMS; a sandbox gets one of its own, never a real one."""
        if self._endpoints.is_sandbox:
            return f"{SANDBOX_USER_PREFIX}firms"
        credential = self._context.credential
        return "" if credential is None else credential.token or credential.password

    def _fetch(self, stack: QualityStack, sources: list[QualitySource]) -> None:
        with QualityDoor(self._endpoints, self._context.is_cancelled, self._context.log) as door:
            for source in sources:
                stop_if_cancelled(self._context.is_cancelled)
                start = self._start_of(source.name)
                report = part_of(self._context.report, start, start + _PHASES[source.name])
                self._phase(source.name, "running")
                before = stack.cache.put_count
                try:
                    source.fetch(stack, door, report)
                except Cancelled:
                    stack.cache.save()
                    raise
                except InsarError as error:
                    if error.code.startswith(("file.", "folder.")):
                        # The next answers could not be kept either.
                        raise
                    # One service that fails takes nothing from the others; its inputs are named as missing.
                    self._failed.append((source.name, error))
                    self._context.log(f"{source.name}: {error}", "debug")
                fetched = stack.cache.put_count - before
                self._fetched[source.name] = fetched
                is_failed = any(name == source.name for name, _ in self._failed)
                self._phase(source.name, "failed" if is_failed else "done", fetched)

    def _phase(self, name: str, state: str, fetched: int = 0) -> None:
        self._context.item({"phase": name, "state": state, "fetched": fetched})

    @staticmethod
    def _start_of(phase: str) -> float:
        names = list(_PHASES)
        return sum(_PHASES[name] for name in names[: names.index(phase)])

    # --- Pairs ---

    def _write(self, table: PairTable) -> None:
        aside = table.write(
            self._job.path, self._known.facts, self._now, is_cancelled=self._context.is_cancelled
        )
        if aside is not None:
            self._context.log(f"the damaged database is now {aside.name}", "warning")
        self._keep_inputs(table)
        section = {**table.pairs.section(), "built_at": iso(self._now), ASKED: self._asked()}
        self._job.write_config_section(OWN_SECTION, {QUALITY: section})

    def _write_what_is_lacking(self, table: PairTable) -> None:
        """The scores are those of the database; what explains them may be gone, and sources may have answered anew."""
        if not (self._job.path / KEPT_INPUTS_NAME).exists():
            self._keep_inputs(table)
        section = self._section()
        if lacking_sources(section, self._request.sources, self._now):
            self._job.write_config_section(OWN_SECTION, {QUALITY: {**section, ASKED: self._asked()}})

    def _keep_inputs(self, table: PairTable) -> None:
        area, inputs = self._known.area, table.inputs
        write_kept_inputs(
            self._job.path,
            KeptInputs(
                read_at=self._now,
                sources=self._request.sources,
                area_hash=inputs.aoi_hash,
                area_origin="" if area is None else area.origin,
                points=() if area is None else tuple(area.points),
                fingerprint=inputs.decay.fingerprint(),
                reason=inputs.decay.reason,
                maps=map_stamps(self._job.path),
                evaluation=table.pairs.evaluation,
                fires=inputs.fires,
            ),
        )

    def _asked(self) -> dict[str, str | None]:
        """Give when each source answered last; one that failed may be asked again at once."""
        before = self._section()
        is_same_area = before.get("aoi_hash") == ("" if self._known.area is None else self._known.area.hash)
        known = before.get(ASKED) if is_same_area else None
        silent = {*self._closed, *(name for name, _ in self._failed)}
        answered = {name: iso(self._now) for name in self._request.sources if name not in silent}
        return {**(known if isinstance(known, Mapping) else {}), **answered}

    def _section(self) -> Mapping[str, Any]:
        """Give what the config keeps of the build before."""
        kept = self._known.config.own.get(QUALITY)
        return kept if isinstance(kept, Mapping) else {}

    def _give_rows(self, table: PairTable) -> None:
        pairs, nodes = table.pairs, self._known.nodes
        classes = score_classes(pairs.score).tolist()
        rows: list[list[Any]] = []
        for place, (first, second) in enumerate(zip(pairs.first.tolist(), pairs.second.tolist())):
            verdict = pairs.verdict(place)
            for pair in granule_pairs(nodes[first], nodes[second], self._known.facts):
                rows.append(
                    [
                        pair.reference,
                        pair.secondary,
                        verdict.dt_days,
                        verdict.bperp_m,
                        verdict.score,
                        CLASS_NAMES[classes[place]],
                        verdict.coherence,
                        verdict.p25,
                        verdict.source,
                        verdict.reason,
                        list(verdict.missing),
                    ]
                )
            if len(rows) >= _ROWS_PER_ITEM:
                stop_if_cancelled(self._context.is_cancelled)
                self._context.item({"rows": rows})
                rows = []
        if rows:
            self._context.item({"rows": rows})

    def _result(self, table: PairTable, state: str, is_new: bool) -> dict[str, Any]:
        pairs = table.pairs
        sources = {
            label: int(np.count_nonzero(pairs.source == number)) for number, label in enumerate(SOURCE_LABELS)
        }
        sources["none"] = int(np.count_nonzero(pairs.source == NO_SOURCE))
        hosts = {str(error.fields["service"]) for _, error in self._failed if error.fields.get("service")}
        return {
            "database": str(self._job.path / PAIR_DATABASE_NAME),
            "state": state,
            "is_new": is_new,
            "dates": len(self._known.nodes),
            "pairs": len(pairs),
            "counts": class_counts(table),
            "degraded": int(np.count_nonzero((pairs.missing > 0) & ~np.isnan(pairs.score))),
            "missing": count_missing(pairs.missing),
            "decay": {label: count for label, count in sources.items() if count},
            "fetched": self._fetched,
            "failed": [{"source": name, **error.to_json()} for name, error in self._failed],
            "hosts": sorted(hosts),
            "area": "" if self._known.area is None else self._known.area.origin,
            "messages": [error.to_json() for error in self._problems],
        }
