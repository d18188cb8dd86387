# SPDX-License-Identifier: GPL-2.0-or-later
"""The area of interest of a search: drawn, from the view, a layer or a file, or typed as WKT."""

from __future__ import annotations

from typing import Callable

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsMapLayerProxyModel,
    QgsProviderRegistry,
    QgsProviderSublayerDetails,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import QEvent, QLocale, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.gui.area_tools import AreaOutline, AreaTool, PointTool, PolygonTool, RectangleTool
from insarhub_qgis.gui.icons import icon
from insarhub_qgis.gui.newest_read import NewestRead
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.layers.search_area import LayerArea, area_km2, area_wkt, search_area, search_area_of_wkt

#: Longer texts stand for areas that nobody types; the field then names the area instead.
_LONGEST_TEXT = 2000


class AreaBlock(QWidget):
    """A row of ways to an area, its text, and what it is in words.

    Signals
    -------
    area_changed
        `area` and `wkt` hold the new area, or none.
    """

    area_changed = pyqtSignal()

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubArea")
        self._context = context
        self._area: QgsGeometry | None = None
        self._reading = NewestRead(context)
        self._outline = AreaOutline(context.canvas())
        self._tools: dict[QToolButton, AreaTool] = {}
        self._build()

    def _build(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(2)
        canvas = self._context.canvas()
        for name, picture, tip, tool in (
            (
                "Rectangle",
                "/mActionAddBasicRectangle.svg",
                self.tr("Draw a rectangle: drag on the map"),
                RectangleTool(canvas),
            ),
            (
                "Polygon",
                "/mActionCapturePolygon.svg",
                self.tr("Draw a polygon: click corners, right click or Enter ends"),
                PolygonTool(canvas),
            ),
            (
                "Point",
                "/mActionCapturePoint.svg",
                self.tr("Search at a place: click on the map"),
                PointTool(canvas),
            ),
        ):
            button = self._button(f"insarhubArea{name}", picture, tip, buttons)
            button.setCheckable(True)
            self._tools[button] = tool
            button.clicked.connect(lambda is_on, button=button: self._use_tool(button, is_on))
            tool.drawn.connect(self._on_drawn)
            tool.ended.connect(lambda tool=tool: canvas.unsetMapTool(tool))
            tool.deactivated.connect(lambda button=button: button.setChecked(False))
        buttons.addSpacing(6)
        view = self._button("insarhubAreaView", "", self.tr("Use what the map shows"), buttons)
        view.setIcon(icon("map_view"))
        self.view_button = view
        view.clicked.connect(self.use_view)
        layer = self._button(
            "insarhubAreaLayer",
            "/mIconVector.svg",
            self.tr("Use a vector layer or its selected features…"),
            buttons,
        )
        layer.clicked.connect(self._ask_layer)
        file = self._button(
            "insarhubAreaFile", "/mActionFileOpen.svg", self.tr("Use a vector file…"), buttons
        )
        file.clicked.connect(self._ask_file)
        buttons.addStretch(1)
        self.clear_button = self._button(
            "insarhubAreaClear", "/mActionDeleteSelected.svg", self.tr("No area"), buttons
        )
        self.clear_button.clicked.connect(lambda: self.set_area(None))

        self.text = QLineEdit(self)
        self.text.setObjectName("insarhubAreaText")
        self.text.setAccessibleName(self.tr("Area as WKT in degrees"))
        self.text.setClearButtonEnabled(True)
        self.text.setMaxLength(1_000_000)
        self.text.editingFinished.connect(self._on_text)
        self.state = ShortLabel(self)
        self.state.setObjectName("insarhubAreaState")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(buttons)
        layout.addWidget(self.text)
        layout.addWidget(self.state)
        self._show()

    def _button(self, name: str, picture: str, tip: str, layout: QHBoxLayout) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setAutoRaise(True)
        if picture:
            button.setIcon(QgsApplication.getThemeIcon(picture))
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout.addWidget(button)
        return button

    # what it holds

    @property
    def area(self) -> QgsGeometry | None:
        """The area in EPSG:4326, or None."""
        return self._area

    @property
    def wkt(self) -> str:
        """The area as WKT in EPSG:4326, empty without one."""
        return area_wkt(self._area) if self._area is not None else ""

    @property
    def words(self) -> str:
        """The area in words, empty without one."""
        if self._area is None:
            return ""
        locale = QLocale()
        if self._area.type() == QgsWkbTypes.GeometryType.PointGeometry:
            point = self._area.boundingBox().center()
            return self.tr("point {latitude}, {longitude}").format(
                latitude=locale.toString(point.y(), "f", 3), longitude=locale.toString(point.x(), "f", 3)
            )
        size = area_km2(self._area)
        text = self.tr("{size} km²").format(size=locale.toString(size, "f", 0 if size >= 100 else 1))
        parts = len(self._area.asGeometryCollection())
        return text if parts == 1 else self.tr("{size} in {parts} parts").format(size=text, parts=parts)

    def set_area(self, area: QgsGeometry | None) -> None:
        """Take an area in EPSG:4326, as `layers.search_area` gives it, or none."""
        self._area = area
        self._show()
        self.area_changed.emit()

    def set_wkt(self, text: str) -> None:
        """Take WKT in EPSG:4326; empty for no area. Raises as `search_area_of_wkt`."""
        self.set_area(search_area_of_wkt(text) if text.strip() else None)

    def set_shown(self, is_shown: bool) -> None:
        """Draw the outline while the page is in front; a tool of ours is put away with it."""
        self._outline.set_shown(is_shown)
        if not is_shown:
            self._put_tools_away()

    def close_block(self) -> None:
        self._reading.cancel()
        for tool in self._tools.values():
            tool.close_tool()
        self._outline.close()

    # ways to an area

    def use_view(self) -> None:
        """Take what the map shows."""
        canvas = self._context.canvas()
        self._take([QgsGeometry.fromRect(canvas.extent())], canvas.mapSettings().destinationCrs())

    def use_layer(self, layer: QgsVectorLayer, is_selection_only: bool) -> None:
        """Take the features of a layer, dissolved; they are read in a task."""
        reader = LayerArea(layer, is_selection_only)
        self._show_text(self.tr("Reading {layer}…").format(layer=layer.name()))
        self._reading.start(
            self.tr("Reading the area of {layer}").format(layer=layer.name()),
            reader.read,
            self.set_area,
            self._on_read_failed,
        )

    def use_file(self, path: str) -> None:
        """Take the features of a vector file; of several layers in it, the one that is chosen."""
        metadata = QgsProviderRegistry.instance().providerMetadata("ogr")
        details: list[QgsProviderSublayerDetails] = [
            row for row in metadata.querySublayers(path) if row.type() == 0
        ]
        uri = details[0].uri() if details else path
        if len(details) > 1:
            names = [row.name() for row in details]
            name, is_chosen = QInputDialog.getItem(
                self, self.tr("Area From File"), self.tr("Layer of the file"), names, 0, False
            )
            if not is_chosen:
                return
            uri = details[names.index(name)].uri()
        layer = QgsVectorLayer(uri, path.rpartition("/")[2], "ogr")
        if not layer.isValid():
            self._context.show_error(InsarError("aoi.file_not_read", file=path))
            return
        self.use_layer(layer, False)

    def _on_drawn(self, geometry: QgsGeometry) -> None:
        self._take([geometry], self._context.canvas().mapSettings().destinationCrs())
        self._put_tools_away()

    def _take(self, geometries: list[QgsGeometry], crs: QgsCoordinateReferenceSystem) -> None:
        context = self._context.project().transformContext()
        self._try(lambda: search_area(geometries, crs, context))

    def _try(self, make: Callable[[], QgsGeometry | None]) -> None:
        try:
            area = make()
        except InsarError as error:
            self._context.show_error(error)
            self._show()
            return
        self.set_area(area)

    def _on_text(self) -> None:
        # Leaving the field is no edit, and the text of a large area is not its own.
        if self.text.isModified():
            self.text.setModified(False)
            text = self.text.text()
            self._try(lambda: search_area_of_wkt(text) if text.strip() else None)

    def _ask_layer(self) -> None:
        dialog = AreaLayerDialog(self._context, self)
        if dialog.exec() and dialog.layer() is not None:
            self.use_layer(dialog.layer(), dialog.is_selection_only())
        dialog.deleteLater()

    def _ask_file(self) -> None:
        filters = QgsProviderRegistry.instance().fileVectorFilters()
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Area From File"), "", filters)
        if path:
            self.use_file(path)

    def _on_read_failed(self, error: InsarError) -> None:
        if not isinstance(error, Cancelled):
            self._context.show_error(error)
        self._show()

    def _use_tool(self, button: QToolButton, is_on: bool) -> None:
        canvas = self._context.canvas()
        if is_on:
            canvas.setMapTool(self._tools[button])
            button.setChecked(True)
            canvas.setFocus()
        else:
            canvas.unsetMapTool(self._tools[button])

    def _put_tools_away(self) -> None:
        for tool in self._tools.values():
            if self._context.canvas().mapTool() is tool:
                self._context.canvas().unsetMapTool(tool)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self.view_button.setIcon(icon("map_view"))
        super().changeEvent(event)

    # what it shows

    def _show(self) -> None:
        wkt = self.wkt
        is_short = len(wkt) <= _LONGEST_TEXT
        self.text.setText(wkt if is_short else "")
        self.text.setCursorPosition(0)
        self.text.setModified(False)
        self.text.setPlaceholderText(
            self.tr("WKT, e.g. POINT(-99.1 19.4)") if is_short else self.tr("(too many corners to show)")
        )
        self.clear_button.setEnabled(self._area is not None)
        self._outline.show_area(self._area)
        self._show_text(self.words or self.tr("No area yet: draw one, or use the view, a layer or a file."))

    def _show_text(self, text: str) -> None:
        self.state.setText(text)


class AreaLayerDialog(QDialog):
    """Asks for a vector layer of the project, and whether its selection alone counts."""

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubAreaLayerDialog")
        self.setWindowTitle(self.tr("Area From Layer"))
        self.layers = QgsMapLayerComboBox(self)
        self.layers.setObjectName("insarhubAreaLayers")
        self.layers.setFilters(QgsMapLayerProxyModel.Filter.VectorLayer)
        active = context.iface.activeLayer() if hasattr(context.iface, "activeLayer") else None
        if isinstance(active, QgsVectorLayer):
            self.layers.setLayer(active)
        self.selection = QCheckBox(self)
        self.selection.setObjectName("insarhubAreaSelection")
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        intro = QLabel(self.tr("All polygons are dissolved into one area, in any coordinate system."), self)
        intro.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setSpacing(9)
        for widget in (intro, self.layers, self.selection):
            layout.addWidget(widget)
        layout.addStretch(1)
        layout.addWidget(self.buttons)
        self.layers.layerChanged.connect(lambda _: self._show())
        self._show()

    def layer(self) -> QgsVectorLayer | None:
        return self.layers.currentLayer()

    def is_selection_only(self) -> bool:
        return self.selection.isChecked()

    def _show(self) -> None:
        layer = self.layer()
        count = layer.selectedFeatureCount() if layer is not None else 0
        number = QLocale().toString(count)
        self.selection.setText(self.tr("&Selected features only ({count})").format(count=number))
        self.selection.setEnabled(count > 0)
        self.selection.setChecked(count > 0)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(layer is not None)
