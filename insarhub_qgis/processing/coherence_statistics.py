# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:coherencestatistics``: decay and expected coherence of zones, season by season."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsFeatureRequest,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
)

from insarhub_qgis.core import requests
from insarhub_qgis.core.coherence_tiles import MONTH_LETTERS
from insarhub_qgis.layers.area_of_interest import WGS84, transformed_polygon
from insarhub_qgis.processing.base import POLYGON, tr, transform_to
from insarhub_qgis.processing.decay_algorithm import DecayAlgorithm
from insarhub_qgis.processing.table_layers import DOUBLE, INTEGER, TEXT, Columns

_DAYS = (6, 12, 24, 48, 96)


class CoherenceStatistics(DecayAlgorithm):
    """A pixel belongs to a zone when its centre is inside; small zones have the pixels that they touch."""

    NAME = "coherencestatistics"
    TITLE = "Coherence statistics of zones"
    HELP = (
        "One row per zone and season: valid pixels, medians of floor, start and decay time (gamma_inf, gamma_0, tau_days), and "
        "after 6, 12, 24, 48 and 96 days the median of the expected coherence (coh_12), its lower quartile (p25_12) and the "
        "share of pixels of at least 0.3 (use_12); days_03 is the median of the longest temporal baseline that keeps 0.3."
    )

    ZONES = "ZONES"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_maps()
        self.add_source(self.ZONES, tr("Zones"), POLYGON)
        self.add_sink(self.OUTPUT, tr("Zones with coherence"), POLYGON)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = self.maps_folder(parameters, context)
        source = self.source(parameters, self.ZONES, context)
        transform = transform_to(source.sourceCrs(), WGS84, context)
        flag = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
        features, zones = [], []
        for feature in source.getFeatures(QgsFeatureRequest(), flag):
            zone = QgsGeometry(feature.geometry()).makeValid() if feature.hasGeometry() else QgsGeometry()
            if zone.isEmpty():
                feedback.pushWarning(tr("Feature {id} has no geometry.").format(id=feature.id()))
                continue
            features.append(feature)
            zones.append(transformed_polygon(zone, transform).asWkt(8))
        if not zones:
            raise QgsProcessingException(
                tr("ZONES: no feature has a geometry. Choose a layer with polygons.")
            )
        request = requests.ZonalDecay(folder, tuple(zones), tuple(float(days) for days in _DAYS), 0.3)
        answer = self.ask_engine(request, feedback)
        rows = []
        for row in answer["rows"]:
            zone = features[row["zone"]]
            if not row["pixels"]:
                feedback.pushWarning(
                    tr("Feature {id}: no pixel of {months} has data.").format(
                        id=zone.id(), months=MONTH_LETTERS[row["season"]]
                    )
                )
            rows.append((zone, _values(row)))
        return {self.OUTPUT: self.write_extended(parameters, context, source, _columns(), rows)}


def _columns() -> Columns:
    return [
        ("season", TEXT),
        ("months", TEXT),
        ("pol", TEXT),
        ("pixels", INTEGER),
        ("gamma_inf", DOUBLE),
        ("gamma_0", DOUBLE),
        ("tau_days", DOUBLE),
        ("days_03", DOUBLE),
        *((f"{name}_{days}", DOUBLE) for days in _DAYS for name in ("coh", "p25", "use")),
    ]


def _values(row: dict[str, Any]) -> list[Any]:
    return [
        row["season"],
        MONTH_LETTERS[row["season"]],
        row["polarization"],
        row["pixels"],
        row["gamma_inf"],
        row["gamma_0"],
        row["tau"],
        row["longest_days"],
        *(row[name][number] for number in range(len(_DAYS)) for name in ("coherence", "p25", "usable_share")),
    ]
