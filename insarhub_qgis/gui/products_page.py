# SPDX-License-Identifier: GPL-2.0-or-later
"""View Data: the product files of a job; a click puts one on the map, another click takes it away."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsApplication, QgsRectangle
from qgis.gui import QgsFilterLineEdit
from qgis.PyQt.QtCore import QEvent, QModelIndex, QObject, Qt, QTimer
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.product_archive import ProductArchive
from insarhub_qgis.core.product_kinds import KIND_BY_KEY
from insarhub_qgis.gui.job_page import JobPage
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.products_model import (
    ARCHIVE_ROLE,
    BASELINE_COLUMN,
    DAYS_COLUMN,
    KIND_ROLE,
    PAIR_COLUMN,
    JobProducts,
    ProductsFilter,
    ProductsModel,
    archives_by_kind,
    leaves_below,
    read_products,
)
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.host import messages

if TYPE_CHECKING:
    from insarhub_qgis.gui.forecast_dialog import ForecastDialog

TREE, MESSAGE = 0, 1
INDENTATION_PX = 14
#: The main thread works this long on layers before it lets QGIS breathe.
LOAD_SLICE_S = 0.05


class ProductsPage(JobPage):
    """Pairs, each with its product files."""

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.setObjectName("insarhubProductsPage")
        self.title = self.tr("View Data")
        self._products = JobProducts("", ())
        self._wanted = ""
        self._queue: list[tuple[ProductArchive, str]] = []
        self._queue_size = 0
        self._failures: list[InsarError] = []
        self._forecast: ForecastDialog | None = None
        self._sync_timer = QTimer(self)
        self._sync_timer.setSingleShot(True)
        self._sync_timer.setInterval(0)
        self._sync_timer.timeout.connect(self._sync)
        self._load_timer = QTimer(self)
        self._load_timer.setInterval(0)
        self._load_timer.timeout.connect(self._load_slice)
        self._build()
        project = context.project()
        # Layers also come and go by the layer panel, undo and project files.
        project.layersAdded.connect(self._sync_timer.start)
        project.layersRemoved.connect(self._sync_timer.start)
        project.readProject.connect(self._sync_timer.start)

    def _build(self) -> None:
        self.filter = QgsFilterLineEdit(self)
        self.filter.setObjectName("insarhubProductFilter")
        self.filter.setShowSearchIcon(True)
        self.filter.setPlaceholderText(self.tr("Filter by date or kind, e.g. 2018-03 phase"))
        self.filter.setAccessibleName(self.tr("Filter products"))
        self.filter.textChanged.connect(self._on_filter)

        self.model = ProductsModel(self)
        self.proxy = ProductsFilter(self)
        self.proxy.setSourceModel(self.model)
        self.tree = QTreeView(self)
        self.tree.setObjectName("insarhubProducts")
        self.tree.setAccessibleName(self.tr("Pairs and their product files"))
        self.tree.setModel(self.proxy)
        self.tree.setAlternatingRowColors(True)
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(INDENTATION_PX)
        self.tree.setSortingEnabled(True)
        self.tree.sortByColumn(PAIR_COLUMN, Qt.SortOrder.AscendingOrder)
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.setExpandsOnDoubleClick(False)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.clicked.connect(self._on_clicked)
        self.tree.installEventFilter(self)

        self.message = QLabel(self)
        self.message.setObjectName("insarhubProductsMessage")
        self.message.setWordWrap(True)
        self.message.setMargin(18)
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self.tree_or_message = QStackedWidget(self)
        self.tree_or_message.addWidget(self.tree)
        self.tree_or_message.addWidget(self.message)

        self.state = ShortLabel(self)
        self.state.setObjectName("insarhubProductsState")
        self.problems_button = QToolButton(self)
        self.problems_button.setObjectName("insarhubProductProblems")
        self.problems_button.setIcon(QgsApplication.getThemeIcon("/mIconWarning.svg"))
        self.problems_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.problems_button.setAutoRaise(True)
        self.problems_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.problems_button.clicked.connect(self._show_problems)
        self.problems_button.hide()
        state_row = QHBoxLayout()
        state_row.setSpacing(6)
        state_row.addWidget(self.state, 1)
        state_row.addWidget(self.problems_button)

        self.progress = QProgressBar(self)
        self.progress.setObjectName("insarhubLoadProgress")
        self.progress.setFormat(self.tr("%v of %m layers"))
        self.stop_button = QPushButton(self.tr("&Stop"), self)
        self.stop_button.setObjectName("insarhubLoadStop")
        self.stop_button.clicked.connect(self.stop_loading)
        self.progress_row = QWidget(self)
        progress_layout = QHBoxLayout(self.progress_row)
        progress_layout.setContentsMargins(0, 0, 0, 0)
        progress_layout.setSpacing(6)
        progress_layout.addWidget(self.progress, 1)
        progress_layout.addWidget(self.stop_button)
        self.progress_row.hide()

        self.kind_menu = QMenu(self)
        self.kind_menu.setObjectName("insarhubKindMenu")
        self.load_button = QPushButton(self.tr("&Load All of a Kind"), self)
        self.load_button.setObjectName("insarhubLoadAll")
        self.load_button.setToolTip(
            self.tr("Add the rasters of one kind, of all pairs that the filter shows")
        )
        self.load_button.setMenu(self.kind_menu)
        self.remove_button = QPushButton(self.tr("&Remove All"), self)
        self.remove_button.setObjectName("insarhubRemoveAll")
        self.remove_button.setToolTip(self.tr("Take the product layers of this job out of the project"))
        self.remove_button.clicked.connect(self.remove_all)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self.load_button)
        buttons.addWidget(self.remove_button)
        buttons.addStretch(1)
        buttons.addWidget(self._make_more())

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.filter)
        layout.addWidget(self.tree_or_message, 1)
        layout.addLayout(state_row)
        layout.addWidget(self.progress_row)
        layout.addLayout(buttons)
        self.setFocusProxy(self.tree)
        self._show_state()

    def _make_more(self) -> QToolButton:
        self.more_button = QToolButton(self)
        self.more_button.setObjectName("insarhubProductsMore")
        self.more_button.setText(self.tr("Mo&re"))
        self.more_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.more_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more_button)
        action = menu.addAction(self.tr("&How Good Was the Forecast?"), self.open_forecast)
        action.setObjectName("insarhubCheckForecast")
        action.setToolTip(self.tr("Compare the expected with the observed coherence of these products"))
        menu.setToolTipsVisible(True)
        self.more_button.setMenu(menu)
        return self.more_button

    # the job

    def open_job(self, job_folder: Path) -> None:
        """Read the products of a job; the same job again keeps what is expanded."""
        if job_folder == self._folder and self._products.archives:
            self._sync()
            return
        self.stop_loading()
        self._folder = job_folder
        self._show_products(JobProducts("", ()))
        self._read()

    def show_product(self, name: str) -> None:
        """Choose and open the pair of a product, by the name of its zip; at once, or when it is read."""
        self._wanted = name.removesuffix(".zip")
        for row in range(self.proxy.rowCount()):
            index = self.proxy.index(row, 0)
            leaf = next(leaves_below(self.model.itemFromIndex(self.proxy.mapToSource(index))), None)
            if leaf is not None and leaf.data(ARCHIVE_ROLE).product.name == self._wanted:
                self._wanted = ""
                self.tree.expand(index)
                self.tree.setCurrentIndex(index)
                self.tree.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtTop)
                return

    def open_forecast(self) -> ForecastDialog | None:
        """Open the window that compares forecast and products; the one of this job if it is open."""
        if self._folder is None:
            return None
        from insarhub_qgis.gui.forecast_dialog import ForecastDialog

        dialog = self._forecast
        if dialog is None or not dialog.isVisible() or dialog.job_folder != self._folder:
            self._close_forecast()
            dialog = ForecastDialog(self._context, self._folder, self._context.iface.mainWindow())
            self._forecast = dialog
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()
        return dialog

    def _close_forecast(self) -> None:
        dialog, self._forecast = self._forecast, None
        if dialog is not None:
            dialog.close()
            dialog.deleteLater()

    def close_page(self) -> None:
        super().close_page()
        self._close_forecast()
        self.stop_loading()
        self._sync_timer.stop()
        project = self._context.project()
        project.layersAdded.disconnect(self._sync_timer.start)
        project.layersRemoved.disconnect(self._sync_timer.start)
        project.readProject.disconnect(self._sync_timer.start)

    def _read_job(self, folder: Path) -> None:
        if not self._products.archives:
            self._show_message(self.tr("Reading the products…"))
        self._reading.start(
            self.tr("Reading the products of {job}").format(job=folder.name),
            lambda is_cancelled: read_products(folder, is_cancelled),
            self._on_read,
            lambda error: self._show_message(messages.sentence(error)),
        )

    def _on_read(self, products: JobProducts) -> None:
        if products != self._products:
            self._show_products(products)
        if not products.archives:
            self._show_message(
                self.tr("This job has no product zips yet. They appear here once they are in the job folder.")
            )

    def _show_products(self, products: JobProducts) -> None:
        expanded = {
            index.data()
            for row in range(self.proxy.rowCount())
            if self.tree.isExpanded(index := self.proxy.index(row, 0))
        }
        self._products = products
        self.model.show_products(products)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(PAIR_COLUMN, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(24)
        # Measured by hand: ResizeToContents keeps room for a sort mark, which the pairs lack at 340 px.
        for column, widest in ((DAYS_COLUMN, "8888"), (BASELINE_COLUMN, "−88888")):
            title = str(self.model.headerData(column, Qt.Orientation.Horizontal))
            metrics = self.tree.fontMetrics()
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            width = max(metrics.horizontalAdvance(widest), metrics.horizontalAdvance(title)) + 12
            header.resizeSection(column, width)
        self._span_children()
        for row in range(self.proxy.rowCount()):
            index = self.proxy.index(row, 0)
            if index.data() in expanded:
                self.tree.setExpanded(index, True)
        if products.archives:
            self.tree_or_message.setCurrentIndex(TREE)
            if not expanded:
                first = self.proxy.index(0, 0)
                self.tree.expand(first)
                self.tree.setCurrentIndex(first)
        self._fill_kind_menu()
        self._sync()
        if self._wanted:
            self.show_product(self._wanted)

    def _span_children(self) -> None:
        # Names of rasters have the whole width: the columns belong to the pairs.
        for row in range(self.proxy.rowCount()):
            pair = self.proxy.index(row, 0)
            for child_row in range(self.proxy.rowCount(pair)):
                self.tree.setFirstColumnSpanned(child_row, pair, True)
                child = self.proxy.index(child_row, 0, pair)
                for leaf_row in range(self.proxy.rowCount(child)):
                    self.tree.setFirstColumnSpanned(leaf_row, child, True)

    def _show_message(self, text: str) -> None:
        self.message.setText(text)
        self.tree_or_message.setCurrentIndex(MESSAGE)
        self._show_state()

    # layers

    def toggle(self, archive: ProductArchive, kind_key: str) -> None:
        """Add the layer, or take it away when it is there."""
        from insarhub_qgis.layers.product_layers import find_product_layer, remove_product_layer

        project = self._context.project()
        if find_product_layer(project, archive, kind_key) is not None:
            remove_product_layer(project, archive, kind_key)
            self._context.canvas().refresh()
            self._sync()
            return
        try:
            self._add(archive, kind_key)
        except InsarError as error:
            self._context.show_error(error)
        self._sync()

    def load_all(self, kind_key: str) -> None:
        """Add one kind of all pairs that the filter shows, in slices; `stop_loading` ends it."""
        self._queue = [
            (archive, kind_key) for archive in self._shown_archives() if kind_key in archive.members
        ]
        self._queue_size = len(self._queue)
        self._failures = []
        self.progress.setRange(0, self._queue_size)
        self.progress.setValue(0)
        self.progress_row.setVisible(bool(self._queue))
        if self._queue:
            self._context.canvas().freeze(True)
            self._load_timer.start()

    def stop_loading(self) -> None:
        """Keep what is loaded and forget the rest."""
        self._queue = []
        if self._load_timer.isActive():
            self._end_loading()

    def remove_all(self) -> None:
        """Take all product layers of the job out of the project."""
        from insarhub_qgis.layers.layer_tree import insar_layers, remove_layer

        self.stop_loading()
        project = self._context.project()
        sources = {archive.gdal_path(kind) for archive in self._products.archives for kind in archive.members}
        for layer in [
            layer for layer in insar_layers(project) if layer.customProperty("insarhub/source") in sources
        ]:
            remove_layer(project, layer)
        self._context.canvas().refresh()
        self._sync()

    def _add(self, archive: ProductArchive, kind_key: str) -> None:
        from insarhub_qgis.layers.product_layers import add_product_layer

        project = self._context.project()
        is_first = not project.mapLayers()
        layer = add_product_layer(project, self._folder, self._products.job_name, archive, kind_key)
        if is_first and layer is not None:
            # An empty project looks at the whole world; the first layer says where the work is.
            project.setCrs(layer.crs())
            extent = QgsRectangle(layer.extent())
            extent.scale(1.05)
            self._context.canvas().setExtent(extent)
            self._context.canvas().refresh()

    def _load_slice(self) -> None:
        until = time.monotonic() + LOAD_SLICE_S
        while self._queue and time.monotonic() < until:
            archive, kind_key = self._queue.pop(0)
            try:
                self._add(archive, kind_key)
            except InsarError as error:
                self._failures.append(error)
        self.progress.setValue(self._queue_size - len(self._queue))
        if not self._queue:
            self._end_loading()

    def _end_loading(self) -> None:
        self._load_timer.stop()
        self.progress_row.hide()
        self._context.canvas().freeze(False)
        self._context.canvas().refresh()
        if self._failures:
            self._context.show_warning(
                self.tr("Layers that could not be added: {count}.").format(count=len(self._failures)),
                "\n".join(messages.sentence(error) for error in self._failures),
            )
            self._failures = []
        self._sync()

    def _shown_archives(self) -> list[ProductArchive]:
        shown = []
        for row in range(self.proxy.rowCount()):
            pair = self.model.itemFromIndex(self.proxy.mapToSource(self.proxy.index(row, 0)))
            leaf = next(leaves_below(pair), None)
            if leaf is not None:
                shown.append(leaf.data(ARCHIVE_ROLE))
        return shown

    def _fill_kind_menu(self) -> None:
        self.kind_menu.clear()
        has_separator = False
        for key, count in archives_by_kind(self._products.archives).items():
            kind = KIND_BY_KEY[key]
            if not kind.is_primary and not has_separator:
                has_separator = True
                self.kind_menu.addSeparator()
            action = self.kind_menu.addAction(f"{kind.quantity} ({count})")
            action.setObjectName(f"insarhubLoad_{key}")
            action.triggered.connect(lambda checked=False, key=key: self.load_all(key))

    def _sync(self) -> None:
        from insarhub_qgis.layers.layer_tree import insar_layers

        self._sync_timer.stop()
        loaded = {
            str(layer.customProperty("insarhub/source")) for layer in insar_layers(self._context.project())
        }
        self.model.show_loaded(loaded)
        self._show_state()

    def _show_state(self) -> None:
        count = len(self._products.archives)
        loaded = self.model.loaded_count()
        has_products = count > 0
        self.load_button.setEnabled(has_products)
        self.remove_button.setEnabled(loaded > 0)
        self.more_button.setEnabled(has_products)
        if has_products:
            self.state.setText(
                self.tr("Pairs: {pairs}. On the map: {loaded}.").format(pairs=count, loaded=loaded)
            )
        else:
            self.state.setText("")
        problems = len(self._products.problems)
        self.problems_button.setVisible(problems > 0)
        self.problems_button.setText(self.tr("Problems: {count}").format(count=problems))

    def _show_problems(self) -> None:
        lines = [f"{path.name}: {messages.sentence(error)}" for path, error in self._products.problems]
        self._context.show_warning(
            self.tr("Zips with problems: {count}. The other pairs can be used.").format(count=len(lines)),
            "\n".join(lines),
        )

    # mouse and keyboard

    def _on_filter(self, text: str) -> None:
        self.proxy.set_text(text)
        self._span_children()
        if text.strip() and self.proxy.rowCount() <= 20:
            self.tree.expandToDepth(1)

    def _on_clicked(self, index: QModelIndex) -> None:
        first = index.siblingAtColumn(0)
        if first.data(KIND_ROLE):
            self.toggle(first.data(ARCHIVE_ROLE), first.data(KIND_ROLE))
        elif self.proxy.hasChildren(first):
            self.tree.setExpanded(first, not self.tree.isExpanded(first))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.tree and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            index = self.tree.currentIndex()
            keys = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if event.key() in keys and index.isValid():
                self._on_clicked(index)
                return True
        return super().eventFilter(watched, event)
