# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:sampletimeseries``: the series of the pixel that contains each point."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
)
from qgis.PyQt.QtCore import QMetaType

from insarhub_qgis.core import requests
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import InsarAlgorithm, existing_file, series_crs, tr, transform_to


class SampleTimeSeries(InsarAlgorithm):
    """Exact pixel, no interpolation; a point outside or on nodata stays with empty values."""

    NAME = "sampletimeseries"
    TITLE = "Sample time series"
    HELP = (
        "Adds to each point the pixel that contains it (row, col) and its displacement on each date: fields "
        "D{YYYYMMDD} in millimetres, positive toward the satellite. No interpolation. Outside the "
        "raster and where nothing was measured the fields stay empty."
    )

    INPUT = "INPUT"
    POINTS = "POINTS"
    OUTPUT = "OUTPUT"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.addParameter(
            QgsProcessingParameterFile(self.INPUT, tr("MintPy time series (HDF5)"), extension="h5")
        )
        self.addParameter(
            QgsProcessingParameterFeatureSource(
                self.POINTS, tr("Points"), [QgsProcessing.SourceType.TypeVectorPoint]
            )
        )
        self.addParameter(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, tr("Sampled points"), QgsProcessing.SourceType.TypeVectorPoint
            )
        )

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        path = existing_file(self.parameterAsFile(parameters, self.INPUT, context), self.INPUT)
        source = self.parameterAsSource(parameters, self.POINTS, context)
        transform = transform_to(source.sourceCrs(), series_crs(path), context)
        features = list(source.getFeatures())
        # A multipoint is sampled where its first part lies; a feature without geometry keeps its row.
        positions: list[tuple[float, float]] = []
        located: list[QgsFeature] = []
        for feature in features:
            if feature.hasGeometry():
                vertex = next(feature.geometry().vertices())
                point = transform.transform(vertex.x(), vertex.y())
                positions.append((point.x(), point.y()))
                located.append(feature)
        answer = self.ask_engine(requests.SampleSeries(str(path), tuple(positions)), feedback)
        samples = {feature.id(): sample for feature, sample in zip(located, answer["samples"])}

        fields = QgsFields(source.fields())
        fields.append(QgsField("row", QMetaType.Type.Int))
        fields.append(QgsField("col", QMetaType.Type.Int))
        for date in answer["dates"]:
            fields.append(QgsField("D" + date.replace("-", ""), QMetaType.Type.Double))
        sink, output = self.parameterAsSink(
            parameters, self.OUTPUT, context, fields, source.wkbType(), source.sourceCrs()
        )
        reasons: dict[str, int] = {}
        for feature in features:
            sample = samples.get(feature.id()) or {
                "row": None,
                "col": None,
                "values_mm": None,
                "reason": "point.no_geometry",
            }
            values = sample["values_mm"] or [None] * len(answer["dates"])
            if sample["values_mm"] is None:
                reasons[sample["reason"]] = reasons.get(sample["reason"], 0) + 1
            sampled = QgsFeature(fields)
            sampled.setGeometry(feature.geometry())
            sampled.setAttributes([*feature.attributes(), sample["row"], sample["col"], *values])
            sink.addFeature(sampled, QgsFeatureSink.Flag.FastInsert)
        for code, count in sorted(reasons.items()):
            feedback.pushWarning(
                tr("{count} point(s): {reason}").format(count=count, reason=sentence(InsarError(code)))
            )
        return {self.OUTPUT: output}
