# SPDX-License-Identifier: GPL-2.0-or-later
"""From the click and from the export to the HDF5 value: the pixel that contains the point, the same bits, the same grid.

The HDF5 side is read by h5py in the engine's Python, the QGIS side by what a person uses; figures are printed.
"""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsPointXY, QgsProject

from insarhub_qgis.layers.pixel_values import NO_DATA, OUTSIDE, PixelValueReader
from insarhub_qgis.layers.series_reader import SeriesReader
from tests.layers.test_result_layers import add, truth_of

WIDTH, HEIGHT, DATES = 211, 173, 9
CLICKS = 1000
#: Corner and step of the upper-left pixel as the files declare them.
GRIDS = {
    "utm_north": ("EPSG:32614", 480000.0, 2160000.0, 80.0),
    "degrees": ("EPSG:4326", -99.25, 19.5, 0.001),
}
SERIES = "timeseries_ramp_demErr"


@pytest.fixture(params=sorted(GRIDS))
def grid(request):
    return request.param


@pytest.fixture
def job(make_job, grid):
    return make_job(width=WIDTH, height=HEIGHT, dates=DATES, grid=grid)


def random_places(grid, seed):
    """Positions in and around the raster, in its CRS, with the pixel of the corner convention."""
    _, left, top, step = GRIDS[grid]
    generator = np.random.default_rng(seed)
    margin = 5 * step
    xs = generator.uniform(left - margin, left + WIDTH * step + margin, CLICKS)
    ys = generator.uniform(top - HEIGHT * step - margin, top + margin, CLICKS)
    cols = np.floor((xs - left) / step).astype(int)
    rows = np.floor((top - ys) / step).astype(int)
    return xs, ys, rows, cols


@pytest.mark.parametrize("project_crs", ["EPSG:32614", "EPSG:4326", "EPSG:3857"])
def test_random_clicks_give_the_pixel_that_contains_the_point(project, job, grid, project_crs):
    truth = truth_of(job)
    values, cube, is_valid = truth["velocity/velocity"], truth[f"{SERIES}/timeseries"], truth["is_valid"]
    layer = add(project, job, "velocity")
    native = QgsCoordinateReferenceSystem(GRIDS[grid][0])
    crs = QgsCoordinateReferenceSystem(project_crs)
    to_map = QgsCoordinateTransform(native, crs, QgsProject.instance().transformContext())
    reader, series = PixelValueReader(), SeriesReader(job / f"{SERIES}.h5")
    counts = {"value": 0, OUTSIDE: 0, NO_DATA: 0}
    wrong = []
    for x, y, row, col in zip(*random_places(grid, 11)):
        found = reader.value_at(layer, to_map.transform(QgsPointXY(x, y)), crs)
        is_inside = 0 <= row < HEIGHT and 0 <= col < WIDTH
        kind = OUTSIDE if not is_inside else "value" if is_valid[row, col] else NO_DATA
        counts[kind] += 1
        if kind == "value":
            is_right = (found.row, found.col) == (row, col) and found.stored_value == values[row, col]
            is_right &= np.array_equal(
                series.series_at(*series.pixel_at(x, y)), cube[:, row, col].astype(np.float64)
            )
        else:
            is_right = found.reason == kind and found.value is None
            is_right &= (series.pixel_at(x, y) is None) == (kind == OUTSIDE)
        if not is_right:
            wrong.append((x, y, row, col, found))
    reader.close()
    series.close()
    print(f"{grid} in {project_crs}: {CLICKS} clicks, {counts}, {len(wrong)} wrong")
    assert wrong == []
    assert min(counts.values()) > 40


@pytest.mark.parametrize("raster_format", ["GTiff", "COG"])
def test_exports_equal_the_files_bit_for_bit(job, grid, engine_command, raster_format):
    truth = truth_of(job)
    is_valid = truth["is_valid"]
    answer = engine_command(
        "ExportResults", source=str(job), output_folder=str(job / "out"), raster_format=raster_format
    )
    assert {"velocity.tif", f"{SERIES}.tif", "temporalCoherence.tif"} <= {
        entry["path"].rpartition("/")[2] for entry in answer["files"]
    }
    compared = different = 0
    for name, stem in (("velocity/velocity", "velocity"), (f"{SERIES}/timeseries", SERIES)):
        stored = np.atleast_3d(truth[name].T).T
        raster = gdal.Open(str(job / "out" / f"{stem}.tif"))
        for band, plane in enumerate(stored, start=1):
            exported = raster.GetRasterBand(band).ReadAsArray()
            assert exported.dtype == plane.dtype == np.float32
            different += int(
                np.count_nonzero(exported.view(np.int32)[is_valid] != plane.view(np.int32)[is_valid])
            )
            compared += int(is_valid.sum())
            assert np.all(exported[~is_valid] == raster.GetRasterBand(band).GetNoDataValue())
    print(f"{grid}, {raster_format}: {compared} values, {different} differ in a bit")
    assert different == 0


@pytest.mark.parametrize("way", ["layer", "export"])
def test_band_dates_and_grid(project, job, grid, engine_command, way):
    if way == "layer":
        source = add(project, job, SERIES).source()
    else:
        engine_command("ExportResults", source=str(job / f"{SERIES}.h5"), output_folder=str(job / "out"))
        source = str(job / "out" / f"{SERIES}.tif")
    raster = gdal.Open(source)
    names = [raster.GetRasterBand(band).GetDescription() for band in range(1, raster.RasterCount + 1)]
    assert names == list(truth_of(job)["dates"])
    crs, left, top, step = GRIDS[grid]
    difference = np.max(np.abs(np.subtract(raster.GetGeoTransform(), (left, step, 0.0, top, 0.0, -step))))
    print(f"{grid}, {way}: greatest difference of the geotransform {difference:.3g}")
    assert difference <= 1e-9
    expected = osr.SpatialReference()
    expected.SetFromUserInput(crs)
    assert raster.GetSpatialRef().IsSame(expected, ["IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES"])
    assert (raster.RasterXSize, raster.RasterYSize) == (WIDTH, HEIGHT)
