# SPDX-License-Identifier: GPL-2.0-or-later
"""Where layers stand in the project: ``InSARHub / <job> / <stage> / ...``, found again and never doubled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from qgis.core import QgsLayerTreeGroup, QgsMapLayer, QgsProject, QgsRasterLayer

ROOT_NAME = "InSARHub"
#: Groups of a job, from the bottom of the map to the top.
STAGES = ("Scenes", "Network", "Decay maps", "Products", "Diagnostics", "Results")
PRODUCTS, DIAGNOSTICS, RESULTS = "Products", "Diagnostics", "Results"

JOB, KIND, SOURCE, UNIT, SIGN, DATASET, DATES, LABEL = (
    f"insarhub/{name}" for name in ("job", "kind", "source", "unit", "sign", "dataset", "dates", "label")
)
_GROUP = "insarhub/group"


def place_layer(
    project: QgsProject,
    layer: QgsMapLayer,
    job_folder: Path,
    job_name: str,
    stage: str,
    subgroups: Sequence[str] = (),
) -> None:
    """Add a layer to the project, on top of its group; groups are made when missing, all stay collapsed."""
    group = job_group(project, job_folder, job_name)
    group = _child(group, f"{job_folder}|{stage}", stage, _place_of_stage(group, stage))
    path = f"{job_folder}|{stage}"
    for name in subgroups:
        path = f"{path}|{name}"
        group = _child(group, path, name, 0)
    project.addMapLayer(layer, False)
    node = group.insertLayer(0, layer)
    node.setExpanded(False)
    node.setItemVisibilityCheckedParentRecursive(True)


def job_group(project: QgsProject, job_folder: Path, job_name: str) -> QgsLayerTreeGroup:
    """Give the group of a job: known by its folder, so two jobs of one name stay apart and a renamed group is kept."""
    root = _child(project.layerTreeRoot(), ROOT_NAME, ROOT_NAME, 0)
    return _child(root, str(job_folder), job_name, 0)


def rename_job_group(project: QgsProject, job_folder: Path, name: str) -> None:
    """Give the group of a job another name; nothing happens without a group."""
    group = _find_job_group(project, job_folder)
    if group is not None:
        group.setName(name)


def remove_job_group(project: QgsProject, job_folder: Path) -> None:
    """Take the layers of a job out of the project, with its group."""
    group = _find_job_group(project, job_folder)
    if group is None:
        return
    root = group.parent()
    project.removeMapLayers([node.layerId() for node in group.findLayers()])
    root.removeChildNode(group)
    if not root.children() and root.parent() is not None:
        root.parent().removeChildNode(root)


def _find_job_group(project: QgsProject, job_folder: Path) -> QgsLayerTreeGroup | None:
    for root in project.layerTreeRoot().children():
        if isinstance(root, QgsLayerTreeGroup) and root.customProperty(_GROUP) == ROOT_NAME:
            for group in root.children():
                if isinstance(group, QgsLayerTreeGroup) and group.customProperty(_GROUP) == str(job_folder):
                    return group
    return None


def insar_layers(project: QgsProject) -> Iterator[QgsRasterLayer]:
    """Give the raster layers that this plugin made."""
    for layer in project.mapLayers().values():
        if isinstance(layer, QgsRasterLayer) and layer.customProperty(KIND):
            yield layer


def find_layer(project: QgsProject, **properties: str) -> QgsRasterLayer | None:
    """Give the layer whose custom properties ``insarhub/<name>`` all have these values."""
    for layer in insar_layers(project):
        if all(layer.customProperty(f"insarhub/{name}") == value for name, value in properties.items()):
            return layer
    return None


def remove_layer(project: QgsProject, layer: QgsMapLayer) -> None:
    """Take a layer out of the project, and with it the groups of ours that are empty then."""
    node = project.layerTreeRoot().findLayer(layer.id())
    group = node.parent() if node is not None else None
    project.removeMapLayer(layer.id())
    while isinstance(group, QgsLayerTreeGroup) and not group.children() and group.customProperty(_GROUP):
        parent = group.parent()
        parent.removeChildNode(group)
        group = parent


def select_layer(project: QgsProject, layer: QgsMapLayer) -> None:
    """Tick a layer that is already in the project, with the groups above it."""
    node = project.layerTreeRoot().findLayer(layer.id())
    if node is not None:
        node.setItemVisibilityCheckedParentRecursive(True)


def top_insar_layer(layers: Sequence[QgsMapLayer]) -> QgsRasterLayer | None:
    """Give the first InSAR raster of a list that runs from top to bottom, as a map canvas gives its layers."""
    for layer in layers:
        if isinstance(layer, QgsRasterLayer) and layer.customProperty(KIND):
            return layer
    return None


def _child(parent: QgsLayerTreeGroup, key: str, name: str, place: int) -> QgsLayerTreeGroup:
    for child in parent.children():
        if isinstance(child, QgsLayerTreeGroup) and child.customProperty(_GROUP) == key:
            return child
    group = parent.insertGroup(place, name)
    group.setCustomProperty(_GROUP, key)
    group.setExpanded(parent.parent() is None)
    return group


def _place_of_stage(group: QgsLayerTreeGroup, stage: str) -> int:
    """Later stages stand above earlier ones."""
    rank = STAGES.index(stage) if stage in STAGES else 0
    for place, child in enumerate(group.children()):
        child_stage = str(child.customProperty(_GROUP) or "").rpartition("|")[2]
        if (STAGES.index(child_stage) if child_stage in STAGES else -1) < rank:
            return place
    return len(group.children())
