# SPDX-License-Identifier: GPL-2.0-or-later
"""Products straight from the zip: one layer each, right style, nothing extracted."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsCoordinateReferenceSystem, QgsPalettedRasterRenderer, QgsPointXY, QgsProject

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.product_archive import read_product_archive
from insarhub_qgis.layers.pixel_values import NO_DATA, PixelValueReader
from insarhub_qgis.layers.product_layers import add_product_layer, find_product_layer, remove_product_layer
from insarhub_qgis.layers.styles import style_for

NAME = "S1AA_20180106T004006_20180130T004005_VVP024_INT80_G_ueF_3BEA"
UTM = QgsCoordinateReferenceSystem("EPSG:32614")
KINDS = {
    "unw_phase": (gdal.GDT_Float32, 0),
    "corr": (gdal.GDT_Float32, None),
    "dem": (gdal.GDT_Float32, None),
    "lv_theta": (gdal.GDT_Float32, 0),
    "water_mask": (gdal.GDT_Byte, None),
    "conncomp": (gdal.GDT_Byte, None),
}


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "Produkte für QGIS"
    folder.mkdir()
    system = osr.SpatialReference()
    system.ImportFromEPSG(32614)
    with zipfile.ZipFile(folder / f"{NAME}.zip", "w") as archive:
        for kind, (data_type, nodata) in KINDS.items():
            path = tmp_path / f"{kind}.tif"
            raster = gdal.GetDriverByName("GTiff").Create(str(path), 20, 10, 1, data_type)
            raster.SetGeoTransform((480000, 80, 0, 2160000, 0, -80))
            raster.SetProjection(system.ExportToWkt())
            values = np.linspace(0.1, 1.0, 200).reshape(10, 20)
            if data_type == gdal.GDT_Byte:
                values = (np.arange(200).reshape(10, 20) % 2).astype(np.uint8)
            else:
                values[0, 0] = 0
            raster.GetRasterBand(1).WriteArray(values)
            if nodata is not None:
                raster.GetRasterBand(1).SetNoDataValue(nodata)
            raster = None
            archive.write(path, f"{NAME}/{NAME}_{kind}.tif")
        archive.writestr(f"{NAME}/{NAME}.txt", "Baseline: 12.5\n")
    return read_product_archive(folder / f"{NAME}.zip")


def add(project, archive, kind):
    return add_product_layer(project, archive.path.parent, "p5", archive, kind)


def test_layer_is_named_grouped_and_added_once(project, archive):
    layer = add(project, archive, "unw_phase")
    assert layer.isValid() and layer.name() == "unwrapped phase [rad, + away] 2018-01-06 → 2018-01-30"
    assert layer.source().startswith("/vsizip/")
    assert add(project, archive, "unw_phase") is layer
    add(project, archive, "corr")
    groups = []
    node = project.layerTreeRoot().findLayer(layer.id()).parent()
    while node is not None and node.parent() is not None:
        groups.append(node.name())
        node = node.parent()
    assert groups == ["2018-01-06 → 2018-01-30", "Products", "p5", "InSARHub"]
    assert [n.name() for n in project.layerTreeRoot().findLayers()] == [
        "coherence 2018-01-06 → 2018-01-30",
        layer.name(),
    ]
    assert not list(Path(archive.path.parent).glob("*.xml"))


def test_the_zip_is_left_alone(project, archive):
    before = archive.path.read_bytes()
    for kind in KINDS:
        layer = add(project, archive, kind)
        # What QGIS's own panels ask for; GDAL would keep the answers inside the zip.
        layer.dataProvider().bandStatistics(1)
        layer.dataProvider().histogram(1)
        layer.dataProvider().cumulativeCut(1, 0.02, 0.98)
    del layer
    project.clear()
    assert archive.path.read_bytes() == before
    assert [path.name for path in archive.path.parent.iterdir()] == [archive.path.name]


def test_second_click_takes_it_away(project, archive):
    add(project, archive, "corr")
    assert remove_product_layer(project, archive, "corr")
    assert find_product_layer(project, archive, "corr") is None
    assert not remove_product_layer(project, archive, "corr")
    assert project.layerTreeRoot().children() == []


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("unw_phase", "unwrapped phase {:.2f} rad (+ away) · 2018-01-06 → 2018-01-30"),
        ("corr", "coherence {:.2f} · 2018-01-06 → 2018-01-30"),
        ("dem", "elevation {:.1f} m · 2018-01-06 → 2018-01-30"),
    ],
)
def test_value_text(project, archive, kind, expected):
    layer, reader = add(project, archive, kind), PixelValueReader()
    value = np.float32(np.linspace(0.1, 1.0, 200)[3 * 20 + 7])
    point = QgsPointXY(480000 + 7.5 * 80, 2160000 - 3.5 * 80)
    assert reader.value_at(layer, point, UTM).text() == expected.format(value)


def test_angles_are_shown_in_degrees(project, archive):
    found = PixelValueReader().value_at(add(project, archive, "lv_theta"), QgsPointXY(480041, 2159500), UTM)
    assert found.unit == "°"
    assert found.value == pytest.approx(np.degrees(found.stored_value))


@pytest.mark.parametrize("kind", ["unw_phase", "corr"])
def test_zero_is_no_data_declared_or_not(project, archive, kind):
    layer = add(project, archive, kind)
    found = PixelValueReader().value_at(layer, QgsPointXY(480001, 2159999), UTM)
    assert found.reason == NO_DATA
    assert found.text() == f"{style_for(kind).quantity}: no data here · 2018-01-06 → 2018-01-30"


@pytest.mark.parametrize("kind", ["water_mask", "conncomp"])
def test_classes_are_paletted_and_zero_is_a_class(project, archive, kind):
    layer = add(project, archive, kind)
    assert isinstance(layer.renderer(), QgsPalettedRasterRenderer)
    assert PixelValueReader().value_at(layer, QgsPointXY(480001, 2159999), UTM).stored_value == 0


def test_phase_and_displacement_have_opposite_colours():
    phase, velocity = style_for("unw_phase"), style_for("velocity")
    assert phase.colors == tuple(reversed(velocity.colors))
    assert phase.high_means == velocity.low_means == "away from satellite"


def test_saved_project_finds_its_layer_again(project, archive, tmp_path):
    add(project, archive, "unw_phase")
    project.write(str(tmp_path / "map.qgz"))
    again = QgsProject()
    again.read(str(tmp_path / "map.qgz"))
    assert find_product_layer(again, archive, "unw_phase").isValid()
    add(again, archive, "unw_phase")
    assert len(again.mapLayers()) == 1
    again.clear()


def test_missing_member_is_an_error(project, archive):
    with pytest.raises(InsarError) as caught:
        add(project, archive, "lv_phi")
    assert caught.value.code == "product.no_member"
    assert project.mapLayers() == {}


def test_real_products(project):
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mexico_city" / "hyp3"
    if not folder.is_dir():
        pytest.skip("the real products are not beside the project")
    archive = read_product_archive(folder / f"{NAME}.zip")
    before = sorted(p.name for p in folder.iterdir())
    for kind in archive.members:
        assert add(project, archive, kind).isValid()
    assert sorted(p.name for p in folder.iterdir()) == before
