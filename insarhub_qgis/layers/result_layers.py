# SPDX-License-Identifier: GPL-2.0-or-later
"""MintPy results as layers: a small VRT over the HDF5, styled and animated; opens in milliseconds, copies nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Callable

import numpy as np
from osgeo import gdal
from qgis.core import QgsDataProvider, QgsProject, QgsRasterLayer

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.layers_cache import CACHE_FOLDER, job_folder_of, layers_cache_of
from insarhub_qgis.host.paths import private_folder
from insarhub_qgis.layers import hdf5_vrt, layer_tree
from insarhub_qgis.layers.hdf5_file import Hdf5File, read_hdf5
from insarhub_qgis.layers.layer_metadata import describe_result
from insarhub_qgis.layers.raster_sample import sample_bands, spread_bands
from insarhub_qgis.layers.result_sources import ResultSource
from insarhub_qgis.layers.styles import (
    LayerStyle,
    apply_style,
    needs_sample,
    shown_range,
    style_for,
    value_range,
)
from insarhub_qgis.layers.temporal import set_band_times

RANGE, RELATIVE_SOURCE = "insarhub/range", "insarhub/relative_source"
_EMPTY_RASTER = "/vsimem/insarhub_qgis_empty.vrt"
_EMPTY_VRT = (
    b'<VRTDataset rasterXSize="1" rasterYSize="1"><GeoTransform>0, 1, 0, 0, 0, -1</GeoTransform>'
    b'<VRTRasterBand dataType="Byte" band="1"/></VRTDataset>'
)


def add_result_layer(
    project: QgsProject, job_folder: Path, job_name: str, source: ResultSource
) -> QgsRasterLayer:
    """Add a MintPy dataset under ``Results`` or, for overview maps, ``Diagnostics``; an existing layer is ticked instead.

    Raises
    ------
    InsarError
        ``hdf5.needs_copy`` (fields source, dataset) when the engine has to copy the dataset first; ``hdf5.busy``,
        ``hdf5.missing``, ``hdf5.unreadable``, ``hdf5.no_driver``, ``hdf5.no_dataset``, ``raster.radar_coded``,
        ``raster.no_crs``, ``layer.not_opened``.
    """
    present = find_result_layer(project, source)
    if present is not None:
        layer_tree.select_layer(project, present)
        return present
    file = read_hdf5(source.path)
    style = style_for(source.kind)
    vrt = write_base_vrt(file, source.dataset, style)
    layer = open_without_statistics(vrt)
    if not layer.isValid() or layer.bandCount() < 1:
        raise InsarError("layer.not_opened", file=str(source.path), dataset=source.dataset)
    layer.setName(result_layer_name(file, style, source.label))
    set_band_times(layer, file.dates if len(file.dates) == layer.bandCount() else ())
    for key, value in (
        (layer_tree.JOB, str(job_folder)),
        (layer_tree.KIND, source.kind),
        (layer_tree.SOURCE, str(source.path)),
        (layer_tree.DATASET, source.dataset),
        (layer_tree.UNIT, style.unit),
        (layer_tree.SIGN, style.sign),
        (layer_tree.LABEL, source.label),
        (layer_tree.DATES, _period(file)),
        (RELATIVE_SOURCE, source.path.relative_to(job_folder_of(source.path)).as_posix()),
    ):
        layer.setCustomProperty(key, value)
    set_fitting_style(layer, style, file)
    describe_result(layer, file, source.dataset, style)
    stage = layer_tree.DIAGNOSTICS if source.is_overview else layer_tree.RESULTS
    layer_tree.place_layer(project, layer, job_folder, job_name, stage)
    return layer


def open_without_statistics(vrt: Path) -> QgsRasterLayer:
    """Open a raster without the default contrast that QGIS computes for a layer without style.

    That contrast reads three bands of a series for a style that is replaced at once. A layer that has a style keeps
    it when its source changes, so the layer is made on an empty raster first.
    """
    gdal.FileFromMemBuffer(_EMPTY_RASTER, _EMPTY_VRT)
    options = QgsRasterLayer.LayerOptions(loadDefaultStyle=False)
    layer = QgsRasterLayer(_EMPTY_RASTER, "", "gdal", options)
    layer.setDataSource(str(vrt), "", "gdal", QgsDataProvider.ProviderOptions())
    return layer


def find_result_layer(project: QgsProject, source: ResultSource) -> QgsRasterLayer | None:
    """Give the layer that shows this dataset, or None."""
    for layer in layer_tree.insar_layers(project):
        if layer.customProperty(layer_tree.DATASET) == source.dataset and source_of(layer) == source.path:
            return layer
    return None


def remove_result_layer(project: QgsProject, source: ResultSource) -> bool:
    """Take the layer out of the project; False if it was not there. Files stay."""
    layer = find_result_layer(project, source)
    if layer is None:
        return False
    layer_tree.remove_layer(project, layer)
    return True


def result_layers(project: QgsProject, job_folder: Path | None = None) -> list[QgsRasterLayer]:
    """Give the layers on MintPy files, of one job or of all."""
    found = []
    for layer in layer_tree.insar_layers(project):
        source = source_of(layer)
        if source is not None and (job_folder is None or job_folder_of(source) == job_folder):
            found.append(layer)
    return found


def source_of(layer: QgsRasterLayer) -> Path | None:
    """Give the HDF5 file that a result layer shows, also after job folder and project were moved; None for others."""
    if not layer.customProperty(layer_tree.DATASET):
        return None
    stored = Path(str(layer.customProperty(layer_tree.SOURCE)))
    relative = layer.customProperty(RELATIVE_SOURCE)
    vrt = Path(layer.source())
    if not stored.is_file() and relative and vrt.parent.name == CACHE_FOLDER:
        return vrt.parent.parent / str(relative)
    return stored


def refresh_result_layers(project: QgsProject, job_folder: Path) -> list[tuple[QgsRasterLayer, InsarError]]:
    """Show what MintPy wrote anew: VRTs are made again and layers reloaded, references kept.

    Returns
    -------
    list
        Layers whose file cannot be shown now, with the reason; they stay as they are.
    """
    from insarhub_qgis.layers.reference_shift import reapply_reference

    problems = []
    for layer in result_layers(project, job_folder):
        source = source_of(layer)
        try:
            file = read_hdf5(source) if source is not None else None
            if file is None:
                continue
            write_base_vrt(file, layer.customProperty(layer_tree.DATASET), style_of(layer))
            reapply_reference(layer, file)
        except InsarError as error:
            problems.append((layer, error))
    return problems


def style_of(layer: QgsRasterLayer) -> LayerStyle:
    """Give the style row of a layer of ours."""
    return style_for(str(layer.customProperty(layer_tree.KIND)))


def write_base_vrt(file: Hdf5File, dataset: str, style: LayerStyle) -> Path:
    """Write the VRT of a dataset into the job's layer cache, or into the profile when the job is read-only."""
    name = hdf5_vrt.result_vrt_name(file, dataset)

    def write(folder: Path) -> Path:
        text = hdf5_vrt.result_vrt_text(file, dataset, folder, style.zero_is_missing)
        hdf5_vrt.write_if_different(folder / name, text)
        return folder / name

    return write_in_cache(file.path, write)


def write_in_cache(source: Path, write: Callable[[Path], Path]) -> Path:
    """Call ``write(folder)`` with the job's cache folder; where that cannot be written, with one in the profile."""
    folder = layers_cache_of(source)
    try:
        folder.mkdir(exist_ok=True)
        return write(folder)
    except (OSError, InsarError) as error:
        if isinstance(error, InsarError) and error.code not in (
            "file.not_writable",
            "file.disk_full",
            "file.write_failed",
        ):
            raise
    digest = hashlib.sha256(str(job_folder_of(source)).encode("utf-8")).hexdigest()[:16]
    folder = private_folder() / "layers" / digest
    folder.mkdir(parents=True, exist_ok=True)
    return write(folder)


def set_fitting_style(layer: QgsRasterLayer, style: LayerStyle, file: Hdf5File | None = None) -> None:
    """Style a layer by its values: range from a sample over the dates, last date shown.

    Parameters
    ----------
    file
        When the layer shows its dataset unchanged: sampled directly, which is quicker than through the VRT.
    """
    bands = layer.bandCount()
    values = None
    if needs_sample(style):
        name = layer.source()
        if file is not None:
            name = hdf5_vrt.raster_source(file, str(layer.customProperty(layer_tree.DATASET))).opened_name(
                None
            )
        sample = sample_bands(name, spread_bands(bands), style.zero_is_missing and file is not None)
        values = np.concatenate([*sample.values(), np.empty(0)])
    low, high = value_range(style, values)
    apply_style(layer, style, bands, low, high)
    layer.setCustomProperty(RANGE, json.dumps([low, high]))


def has_fitting_style(layer: QgsRasterLayer) -> bool:
    """Tell whether the range is still the one set here, so that nothing of the user's is overwritten."""
    stored = layer.customProperty(RANGE)
    shown = shown_range(layer)
    return bool(stored) and shown is not None and list(shown) == json.loads(stored)


def result_layer_name(file: Hdf5File, style: LayerStyle, label: str, relative_to: str = "") -> str:
    """Give e.g. ``LOS velocity [mm/yr, + toward satellite] 2018-01-06 → 2018-07-17``."""
    return " ".join(part for part in (label, style.bracket, _period(file), relative_to) if part)


def _period(file: Hdf5File) -> str:
    first, last = file.attributes.get("START_DATE", ""), file.attributes.get("END_DATE", "")
    if file.dates:
        first, last = file.dates[0].isoformat(), file.dates[-1].isoformat()
    return f"{_iso(first)} → {_iso(last)}" if first and last else ""


def _iso(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 and text.isdigit() else text
