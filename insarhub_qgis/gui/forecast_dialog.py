# SPDX-License-Identifier: GPL-2.0-or-later
"""How good was the forecast? Expected against observed coherence of a job's products: chart, figures, pairs."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qgis.PyQt.QtCore import QEvent, QPointF, QRectF, Qt
from qgis.PyQt.QtGui import (
    QBrush,
    QCloseEvent,
    QColor,
    QIcon,
    QKeySequence,
    QPainter,
    QPen,
    QPixmap,
    QPolygonF,
)
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QShortcut,
    QSplitter,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.atomic_files import write_text_atomically
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.forecast_csv import forecast_csv
from insarhub_qgis.core.forecast_figures import COMBINED, FORECASTS, scores_of_coherence
from insarhub_qgis.core.forecast_plot import COHERENCE_STEP, FORECAST_STYLES, SCORE_STEP, MarkerStyle
from insarhub_qgis.core.requests import CheckForecast
from insarhub_qgis.gui.chart_style import missing_chart
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.series_tables import copy_table
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.host.engine_process import EngineTask
from insarhub_qgis.host.forecast_texts import (
    COHERENCE,
    SCORE,
    axis_titles,
    days_tip,
    figure_rows,
    figure_titles,
    forecast_name,
    forecast_tip,
    notes,
    number_text,
    pair_tip,
    pair_title,
    said,
    summary_text,
)
from insarhub_qgis.host.messages import sentence

if TYPE_CHECKING:
    from insarhub_qgis.gui.forecast_chart import ForecastChart

RUNNING, MESSAGE, ANSWER = range(3)
#: Place of the pair in the answer, in the first cell of a row.
PAIR_ROLE = Qt.ItemDataRole.UserRole
SORT_ROLE = int(Qt.ItemDataRole.UserRole) + 1
RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_ICON_PX = 14
_CORNERS = {
    "s": ((-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)),
    "^": ((0.0, -0.9), (0.9, 0.8), (-0.9, 0.8)),
    "D": ((0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)),
}


class ForecastDialog(QDialog):
    """Checks when it opens; the check is a task of QGIS, and closing the window ends it."""

    def __init__(self, context: PageContext, job_folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubForecast")
        self.setWindowTitle(self.tr("How Good Was the Forecast? {job}").format(job=job_folder.name))
        self._context = context
        self.job_folder = job_folder
        self._task: EngineTask | None = None
        self._answer: dict[str, Any] = {}
        self.chart: ForecastChart | None = None
        self.boxes: dict[str, QCheckBox] = {}
        self._build()
        self.resize(1060, 720)
        self.check()

    # --- the check

    def check(self) -> None:
        """Compare the forecast with the products as they are now."""
        if self._task is not None:
            return
        self._pages.setCurrentIndex(RUNNING)
        self._progress.setRange(0, 0)
        self._progress_text.setText(self.tr("Reading the coherence of the products…"))
        self._cancel_button.setEnabled(True)
        self._set_buttons()
        self._task = self._context.start(
            CheckForecast(str(self.job_folder)),
            self.tr("Check the forecast of {job}").format(job=self.job_folder.name),
            self._on_answer,
            self._on_error,
            is_reading=True,
        )
        self._task.progressed.connect(self._on_progress)

    @property
    def is_running(self) -> bool:
        return self._task is not None

    def cancel(self) -> None:
        if self._task is not None:
            self._cancel_button.setEnabled(False)
            self._task.cancel()

    def reject(self) -> None:
        self.cancel()
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.cancel()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        # The canvas has a palette of its own, so that it hears of no other.
        if event.type() == QEvent.Type.PaletteChange and getattr(self, "chart", None) is not None:
            self.chart.redraw()

    def _on_progress(self, fraction: float, text: str) -> None:
        self._progress.setRange(0, 1000)
        self._progress.setValue(round(1000 * fraction))
        if text:
            self._progress_text.setText(text)

    def _on_answer(self, answer: dict[str, Any]) -> None:
        self._task = None
        self._answer = answer
        self._pages.setCurrentIndex(ANSWER)
        self._show_answer()
        self._set_buttons()

    def _on_error(self, error: InsarError) -> None:
        self._task = None
        text = self.tr("The check was cancelled.") if isinstance(error, Cancelled) else sentence(error)
        self._message.setText(text)
        self._pages.setCurrentIndex(MESSAGE)
        self._set_buttons()

    # --- widgets

    def _build(self) -> None:
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._make_running())
        self._message = QLabel(self)
        self._message.setObjectName("insarhubForecastMessage")
        self._message.setWordWrap(True)
        self._message.setMargin(18)
        self._message.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self._message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._pages.addWidget(self._message)
        self._pages.addWidget(self._make_answer())

        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        self.table_button = self._button(buttons, self.tr("Save &Table…"), lambda: self._save("csv"))
        self.picture_button = self._button(buttons, self.tr("Save &Picture…"), lambda: self._save("png"))
        self.again_button = self._button(buttons, self.tr("Check &Again"), self.check)
        self.again_button.setToolTip(self.tr("Compare again, e.g. after more products or decay maps came"))
        buttons.button(QDialogButtonBox.StandardButton.Close).setDefault(True)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(9, 9, 9, 9)
        layout.setSpacing(6)
        layout.addWidget(self._pages, 1)
        layout.addWidget(buttons)

    def _button(self, buttons: QDialogButtonBox, text: str, slot: Any) -> QPushButton:
        button = QPushButton(text, self)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: slot())
        buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        return button

    def _make_running(self) -> QWidget:
        page = QWidget(self)
        self._progress_text = ShortLabel(page)
        self._progress_text.setObjectName("insarhubForecastProgress")
        self._progress = QProgressBar(page)
        self._progress.setAccessibleName(self.tr("Progress of the check"))
        self._cancel_button = QPushButton(self.tr("&Cancel"), page)
        self._cancel_button.setAutoDefault(False)
        self._cancel_button.clicked.connect(self.cancel)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self._progress, 1)
        row.addWidget(self._cancel_button)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addStretch(1)
        layout.addWidget(self._progress_text)
        layout.addLayout(row)
        layout.addStretch(2)
        return page

    def _make_answer(self) -> QWidget:
        page = QWidget(self)
        self.summary = QLabel(page)
        self.summary.setObjectName("insarhubForecastSummary")
        self.summary.setWordWrap(True)
        self.summary.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

        self.quantity_box = QComboBox(page)
        self.quantity_box.setObjectName("insarhubForecastQuantity")
        self.quantity_box.setAccessibleName(self.tr("What is compared"))
        self.quantity_box.addItem(self.tr("Coherence"), COHERENCE)
        self.quantity_box.addItem(self.tr("Score"), SCORE)
        self.quantity_box.setToolTip(
            self.tr(
                "Expected coherence, or the score with weather, snow, vegetation, fire and baseline in it"
            )
        )
        self.quantity_box.currentIndexChanged.connect(lambda _: self._show_quantity())
        label = QLabel(self.tr("C&ompare"), page)
        label.setBuddy(self.quantity_box)
        choices = QHBoxLayout()
        choices.setSpacing(6)
        choices.addWidget(label)
        choices.addWidget(self.quantity_box)
        choices.addSpacing(9)
        for key in FORECASTS:
            box = QCheckBox(forecast_name(key), page)
            box.setIcon(marker_icon(FORECAST_STYLES[key]))
            box.setToolTip(forecast_tip(key))
            box.setChecked(True)
            box.toggled.connect(lambda _: self._show_chart())
            choices.addWidget(box)
            self.boxes[key] = box
        choices.addStretch(1)

        self.hover = ShortLabel(page)
        self.hover.setObjectName("insarhubForecastHover")
        left = QWidget(page)
        left_layout = QVBoxLayout(left)
        left_layout.setContentsMargins(0, 0, 0, 0)
        left_layout.setSpacing(6)
        left_layout.addWidget(self._make_chart(left), 1)
        left_layout.addWidget(self.hover)

        self.figures = self._make_table(self.tr("Figures of the forecasts"))
        self.figures.setObjectName("insarhubForecastFigures")
        self.figures.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.remarks = QTextBrowser(page)
        self.remarks.setObjectName("insarhubForecastRemarks")
        self.remarks.setAccessibleName(self.tr("Remarks on the comparison"))
        right = QWidget(page)
        right_layout = QVBoxLayout(right)
        right_layout.setContentsMargins(0, 0, 0, 0)
        right_layout.setSpacing(6)
        right_layout.addWidget(self.figures)
        right_layout.addWidget(self.remarks, 1)

        upper = QSplitter(Qt.Orientation.Horizontal, page)
        upper.addWidget(left)
        upper.addWidget(right)
        upper.setStretchFactor(0, 1)
        upper.setStretchFactor(1, 0)
        upper.setSizes([480, 560])
        upper.setChildrenCollapsible(False)
        self.pairs = self._make_table(self.tr("Pairs with forecast and observation"))
        self.pairs.setObjectName("insarhubForecastPairs")
        self.pairs.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.pairs.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.pairs.itemSelectionChanged.connect(self._on_row_selected)
        both = QSplitter(Qt.Orientation.Vertical, page)
        both.addWidget(upper)
        both.addWidget(self.pairs)
        both.setStretchFactor(0, 1)
        both.setStretchFactor(1, 0)
        both.setSizes([430, 190])
        both.setChildrenCollapsible(False)

        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.summary)
        layout.addLayout(choices)
        layout.addWidget(both, 1)
        return page

    def _make_chart(self, parent: QWidget) -> QWidget:
        try:
            from insarhub_qgis.gui.forecast_chart import ForecastChart
        except ImportError as error:
            return missing_chart(error, parent)
        self.chart = ForecastChart(parent)
        self.chart.hovered.connect(self._on_hover)
        self.chart.picked.connect(self.select_pair)
        return self.chart

    def _make_table(self, name: str) -> QTableWidget:
        table = QTableWidget(0, 0, self)
        table.setAccessibleName(name)
        table.setAlternatingRowColors(True)
        table.setShowGrid(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 6)
        table.horizontalHeader().setHighlightSections(False)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), table)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(lambda: copy_table(table))
        return table

    def _set_buttons(self) -> None:
        has_answer = self._pages.currentIndex() == ANSWER
        self.table_button.setEnabled(has_answer)
        self.picture_button.setEnabled(has_answer and self.chart is not None)
        self.again_button.setEnabled(not self.is_running)

    # --- showing

    def _quantity(self) -> str:
        return str(self.quantity_box.currentData())

    def _keys(self) -> list[str]:
        return [key for key in FORECASTS if key in self._answer.get("figures", {})]

    def _show_answer(self) -> None:
        answer = self._answer
        self.summary.setText(summary_text(answer))
        keys = self._keys()
        for key, box in self.boxes.items():
            box.setVisible(key in keys)
        self._fill_pairs()
        self._show_quantity()
        if self.chart is not None:
            self.chart.setFocus()

    def _show_quantity(self) -> None:
        if self._answer:
            self._fill_figures()
            self._show_chart()
            self._on_row_selected()

    def _fill_figures(self) -> None:
        rows = figure_rows(self._answer, self._quantity())
        titles = figure_titles()
        table = self.figures
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels([title for title, _ in titles])
        for column, (_, tip) in enumerate(titles):
            table.horizontalHeaderItem(column).setToolTip(tip)
        table.setRowCount(len(rows))
        for number, (key, cells, reason) in enumerate(rows):
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(reason or (forecast_tip(key) if key else days_tip()))
                if column:
                    item.setTextAlignment(RIGHT)
                else:
                    item.setIcon(marker_icon(FORECAST_STYLES[key]) if key else _no_icon())
                table.setItem(number, column, item)
        table.resizeColumnsToContents()
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        frame = 2 * table.frameWidth()
        header = table.horizontalHeader().sizeHint().height()
        table.setFixedHeight(header + len(rows) * table.verticalHeader().defaultSectionSize() + frame)
        self._fill_remarks([reason for _, _, reason in rows if reason])

    def _fill_remarks(self, reasons: list[str]) -> None:
        """What is missing in this answer comes first, then what holds for every answer."""
        answer = self._answer
        own = [*dict.fromkeys(reasons), *said(answer["messages"])]
        if answer["excluded"]:
            own.append(self.tr("Products left out: {count}.").format(count=len(answer["excluded"])))
            own += said(answer["excluded"])
        parts = [f"<p>{escape(text)}</p>" for text in own]
        parts.append(f"<p><b>{escape(self.tr('What to keep in mind'))}</b></p>")
        parts += [f"<p>{escape(text)}</p>" for text in notes()]
        self.remarks.setHtml("".join(parts))

    def _show_chart(self) -> None:
        if self.chart is None or not self._answer:
            return
        from insarhub_qgis.gui.forecast_chart import ChartForecast, ChartTexts

        is_score = self._quantity() == SCORE
        pairs = self._answer["pairs"]
        observed = np.array([row["observed"] for row in pairs], dtype=float)
        if is_score:
            observed = scores_of_coherence(observed)
        forecasts = [
            ChartForecast(forecast_name(key), FORECAST_STYLES[key], self._predicted(key), observed)
            for key in self._shown()
        ]
        predicted, shown = axis_titles(self._quantity())
        texts = ChartTexts(
            predicted,
            shown,
            self.tr("expected = observed"),
            self.tr("Choose a forecast above to see its pairs."),
        )
        self.chart.show_forecasts(forecasts, SCORE_STEP if is_score else COHERENCE_STEP, texts)

    def _shown(self) -> list[str]:
        return [key for key in self._keys() if self.boxes[key].isChecked()]

    def _predicted(self, key: str) -> np.ndarray:
        name = "scores" if self._quantity() == SCORE else "expected"
        values = [row[name][key] for row in self._answer["pairs"]]
        return np.array([np.nan if value is None else value for value in values], dtype=float)

    def _fill_pairs(self) -> None:
        keys = [key for key in self._keys() if key != COMBINED]
        table = self.pairs
        table.setSortingEnabled(False)
        titles = [
            (self.tr("Pair"), ""),
            (self.tr("Days"), self.tr("Temporal baseline in days")),
            (self.tr("B⊥ [m]"), self.tr("Perpendicular baseline in metres")),
            (self.tr("Score"), self.tr("Predicted score, 0 to 100")),
            *((forecast_name(key), forecast_tip(key)) for key in keys),
            (self.tr("Observed"), self.tr("Median of the product's coherence in the area")),
            (self.tr("Quartile"), self.tr("Lower quartile of the product's coherence in the area")),
            (self.tr("Difference"), self.tr("Expected (combined) minus observed")),
        ]
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels([title for title, _ in titles])
        for column, (_, tip) in enumerate(titles):
            table.horizontalHeaderItem(column).setToolTip(tip)
        table.setRowCount(len(self._answer["pairs"]))
        for number, row in enumerate(self._answer["pairs"]):
            first = QTableWidgetItem(pair_title(row))
            first.setData(PAIR_ROLE, number)
            first.setToolTip(str(row["product"]))
            table.setItem(number, 0, first)
            for column, (value, digits) in enumerate(_numbers(row, keys), 1):
                is_difference = column == len(titles) - 1
                table.setItem(number, column, NumberItem(value, digits, has_sign=is_difference))
        table.resizeColumnsToContents()
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        table.setSortingEnabled(True)

    # --- choosing

    def select_pair(self, pair: int) -> None:
        """Choose a pair in table and chart, by its place in the answer."""
        for row in range(self.pairs.rowCount()):
            if self.pairs.item(row, 0).data(PAIR_ROLE) == pair:
                self.pairs.setCurrentCell(row, 0)
                self.pairs.scrollToItem(self.pairs.item(row, 0))
                return

    def _on_row_selected(self) -> None:
        rows = self.pairs.selectionModel().selectedRows()
        pair = rows[0].data(PAIR_ROLE) if rows else None
        if self.chart is not None:
            self.chart.select(-1 if pair is None else int(pair))
        if pair is not None:
            self.hover.setText(pair_tip(self._answer["pairs"][int(pair)], COMBINED, self._quantity()))

    def _on_hover(self, forecast: int, pair: int) -> None:
        shown = self._shown()
        if 0 <= forecast < len(shown) and pair >= 0:
            text = pair_tip(self._answer["pairs"][pair], shown[forecast], self._quantity())
            self.hover.setText(text)
            if self.chart is not None:
                self.chart.setToolTip(text)
        elif self.chart is not None and self.chart.toolTip():
            self.chart.setToolTip("")
            self._on_row_selected()
            if not self.pairs.selectionModel().hasSelection():
                self.hover.setText("")

    # --- files

    def _save(self, kind: str) -> None:
        filters = {
            "csv": self.tr("CSV (*.csv)"),
            "png": ";;".join((self.tr("PNG (*.png)"), self.tr("SVG (*.svg)"))),
        }
        start = self.job_folder / f"forecast_check.{kind}"
        title = self.tr("Save Table") if kind == "csv" else self.tr("Save Picture")
        chosen, used = QFileDialog.getSaveFileName(self, title, str(start), filters[kind])
        if not chosen:
            return
        path = Path(chosen)
        endings = (".csv",) if kind == "csv" else (".png", ".svg")
        if path.suffix.lower() not in endings:
            path = path.with_name(path.name + (".svg" if "svg" in used.lower() else endings[0]))
        self.export_to(path)

    def export_to(self, path: Path) -> None:
        """Write the table as .csv, or what the chart shows as .png or .svg."""
        try:
            if path.suffix.lower() == ".csv":
                write_text_atomically(path, forecast_csv(self._answer, str(self.job_folder)))
            elif self.chart is not None:
                self.chart.export(path)
        except InsarError as error:
            self._context.show_error(error)
            return
        except OSError as error:
            self._context.show_error(
                self.tr("{file} could not be written: {reason}").format(file=path, reason=error.strerror)
            )
            return
        self._context.show_success(self.tr("Written: {file}").format(file=path))


class NumberItem(QTableWidgetItem):
    """A figure that sorts by its value; unknown comes first."""

    def __init__(self, value: float | None, digits: int, *, has_sign: bool = False) -> None:
        super().__init__(number_text(value, digits, has_sign=has_sign))
        self.setData(SORT_ROLE, float("-inf") if value is None else float(value))
        self.setTextAlignment(RIGHT)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return bool(self.data(SORT_ROLE) < other.data(SORT_ROLE))


def _numbers(row: Mapping[str, Any], keys: list[str]) -> list[tuple[float | None, int]]:
    """Give value and digits of the cells of a pair after its name."""
    combined = row["expected"][COMBINED]
    return [
        (row["dt_days"], 0),
        (row["bperp_m"], 0),
        (row["scores"][COMBINED], 1),
        *((row["expected"][key], 3) for key in keys),
        (row["observed"], 3),
        (row["observed_p25"], 3),
        (None if combined is None else combined - row["observed"], 3),
    ]


def _no_icon() -> QIcon:
    """Give an icon that only takes the room of a marker, so that names stand below each other."""
    pixmap = QPixmap(_ICON_PX, _ICON_PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    return QIcon(pixmap)


def marker_icon(style: MarkerStyle) -> QIcon:
    """Draw the marker of a forecast as the chart does."""
    pixmap = QPixmap(_ICON_PX, _ICON_PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    colour = QColor(style.colour)
    painter.setPen(QPen(colour, 1.6) if style.is_open else QPen(Qt.PenStyle.NoPen))
    painter.setBrush(QBrush(Qt.BrushStyle.NoBrush) if style.is_open else QBrush(colour))
    half = _ICON_PX / 2
    corners = _CORNERS.get(style.marker)
    if corners is None:
        painter.drawEllipse(QRectF(1.5, 1.5, _ICON_PX - 3, _ICON_PX - 3))
    else:
        painter.drawPolygon(
            QPolygonF([QPointF(half + x * (half - 1), half + y * (half - 1)) for x, y in corners])
        )
    painter.end()
    return QIcon(pixmap)
