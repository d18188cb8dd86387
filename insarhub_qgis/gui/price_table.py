# SPDX-License-Identifier: GPL-2.0-or-later
"""Prices of job types and looks side by side, what bursts would cost, and why a type is not to be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qgis.PyQt.QtCore import QSize, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.hyp3_options import SPACING_M, Hyp3Options
from insarhub_qgis.gui.hyp3_jobs_table import credits_text
from insarhub_qgis.gui.process_order import ProcessOrder, unavailable_types

TYPE, LOOKS, EACH, NEW = range(4)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_CHOICE = int(Qt.ItemDataRole.UserRole)
_ROW_PADDING_PX = 6


class PriceTable(QTreeWidget):
    """A row per job type and looks; a double click or Enter chooses.

    Signals
    -------
    chosen(str, str)
        Job type and looks.
    """

    chosen = pyqtSignal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubPrices")
        self.setAccessibleName(self.tr("Prices of job types and looks; Enter chooses"))
        self.setToolTip(self.tr("Double-click to choose"))
        self.setHeaderLabels(
            [self.tr("Job Type"), self.tr("Looks"), self.tr("Credits per Pair"), self.tr("All New Pairs")]
        )
        self.setRootIsDecorated(False)
        self.setAlternatingRowColors(True)
        self.setUniformRowHeights(True)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(TYPE, QHeaderView.ResizeMode.Stretch)
        for column in (EACH, NEW):
            self.headerItem().setTextAlignment(column, _RIGHT)
        self.itemActivated.connect(self._choose)

    def show_prices(
        self,
        alternatives: Sequence[Mapping[str, Any]],
        unavailable: Mapping[str, str],
        options: Hyp3Options,
        estimates: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Show prices, those of the chosen job type first.

        Parameters
        ----------
        alternatives
            As `PlanHyp3` gives them; empty before HyP3 was asked.
        unavailable
            Job types that cannot be ordered for the stack, and why.
        estimates
            What such a type would cost with another stack, in rows of the same form; they cannot be chosen.
        """
        self.clear()
        rows = [row for row in alternatives if row["job_type"] not in unavailable]
        rows.sort(
            key=lambda row: (
                row["job_type"] != options.job_type, str(row["job_type"]), float(row.get("credits_each") or 0.0),
            )
        )  # fmt: skip
        for row in rows:
            self._add(row, (row["job_type"], row["looks"]) == (options.job_type, options.looks))
        for row in estimates:
            self._add_estimate(row, unavailable.get(row["job_type"], ""))
        estimated = {row["job_type"] for row in estimates}
        for job_type, reason in unavailable.items():
            if job_type in estimated:
                continue
            text = self.tr("{job_type}: {reason}").format(job_type=job_type, reason=reason)
            item = QTreeWidgetItem(self, [text])
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            item.setToolTip(TYPE, reason)
            item.setFirstColumnSpanned(True)

    def _row(self, texts: Sequence[str]) -> QTreeWidgetItem:
        item = QTreeWidgetItem(self, list(texts))
        item.setSizeHint(TYPE, QSize(0, self.fontMetrics().height() + _ROW_PADDING_PX))
        for column in (EACH, NEW):
            item.setTextAlignment(column, _RIGHT)
        return item

    def _looks_text(self, looks: str) -> str:
        pixel = SPACING_M.get(looks)
        return self.tr("{looks} ({spacing} m)").format(looks=looks, spacing=pixel) if pixel else looks

    def _add_estimate(self, row: Mapping[str, Any], reason: str) -> None:
        about = self.tr("about {credits}")
        item = self._row(
            [
                str(row["job_type"]),
                self._looks_text(str(row["looks"])),
                about.format(credits=credits_text(row["credits_each"])),
                about.format(credits=credits_text(row["credits_new"])),
            ]
        )
        item.setFlags(Qt.ItemFlag.ItemIsEnabled)
        # Themes by style sheet overrule colours of single rows.
        font = item.font(TYPE)
        font.setItalic(True)
        for column in range(self.columnCount()):
            item.setToolTip(column, reason)
            item.setFont(column, font)

    def _add(self, row: Mapping[str, Any], is_chosen: bool) -> None:
        job_type, looks = str(row["job_type"]), str(row["looks"])
        texts = [
            self.tr("{job_type} (chosen)").format(job_type=job_type) if is_chosen else job_type,
            self._looks_text(looks),
            credits_text(row.get("credits_each")),
            credits_text(row.get("credits_new")),
        ]
        item = self._row(texts)
        item.setData(TYPE, _CHOICE, (job_type, looks))
        if is_chosen:
            font = item.font(TYPE)
            font.setBold(True)
            for column in range(len(texts)):
                item.setFont(column, font)

    def _choose(self, item: QTreeWidgetItem, _: int) -> None:
        choice = item.data(TYPE, _CHOICE)
        if choice:
            self.chosen.emit(*choice)


class PriceTab(QWidget):
    """The prices, and below them how bursts of the same area are ordered.

    Signals
    -------
    search_requested
        Bursts of the area are to be searched.
    """

    search_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.prices = PriceTable(self)
        self.burst_hint = QLabel(self)
        self.burst_hint.setObjectName("insarhubBurstHint")
        self.burst_hint.setWordWrap(True)
        self.burst_button = QPushButton(self.tr("Search B&ursts…"), self)
        self.burst_button.setObjectName("insarhubBurstSearch")
        self.burst_button.setAutoDefault(False)
        self.burst_button.clicked.connect(lambda: self.search_requested.emit())
        self.burst_row = QWidget(self)
        row = QHBoxLayout(self.burst_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.burst_hint, 1)
        row.addWidget(self.burst_button, 0, Qt.AlignmentFlag.AlignTop)
        self.burst_row.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 9, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.prices, 1)
        layout.addWidget(self.burst_row)

    def show_order(self, order: ProcessOrder, options: Hyp3Options) -> None:
        """Show what an order costs with other job types and looks."""
        alternatives, estimates = (order.plan or {}).get("alternatives") or (), order.burst_estimates()
        unavailable = unavailable_types(order.facts) if order.facts is not None else {}
        self.prices.show_prices(alternatives, unavailable, options, estimates)
        self.burst_hint.setText(
            self.tr(
                "The area of this job takes {count}, estimated from the footprint of a scene. To order bursts, search the "
                "area again with the product Bursts and add them as a job of their own."
            ).format(count=order.burst_count_text())
        )
        self.burst_row.setVisible(bool(estimates))
