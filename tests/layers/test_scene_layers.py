# SPDX-License-Identifier: GPL-2.0-or-later
"""Footprints as layers: attributes, style, one layer per search, GeoPackage, and what dates leave uncovered."""

from __future__ import annotations

import pytest
from qgis.core import QgsCoordinateTransformContext, QgsGeometry, QgsVectorLayer

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.scene_stacks import SearchAnswer
from insarhub_qgis.layers.scene_coverage import uncovered_parts
from insarhub_qgis.layers.scene_layers import (
    DIRECTION_COLORS,
    UNCOVERED,
    add_scene_file,
    add_scene_layer,
    add_uncovered_layer,
    find_scene_layer,
    scene_features,
    write_scene_file,
)
from tests.makers.search_answers import answer_of, rectangle, scene_row, two_frames


def answer(rows=None):
    return SearchAnswer.from_json(answer_of(rows if rows is not None else two_frames()))


def test_a_footprint_carries_all_metadata(project, tmp_path):
    row = scene_row("2019-01-07", 13, 411, aoi_coverage=0.98765)
    layer = add_scene_layer(project, tmp_path, "Search", scene_features(answer([row]).scenes, str(tmp_path)))
    feature = next(layer.getFeatures())
    assert feature["name"] == row["name"]
    assert feature["date"].toString("yyyy-MM-dd") == "2019-01-07"
    assert (feature["path"], feature["frame"], feature["direction"]) == (13, 411, "DESCENDING")
    assert feature["coverage_percent"] == 98.77
    assert feature["bytes"] == row["bytes"]
    assert feature["answer"] == str(tmp_path)
    assert layer.crs().authid() == "EPSG:4326"
    assert feature.geometry().area() == pytest.approx(3.5 * 1.6)


def test_unknown_values_are_null_not_zero(project, tmp_path):
    row = scene_row("2019-01-07", 13, 411, aoi_coverage=None, bytes=None, orbit=None, has_state_vectors=None)
    layer = add_scene_layer(project, tmp_path, "Search", scene_features(answer([row]).scenes))
    feature = next(layer.getFeatures())
    for name in ("coverage_percent", "bytes", "orbit", "has_state_vectors", "answer"):
        assert (
            feature.isUnsetValue(feature.fieldNameIndex(name))
            or feature[name] is None
            or feature[name].isNull()
        )


def test_the_layer_is_styled_by_direction_and_replaces_the_earlier_one(project, tmp_path):
    features = scene_features(answer().scenes)
    add_scene_layer(project, tmp_path, "Search", features)
    layer = add_scene_layer(project, tmp_path, "Search", features[:3])
    assert find_scene_layer(project, tmp_path) is layer
    assert len(project.mapLayers()) == 1
    assert layer.featureCount() == 3
    colors = {
        category.value(): category.symbol().symbolLayer(0).strokeColor().name()
        for category in layer.renderer().categories()
        if category.value()
    }
    assert colors == DIRECTION_COLORS
    group = project.layerTreeRoot().findGroup("InSARHub")
    assert [node.name() for node in group.children()] == ["Search"]
    assert [node.name() for node in group.children()[0].children()] == ["Scenes"]


def test_footprints_survive_as_geopackage(project, tmp_path):
    features = scene_features(answer().scenes, "/answers/a")
    file = tmp_path / "found scenes é.gpkg"
    write_scene_file(features, file, QgsCoordinateTransformContext())
    layer = add_scene_file(project, tmp_path, "Search", file)
    assert layer.featureCount() == len(features)
    read = {feature["name"]: feature["answer"] for feature in layer.getFeatures()}
    assert read == {feature["name"]: "/answers/a" for feature in features}
    assert QgsVectorLayer(str(file)).isValid()


def test_a_file_that_cannot_be_written_is_named(tmp_path, qgis_app):
    with pytest.raises(InsarError) as caught:
        write_scene_file(
            scene_features(answer().scenes), tmp_path / "no" / "x.gpkg", QgsCoordinateTransformContext()
        )
    assert caught.value.code == "scenes.file_not_written"


def test_the_uncovered_part_of_a_date_is_what_no_frame_covers(project, tmp_path):
    # 411 spans 53.2..54.8 N, 416 reaches from 54.7 to 56.3: together they cover the area, alone neither does.
    rows = [
        scene_row("2019-01-07", 13, 411),
        scene_row("2019-01-07", 13, 416),
        scene_row("2019-01-19", 13, 411),
    ]
    area = QgsGeometry.fromWkt(rectangle(-122.0, 54.0, -121.0, 55.6))
    parts = uncovered_parts(area, answer(rows).stacks)
    assert [(part.path, part.date.isoformat(), part.frames) for part in parts] == [(13, "2019-01-19", (411,))]
    assert parts[0].geometry.area() == pytest.approx(0.8)
    assert 0.48 < parts[0].share < 0.52
    layer = add_uncovered_layer(project, tmp_path, "Search", parts)
    assert find_scene_layer(project, tmp_path, UNCOVERED) is layer
    feature = next(layer.getFeatures())
    assert feature["frames"] == "411"
    assert feature["uncovered_percent"] == pytest.approx(parts[0].share * 100, abs=0.01)


def test_a_point_has_no_uncovered_part(qgis_app):
    assert uncovered_parts(QgsGeometry.fromWkt("POINT(-121.5 54)"), answer().stacks) == []


def test_five_thousand_footprints_are_added(project, tmp_path):
    rows = [scene_row("2019-01-07", path, frame) for path in range(1, 101) for frame in range(50)]
    features = scene_features(answer(rows).scenes)
    layer = add_scene_layer(project, tmp_path, "Search", features)
    assert layer.featureCount() == len(features) == 5000
