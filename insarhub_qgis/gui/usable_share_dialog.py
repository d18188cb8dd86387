# SPDX-License-Identifier: GPL-2.0-or-later
"""How much of an area stays usable with growing temporal baseline, season by season: table and chart."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from qgis.PyQt.QtCore import QLocale, Qt
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHeaderView,
    QLabel,
    QShortcut,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.atomic_files import write_bytes_atomically, write_text_atomically
from insarhub_qgis.core.decay_map_files import BEST
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.gui.chart_canvas import ChartCanvas
from insarhub_qgis.gui.chart_style import ChartColours, style_axes, style_legend
from insarhub_qgis.gui.decay_forms import SHARE_DAYS
from insarhub_qgis.gui.decay_legend import SEASON_OF_CLASS
from insarhub_qgis.gui.decay_texts import season_title, tr
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.layers.styles import style_for

#: Lines differ by mark as well, for those who cannot tell the colours.
_MARKERS = {"winter": "o", "spring": "^", "summer": "s", "fall": "D"}
NO_VALUE = "–"


def season_colours() -> dict[str, str]:
    """Give the colours of the seasons, those of the best-season map."""
    return {SEASON_OF_CLASS[number]: colour for number, colour, _ in style_for(BEST).classes}


class ShareChart(ChartCanvas):
    """Lines of the usable share over the temporal baseline."""

    EXPORT_INCHES = (8.0, 4.5)

    def __init__(self, shares: Mapping[str, Any], title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubShareChart")
        self.setAccessibleName(tr("Chart of the usable share; the table holds the same figures"))
        self.setMinimumSize(240, 160)
        self._shares = shares
        self._title = title
        self.redraw()

    def picture(self, ending: str) -> bytes:
        """Give the chart on white as ``png`` or ``svg``."""
        buffer = io.BytesIO()
        self.export(buffer, ending)
        return buffer.getvalue()

    def _draw(self, figure: Figure, colours: ChartColours, point_size: float, is_export: bool = False) -> Any:
        axes = figure.add_subplot()
        style_axes(axes, colours, point_size)
        of_season = season_colours()
        for season, shares in self._shares.items():
            axes.plot(
                SHARE_DAYS,
                [100 * share for share in shares],
                color=of_season[season],
                marker=_MARKERS[season],
                markersize=4.5,
                linewidth=1.4,
                label=season_title(season),
            )
        axes.set_ylim(-3, 103)
        axes.set_xlim(0, SHARE_DAYS[-1] * 1.02)
        axes.set_xticks([0, 24, 48, 72, 96, 144, 192])
        axes.set_xlabel(tr("temporal baseline [d]"))
        axes.set_ylabel(tr("part of the area [%]"))
        # The window names the quantity above the table.
        if is_export:
            figure.suptitle(self._title, x=0.01, ha="left", fontsize=point_size, color=colours.text)
        legend = axes.legend(fontsize=point_size, framealpha=0.9, loc="best", labelspacing=0.2)
        legend.set_draggable(True)
        style_legend(legend, colours)
        return axes


class UsableShareDialog(QDialog):
    """Answer of `ZonalDecay` over the whole area as table and chart."""

    def __init__(
        self, context: PageContext, job_name: str, answer: dict[str, Any], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubUsableShare")
        self.setWindowTitle(tr("Usable Share: {job}").format(job=job_name))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._context = context
        self._job_name = job_name
        known = {row["season"]: row["usable_share"] for row in answer["rows"] if row["pixels"]}
        self._shares = {season: known[season] for season in SEASON_OF_CLASS.values() if season in known}
        title = tr("Part of the area with an expected coherence of at least {coherence}").format(
            coherence=QLocale().toString(answer["coherence"], "g", 2)
        )
        heading = QLabel(title, self)
        heading.setWordWrap(True)
        self.chart = ShareChart(self._shares, title, self)
        self.table = self._table()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        export = buttons.addButton(tr("&Export…"), QDialogButtonBox.ButtonRole.ActionRole)
        export.setToolTip(tr("Chart as PNG or SVG, table as CSV"))
        export.clicked.connect(self._ask_file)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(9, 9, 9, 9)
        layout.setSpacing(6)
        layout.addWidget(heading)
        layout.addWidget(self.table)
        layout.addWidget(self.chart, 1)
        layout.addWidget(buttons)
        self.resize(620, 560)

    def write(self, path: Path) -> None:
        """Write the chart, or for ``.csv`` the table; raises ``file.*``."""
        ending = path.suffix.lower().lstrip(".")
        if ending == "csv":
            write_text_atomically(path, self._csv())
        else:
            write_bytes_atomically(path, self.chart.picture("svg" if ending == "svg" else "png"))

    def _table(self) -> QTableWidget:
        table = QTableWidget(len(self._shares), len(SHARE_DAYS), self)
        table.setObjectName("insarhubShareTable")
        table.setAccessibleName(tr("Usable share in percent, by season and days"))
        table.setHorizontalHeaderLabels([tr("{days} d").format(days=f"{days:g}") for days in SHARE_DAYS])
        table.setVerticalHeaderLabels([season_title(season) for season in self._shares])
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setAlternatingRowColors(True)
        table.setShowGrid(False)
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        table.horizontalHeader().setMinimumSectionSize(30)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for row, shares in enumerate(self._shares.values()):
            for column, share in enumerate(shares):
                item = QTableWidgetItem(_percent(share))
                item.setTextAlignment(int(right))
                table.setItem(row, column, item)
        height = table.horizontalHeader().sizeHint().height() + 2 * table.frameWidth()
        table.setFixedHeight(height + sum(table.rowHeight(row) for row in range(table.rowCount())) + 2)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), table)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(lambda: QApplication.clipboard().setText(self._csv("\t")))
        return table

    def _csv(self, delimiter: str = ",") -> str:
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
        writer.writerow(["season", *(f"{days:g} d" for days in SHARE_DAYS)])
        for season, shares in self._shares.items():
            writer.writerow([season_title(season), *(f"{share:.4f}" for share in shares)])
        return buffer.getvalue()

    def _ask_file(self) -> None:
        start = str(Path.home() / f"usable_share_{self._job_name}.png")
        name, _ = QFileDialog.getSaveFileName(
            self, tr("Export"), start, tr("Chart (*.png *.svg);;Table (*.csv)")
        )
        if not name:
            return
        path = Path(name)
        try:
            self.write(path if path.suffix else path.with_suffix(".png"))
        except InsarError as error:
            self._context.show_error(error)


def _percent(share: float | None) -> str:
    return NO_VALUE if share is None else tr("{share} %").format(share=f"{100 * share:.0f}")
