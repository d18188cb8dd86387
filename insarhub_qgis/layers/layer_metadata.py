# SPDX-License-Identifier: GPL-2.0-or-later
"""Metadata of InSAR layers: what the values are relative to, with what sign, from where and through which corrections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qgis.core import QgsLayerMetadata, QgsRasterLayer

from insarhub_qgis.core.product_archive import ProductArchive
from insarhub_qgis.host.paths import plugin_version
from insarhub_qgis.layers.hdf5_file import Hdf5File
from insarhub_qgis.layers.result_sources import CORRECTIONS, corrections_of
from insarhub_qgis.layers.styles import LayerStyle


def describe_product(layer: QgsRasterLayer, archive: ProductArchive, style: LayerStyle) -> None:
    """Fill the metadata of a layer on a HyP3 product."""
    product = archive.product
    facts = {
        **_style_facts(style),
        "Reference date": product.reference_date.isoformat(),
        "Secondary date": product.secondary_date.isoformat(),
        "Polarisation": product.polarization,
        "Path": "" if product.path is None else str(product.path),
        "Product": product.name,
    }
    history = [f"{product.name}: HyP3 product, read in place from {archive.path.name}"]
    _set(layer, archive.gdal_path(style.kind), facts, history)


def describe_result(
    layer: QgsRasterLayer, file: Hdf5File, dataset: str, style: LayerStyle, reference: str = ""
) -> None:
    """Fill the metadata of a layer on a MintPy result.

    Parameters
    ----------
    reference
        Text of a reference that was chosen on the map; empty for MintPy's own.
    """
    values = file.attributes
    pixel = file.reference_pixel
    corrections = [CORRECTIONS.get(part, part) for part in corrections_of(file.path.stem)]
    facts = {
        **_style_facts(style),
        "Reference point": reference or _reference_text(values, pixel),
        "Reference date": values.get("REF_DATE", ""),
        "First date": file.dates[0].isoformat() if file.dates else values.get("START_DATE", ""),
        "Last date": file.dates[-1].isoformat() if file.dates else values.get("END_DATE", ""),
        "Wavelength": f"{values['WAVELENGTH']} m" if "WAVELENGTH" in values else "",
        "Path": values.get("trackNumber", values.get("relative_orbit", "")),
        "Frame": values.get("frame", values.get("first_frame", "")),
        "Orbit direction": values.get("ORBIT_DIRECTION", ""),
        "Corrections": ", ".join(corrections),
        "Processor": values.get("PROCESSOR", ""),
        "Mission": values.get("PLATFORM", values.get("mission", "")),
        "Dataset": dataset,
    }
    mintpy = values.get("MINTPY_VERSION") or values.get("mintpy.version") or ""
    history = [
        f"{file.path.name}:/{dataset} of MintPy{f' {mintpy}' if mintpy else ''}, read in place through a VRT",
        *(f"correction: {text}" for text in corrections),
    ]
    if reference:
        history.append(f"shown relative to {reference}; the file is untouched")
    _set(layer, str(file.path), facts, history)


def describe_decay(layer: QgsRasterLayer, style: LayerStyle, facts: Mapping[str, str]) -> None:
    """Fill the metadata of a layer on the decay of coherence; its licence wants the source to be named."""
    history = [f"{layer.source()}: fitted to the seasonal coherence of Sentinel-1"]
    _set(layer, layer.source(), {**_style_facts(style), **facts}, history)


def _reference_text(values: Mapping[str, str], pixel: tuple[int, int] | None) -> str:
    if pixel is None:
        return ""
    text = f"row {pixel[0]}, column {pixel[1]}"
    if "REF_LAT" in values and "REF_LON" in values:
        text += f" (REF_LAT {values['REF_LAT']}, REF_LON {values['REF_LON']})"
    return text


def _style_facts(style: LayerStyle) -> dict[str, str]:
    shown = f", shown as {style.unit}" if style.unit != style.stored_unit else ""
    return {
        "Quantity": style.quantity,
        "Unit": f"{style.stored_unit}{shown}" if style.stored_unit else "none",
        "Sign": style.sign or "none",
    }


def _set(layer: QgsRasterLayer, identifier: str, facts: Mapping[str, str], history: Sequence[str]) -> None:
    known = {name: text for name, text in facts.items() if text}
    metadata = QgsLayerMetadata()
    metadata.setIdentifier(identifier)
    metadata.setTitle(layer.name())
    metadata.setType("dataset")
    metadata.setLanguage("ENG")
    metadata.setAbstract("\n".join(f"{name}: {text}" for name, text in known.items()))
    metadata.addKeywords("InSARHub", [f"{name}: {text}" for name, text in known.items()])
    metadata.setHistory([*history, f"layer made by InSARHub for QGIS {plugin_version()}"])
    metadata.setCrs(layer.crs())
    extent = QgsLayerMetadata.Extent()
    spatial = QgsLayerMetadata.SpatialExtent()
    spatial.extentCrs = layer.crs()
    spatial.bounds = layer.extent().toBox3d(0.0, 0.0)
    extent.setSpatialExtents([spatial])
    metadata.setExtent(extent)
    layer.setMetadata(metadata)
