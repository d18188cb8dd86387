# SPDX-License-Identifier: GPL-2.0-or-later
"""Results: layers, reference, series, fits, exports."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
    "hdf5.missing": (
        "{file} is not there any more.",
        "Run the analysis again, or open the job folder that holds it.",
    ),
    "hdf5.busy": (
        "{file} is being written at this moment.",
        "Wait until the analysis has finished this step, then open it again.",
    ),
    "hdf5.no_driver": (
        "This QGIS was built without HDF5, so it cannot show {file} in place.",
        "Install GDAL's HDF5 driver, or export the result as GeoTIFF and add that.",
    ),
    "hdf5.unreadable": (
        "{file} cannot be read: {reason}.",
        "If it was cut short, run the step that writes it again.",
    ),
    "hdf5.no_dataset": ("{file} has no dataset {dataset}.", "It holds: {known}."),
    "hdf5.no_dates": (
        "{file} is no time series: it has no date for each of its bands.",
        "Choose a timeseries*.h5 file.",
    ),
    "hdf5.needs_copy": (
        "{dataset} in {source} is stored in a way that QGIS cannot read in place.",
        "Let the engine make a copy: add the layer from the Results page.",
    ),
    "hdf5.not_mintpy": (
        "{file} is no file that MintPy wrote.",
        "Choose an HDF5 file of a MintPy run, e.g. velocity.h5.",
    ),
    "hdf5.damaged": (
        "{file} is damaged or was not written to its end: {reason}.",
        "Run the MintPy step that writes it again.",
    ),
    "layer.not_opened": (
        "QGIS could not open {dataset} of {file} as a layer.",
        "Look into the log panel for GDAL's message.",
    ),
    "reference.not_relative": (
        "{layer} does not depend on a reference point.",
        "Choose a velocity or time-series layer.",
    ),
    "reference.outside": ("{name} lies outside the layer.", "Choose a place inside it."),
    "reference.no_data": (
        "{name} has no data, so nothing can be relative to it.",
        "Choose a pixel that has values.",
    ),
    "reference.unknown_date": (
        "{file} has no acquisition on {date}.",
        "Choose one of the dates of the series.",
    ),
    "raster.radar_coded": (
        "{file} is in radar coordinates and has no place on the map.",
        "Geocode it first (MintPy step geocode).",
    ),
    "raster.no_crs": (
        "The coordinate system of {file} is unknown.",
        "Check the attributes EPSG and UTM_ZONE of the file, or run the analysis again.",
    ),
    "raster.unreadable": ("{file} cannot be read as a raster: {reason}.", "Choose another file."),
    "fit.not_enough_dates": (
        "Too few dates have values ({n}); this fit needs {needed}.",
        "Choose a simpler fit or a longer time range.",
    ),
    "fit.undetermined": (
        "The dates do not determine the terms {terms}.",
        "Choose a simpler fit or a longer time range.",
    ),
    "fit.short_for_annual": (
        "The dates cover less than one and a half years, so rate and annual term are hard to tell apart.",
        "Read both with care, or leave the annual term out.",
    ),
    "mask.other_grid": (
        "The mask {file} does not lie on the same grid as the data.",
        "Choose a mask of the same MintPy run, with the same size and coordinate system.",
    ),
    "mask.not_a_mask": (
        "{file} holds no single two-dimensional dataset that could be a mask.",
        "Choose maskTempCoh.h5, temporalCoherence.h5 or a raster with one band.",
    ),
    "export.nothing": (
        "{source} holds nothing that can be exported ({datasets}).",
        "Choose other datasets, or run the analysis first.",
    ),
    "export.bad_option": ("{value} is no valid value of {option}.", "Choose another value."),
    "export.no_dates": (
        "{file} has no date between {start} and {end}.",
        "Choose a wider range of dates.",
    ),
    "export.write_failed": (
        "{file} could not be written: {reason}.",
        "Check that the folder exists, may be written to and has room; close programs that use the file.",
    ),
    "export.layer_exists": (
        "{file} already holds the layer {layer}.",
        "Allow it to be replaced, or choose another file.",
    ),
    "export.too_many_columns": (
        "The points need {columns} columns; a shapefile holds {limit}.",
        "Choose a GeoPackage as output, or export fewer dates.",
    ),
    "export.no_points": (
        "No pixel of {file} is valid under this mask.",
        "Lower the threshold, or choose another mask.",
    ),
    "footprint.no_data": (
        "{file} has no valid pixel, so it has no outline.",
        "Use its bounds, or choose another file.",
    ),
    "zone.bad_geometry": ("Zone {zone} is no polygon.", "Draw or choose a polygon."),
    "zone.outside": ("The zone lies outside the data.", "Choose a zone over the results."),
    "zone.no_pixel": (
        "No valid pixel has its centre inside the zone.",
        "Choose a larger zone, or one where the coherence is higher.",
    ),
    "zone.few_pixels": (
        "Fewer than three valid pixels have their centre inside the zone, so the spread says little.",
        "Choose a larger zone.",
    ),
    "series.outside": ("The point lies outside the data.", "Choose a point over the results."),
    "series.no_value": (
        "The pixel at this point has no value.",
        "Choose a point where the velocity layer shows a colour.",
    ),
}
