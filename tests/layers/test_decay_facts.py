# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts and pixels of decay maps: figures without nodata, both polarisations, and maps across the antimeridian."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsCoordinateReferenceSystem, QgsPointXY

from insarhub_qgis.core.coherence_tiles import LEVELS_DAYS, SOURCE
from insarhub_qgis.core.decay_map_files import ALGORITHM, DecayMapBuild, decay_map_file
from insarhub_qgis.core.quality_files import aoi_hash
from insarhub_qgis.layers.decay_facts import facts_of, read_job_decay
from insarhub_qgis.layers.decay_pixels import DecayPixelReader
from tests.makers.decay_jobs import write_decay_job

#: Fiji: two pieces, one on each side of the antimeridian.
FIJI = "MULTIPOLYGON (((179.9 -17, 180 -17, 180 -16.9, 179.9 -16.9, 179.9 -17)), ((-180 -17, -179.9 -17, -179.9 -16.9, -180 -16.9, -180 -17)))"
LON_LAT = QgsCoordinateReferenceSystem("EPSG:4326")


def write_map(folder, season, polarization, west, north, tags=()):
    """A map of 4 x 2 pixels of 0.05 degrees; value = band + column / 10, the last column has no data."""
    path = decay_map_file(folder, season, polarization)
    path.parent.mkdir(exist_ok=True)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(4326)
    raster = gdal.GetDriverByName("GTiff").Create(str(path), 4, 2, 3, gdal.GDT_Float32)
    raster.SetGeoTransform((west, 0.05, 0, north, 0, -0.05))
    raster.SetProjection(crs.ExportToWkt())
    raster.SetMetadata(dict(tags))
    for number in (1, 2, 3):
        values = np.tile(number + np.array([0.0, 0.1, 0.2, 0.0], np.float32), (2, 1))
        values[:, 3] = -9999
        raster.GetRasterBand(number).SetNoDataValue(-9999)
        raster.GetRasterBand(number).WriteArray(values)
    raster = None
    return path


@pytest.fixture
def job(tmp_path):
    folder = write_decay_job(tmp_path / "fiji", FIJI)
    build = DecayMapBuild(aoi_hash(FIJI), LEVELS_DAYS, ALGORITHM, "90 m", SOURCE)
    for polarization in ("vv", "hh"):
        tags = build.tags("summer", polarization, fetched_at="2026-02-03T04:05:06Z")
        write_map(folder, "summer", polarization, 179.9, -16.9, tags)
    return folder


def test_figures_leave_out_nodata_and_the_day_of_the_fetch_is_that_of_the_tag(job):
    decay = read_job_decay(job, False, {}, lambda: False)
    assert [(each.season, each.polarization, each.state) for each in decay.maps] == [
        ("summer", "vv", "own"),
        ("summer", "hh", "own"),
    ]
    found = decay.maps[0]
    assert found.facts.valid_pixels == 6
    assert [round(each.median, 2) for each in found.facts.bands] == [1.1, 2.1, 3.1]
    assert round(found.facts.bands[0].high, 2) == 1.2
    assert found.fetched_at.isoformat() == "2026-02-03T04:05:06+00:00"
    assert decay.is_south and len(decay.dates) == 7 and decay.pair_count == 6


def test_a_file_that_did_not_change_is_not_read_again(job):
    before = read_job_decay(job, False, {}, lambda: False)
    again = read_job_decay(job, False, facts_of(before), lambda: False)
    assert again.maps[0].facts is before.maps[0].facts
    write_map(job, "summer", "vv", 0.0, 0.0)
    changed = read_job_decay(job, False, facts_of(before), lambda: False)
    assert changed.maps[0].facts is not before.maps[0].facts
    # Without our tags, and elsewhere: nothing that could be used.
    assert (changed.maps[0].state, changed.maps[1].state) == ("unusable", "own")


def test_pixels_on_both_sides_of_the_antimeridian(job):
    path = decay_map_file(job, "summer", "vv")
    reader = DecayPixelReader()

    def values(longitude):
        found = reader.values_at(path, QgsPointXY(longitude, -16.92), LON_LAT)
        return None if found is None else tuple(round(value, 2) for value in found)

    assert values(179.92) == (1.0, 2.0, 3.0)
    assert values(-179.98) == (1.2, 2.2, 3.2)
    assert values(-179.93) is None
    assert values(179.8) is None
    mercator = QgsCoordinateReferenceSystem("EPSG:3857")
    assert reader.values_at(path, QgsPointXY(0.0, 0.0), mercator) is None
    reader.close()
