# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:addjobs``: job folders from the footprints of a search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsFeatureRequest,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProcessingMultiStepFeedback,
    QgsProcessingOutputString,
)

from insarhub_qgis.core import requests
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.scenes import burst_id
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.layers.scene_layers import ANSWER_FIELD, FRAME_FIELD, NAME_FIELD, PATH_FIELD
from insarhub_qgis.processing.base import POLYGON, SEARCH, InsarAlgorithm, tr

#: Between the folders of JOB_FOLDERS, as in other lists of QGIS.
SEPARATOR = ";"


class AddJobs(InsarAlgorithm):
    """One job folder per path and frame, or set of bursts, of the footprints."""

    NAME = "addjobs"
    TITLE = "Add jobs"
    GROUP = SEARCH
    HELP = (
        "Makes one job folder per path and frame from the footprints of Search scenes, or from the selected ones; of bursts "
        "one per path and set of bursts. A single stack goes into an empty work directory itself, several get folders named "
        "by path and frame (or lowest burst). Perpendicular baselines are computed without network from the kept answer. A "
        "job that exists gets the scenes that it lacks; its pairs stay.\n\nJob folders are given as one text, separated by "
        "semicolons."
    )

    SCENES = "SCENES"
    WORK_DIRECTORY = "WORK_DIRECTORY"
    JOB_FOLDERS = "JOB_FOLDERS"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_source(self.SCENES, tr("Footprints"), POLYGON)
        self.add_folder(self.WORK_DIRECTORY, tr("Work directory"))
        self.addOutput(QgsProcessingOutputString(self.JOB_FOLDERS, tr("Job folders")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        source = self.source(parameters, self.SCENES, context)
        directory = (
            Path(self.parameterAsFile(parameters, self.WORK_DIRECTORY, context)).expanduser().absolute()
        )
        chosen = scenes_by_answer(source)
        steps = QgsProcessingMultiStepFeedback(len(chosen), feedback)
        folders: list[str] = []
        for number, (answer, scenes) in enumerate(sorted(chosen.items())):
            steps.setCurrentStep(number)
            request = requests.AddJobs(
                answer_folder=answer,
                work_directory=str(directory),
                stacks=tuple(sorted({stack for stack, _ in scenes})),
                scene_names=tuple(sorted(name for _, name in scenes)),
            )
            result = self.ask_engine(request, steps)
            for row in result["excluded"]:
                path, frame = row["stack"]
                reason = sentence(InsarError.from_json(row))
                is_burst = any(burst_id(name) for stack, name in scenes if stack == (path, frame))
                text = (
                    tr("Path {path}, lowest burst {frame}: {reason}")
                    if is_burst
                    else tr("Path {path}, frame {frame}: {reason}")
                )
                feedback.pushWarning(text.format(path=path, frame=frame, reason=reason))
            for row in result["job_folders"]:
                if row["without_baseline"]:
                    unknown = row["without_baseline"]
                    error = InsarError("baselines.no_vectors", folder=row["path"], scenes=unknown)
                    feedback.pushWarning(sentence(error))
                folders.append(row["path"])
        return {self.JOB_FOLDERS: SEPARATOR.join(dict.fromkeys(folders))}


def scenes_by_answer(source: QgsProcessingFeatureSource) -> dict[str, set[tuple[tuple[int, int], str]]]:
    """Sort footprints by the answer that they are from.

    Returns
    -------
    scenes
        Folder of the answer -> ((path, frame), scene name).
    """
    missing = [
        name
        for name in (NAME_FIELD, PATH_FIELD, FRAME_FIELD, ANSWER_FIELD)
        if source.fields().indexFromName(name) < 0
    ]
    if missing:
        raise QgsProcessingException(sentence(InsarError("scenes.not_from_search", fields=missing)))
    found: dict[str, set[tuple[tuple[int, int], str]]] = {}
    request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
    for feature in source.getFeatures(request):
        values = [feature[name] for name in (ANSWER_FIELD, PATH_FIELD, FRAME_FIELD, NAME_FIELD)]
        if all(isinstance(value, (str, int)) for value in values):
            answer, path, frame, name = values
            found.setdefault(str(answer), set()).add(((int(path), int(frame)), str(name)))
    if not found:
        raise QgsProcessingException(sentence(InsarError("scenes.none_to_add")))
    return found
