# SPDX-License-Identifier: GPL-2.0-or-later
"""How far a job is: the state of its three stages, read from its files without opening rasters or zips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from insarhub_qgis.core import hyp3_jobs, mintpy_job
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import JobFile, find_job_files, read_product_cache
from insarhub_qgis.core.hyp3_jobs import counts, done_of, find_local_products, job_rows
from insarhub_qgis.core.isce_files import FAILED, SUCCEEDED, find_isce_job_files, read_isce_jobs
from insarhub_qgis.core.isce_files import RUNNING as ISCE_RUNNING
from insarhub_qgis.core.job_config import (
    ANALYZER,
    DOWNLOADER,
    PROCESSOR,
    JobConfig,
    known_type,
)
from insarhub_qgis.core.product_names import ProductName
from insarhub_qgis.core.scenes import scene_date
from insarhub_qgis.core.stack_file import Stack, find_stack_files, read_stack_file

if TYPE_CHECKING:
    from insarhub_qgis.core.job_folder import JobFolder

NOT_BEGUN, READY, RUNNING, NEEDS_YOU, DONE = "not_begun", "ready", "running", "needs_you", "done"

_MINTPY_CONFIG_NAMES = (".mintpy.cfg", "mintpy.cfg")
_VELOCITY_NAMES = ("velocity.h5", "geo_velocity.h5")

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class StageState:
    """State of one stage.

    Attributes
    ----------
    role
        ``downloader``, ``processor`` or ``analyzer``.
    type
        Name to show: the one that we write for a known type, else as found; None without the stage.
    is_known_type
        False for a type of another program or a later version: shown, its page disabled.
    state
        ``not_begun``, ``ready``, ``running``, ``needs_you`` or ``done``.
    done_count, total_count
        Products or steps, for ``37/40``; None where there is nothing to count.
    """

    role: str
    type: str | None = None
    is_known_type: bool = True
    state: str = NOT_BEGUN
    done_count: int | None = None
    total_count: int | None = None


@dataclass(frozen=True)
class JobState:
    """State of a job, and what is wrong with its files.

    Attributes
    ----------
    stages
        Downloader, processor, analyzer, in this order.
    flight_direction
        ``ASCENDING``, ``DESCENDING``, or None when unknown.
    date_count, pair_count, first_date, last_date
        Of the stack, else of the product zips; None when neither is there.
    problems
        Errors to show beside the job; the job is usable as far as its other files go.
    """

    name: str
    path: Path
    stages: tuple[StageState, ...]
    flight_direction: str | None = None
    date_count: int | None = None
    pair_count: int | None = None
    first_date: date | None = None
    last_date: date | None = None
    problems: tuple[InsarError, ...] = ()

    def stage(self, role: str) -> StageState:
        return next(stage for stage in self.stages if stage.role == role)


def read_job_state(folder: JobFolder) -> JobState:
    """Read the state of a job. Nothing is raised and nothing written: what is wrong is listed."""
    problems: list[InsarError] = []
    config = _kept(folder.read_config, JobConfig(), problems, folder.path)
    stack = _kept(lambda: _read_stack(folder), None, problems, folder.path)
    no_products: list[ProductName] = []
    products = _kept(lambda: _product_names(folder), no_products, problems, folder.path)
    no_files: tuple[list[JobFile], list[InsarError]] = ([], [])
    job_files, damaged = _kept(lambda: find_job_files(folder.path), no_files, problems, folder.path)
    problems += damaged
    _kept(lambda: read_product_cache(folder.path), None, problems, folder.path)
    problems += [
        InsarError("job.out_dir_missing", file=str(file.path), out_dir=str(file.out_dir))
        for file in job_files
        if file.is_out_dir_missing
    ]
    if stack is not None:
        problems += stack.problems
    processor = _kept(
        lambda: _processor_stage(folder, config, job_files, products, stack, bool(damaged)),
        StageState(PROCESSOR, state=NEEDS_YOU),
        problems,
        folder.path,
    )
    analyzer = _kept(
        lambda: _analyzer_stage(folder, config), StageState(ANALYZER, state=NEEDS_YOU), problems, folder.path
    )
    return _with_dates(
        JobState(
            name=str(config.own.get("name") or folder.path.name),
            path=folder.path,
            stages=(_downloader_stage(folder, config, stack), processor, analyzer),
            flight_direction=_flight_direction(config),
            problems=tuple(problems),
        ),
        stack,
        products,
    )


def _kept(read: Callable[[], _Value], otherwise: _Value, problems: list[InsarError], path: Path) -> _Value:
    """Give what a reader gives; on any failure note it, so that one file never hides a job or its neighbours."""
    try:
        return read()
    except InsarError as error:
        problems.append(error)
    except OSError as error:
        problems.append(InsarError("file.not_readable", file=str(path), reason=error.strerror or str(error)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # Files of other programs may hold anything; the reader that tripped is named.
        problems.append(
            InsarError("folder.not_understood", folder=str(path), reason=f"{type(error).__name__}: {error}")
        )
    return otherwise


def _read_stack(folder: JobFolder) -> Stack | None:
    files = find_stack_files(folder.path)
    file = folder.stack_file() if files else None
    return read_stack_file(file) if file is not None else None


def _product_names(folder: JobFolder) -> list[ProductName]:
    found: dict[str, ProductName] = {}
    for place in folder.product_folders():
        for path in place.iterdir():
            if path.suffix.lower() != ".zip":
                continue
            product = ProductName.at_start_of(path.stem)
            if product is not None:
                found.setdefault(product.name, product)
    return list(found.values())


def _stage(role: str, config: JobConfig, **values: Any) -> StageState:
    found = config.stage_type(role)
    known = known_type(role, found)
    return StageState(
        role=role, type=known or found, is_known_type=found is None or known is not None, **values
    )


def _downloader_stage(folder: JobFolder, config: JobConfig, stack: Stack | None) -> StageState:
    if stack is not None and stack.pairs:
        state = DONE
    elif stack is None and folder.stack_file() is not None:
        state = NEEDS_YOU
    elif DOWNLOADER in config or stack is not None:
        state = READY
    else:
        state = NOT_BEGUN
    return _stage(DOWNLOADER, config, state=state)


def _processor_stage(
    folder: JobFolder,
    config: JobConfig,
    job_files: list[JobFile],
    products: list[ProductName],
    stack: Stack | None,
    is_damaged: bool,
) -> StageState:
    isce_files = find_isce_job_files(folder.path)
    if isce_files:
        steps = read_isce_jobs(isce_files[0]).steps
        words = [step.status for step in steps]
        done = words.count(SUCCEEDED)
        if FAILED in words:
            state = NEEDS_YOU
        elif ISCE_RUNNING in words:
            state = RUNNING
        else:
            state = DONE if words and done == len(words) else READY
        return _stage(PROCESSOR, config, state=state, done_count=done, total_count=len(words))
    if is_damaged:
        return _stage(PROCESSOR, config, state=NEEDS_YOU)
    if not any(file.ids for file in job_files):
        count = len(products) or None
        has_pairs = stack is not None and bool(stack.pairs)
        state = DONE if products else READY if has_pairs else NOT_BEGUN
        return _stage(PROCESSOR, config, state=state, done_count=count, total_count=count)
    return _hyp3_stage(folder, config, job_files)


def _hyp3_stage(folder: JobFolder, config: JobConfig, job_files: list[JobFile]) -> StageState:
    local_products = find_local_products(folder.product_folders())
    rows = job_rows(job_files, local_products)
    succeeded, downloaded, total = done_of(rows, local_products)
    found = counts(rows)
    if downloaded == total:
        state = DONE
    elif found[hyp3_jobs.FAILED] or found[hyp3_jobs.EXPIRED] or found[hyp3_jobs.UNKNOWN]:
        # Without an answer of the service nothing may be said to run: a refresh is the next step.
        state = NEEDS_YOU
    elif found[hyp3_jobs.PENDING] or found[hyp3_jobs.RUNNING]:
        state = RUNNING
    else:
        state = READY
    return _stage(PROCESSOR, config, state=state, done_count=succeeded, total_count=total)


def _analyzer_stage(folder: JobFolder, config: JobConfig) -> StageState:
    folders = folder.analysis_folders()
    has_velocity = any((place / name).is_file() for place in folders for name in _VELOCITY_NAMES)
    has_config = any((place / name).is_file() for place in folders for name in _MINTPY_CONFIG_NAMES)
    state = DONE if has_velocity else READY if has_config else NOT_BEGUN
    if any(mintpy_job.running_analysis(place) is not None for place in folders):
        state = RUNNING
    place = next((place for place in folders if (place / mintpy_job.JOB_FILE).is_file()), None)
    if place is None:
        return _stage(ANALYZER, config, state=state)
    job = mintpy_job.MintpyJob.read(place)
    if state != RUNNING:
        state = _state_of_journal(job, has_velocity, state)
    steps = [step.state for step in job.steps if step.state != mintpy_job.SKIPPED]
    if not steps:
        return _stage(ANALYZER, config, state=state)
    done = steps.count(mintpy_job.DONE)
    return _stage(ANALYZER, config, state=state, done_count=done, total_count=len(steps))


def _state_of_journal(job: mintpy_job.MintpyJob, has_velocity: bool, otherwise: str) -> str:
    """Give the state of a run that is not alive."""
    if not job.steps:
        # InSARHub 0.4.x writes one status when it starts and never again: only a failure in it says something.
        has_failed = job.status.lower() in (mintpy_job.FAILED, mintpy_job.CANCELLED)
        return NEEDS_YOU if has_failed and not has_velocity else otherwise
    if job.is_unfinished:
        return NEEDS_YOU
    return DONE if has_velocity else READY


def _flight_direction(config: JobConfig) -> str | None:
    for options in (config.stage_options(DOWNLOADER), config.own):
        found = options.get("flightDirection") or options.get("flight_direction")
        if isinstance(found, str) and found.upper() in ("ASCENDING", "DESCENDING"):
            return found.upper()
    return None


def _with_dates(state: JobState, stack: Stack | None, products: list[ProductName]) -> JobState:
    dates: set[date] = set()
    if stack is not None and stack.scenes:
        for name in stack.scenes:
            try:
                dates.add(scene_date(name))
            except InsarError:
                # The stack's own problems name it already.
                continue
        pair_count = len(stack.pairs)
    elif products:
        dates = {day for product in products for day in (product.reference_date, product.secondary_date)}
        pair_count = len({product.pair_id for product in products})
    else:
        return state
    if not dates:
        return state
    return replace(
        state, date_count=len(dates), pair_count=pair_count, first_date=min(dates), last_date=max(dates)
    )
