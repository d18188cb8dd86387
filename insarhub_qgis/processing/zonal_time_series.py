# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:zonaltimeseries``: median series and velocity of polygons."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
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
from insarhub_qgis.layers.area_of_interest import transformed_polygon
from insarhub_qgis.processing.base import (
    InsarAlgorithm,
    existing_file,
    series_crs,
    tr,
    transform_to,
)


class ZonalTimeSeries(InsarAlgorithm):
    """A pixel belongs to a zone when its centre is inside."""

    NAME = "zonaltimeseries"
    TITLE = "Zonal time series"
    HELP = (
        "Median and spread (MAD x 1.4826) of the displacement of each polygon, per date, from all valid pixels whose centre "
        "is inside; and the velocity of the median with its standard deviation, and the rate of the last year. Values in mm and "
        "mm/yr, positive toward the satellite. Fields: n, VEL, V_STDEV, VEL_LAST_YEAR, D{YYYYMMDD}, S{YYYYMMDD}."
    )

    INPUT = "INPUT"
    ZONES = "ZONES"
    OUTPUT = "OUTPUT"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.addParameter(
            QgsProcessingParameterFile(self.INPUT, tr("MintPy time series (HDF5)"), extension="h5")
        )
        self.addParameter(
            QgsProcessingParameterFeatureSource(
                self.ZONES, tr("Zones"), [QgsProcessing.SourceType.TypeVectorPolygon]
            )
        )
        self.addParameter(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, tr("Zones with time series"), QgsProcessing.SourceType.TypeVectorPolygon
            )
        )

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        path = existing_file(self.parameterAsFile(parameters, self.INPUT, context), self.INPUT)
        source = self.parameterAsSource(parameters, self.ZONES, context)
        transform = transform_to(source.sourceCrs(), series_crs(path), context)
        features = list(source.getFeatures())
        zones: list[str] = []
        for feature in features:
            zone = QgsGeometry(feature.geometry()).makeValid() if feature.hasGeometry() else QgsGeometry()
            if not zone.isNull():
                zone = transformed_polygon(zone, transform)
            zones.append(zone.asWkt(6) if not zone.isNull() else "POLYGON EMPTY")
        answer = self.ask_engine(requests.ZonalSeries(str(path), tuple(zones)), feedback)

        days = [date.replace("-", "") for date in answer["dates"]]
        fields = QgsFields(source.fields())
        fields.append(QgsField("n", QMetaType.Type.Int))
        for name in (
            "VEL",
            "V_STDEV",
            "VEL_LAST_YEAR",
            *(f"D{day}" for day in days),
            *(f"S{day}" for day in days),
        ):
            fields.append(QgsField(name, QMetaType.Type.Double))
        sink, output = self.parameterAsSink(
            parameters, self.OUTPUT, context, fields, source.wkbType(), source.sourceCrs()
        )
        empty = [None] * len(days)
        for feature, zone in zip(features, answer["zones"]):
            if zone.get("reason"):
                feedback.pushWarning(
                    tr("Feature {id}: {reason}").format(
                        id=feature.id(), reason=sentence(InsarError(zone["reason"]))
                    )
                )
            row = QgsFeature(fields)
            row.setGeometry(feature.geometry())
            row.setAttributes(
                [
                    *feature.attributes(),
                    zone["n"],
                    zone["velocity_mm_per_year"],
                    zone["velocity_std_mm_per_year"],
                    zone["last_year_rate_mm_per_year"],
                    *(zone["median_mm"] or empty),
                    *(zone["mad_mm"] or empty),
                ]
            )
            sink.addFeature(row, QgsFeatureSink.Flag.FastInsert)
        return {self.OUTPUT: output}
