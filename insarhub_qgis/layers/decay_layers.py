# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters of coherence decay as layers: style of their quantity, with fixed colours so that seasons compare."""

from __future__ import annotations

from qgis.core import QgsRasterLayer

from insarhub_qgis.layers import layer_tree
from insarhub_qgis.layers.styles import apply_style, style_for, value_range


def decay_layer_name(kind: str, description: str) -> str:
    """Give e.g. ``longest temporal baseline for coherence 0.3, JJA (file: summer) [d]``."""
    return " ".join(part for part in (description, style_for(kind).bracket) if part)


def style_decay_layer(layer: QgsRasterLayer, kind: str, band: int = 1) -> None:
    """Style a raster of decay and mark it as ours, so that its values are read under the cursor.

    Parameters
    ----------
    kind
        A row of the style table: ``gamma_inf``, ``gamma_0``, ``tau``, ``expected_coherence``, ``longest_baseline``,
        ``best_season``, ``network_coherence``.
    """
    style = style_for(kind)
    low, high = value_range(style, None)
    apply_style(layer, style, band, low, high)
    for key, value in (
        (layer_tree.KIND, kind),
        (layer_tree.SOURCE, layer.source()),
        (layer_tree.UNIT, style.unit),
    ):
        layer.setCustomProperty(key, value)
    layer.triggerRepaint()
