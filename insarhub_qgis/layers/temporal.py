# SPDX-License-Identifier: GPL-2.0-or-later
"""Bands as moments: each band of a series is shown from its date to the next, for the Temporal Controller."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from statistics import median

from qgis.core import Qgis, QgsDateTimeRange, QgsRasterLayer
from qgis.PyQt.QtCore import QDate, QDateTime, Qt, QTime


def set_band_times(layer: QgsRasterLayer, dates: Sequence[datetime.date]) -> bool:
    """Give each band its half-open range of time; False where this QGIS has no time per band.

    Parameters
    ----------
    dates
        One per band, ascending. The last band lasts as long as the median step before it.
    """
    if len(dates) < 2 or not hasattr(Qgis.RasterTemporalMode, "FixedRangePerBand"):
        return False
    starts = [_midnight(day) for day in dates]
    steps = [(later - earlier).days for earlier, later in zip(dates, dates[1:])]
    ends = [*starts[1:], starts[-1].addDays(max(1, round(median(steps))))]
    properties = layer.temporalProperties()
    properties.setMode(Qgis.RasterTemporalMode.FixedRangePerBand)
    properties.setFixedRangePerBand(
        {
            band: QgsDateTimeRange(start, end, True, False)
            for band, (start, end) in enumerate(zip(starts, ends), start=1)
        }
    )
    properties.setIsActive(True)
    return True


def band_at(layer: QgsRasterLayer, time_range: QgsDateTimeRange | None) -> int:
    """Give the band that the map shows: by the map's time range, else the renderer's own.

    -1 when the layer is temporal and shows nothing in this range.
    """
    properties = layer.temporalProperties()
    if properties.isActive() and time_range is not None and not time_range.isInfinite():
        return int(properties.bandForTemporalRange(layer, time_range))
    renderer = layer.renderer()
    bands = renderer.usesBands() if renderer is not None else []
    return int(bands[0]) if bands else 1


def _midnight(day: datetime.date) -> QDateTime:
    return QDateTime(QDate(day.year, day.month, day.day), QTime(0, 0), Qt.TimeSpec.UTC)
