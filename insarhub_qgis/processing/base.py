# SPDX-License-Identifier: GPL-2.0-or-later
"""What all InSARHub algorithms share: ids, help, parameters, tables, and how they ask the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsFields,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingUtils,
    QgsProject,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.requests import Request
from insarhub_qgis.host.engine_process import run_engine
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.host.paths import icon_path
from insarhub_qgis.layers.area_of_interest import area_of_interest_wkt
from insarhub_qgis.layers.hdf5_file import read_hdf5
from insarhub_qgis.processing.table_layers import Columns, feature_of, table_fields

SEARCH = "search"
NETWORK = "network"
QUALITY = "quality"
PROCESS = "process"
ANALYSE = "analyse"
EXPORT = "export"

#: Kinds of vector layers, as parameters ask for them.
TABLE = QgsProcessing.SourceType.TypeVector
POINT = QgsProcessing.SourceType.TypeVectorPoint
LINE = QgsProcessing.SourceType.TypeVectorLine
POLYGON = QgsProcessing.SourceType.TypeVectorPolygon
ANY_GEOMETRY = QgsProcessing.SourceType.TypeVectorAnyGeometry


def tr(text: str) -> str:
    """Translate a text of the Processing room."""
    return QCoreApplication.translate("InSARHubProcessing", text)


@contextmanager
def in_words() -> Iterator[None]:
    """Make each failure a sentence that stops the model or batch row."""
    try:
        yield
    except InsarError as error:
        raise QgsProcessingException(sentence(error)) from error


class InsarAlgorithm(QgsProcessingAlgorithm):
    """Base of the algorithms: a subclass names itself, declares parameters and builds a request."""

    NAME = ""
    TITLE = ""
    GROUP = ANALYSE
    HELP = ""

    JOB_FOLDER = "JOB_FOLDER"
    OUTPUT = "OUTPUT"

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

    # Parameters

    def add_folder(self, name: str, text: str, *, is_optional: bool = False) -> None:
        folder = QgsProcessingParameterFile.Behavior.Folder
        self.addParameter(QgsProcessingParameterFile(name, text, behavior=folder, optional=is_optional))

    def add_job_folder(self, *, is_optional: bool = False) -> None:
        self.add_folder(self.JOB_FOLDER, tr("Job folder"), is_optional=is_optional)

    def add_series_file(self, name: str) -> None:
        self.addParameter(QgsProcessingParameterFile(name, tr("MintPy time series (HDF5)"), extension="h5"))

    def add_choice(self, name: str, text: str, options: Sequence[str], default: str) -> None:
        """Add a choice of one word; models and scripts hold the word itself."""
        self._add_enum(QgsProcessingParameterEnum(name, text, list(options), defaultValue=default))

    def add_choices(
        self,
        name: str,
        text: str,
        options: Sequence[str],
        default: Sequence[str] | None = None,
        *,
        is_optional: bool = False,
    ) -> None:
        """Add a choice of several words."""
        chosen = None if default is None else list(default)
        self._add_enum(QgsProcessingParameterEnum(name, text, list(options), True, chosen, is_optional))

    def _add_enum(self, parameter: QgsProcessingParameterEnum) -> None:
        parameter.setUsesStaticStrings(True)
        self.addParameter(parameter)

    def add_number(
        self,
        name: str,
        text: str,
        default: float | None,
        low: float = 0.0,
        high: float | None = None,
        *,
        is_whole: bool = False,
        is_advanced: bool = False,
    ) -> None:
        """Add a number of at least ``low``; without a default it is optional."""
        kinds = QgsProcessingParameterNumber.Type
        kind = kinds.Integer if is_whole else kinds.Double
        parameter = QgsProcessingParameterNumber(name, text, kind, default, default is None, low)
        if high is not None:
            parameter.setMaximum(high)
        if is_advanced:
            parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(parameter)

    def add_source(
        self, name: str, text: str, kind: QgsProcessing.SourceType, *, is_optional: bool = False
    ) -> None:
        self.addParameter(QgsProcessingParameterFeatureSource(name, text, [kind], optional=is_optional))

    def add_sink(self, name: str, text: str, kind: QgsProcessing.SourceType = TABLE) -> None:
        self.addParameter(QgsProcessingParameterFeatureSink(name, text, kind))

    def add_report(self, name: str) -> None:
        files = tr("HTML files (*.html)")
        self.addParameter(QgsProcessingParameterFileDestination(name, tr("Report"), files, optional=True))

    # Their values

    def folder(self, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> Path:
        """Give the folder of a parameter; raises a sentence when there is none."""
        text = self.parameterAsFile(parameters, name, context)
        folder = Path(text).expanduser()
        if not text or not folder.is_dir():
            raise QgsProcessingException(
                tr("{parameter}: there is no folder '{folder}'. Choose an existing one.").format(
                    parameter=name, folder=text
                )
            )
        return folder.absolute()

    def job_folder(self, parameters: dict[str, Any], context: QgsProcessingContext) -> Path:
        """Give the job folder; raises a sentence when there is none."""
        return self.folder(parameters, self.JOB_FOLDER, context)

    def file(self, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> Path:
        """Give the file of a parameter; raises a sentence when there is none."""
        text = self.parameterAsFile(parameters, name, context)
        path = Path(text).expanduser()
        if not text or not path.is_file():
            raise QgsProcessingException(
                tr("{parameter}: there is no file '{file}'. Choose an existing one.").format(
                    parameter=name, file=text
                )
            )
        return path.absolute()

    def optional_file(self, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> str:
        """Give the file of a parameter, empty when none is chosen; raises a sentence when it is not there."""
        is_chosen = bool(self.parameterAsFile(parameters, name, context))
        return str(self.file(parameters, name, context)) if is_chosen else ""

    def words(self, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> tuple[str, ...]:
        """Give the chosen words of a parameter."""
        # Without a choice QGIS gives a list with an empty text.
        return tuple(word for word in self.parameterAsEnumStrings(parameters, name, context) if word)

    def source(
        self, parameters: dict[str, Any], name: str, context: QgsProcessingContext
    ) -> QgsProcessingFeatureSource:
        """Give the features of a parameter; raises when it is no layer."""
        source = self.parameterAsSource(parameters, name, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, name))
        return source

    def report_file(
        self, parameters: dict[str, Any], name: str, context: QgsProcessingContext, default: str
    ) -> str:
        """Give where a report goes: a temporary file of the name ``default`` when nothing is chosen."""
        chosen = self.parameterAsFileOutput(parameters, name, context)
        return str(chosen or QgsProcessingUtils.generateTempFilename(default, context))

    # What they write

    def write_features(
        self,
        parameters: dict[str, Any],
        name: str,
        context: QgsProcessingContext,
        fields: QgsFields,
        features: Iterable[QgsFeature],
        kind: QgsWkbTypes.Type,
        crs: QgsCoordinateReferenceSystem,
    ) -> str:
        """Write features into a sink, and give the layer that it became."""
        sink, destination = self.parameterAsSink(parameters, name, context, fields, kind, crs)
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, name))
        for feature in features:
            sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
        return str(destination)

    def write_table(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        columns: Columns,
        rows: Iterable[Sequence[Any]],
    ) -> str:
        """Write rows of values into OUTPUT, a table without geometry."""
        fields = table_fields(columns)
        features = (feature_of(fields, row) for row in rows)
        nowhere = QgsCoordinateReferenceSystem()
        kind = QgsWkbTypes.Type.NoGeometry
        return self.write_features(parameters, self.OUTPUT, context, fields, features, kind, nowhere)

    def write_extended(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        source: QgsProcessingFeatureSource,
        columns: Columns,
        rows: Iterable[tuple[QgsFeature, Sequence[Any]]],
    ) -> str:
        """Write features of a source into OUTPUT, each followed by the values of further columns."""
        fields = QgsProcessingUtils.combineFields(source.fields(), table_fields(columns))
        features = (
            feature_of(fields, [*feature.attributes(), *values], feature.geometry())
            for feature, values in rows
        )
        kind, crs = source.wkbType(), source.sourceCrs()
        return self.write_features(parameters, self.OUTPUT, context, fields, features, kind, crs)

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
    with in_words():
        return area_of_interest_wkt(features, source.sourceCrs(), project.transformContext())


def series_crs(path: Path) -> str:
    """Give the CRS of a MintPy time series as authority id, e.g. ``EPSG:32614``."""
    with in_words():
        return read_hdf5(path).georeference("timeseries").crs


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
