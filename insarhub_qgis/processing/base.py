# SPDX-License-Identifier: GPL-2.0-or-later
"""What all InSARHub algorithms share: ids, help, icon, and how they ask the engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeatureRequest,
    QgsField,
    QgsFields,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProject,
)
from qgis.PyQt.QtCore import QCoreApplication, QMetaType
from qgis.PyQt.QtGui import QIcon

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.requests import Request
from insarhub_qgis.host.engine_process import run_engine
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.host.paths import icon_path
from insarhub_qgis.layers.area_of_interest import area_of_interest_wkt
from insarhub_qgis.layers.hdf5_file import read_hdf5

SEARCH = "search"
NETWORK = "network"
QUALITY = "quality"
PROCESS = "process"
ANALYSE = "analyse"
EXPORT = "export"


def tr(text: str) -> str:
    """Translate a text of the Processing room."""
    return QCoreApplication.translate("InSARHubProcessing", text)


class InsarAlgorithm(QgsProcessingAlgorithm):
    """Base of the algorithms: a subclass names itself, declares parameters and builds a request."""

    NAME = ""
    TITLE = ""
    GROUP = ANALYSE
    HELP = ""

    def name(self) -> str:
        return self.NAME

    def displayName(self) -> str:
        return tr(self.TITLE)

    def group(self) -> str:
        return {
            SEARCH: tr("Search"),
            NETWORK: tr("Network"),
            QUALITY: tr("Quality"),
            PROCESS: tr("Process"),
            ANALYSE: tr("Analyse"),
            EXPORT: tr("Export"),
        }[self.GROUP]

    def groupId(self) -> str:
        return self.GROUP

    def shortHelpString(self) -> str:
        return tr(self.HELP)

    def icon(self) -> QIcon:
        return QIcon(str(icon_path("insarhub")))

    def createInstance(self) -> InsarAlgorithm:
        return type(self)()

    def ask_engine(
        self,
        request: Request,
        feedback: QgsProcessingFeedback,
        credential: Optional[Credential] = None,
        on_item: Optional[Callable[[dict[str, Any]], None]] = None,
    ) -> dict[str, Any]:
        """Run a request in the engine; a failure becomes a sentence that stops the model or batch row."""
        try:
            return run_engine(request, feedback, credential=credential, on_item=on_item)
        except Cancelled as error:
            raise QgsProcessingException(tr("Cancelled. What was finished is kept.")) from error
        except InsarError as error:
            raise QgsProcessingException(sentence(error)) from error


def table_fields(columns: Sequence[tuple[str, QMetaType.Type]]) -> QgsFields:
    """Give the fields of a sink from names and types."""
    fields = QgsFields()
    for name, kind in columns:
        fields.append(QgsField(name, kind))
    return fields


def existing_folder(text: str, parameter: str) -> Path:
    """Give the folder of a parameter; raises a sentence when there is none."""
    folder = Path(text).expanduser()
    if not text or not folder.is_dir():
        raise QgsProcessingException(
            tr("{parameter}: there is no folder '{folder}'. Choose an existing one.").format(
                parameter=parameter, folder=text
            )
        )
    return folder.absolute()


def existing_file(text: str, parameter: str) -> Path:
    """Give the file of a parameter; raises a sentence when there is none."""
    path = Path(text).expanduser()
    if not text or not path.is_file():
        raise QgsProcessingException(
            tr("{parameter}: there is no file '{file}'. Choose an existing one.").format(
                parameter=parameter, file=text
            )
        )
    return path.absolute()


def transform_to(
    source_crs: QgsCoordinateReferenceSystem, target: str, context: QgsProcessingContext
) -> QgsCoordinateTransform:
    """Give the transform of a layer's CRS to ``target`` (authority id) with the project's choices."""
    if not source_crs.isValid():
        raise QgsProcessingException(
            tr("The vector layer has no coordinate reference system. Set it in the layer's properties.")
        )
    project = context.project() or QgsProject.instance()
    return QgsCoordinateTransform(
        source_crs, QgsCoordinateReferenceSystem(target), project.transformContext()
    )


def dissolved_polygon_wkt(source: QgsProcessingFeatureSource, context: QgsProcessingContext) -> str:
    """Give all features of a source as one (multi)polygon in EPSG:4326."""
    project = context.project() or QgsProject.instance()
    features = source.getFeatures(QgsFeatureRequest().setNoAttributes())
    try:
        return area_of_interest_wkt(features, source.sourceCrs(), project.transformContext())
    except InsarError as error:
        raise QgsProcessingException(sentence(error)) from error


def series_crs(path: Path) -> str:
    """Give the CRS of a MintPy time series as authority id, e.g. ``EPSG:32614``."""
    try:
        file = read_hdf5(path)
        return file.georeference("timeseries").crs
    except InsarError as error:
        raise QgsProcessingException(sentence(error)) from error


def output_file(destination: str, parameter: str) -> str:
    """Give the path of a vector destination; the engine writes GeoPackage and Shapefile."""
    path = Path(destination)
    if path.suffix.lower() not in (".gpkg", ".shp"):
        raise QgsProcessingException(
            tr("{parameter}: choose a file that ends in .gpkg or .shp, not '{file}'.").format(
                parameter=parameter, file=destination
            )
        )
    return str(path.expanduser().absolute())
