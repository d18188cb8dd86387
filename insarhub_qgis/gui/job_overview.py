# SPDX-License-Identifier: GPL-2.0-or-later
"""What the job list and the stage line show of a job, read in a worker thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qgis.PyQt.QtCore import QCoreApplication, QLocale

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_options import PROCESSOR_TYPE
from insarhub_qgis.core.job_folder import JobFolder, list_job_folders
from insarhub_qgis.core.job_state import DONE, NEEDS_YOU, NOT_BEGUN, READY, RUNNING, JobState, StageState
from insarhub_qgis.core.progress import IsCancelled, stop_if_cancelled
from insarhub_qgis.gui.stage_line import StageMark
from insarhub_qgis.host.counts import counted_dates

#: Tag of a stage that has no type yet: the documented name of the kind that follows.
_DEFAULT_TAGS = {"downloader": "S1_SLC", "processor": "Hyp3_S1", "analyzer": "Hyp3_SBAS"}
#: Role -> page of the dock; that of the processor depends on what is there.
_PAGES = {"downloader": "downloader", "analyzer": "analyzer"}
_ANALYZER_REQUESTS = ("PrepareAnalysis", "RunAnalysis")
_PROCESSOR_REQUESTS = ("OpenProducts", "SubmitHyp3", "RetryHyp3", "DownloadHyp3", "WatchHyp3")


@dataclass(frozen=True)
class JobOverview:
    """A job in the list.

    Attributes
    ----------
    summary
        Direction of flight and number of dates, as far as known.
    best_page
        Page where the work stands; empty when no stage can be opened.
    """

    path: Path
    name: str
    summary: str
    marks: tuple[StageMark, ...]
    best_page: str
    problems: tuple[InsarError, ...] = ()

    @property
    def tags(self) -> tuple[StageMark, ...]:
        """Marks for the list, where Results shows once there are any."""
        return tuple(mark for mark in self.marks if mark.page_key != "results" or mark.state != NOT_BEGUN)


def _tr(text: str) -> str:
    return QCoreApplication.translate("JobOverview", text)


def read_jobs(
    work_directory: Path, running: Mapping[Path, str], is_cancelled: IsCancelled
) -> list[JobOverview]:
    """Read all jobs of a work directory; a bad one is shown as bad and hides no other.

    ``running``: job folder -> class name of the request that runs on it.
    """
    jobs = []
    for folder in list_job_folders(work_directory):
        stop_if_cancelled(is_cancelled)
        jobs.append(overview_of(folder.state(), running.get(folder.path, "")))
    return jobs


def read_job(path: Path, running: str = "") -> JobOverview:
    """Read one job; ``running`` is the class name of the request that runs on it."""
    return overview_of(JobFolder(path).state(), running)


def overview_of(state: JobState, running: str = "") -> JobOverview:
    """What the list and the stage line show of a job's state."""
    processor_page = _processor_page(state)
    marks = [_mark(stage, running, processor_page) for stage in state.stages]
    analyzer = state.stage("analyzer")
    has_results = analyzer.state == DONE
    marks.append(StageMark("results", _tr("Results"), READY if has_results else NOT_BEGUN))
    processor = state.stage("processor")
    if has_results:
        best_page = "results"
    elif analyzer.state in (RUNNING, NEEDS_YOU, READY):
        best_page = "analyzer"
    elif processor.state == DONE:
        best_page = "products"
    elif processor.state in (RUNNING, NEEDS_YOU) or (processor.state == READY and processor.total_count):
        best_page = processor_page
    elif state.stage("downloader").state != NOT_BEGUN:
        best_page = "downloader"
    elif processor.state != NOT_BEGUN:
        best_page = processor_page
    else:
        best_page = ""
    return JobOverview(
        path=state.path,
        name=state.name,
        summary=_summary(state),
        marks=tuple(marks),
        best_page=best_page,
        problems=state.problems,
    )


def _processor_page(state: JobState) -> str:
    """The page of jobs; products that were not ordered here have none and are viewed at once."""
    processor = state.stage("processor")
    if processor.type is not None and processor.type != PROCESSOR_TYPE:
        return "products"
    has_jobs = any(state.path.glob("hyp3*.json"))
    return "products" if processor.state == DONE and not has_jobs else "processor"


def _mark(stage: StageState, running: str, processor_page: str) -> StageMark:
    state = stage.state
    if stage.role == "analyzer" and running in _ANALYZER_REQUESTS:
        state = RUNNING
    if stage.role == "processor" and running in _PROCESSOR_REQUESTS:
        state = RUNNING
    count = ""
    if stage.total_count:
        is_whole = stage.done_count == stage.total_count
        number = QLocale().toString(stage.total_count)
        count = number if is_whole else f"{stage.done_count}/{number}"
    return StageMark(
        page_key=_PAGES.get(stage.role, processor_page) if stage.is_known_type else "",
        tag=stage.type or _DEFAULT_TAGS[stage.role],
        state=state,
        count=count,
    )


def _summary(state: JobState) -> str:
    directions = {"ASCENDING": _tr("ascending"), "DESCENDING": _tr("descending")}
    parts = [directions[state.flight_direction]] if state.flight_direction else []
    if state.date_count:
        parts.append(counted_dates(state.date_count))
    return ", ".join(parts)
