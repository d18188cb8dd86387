# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import ogr

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import ExportFootprint, ExportResults
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import export_results
from insarhub_qgis.engine.export_footprint import clean_mask, count_cells, run
from tests.makers import mintpy_files as make

ogr.UseExceptions()


def footprint(source: Path, output: Path, **options: Any) -> dict[str, Any]:
    return run(ExportFootprint(str(source), str(output), **options), RunContext())


def read_layer(output: Path, name: str) -> tuple[ogr.Geometry, dict[str, Any], str]:
    source = ogr.Open(str(output))
    layer = source.GetLayerByName(name)
    assert layer.GetFeatureCount() == 1
    feature = layer.GetNextFeature()
    return feature.GetGeometryRef().Clone(), feature.items(), layer.GetSpatialRef().GetAuthorityCode(None)


def test_bounds(tmp_path: Path) -> None:
    path = make.write_time_series(tmp_path / "geo_timeseries.h5", 60, 40, 5)
    result = footprint(path, tmp_path / "out.gpkg")
    assert result["layer"] == "timeseries_footprint" and result["polygons"] == 1
    outline, fields, code = read_layer(tmp_path / "out.gpkg", "timeseries_footprint")
    assert outline.GetEnvelope() == (480000, 484800, 2156800, 2160000) and code == "32614"
    # Scale of UTM at the central meridian is 0.9996, so the true area is larger by its square.
    assert result["area_km2"] == pytest.approx(4.8 * 3.2 / 0.9996**2, rel=2e-5)
    assert fields["date_first"].startswith("2020") and fields["n_dates"] == 5
    assert fields["area_km2"] == pytest.approx(result["area_km2"]) and fields["method"] == "bounds"


def test_valid_data_of_a_small_raster_is_exact(tmp_path: Path) -> None:
    valid = np.zeros((40, 60), dtype=bool)
    valid[5:25, 10:40] = True
    valid[30:38, 45:55] = True
    valid[12:16, 20:26] = False
    valid[2, 55] = True
    path = make.write_velocity(tmp_path / "velocity.h5", is_valid=valid, REF_Y=10, REF_X=15)
    result = footprint(path, tmp_path / "out.gpkg", method="valid")
    outline, _, _ = read_layer(tmp_path / "out.gpkg", "velocity_footprint")
    assert result["polygons"] == 2, "the single pixel is sieved out, the two areas stay"
    assert outline.GetArea() == pytest.approx((20 * 30 + 8 * 10 - 24) * 6400), "a hole of 24 pixels stays"
    assert footprint(path, tmp_path / "all.gpkg", method="valid", sieve_pixels=0)["polygons"] == 3


@pytest.mark.parametrize("as_raster", [False, True])
def test_large_speckled_raster_keeps_every_valid_pixel_inside(tmp_path: Path, as_raster: bool) -> None:
    rows, cols = np.mgrid[0:1300, 0:1500]
    slanted = (rows + cols / 3 > 300) & (rows - cols / 4 < 1100)
    valid = slanted & (np.random.default_rng(0).random(slanted.shape) > 0.3)
    path = make.write_velocity(tmp_path / "velocity.h5", 1500, 1300, is_valid=valid, REF_Y=700, REF_X=700)
    valid[700, 700] = True
    if as_raster:
        request = ExportResults(str(path), str(tmp_path), datasets=("velocity",))
        export_results.run(request, RunContext())
        path = tmp_path / "velocity.tif"
    result = footprint(path, tmp_path / "out.gpkg", method="valid")
    outline, _, _ = read_layer(tmp_path / "out.gpkg", "velocity_footprint")
    assert result["polygons"] == 1
    from insarhub_qgis.engine.mintpy_hdf5 import MintpyFile
    from insarhub_qgis.engine.zonal_series import pixels_inside

    with MintpyFile(tmp_path / "velocity.h5") as file:
        inside = pixels_inside(outline, file.georeference, slice(0, 1300), slice(0, 1500))
    assert inside[valid].all()
    assert inside.sum() < 1.04 * slanted.sum(), "it does not grow by more than a rim"
    assert outline.GetGeometryRef(0).GetGeometryCount() == 1, "speckle holes are filled"
    assert outline.GetGeometryRef(0).GetGeometryRef(0).GetPointCount() < 400


def test_full_large_raster_is_its_rectangle(tmp_path: Path) -> None:
    path = make.write_velocity(tmp_path / "velocity.h5", 1501, 1203)
    footprint(path, tmp_path / "out.gpkg", method="valid")
    outline, _, _ = read_layer(tmp_path / "out.gpkg", "velocity_footprint")
    assert outline.GetArea() == pytest.approx(1501 * 1203 * 6400)


def test_counts_and_sieve() -> None:
    is_valid = np.random.default_rng(2).random((37, 51)) > 0.6
    counts = count_cells(is_valid, 8)
    padded = np.zeros((40, 56), dtype=bool)
    padded[:37, :51] = is_valid
    np.testing.assert_array_equal(counts, padded.reshape(5, 8, 7, 8).sum(axis=(1, 3)))
    ring = np.full((9, 9), 5, dtype=np.uint8)
    ring[4, 4] = 0
    ring[0, 0] = 0
    assert clean_mask(ring, 10)[4, 4] and not clean_mask(ring, 10)[0, 0], "a bay at the edge is no hole"
    assert not clean_mask(ring, 0)[4, 4]


def test_other_layers_of_a_geopackage_stay(tmp_path: Path) -> None:
    output = tmp_path / "project.gpkg"
    mine = ogr.GetDriverByName("GPKG").CreateDataSource(str(output))
    layer = mine.CreateLayer("wells", None, ogr.wkbPoint)
    layer.CreateField(ogr.FieldDefn("name", ogr.OFTString))
    for index in range(20):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature["name"] = f"well {index}"
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POINT({index} 1)"))
        layer.CreateFeature(feature)
    feature = layer = mine = None
    path = make.write_velocity(tmp_path / "velocity.h5")
    for _ in range(2):
        footprint(path, output)
    footprint(make.write_temporal_coherence(tmp_path / "temporalCoherence.h5"), output)
    source = ogr.Open(str(output))
    names = {source.GetLayer(index).GetName() for index in range(source.GetLayerCount())}
    assert names == {"wells", "velocity_footprint", "temporalCoherence_footprint"}
    wells = source.GetLayerByName("wells")
    assert [feature["name"] for feature in wells] == [f"well {index}" for index in range(20)]
    source = None
    with pytest.raises(InsarError) as caught:
        footprint(path, output, replace=False)
    assert caught.value.code == "export.layer_exists"
    read_layer(output, "velocity_footprint")
    assert not list(tmp_path.glob(".insarhub_part*"))


def test_shapefile_and_wgs84(tmp_path: Path) -> None:
    path = make.write_velocity(tmp_path / "velocity.h5", grid="utm_south")
    footprint(path, tmp_path / "out.shp", to_wgs84=True)
    source = ogr.Open(str(tmp_path / "out.shp"))
    layer = source.GetLayer(0)
    west, east, south, north = layer.GetExtent()
    assert -71 < west < east < -70 and -34 < south < north < -33
    assert {file.suffix for file in tmp_path.glob("out.*")} >= {".shp", ".shx", ".dbf", ".prj"}
    source = None
    footprint(path, tmp_path / "out.shp")
    with pytest.raises(InsarError) as caught:
        footprint(path, tmp_path / "out.shp", replace=False)
    assert caught.value.code == "export.layer_exists"


def test_what_has_no_outline_is_said(tmp_path: Path) -> None:
    empty = make.write_velocity(tmp_path / "velocity.h5", is_valid=np.zeros((40, 60), bool), REF_Y=None)
    for source, options, code in [
        (empty, {"method": "valid"}, "footprint.no_data"),
        (make.write_velocity(tmp_path / "r.h5", grid="radar"), {}, "raster.radar_coded"),
        (tmp_path / "absent.tif", {}, "file.missing"),
        (empty, {"method": "convex"}, "export.bad_option"),
    ]:
        with pytest.raises(InsarError) as caught:
            footprint(source, tmp_path / "out.gpkg", **options)
        assert caught.value.code == code
    with pytest.raises(InsarError) as caught:
        footprint(empty, tmp_path / "out.geojson")
    assert caught.value.code == "export.bad_option"
    assert not (tmp_path / "out.gpkg").exists()
