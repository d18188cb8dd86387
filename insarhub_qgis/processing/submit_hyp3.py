# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:submithyp3``: order the pairs of a job folder at HyP3, or have them only validated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterString,
)

from insarhub_qgis.core import requests
from insarhub_qgis.core.atomic_files import write_text_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_guard import REFUSED
from insarhub_qgis.core.hyp3_options import JOB_TYPES, LOOKS, Hyp3Options
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.host.counts import counted, counted_pairs
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import in_words, tr
from insarhub_qgis.processing.hyp3_algorithm import Hyp3Algorithm, reason_text, warn_of
from insarhub_qgis.processing.verdict_page import REJECTED, done_text, not_sent_text, verdict_page, verdicts

_ALL_LOOKS = tuple(dict.fromkeys(looks for choices in LOOKS.values() for looks in choices))


class SubmitHyp3(Hyp3Algorithm):
    """Only pairs of which nothing is there are sent; nothing is paid twice."""

    NAME = "submithyp3"
    TITLE = "Submit HyP3 jobs"
    HELP = (
        "Orders interferograms at HyP3 for the pairs of a job folder. Each pair is checked here first, and pairs that are ordered, "
        "finished or downloaded already with the same parameters are left out, so that nothing is paid twice. With 'dry run' "
        "HyP3 validates the pairs and tells what they would cost; nothing is charged and nothing is written to the folder; without "
        "it credits are spent. "
        "INSAR_GAMMA takes whole scenes; jobs of bursts take INSAR_ISCE_MULTI_BURST (up to 15 bursts) or, of a single burst, "
        "INSAR_ISCE_BURST. "
        "The report lists each pair with the verdict. MintPy needs the DEM and the look vectors; they cannot be added "
        "afterwards. Jobs at HyP3 are publicly visible: any user who is signed in can see their names and scenes."
    )

    JOB_TYPE = "JOB_TYPE"
    LOOKS = "LOOKS"
    PHASE_FILTER = "PHASE_FILTER"
    WATER_MASK = "WATER_MASK"
    NAME_PREFIX = "NAME"
    DRY_RUN = "DRY_RUN"
    JOB_FILE = "JOB_FILE"
    SUBMITTED = "SUBMITTED"
    COST = "COST"
    REPORT = "REPORT"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        default = Hyp3Options()
        self.add_job_folder()
        self.add_account()
        self.add_choice(self.JOB_TYPE, tr("Job type"), JOB_TYPES, default.job_type)
        self.add_choice(self.LOOKS, tr("Looks in range x azimuth"), _ALL_LOOKS, default.looks)
        strength = tr("Strength of the phase filter (0: off)")
        self.add_number(self.PHASE_FILTER, strength, default.phase_filter_parameter, high=1.0)
        for name, (option, text) in self._flags().items():
            self.addParameter(
                QgsProcessingParameterBoolean(name, text, defaultValue=getattr(default, option))
            )
        self.addParameter(
            QgsProcessingParameterString(
                self.NAME_PREFIX, tr("Beginning of the job names"), defaultValue=default.name_prefix
            )
        )
        self.addParameter(
            QgsProcessingParameterBoolean(
                self.DRY_RUN, tr("Dry run: validate, order nothing"), defaultValue=False
            )
        )
        self.add_report(self.REPORT)
        self.addOutput(QgsProcessingOutputFile(self.JOB_FILE, tr("Job file")))
        self.addOutput(QgsProcessingOutputNumber(self.SUBMITTED, tr("Number of jobs submitted")))
        self.addOutput(QgsProcessingOutputNumber(self.COST, tr("Credits")))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        is_complete, text = super().checkParameterValues(parameters, context)
        if not is_complete:
            return is_complete, text
        try:
            self._options(Hyp3Options(), parameters, context).check()
        except InsarError as error:
            return False, sentence(error)
        return True, ""

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = self.job_folder(parameters, context)
        page = self.report_file(parameters, self.REPORT, context, "hyp3_report.html")
        self.check_account()
        is_dry_run = self.parameterAsBool(parameters, self.DRY_RUN, context)
        items: list[dict[str, Any]] = []
        with in_words():
            job = JobFolder(folder)
            base, _ = Hyp3Options.from_config(job.read_config())
            answer = self.ask_service(
                requests.SubmitHyp3,
                feedback,
                items.append,
                job_folder=str(folder),
                options=self._options(base, parameters, context).to_json(),
                dry_run=is_dry_run,
            )
            rows = verdicts(answer, items)
            write_text_atomically(Path(page), verdict_page(job.name, answer, rows))
        for row in rows:
            if row.state in (REJECTED, REFUSED):
                feedback.pushWarning(f"{row.title}: {reason_text(row.reason)}")
        tell_submission(answer, feedback, page)
        return {
            self.JOB_FILE: answer["job_file"],
            self.SUBMITTED: 0 if is_dry_run else answer["submitted"],
            self.COST: answer["credits"],
            self.REPORT: page,
        }

    @staticmethod
    def _flags() -> dict[str, tuple[str, str]]:
        return {
            "INCLUDE_DEM": ("include_dem", tr("With DEM (MintPy needs it)")),
            "INCLUDE_LOOK_VECTORS": ("include_look_vectors", tr("With look vectors (MintPy needs them)")),
            "INCLUDE_INC_MAP": ("include_inc_map", tr("With incidence angle maps")),
            "INCLUDE_DISPLACEMENT_MAPS": ("include_displacement_maps", tr("With displacement maps")),
            "INCLUDE_WRAPPED_PHASE": ("include_wrapped_phase", tr("With wrapped phase")),
            SubmitHyp3.WATER_MASK: ("apply_water_mask", tr("Mask water")),
        }

    def _options(
        self, base: Hyp3Options, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> Hyp3Options:
        """Give the options of the parameters; what they do not say is that of the job's config."""
        flags = {
            option: self.parameterAsBool(parameters, name, context)
            for name, (option, _) in self._flags().items()
        }
        return replace(
            base,
            job_type=self.parameterAsEnumString(parameters, self.JOB_TYPE, context),
            looks=self.parameterAsEnumString(parameters, self.LOOKS, context),
            phase_filter_parameter=self.parameterAsDouble(parameters, self.PHASE_FILTER, context),
            name_prefix=self.parameterAsString(parameters, self.NAME_PREFIX, context),
            **flags,
        )


def tell_submission(answer: Mapping[str, Any], feedback: QgsProcessingFeedback, page: str = "") -> None:
    """Tell what a submission did; raises its sentence when it stopped before the end, or when nothing was taken."""
    warn_of(answer.get("messages"), feedback)
    count = answer["submitted"]
    done = done_text(answer)
    feedback.pushInfo(done)
    if answer.get("adopted"):
        feedback.pushInfo(
            counted(
                answer["adopted"],
                tr("{n} job of an earlier run was found at HyP3."),
                tr("{n} jobs of an earlier run were found at HyP3."),
            )
        )
    refused = [row for row in answer["skipped"] if row["state"] == REFUSED]
    if len(answer["skipped"]) > len(refused):
        feedback.pushInfo(
            tr("{pairs} left out: jobs or products are there.").format(
                pairs=counted_pairs(len(answer["skipped"]) - len(refused))
            )
        )
    where = tr("The report: {file}").format(file=page) if page else ""
    if answer["stopped_by"] is not None:
        not_sent = not_sent_text(answer)
        _stop(reason_text(answer["stopped_by"]), done, not_sent, where)
    bad = [*refused, *answer["rejected"]]
    if bad and not count and len(answer["skipped"]) == len(refused):
        text = counted(len(bad), tr("The pair cannot be ordered."), tr("None of {n} pairs can be ordered."))
        _stop(text, reason_text(bad[0]["reason"]), where)


def _stop(*parts: str) -> NoReturn:
    raise QgsProcessingException(" ".join(part for part in parts if part))
