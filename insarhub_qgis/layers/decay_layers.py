# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters of coherence decay as layers: style of their quantity, with fixed colours so that seasons compare."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsDataProvider, QgsProject, QgsRasterLayer

from insarhub_qgis.core.coherence_tiles import season_label
from insarhub_qgis.core.decay_map_files import BAND_DESCRIPTIONS, SEASONS
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.layers import layer_tree
from insarhub_qgis.layers.decay_facts import DecayMap, DerivedMap
from insarhub_qgis.layers.layer_metadata import describe_decay
from insarhub_qgis.layers.result_layers import open_without_statistics
from insarhub_qgis.layers.styles import apply_style, style_for, value_range

STAGE = "Decay maps"


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


def show_band(
    project: QgsProject, job_folder: Path, job_name: str, decay_map: DecayMap, kind: str
) -> QgsRasterLayer:
    """Put one band of a map on the map canvas; a map has one layer, which changes to the band asked for.

    Parameters
    ----------
    kind
        ``gamma_inf``, ``gamma_0`` or ``tau``.

    Raises
    ------
    InsarError
        ``decay.map_unreadable``.
    """
    layer = find_decay_layer(project, decay_map.path)
    is_new = layer is None
    if layer is None:
        layer = _opened(decay_map.path, len(BAND_DESCRIPTIONS))
    months = season_label(decay_map.season)
    description = f"{style_for(kind).quantity}, {months}, {decay_map.polarization.upper()}"
    style_decay_layer(layer, kind, BAND_DESCRIPTIONS.index(kind) + 1)
    layer.setName(decay_layer_name(kind, description))
    layer.setCustomProperty(layer_tree.JOB, str(job_folder))
    layer.setCustomProperty(layer_tree.DATES, months)
    describe_decay(
        layer,
        style_for(kind),
        {
            "Months": ", ".join(str(month) for month in SEASONS[decay_map.season]),
            "Season in file names": decay_map.season,
            "Polarisation": decay_map.polarization.upper(),
            "Resolution": decay_map.resolution,
            "Source": decay_map.source or "made by InSARHub",
        },
    )
    _place(project, layer, job_folder, job_name, is_new=is_new)
    return layer


def show_derived(project: QgsProject, job_folder: Path, job_name: str, derived: DerivedMap) -> QgsRasterLayer:
    """Put a raster made from the maps on the map canvas; raises ``decay.map_unreadable``."""
    layer = find_decay_layer(project, derived.path)
    is_new = layer is None
    if layer is None:
        layer = _opened(derived.path, 1)
    style_decay_layer(layer, derived.kind)
    layer.setName(decay_layer_name(derived.kind, derived.description))
    layer.setCustomProperty(layer_tree.JOB, str(job_folder))
    layer.setCustomProperty(layer_tree.LABEL, derived.description)
    tags = derived.facts.tags if derived.facts is not None else {}
    describe_decay(layer, style_for(derived.kind), {"Source": tags.get("SOURCE", "")})
    _place(project, layer, job_folder, job_name, is_new=is_new)
    return layer


def find_decay_layer(project: QgsProject, path: Path) -> QgsRasterLayer | None:
    """Give the layer that shows a file, or None."""
    for layer in layer_tree.insar_layers(project):
        if str(path) in (layer.source(), layer.customProperty(layer_tree.SOURCE)):
            return layer
    return None


def shown_kind(project: QgsProject, path: Path) -> str:
    """Give what is seen of a file on the map: a row of the style table; empty without a layer that is ticked."""
    layer = find_decay_layer(project, path)
    node = project.layerTreeRoot().findLayer(layer.id()) if layer is not None else None
    return str(layer.customProperty(layer_tree.KIND)) if node is not None and node.isVisible() else ""


def remove_decay_layer(project: QgsProject, path: Path) -> bool:
    """Take the layer of a file out of the project, with groups that are empty then; False if it was not there."""
    layer = find_decay_layer(project, path)
    if layer is None:
        return False
    layer_tree.remove_layer(project, layer)
    return True


def reload_decay_layer(project: QgsProject, path: Path) -> None:
    """Show what was written anew into a file that is on the map."""
    layer = find_decay_layer(project, path)
    if layer is not None:
        # A new source also takes over another extent; the style stays.
        layer.setDataSource(str(path), layer.name(), "gdal", QgsDataProvider.ProviderOptions())
        layer.triggerRepaint()


def _opened(path: Path, bands: int) -> QgsRasterLayer:
    layer = open_without_statistics(path)
    if not layer.isValid() or layer.bandCount() < bands:
        raise InsarError(
            "decay.map_unreadable", file=str(path), reason=layer.error().summary() or "no raster"
        )
    return layer


def _place(
    project: QgsProject, layer: QgsRasterLayer, job_folder: Path, job_name: str, *, is_new: bool
) -> None:
    if is_new:
        layer_tree.place_layer(project, layer, job_folder, job_name, STAGE)
    else:
        layer_tree.select_layer(project, layer)
