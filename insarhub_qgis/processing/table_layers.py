# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables that algorithms write: kinds of columns, how tables of pairs begin, and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from qgis.core import QgsFeature, QgsField, QgsFields, QgsGeometry
from qgis.PyQt.QtCore import QMetaType

TEXT = QMetaType.Type.QString
INTEGER = QMetaType.Type.Int
DOUBLE = QMetaType.Type.Double
BOOL = QMetaType.Type.Bool
DATE = QMetaType.Type.QDate

#: Name and kind of each.
Columns = Sequence[tuple[str, QMetaType.Type]]

PAIR_COLUMNS = (
    ("reference", TEXT),
    ("secondary", TEXT),
    ("reference_date", DATE),
    ("secondary_date", DATE),
    ("dt_days", INTEGER),
    ("bperp_m", DOUBLE),
    ("score", DOUBLE),
)


def table_fields(columns: Columns) -> QgsFields:
    """Give the fields of a sink."""
    fields = QgsFields()
    for name, kind in columns:
        fields.append(QgsField(name, kind))
    return fields


def feature_of(
    fields: QgsFields, values: Sequence[Any], geometry: Optional[QgsGeometry] = None
) -> QgsFeature:
    """Give a row of a sink; None is NULL there."""
    feature = QgsFeature(fields)
    feature.setAttributes(list(values))
    if geometry is not None:
        feature.setGeometry(geometry)
    return feature
