# SPDX-License-Identifier: GPL-2.0-or-later
"""Areas from any layer: dissolved, reprojected, repaired, safe at the antimeridian and at the poles."""

from __future__ import annotations

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsGeometry,
    QgsRectangle,
    QgsVectorLayer,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.layers.search_area import LayerArea, area_km2, search_area, search_area_of_wkt


def area_of(wkts, crs="EPSG:4326"):
    geometries = [QgsGeometry.fromWkt(wkt) for wkt in wkts]
    return search_area(geometries, QgsCoordinateReferenceSystem(crs), QgsCoordinateTransformContext())


def code_of(wkts, crs="EPSG:4326"):
    with pytest.raises(InsarError) as caught:
        area_of(wkts, crs)
    return caught.value.code


def test_all_parts_are_kept_and_overlaps_dissolved(qgis_app):
    area = area_of(
        [
            "POLYGON((0 0,2 0,2 2,0 2,0 0))",
            "POLYGON((1 1,3 1,3 3,1 3,1 1))",
            "POLYGON((10 10,11 10,11 11,10 11,10 10))",
        ]
    )
    assert len(area.asMultiPolygon()) == 2
    assert area.area() == pytest.approx(4 + 4 - 1 + 1)


def test_a_rectangle_in_degrees_stays_a_rectangle(qgis_app):
    area = area_of(["POLYGON((0 0,2 0,2 1,0 1,0 0))"])
    assert len(area.asPolygon()[0]) == 5


def test_a_ring_that_crosses_itself_is_repaired(qgis_app):
    area = area_of(["POLYGON((0 0,2 2,2 0,0 2,0 0))"])
    assert area.isGeosValid()
    assert area.area() == pytest.approx(2.0)


def test_a_projected_area_keeps_its_size(qgis_app):
    area = area_of(
        ["POLYGON((480000 2150400,490000 2150400,490000 2160400,480000 2160400,480000 2150400))"],
        "EPSG:32614",
    )
    assert area_km2(area) == pytest.approx(100.0, rel=0.002)


def test_an_area_across_the_antimeridian_becomes_two_parts(qgis_app):
    # 2 degrees each side of 180 on a Pacific Mercator map.
    side = 222_638.98
    square = f"POLYGON(({30 * 111319.49 - side} 0,{30 * 111319.49 + side} 0,{30 * 111319.49 + side} {side},{30 * 111319.49 - side} {side},{30 * 111319.49 - side} 0))"
    area = area_of([square], "EPSG:3832")
    extents = sorted(
        (QgsGeometry.fromPolygonXY(part).boundingBox() for part in area.asMultiPolygon()),
        key=lambda box: box.xMinimum(),
    )
    assert [(round(box.xMinimum(), 3), round(box.xMaximum(), 3)) for box in extents] == [
        (-180, -178),
        (178, 180),
    ]


def test_longitudes_beyond_180_are_brought_back(qgis_app):
    area = area_of(["POLYGON((179 0,181 0,181 1,179 1,179 0))"])
    assert area.boundingBox().xMinimum() == -180
    assert area.boundingBox().xMaximum() == 180
    assert area.area() == pytest.approx(2.0)
    whole = area_of(["POLYGON((370 0,371 0,371 1,370 1,370 0))"])
    assert whole.boundingBox().toRectF().getRect() == pytest.approx((10, 0, 1, 1))


def test_the_whole_world_stays_the_whole_world(qgis_app):
    edge = 20037508.0
    area = area_of([f"POLYGON((-{edge} -1e7,{edge} -1e7,{edge} 1e7,-{edge} 1e7,-{edge} -1e7))"], "EPSG:3857")
    assert area.boundingBox().width() == pytest.approx(360.0, abs=1e-3)


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:3995", 90.0), ("EPSG:3031", -90.0)])
def test_an_area_around_a_pole_holds_the_pole(qgis_app, crs, pole):
    side = 500_000
    area = area_of(
        [f"POLYGON((-{side} -{side},{side} -{side},{side} {side},-{side} {side},-{side} -{side}))"], crs
    )
    for longitude in (-170, -60, 20, 110):
        assert area.contains(QgsGeometry.fromWkt(f"POINT({longitude} {pole * 0.99})"))
        assert not area.contains(QgsGeometry.fromWkt(f"POINT({longitude} {pole * 0.8})"))
    box = area.boundingBox()
    assert (box.yMaximum() if pole > 0 else box.yMinimum()) == pole


def test_points_count_only_where_there_is_no_polygon(qgis_app):
    assert area_of(["POINT(12 45)"]).asWkt(3) == "Point (12 45)"
    assert area_of(["POINT(12 45)", "POLYGON((0 0,2 0,2 1,0 1,0 0))"]).area() == pytest.approx(2.0)
    assert area_km2(area_of(["POINT(12 45)"])) == 0.0


def test_what_cannot_be_searched_is_named(qgis_app):
    assert code_of([]) == "aoi.nothing"
    assert code_of(["POLYGON EMPTY"]) == "aoi.nothing"
    assert code_of(["POINT(0 0)"], "") == "aoi.no_crs"
    assert code_of(["POLYGON((480000 0,490000 0,490000 10,480000 10,480000 0))"]) == "aoi.not_degrees"
    assert code_of(["POLYGON((0 80,1 80,1 95,0 95,0 80))"]) == "aoi.not_degrees"
    with pytest.raises(InsarError) as caught:
        search_area_of_wkt("POLYGON((0 0, 1 1")
    assert caught.value.code == "aoi.not_wkt"


def test_a_layer_gives_all_or_its_selected_features(qgis_app):
    layer = QgsVectorLayer("Polygon?crs=EPSG:32614", "areas", "memory")
    for west in (480_000, 500_000):
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(west, 2_150_000, west + 10_000, 2_160_000)))
        layer.dataProvider().addFeature(feature)
    assert area_km2(LayerArea(layer, False).read(lambda: False)) == pytest.approx(200.0, rel=0.003)
    layer.selectByIds([1])
    assert area_km2(LayerArea(layer, True).read(lambda: False)) == pytest.approx(100.0, rel=0.003)
    layer.removeSelection()
    with pytest.raises(InsarError) as caught:
        LayerArea(layer, True).read(lambda: False)
    assert caught.value.code == "aoi.nothing"
