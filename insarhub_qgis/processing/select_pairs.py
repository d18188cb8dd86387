# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:selectpairs``: the pair network of a job folder, chosen by parameters."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterString,
)

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.pair_selection import Selection, select_for
from insarhub_qgis.core.processed_pairs import prices_for
from insarhub_qgis.core.selection_parameters import MODES, SelectionParameters
from insarhub_qgis.host.counts import counted, counted_dates, counted_pairs
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import NETWORK, InsarAlgorithm, tr


class SelectPairs(InsarAlgorithm):
    """Same parameters and same function as the network editor."""

    NAME = "selectpairs"
    TITLE = "Select pairs"
    GROUP = NETWORK
    HELP = (
        "Chooses the interferogram pairs of a job folder and saves them into its stack file, with the network image. The "
        "result is connected wherever the limits allow it, has a second way around every pair, Min Connections per date, "
        "loops, and pairs for every target. Force Connected Network may break a limit; such pairs are listed. Modes: "
        "targets; nearest (each date with the next N dates); budget (the best network for a number of credits; needs the "
        "price of a pair, unless pairs of this folder were paid before). Months: numbers such as 4-10 or 5,6,7; empty "
        "means all. Pairs that were added or removed by hand are kept. Diagnostics are JSON text."
    )

    MODE = "MODE"
    DT_TARGETS = "DT_TARGETS"
    DT_TOL = "DT_TOL"
    DT_MAX = "DT_MAX"
    PB_MAX = "PB_MAX"
    MIN_DEGREE = "MIN_DEGREE"
    MAX_DEGREE = "MAX_DEGREE"
    FORCE_CONNECT = "FORCE_CONNECT"
    N_NEAREST = "N_NEAREST"
    CREDITS = "CREDITS"
    CREDITS_PER_PAIR = "CREDITS_PER_PAIR"
    MONTHS = "MONTHS"
    STACK_FILE = "STACK_FILE"
    NETWORK_IMAGE = "NETWORK_IMAGE"
    PAIR_COUNT = "PAIR_COUNT"
    DIAGNOSTICS = "DIAGNOSTICS"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        defaults = SelectionParameters()
        self.add_job_folder()
        self.add_choice(self.MODE, tr("Mode"), MODES, defaults.mode)
        self.addParameter(
            QgsProcessingParameterString(
                self.DT_TARGETS,
                tr("Target Temporal Baselines (days)"),
                defaultValue=", ".join(f"{target:g}" for target in defaults.dt_targets),
            )
        )
        self.add_number(self.DT_TOL, tr("Tolerance (days)"), defaults.dt_tol)
        self.add_number(self.DT_MAX, tr("Max Temporal (days)"), defaults.dt_max, 1.0)
        self.add_number(self.PB_MAX, tr("Max Perp. Baseline (m)"), defaults.pb_max)
        self.add_number(self.MIN_DEGREE, tr("Min Connections"), defaults.min_degree, is_whole=True)
        self.add_number(self.MAX_DEGREE, tr("Max Connections"), defaults.max_degree, 1, is_whole=True)
        self.addParameter(
            QgsProcessingParameterBoolean(
                self.FORCE_CONNECT, tr("Force Connected Network"), defaultValue=defaults.force_connect
            )
        )
        self.add_number(
            self.N_NEAREST, tr("Nearest dates (mode nearest)"), defaults.n_nearest, 1, is_whole=True
        )
        self.add_number(self.CREDITS, tr("Credits (mode budget)"), None)
        self.add_number(
            self.CREDITS_PER_PAIR,
            tr("Credits per pair, as the service names them (mode budget)"),
            None,
            is_advanced=True,
        )
        self.addParameter(
            QgsProcessingParameterString(self.MONTHS, tr("Months in which dates may be used"), optional=True)
        )
        self.addOutput(QgsProcessingOutputFile(self.STACK_FILE, tr("Stack file")))
        self.addOutput(QgsProcessingOutputFile(self.NETWORK_IMAGE, tr("Network image")))
        self.addOutput(QgsProcessingOutputNumber(self.PAIR_COUNT, tr("Number of pairs")))
        self.addOutput(QgsProcessingOutputString(self.DIAGNOSTICS, tr("Diagnostics (JSON)")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = self.job_folder(parameters, context)
        try:
            opened = load_network(folder)
            for problem in opened.problems:
                feedback.pushWarning(sentence(problem))
            chosen = self._selection_parameters(parameters, context, opened.network.parameters)
            selection = select_for(
                opened.network,
                chosen,
                prices=prices_for(opened.job, chosen),
                report=lambda fraction, text: feedback.setProgress(90.0 * fraction),
                is_cancelled=feedback.isCanceled,
            )
            opened.network.apply_selection(selection)
            stack_file = opened.save()
            # matplotlib costs start-up time, and a QGIS without it shall still load the provider.
            from insarhub_qgis.layers.network_image import save_network_image

            image = save_network_image(
                opened.network, opened.job.network_image_file(), opened.job.numbers().stem
            )
        except Cancelled as error:
            raise QgsProcessingException(tr("Cancelled. The network is as it was.")) from error
        except InsarError as error:
            raise QgsProcessingException(sentence(error)) from error
        feedback.setProgress(100.0)
        tell(selection, feedback)
        figures = selection.diagnostics.to_json() if selection.diagnostics is not None else {}
        figures["variance_of_credits"] = [
            {"credits": step.credits, "pairs": step.pairs, "variance": step.variance, "within_budget": step.is_within_budget}
            for step in selection.curve
        ]  # fmt: skip
        return {
            self.STACK_FILE: str(stack_file),
            self.NETWORK_IMAGE: str(image),
            self.PAIR_COUNT: sum(len(opened.network.granule_pairs(key)) for key in selection.pairs),
            self.DIAGNOSTICS: json.dumps(figures, ensure_ascii=False, allow_nan=False),
        }

    def _selection_parameters(
        self, parameters: dict[str, Any], context: QgsProcessingContext, stored: SelectionParameters
    ) -> SelectionParameters:
        """Build the request of a selection; what this algorithm does not ask is as stored with the network."""

        def number(name: str) -> float | None:
            return None if parameters.get(name) is None else self.parameterAsDouble(parameters, name, context)

        return replace(
            stored,
            dt_targets=tuple(
                _numbers(self.parameterAsString(parameters, self.DT_TARGETS, context), self.DT_TARGETS)
            ),
            dt_tol=self.parameterAsDouble(parameters, self.DT_TOL, context),
            dt_max=self.parameterAsDouble(parameters, self.DT_MAX, context),
            pb_max=self.parameterAsDouble(parameters, self.PB_MAX, context),
            min_degree=self.parameterAsInt(parameters, self.MIN_DEGREE, context),
            max_degree=self.parameterAsInt(parameters, self.MAX_DEGREE, context),
            force_connect=self.parameterAsBoolean(parameters, self.FORCE_CONNECT, context),
            mode=self.parameterAsEnumString(parameters, self.MODE, context),
            n_nearest=self.parameterAsInt(parameters, self.N_NEAREST, context),
            credits=number(self.CREDITS),
            credits_per_pair=number(self.CREDITS_PER_PAIR) or stored.credits_per_pair,
            months=months_of(self.parameterAsString(parameters, self.MONTHS, context)),
        )


def tell(selection: Selection, feedback: QgsProcessingFeedback) -> None:
    """Say what the user should know about a selection."""
    figures = selection.diagnostics
    if figures is None:
        return
    feedback.pushInfo(
        tr("{pairs} of {dates}, {components}, {bridges}").format(
            pairs=counted_pairs(len(selection.pairs)),
            dates=counted_dates(len(figures.dates) - len(selection.excluded)),
            components=counted(len(figures.components), tr("{n} component"), tr("{n} components")),
            bridges=counted(len(figures.bridges), tr("{n} bridge"), tr("{n} bridges")),
        )
    )

    def pairs_text(keys: Any) -> str:
        texts = [f"{figures.dates[one]:%Y%m%d}_{figures.dates[other]:%Y%m%d}" for one, other in sorted(keys)]
        return ", ".join(texts)

    if figures.relaxed:
        feedback.pushWarning(
            tr("Pairs that break a limit to connect the network: {pairs}").format(
                pairs=pairs_text(figures.relaxed)
            )
        )
    if figures.bridges:
        feedback.pushWarning(
            tr("Pairs that hold the network together alone: {pairs}").format(
                pairs=pairs_text(figures.bridges)
            )
        )
    if figures.unpaired:
        days = ", ".join(figures.dates[index].isoformat() for index in sorted(figures.unpaired))
        feedback.pushWarning(tr("Dates without a pair: {dates}").format(dates=days))
    if not figures.has_scores:
        feedback.pushInfo(tr("No pair has a quality score: time and baseline decided alone."))
    if figures.short_pairs_only:
        feedback.pushWarning(
            tr(
                "The network has short pairs only. They carry the strongest bias of fading signals; longer pairs "
                "beside them lower it."
            )
        )
    if figures.ineffective_targets:
        targets = ", ".join(f"{target:g}" for target in figures.ineffective_targets)
        feedback.pushWarning(
            tr("Targets above Max Temporal have no effect: {targets}").format(targets=targets)
        )


def months_of(text: str) -> tuple[int, ...]:
    """Read ``4-10``, ``11-2`` or ``5, 6, 7``; empty means all months.

    >>> months_of("11-2")
    (1, 2, 11, 12)
    """
    if not text.strip():
        return tuple(range(1, 13))
    found: set[int] = set()
    for part in text.replace(";", ",").split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.strip().isdecimal() and (last.strip().isdecimal() if dash else True)):
            raise QgsProcessingException(
                tr("MONTHS: '{text}' is no list of months. Write numbers, such as 4-10 or 5,6,7.").format(
                    text=text
                )
            )
        start, end = int(first), int(last) if dash else int(first)
        if not (1 <= start <= 12 and 1 <= end <= 12):
            raise QgsProcessingException(
                tr("MONTHS: '{text}' is no list of months. Write numbers, such as 4-10 or 5,6,7.").format(
                    text=text
                )
            )
        month = start
        found.add(month)
        while month != end:
            month = month % 12 + 1
            found.add(month)
    return tuple(sorted(found))


def _numbers(text: str, parameter: str) -> list[float]:
    try:
        return [float(part) for part in text.replace(";", ",").split(",") if part.strip()]
    except ValueError as error:
        raise QgsProcessingException(
            tr(
                "{parameter}: '{text}' is no list of numbers. Write them with commas, such as 6, 12, 24."
            ).format(parameter=parameter, text=text)
        ) from error
