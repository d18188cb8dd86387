# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:zonaltimeseries``: median series and velocity of polygons."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsGeometry, QgsProcessingContext, QgsProcessingFeedback

from insarhub_qgis.core import requests
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.layers.area_of_interest import transformed_polygon
from insarhub_qgis.processing.base import POLYGON, InsarAlgorithm, series_crs, tr, transform_to
from insarhub_qgis.processing.table_layers import DOUBLE, INTEGER


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

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_series_file(self.INPUT)
        self.add_source(self.ZONES, tr("Zones"), POLYGON)
        self.add_sink(self.OUTPUT, tr("Zones with time series"), POLYGON)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        path = self.file(parameters, self.INPUT, context)
        source = self.source(parameters, self.ZONES, context)
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
        figures = ["VEL", "V_STDEV", "VEL_LAST_YEAR", *(f"{letter}{day}" for letter in "DS" for day in days)]
        columns = [("n", INTEGER), *((name, DOUBLE) for name in figures)]
        rows = []
        empty = [None] * len(days)
        for feature, zone in zip(features, answer["zones"]):
            if zone.get("reason"):
                feedback.pushWarning(
                    tr("Feature {id}: {reason}").format(
                        id=feature.id(), reason=sentence(InsarError(zone["reason"]))
                    )
                )
            values = [
                zone["n"],
                zone["velocity_mm_per_year"],
                zone["velocity_std_mm_per_year"],
                zone["last_year_rate_mm_per_year"],
                *(zone["median_mm"] or empty),
                *(zone["mad_mm"] or empty),
            ]
            rows.append((feature, values))
        return {self.OUTPUT: self.write_extended(parameters, context, source, columns, rows)}
