# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes one vector layer: into a new file that appears when complete, or into an existing GeoPackage."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from osgeo import gdal, ogr, osr

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.engine.failures import export_failure

gdal.UseExceptions()
ogr.UseExceptions()
osr.UseExceptions()

_DRIVERS = {".gpkg": "GPKG", ".shp": "ESRI Shapefile"}
#: Limit of the dBASE file beside a shapefile.
SHAPEFILE_COLUMNS = 255


@dataclass(frozen=True)
class VectorPlan:
    """What a layer will be.

    Attributes
    ----------
    fields
        (name, OGR field type) in order.
    replaces
        Whether an existing layer (GeoPackage) or file (shapefile) of this name may be replaced.
    """

    output: Path
    layer: str
    epsg: int
    geometry: int
    fields: Sequence[tuple[str, int]]
    replaces: bool = True


class VectorWriter:
    """A layer in the making, as a context manager; other layers of an existing GeoPackage stay as they are.

    Raises
    ------
    InsarError
        ``export.bad_option`` for another suffix, ``export.layer_exists``, ``export.too_many_columns``,
        ``export.write_failed``.
    """

    def __init__(self, plan: VectorPlan) -> None:
        self._plan = plan
        self._is_added = False
        self._is_in_transaction = False
        self._folder: Path | None = None
        self._source: Any = None
        self.layer: Any = None

    def __enter__(self) -> VectorWriter:
        plan = self._plan
        suffix = plan.output.suffix.lower()
        if suffix not in _DRIVERS:
            raise InsarError("export.bad_option", option="output", value=plan.output.name)
        if suffix == ".shp" and len(plan.fields) > SHAPEFILE_COLUMNS:
            raise InsarError("export.too_many_columns", columns=len(plan.fields), limit=SHAPEFILE_COLUMNS)
        exists = plan.output.exists()
        if exists and suffix == ".shp" and not plan.replaces:
            raise InsarError("export.layer_exists", file=str(plan.output), layer=plan.output.stem)
        self._is_added = exists and suffix == ".gpkg"
        try:
            self._open(suffix)
        except RuntimeError as error:
            self._abandon()
            raise self._failed(error) from error
        except BaseException:
            self._abandon()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            try:
                self._finish()
                return
            except (RuntimeError, OSError) as error:
                self._abandon()
                raise self._failed(error) from error
        self._abandon()
        if isinstance(value, RuntimeError):
            raise self._failed(value) from value

    def _open(self, suffix: str) -> None:
        plan = self._plan
        if self._is_added:
            self._source = gdal.OpenEx(str(plan.output), gdal.OF_VECTOR | gdal.OF_UPDATE)
            names = [self._source.GetLayer(index).GetName() for index in range(self._source.GetLayerCount())]
            if plan.layer in names and not plan.replaces:
                raise InsarError("export.layer_exists", file=str(plan.output), layer=plan.layer)
            self._source.StartTransaction()
            self._is_in_transaction = True
            if plan.layer in names:
                self._source.DeleteLayer(names.index(plan.layer))
        else:
            plan.output.parent.mkdir(parents=True, exist_ok=True)
            # In the same folder, so that the rename at the end stays on one disk.
            self._folder = Path(tempfile.mkdtemp(prefix=".insarhub_part_", dir=plan.output.parent))
            self._source = ogr.GetDriverByName(_DRIVERS[suffix]).CreateDataSource(
                str(self._folder / plan.output.name)
            )
            if suffix == ".gpkg":
                self._source.StartTransaction()
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(plan.epsg)
        reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        options = [] if suffix == ".gpkg" else ["ENCODING=UTF-8"]
        name = plan.layer if suffix == ".gpkg" else plan.output.stem
        self.layer = self._source.CreateLayer(name, reference, plan.geometry, options)
        for field_name, field_type in plan.fields:
            field = ogr.FieldDefn(field_name, field_type)
            if suffix == ".shp" and field_type == ogr.OFTReal:
                field.SetWidth(18)
                field.SetPrecision(6)
            self.layer.CreateField(field)

    def _finish(self) -> None:
        suffix = self._plan.output.suffix.lower()
        self.layer.SyncToDisk()
        if suffix == ".gpkg":
            self._source.CommitTransaction()
            self._is_in_transaction = False
        self.layer = None
        self._source = None
        if self._folder is None:
            return
        members = sorted(self._folder.iterdir(), key=lambda path: path.suffix == ".shp")
        for path in members:
            path.replace(self._plan.output.with_name(path.name))
        self._folder.rmdir()

    def _abandon(self) -> None:
        self.layer = None
        if self._source is not None and self._is_in_transaction:
            self._source.RollbackTransaction()
        self._source = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _failed(self, error: Exception) -> InsarError:
        return export_failure(self._plan.output, error)
