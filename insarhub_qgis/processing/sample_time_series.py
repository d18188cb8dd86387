# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:sampletimeseries``: the series of the pixel that contains each point."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsFeature, QgsProcessingContext, QgsProcessingFeedback

from insarhub_qgis.core import requests
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import POINT, InsarAlgorithm, series_crs, tr, transform_to
from insarhub_qgis.processing.table_layers import DOUBLE, INTEGER


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

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_series_file(self.INPUT)
        self.add_source(self.POINTS, tr("Points"), POINT)
        self.add_sink(self.OUTPUT, tr("Sampled points"), POINT)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        path = self.file(parameters, self.INPUT, context)
        source = self.source(parameters, self.POINTS, context)
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

        days = [date.replace("-", "") for date in answer["dates"]]
        columns = [("row", INTEGER), ("col", INTEGER), *((f"D{day}", DOUBLE) for day in days)]
        rows = []
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
            rows.append((feature, [sample["row"], sample["col"], *values]))
        output = self.write_extended(parameters, context, source, columns, rows)
        for code, count in sorted(reasons.items()):
            feedback.pushWarning(
                tr("{count} point(s): {reason}").format(count=count, reason=sentence(InsarError(code)))
            )
        return {self.OUTPUT: output}
