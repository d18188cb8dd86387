# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:loadproducts``: rasters of a job's products as layers, straight from the zips."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingParameterString,
    QgsProject,
)

from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.product_archive import find_product_archives
from insarhub_qgis.core.product_kinds import PRODUCT_KINDS
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.layers.product_layers import add_product_layer
from insarhub_qgis.processing.base import InsarAlgorithm, tr


class LoadProducts(InsarAlgorithm):
    """Adds styled native layers to the project, in a group per job and pair, never twice."""

    NAME = "loadproducts"
    TITLE = "Load products"
    HELP = (
        "Adds rasters of a job's products to the project as native layers, read straight from the zips and styled for "
        "their kind. Pairs: comma separated YYYYMMDD_YYYYMMDD; empty loads all. A layer that is already there is not "
        "added again."
    )

    KINDS = "KINDS"
    PAIRS = "PAIRS"
    LAYERS = "LAYERS"

    def flags(self) -> QgsProcessingAlgorithm.Flags:
        # Layers of the project are made on the main thread only.
        return super().flags() | QgsProcessingAlgorithm.Flag.FlagNoThreading

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        kinds = [kind.key for kind in PRODUCT_KINDS]
        self.add_choices(self.KINDS, tr("Kinds of raster"), kinds, ["unw_phase"])
        self.addParameter(QgsProcessingParameterString(self.PAIRS, tr("Pairs"), optional=True))
        self.addOutput(QgsProcessingOutputMultipleLayers(self.LAYERS, tr("Layers")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        job = JobFolder(self.job_folder(parameters, context))
        kinds = self.parameterAsEnumStrings(parameters, self.KINDS, context)
        wanted = {
            pair.strip()
            for pair in self.parameterAsString(parameters, self.PAIRS, context).replace(";", ",").split(",")
            if pair.strip()
        }
        archives, unreadable = find_product_archives(job.product_folders())
        for path, error in unreadable:
            feedback.pushWarning(f"{path.name}: {sentence(error)}")
        chosen = [archive for archive in archives if not wanted or archive.product.pair_id in wanted]
        missing = wanted - {archive.product.pair_id for archive in chosen}
        if missing or not chosen:
            raise QgsProcessingException(
                tr("The job folder has no product for {pairs}. Pairs are written YYYYMMDD_YYYYMMDD.").format(
                    pairs=", ".join(sorted(missing)) or tr("any pair")
                )
            )
        project = context.project() or QgsProject.instance()
        layer_ids = []
        for number, archive in enumerate(chosen):
            if feedback.isCanceled():
                break
            for kind in kinds:
                if kind not in archive.members:
                    feedback.pushWarning(
                        tr("{name} has no {kind}.").format(name=archive.product.name, kind=kind)
                    )
                    continue
                layer = add_product_layer(project, job.path, job.name, archive, kind)
                layer_ids.append(layer.id())
            feedback.setProgress(100.0 * (number + 1) / len(chosen))
        return {self.LAYERS: layer_ids}
