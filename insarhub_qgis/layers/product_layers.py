# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters of HyP3 products as layers, straight from the zip: added once, found again, removed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from osgeo import gdal
from qgis.core import QgsProject, QgsRasterLayer

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.product_archive import ProductArchive
from insarhub_qgis.layers import layer_tree
from insarhub_qgis.layers.layer_metadata import describe_product
from insarhub_qgis.layers.raster_sample import sample_bands
from insarhub_qgis.layers.styles import apply_style, needs_sample, style_for, value_range


def add_product_layer(
    project: QgsProject, job_folder: Path, job_name: str, archive: ProductArchive, kind_key: str
) -> QgsRasterLayer:
    """Add one raster of a product under ``InSARHub / <job> / Products / <pair>``; an existing layer is ticked instead.

    Raises
    ------
    InsarError
        ``product.no_member`` when the product has no such raster, ``product.not_a_raster`` when GDAL cannot read it.
    """
    present = find_product_layer(project, archive, kind_key)
    if present is not None:
        layer_tree.select_layer(project, present)
        return present
    if kind_key not in archive.members:
        raise InsarError("product.no_member", product=archive.product.name, kind=kind_key)
    name = archive.gdal_path(kind_key)
    with _zip_left_alone():
        layer = QgsRasterLayer(name, product_layer_name(archive, kind_key), "gdal", _without_default_style())
    if not layer.isValid() or layer.bandCount() < 1:
        raise InsarError("product.not_a_raster", file=str(archive.path), kind=kind_key)
    style = style_for(kind_key)
    sample = sample_bands(name, [1]).get(1) if needs_sample(style) else None
    apply_style(layer, style, 1, *value_range(style, sample))
    for key, value in (
        (layer_tree.JOB, str(job_folder)),
        (layer_tree.KIND, kind_key),
        (layer_tree.SOURCE, name),
        (layer_tree.UNIT, style.unit),
        (layer_tree.SIGN, style.sign),
        (layer_tree.DATES, _pair_text(archive)),
    ):
        layer.setCustomProperty(key, value)
    describe_product(layer, archive, style)
    layer_tree.place_layer(project, layer, job_folder, job_name, layer_tree.PRODUCTS, [_pair_text(archive)])
    return layer


def find_product_layer(project: QgsProject, archive: ProductArchive, kind_key: str) -> QgsRasterLayer | None:
    """Give the layer that shows this raster, or None."""
    name = archive.gdal_path(kind_key) if kind_key in archive.members else ""
    for layer in layer_tree.insar_layers(project):
        names = (layer.source(), layer.customProperty(layer_tree.SOURCE))
        if name and layer.customProperty(layer_tree.KIND) == kind_key and name in names:
            return layer
    return None


def remove_product_layer(project: QgsProject, archive: ProductArchive, kind_key: str) -> bool:
    """Take the layer out of the project, with its pair's group when that is empty then; False if it was not there."""
    layer = find_product_layer(project, archive, kind_key)
    if layer is None:
        return False
    layer_tree.remove_layer(project, layer)
    return True


def product_layer_name(archive: ProductArchive, kind_key: str) -> str:
    """Give e.g. ``unwrapped phase [rad, + away] 2018-01-06 → 2018-01-30``."""
    style = style_for(kind_key)
    return " ".join(part for part in (style.quantity, style.bracket, _pair_text(archive)) if part)


def _pair_text(archive: ProductArchive) -> str:
    product = archive.product
    return f"{product.reference_date.isoformat()} → {product.secondary_date.isoformat()}"


@contextlib.contextmanager
def _zip_left_alone() -> Iterator[None]:
    """Open rasters so that GDAL writes no statistics for them, now or later.

    It would add a file ``.aux.xml`` to the zip itself, since archives are writable to it: the zip changes, under a
    run that may be reading it. A raster keeps for its life what holds in the thread that opens it.
    """
    before = gdal.GetThreadLocalConfigOption("GDAL_PAM_ENABLED")
    gdal.SetThreadLocalConfigOption("GDAL_PAM_ENABLED", "NO")
    try:
        yield
    finally:
        gdal.SetThreadLocalConfigOption("GDAL_PAM_ENABLED", before)


def _without_default_style() -> QgsRasterLayer.LayerOptions:
    # The default style would read statistics of the whole raster.
    return QgsRasterLayer.LayerOptions(loadDefaultStyle=False)
