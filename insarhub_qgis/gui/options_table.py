# SPDX-License-Identifier: GPL-2.0-or-later
"""All options of MintPy in an editable table: value, default, help; changed ones marked, invalid ones refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from qgis.gui import QgsFilterLineEdit
from qgis.PyQt.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    pyqtSignal,
)
from qgis.PyQt.QtGui import QFont
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QStyledItemDelegate,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_config import MintpyConfig
from insarhub_qgis.core.mintpy_options import AUTO, OPTIONS, PREFIX, MintpyOption
from insarhub_qgis.host.messages import sentence

OPTION_COLUMN, VALUE_COLUMN = range(2)
VALUE_WIDTH_PX = 132
SEARCH_ROLE = Qt.ItemDataRole.UserRole + 1
CHANGED_ROLE = Qt.ItemDataRole.UserRole + 2


@dataclass(frozen=True)
class _Row:
    key: str
    option: MintpyOption | None


class OptionsModel(QAbstractTableModel):
    """Rows of `MintpyConfig`: every known option, then the unknown keys of the file.

    Signals
    -------
    refused(str)
        Why an edit was not taken.
    edited
        A value changed; the configuration is not written yet.
    """

    refused = pyqtSignal(str)
    edited = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.config = MintpyConfig()
        self._rows: list[_Row] = []

    def show_config(self, config: MintpyConfig) -> None:
        self.beginResetModel()
        self.config = config
        self._rows = [_Row(option.key, option) for option in OPTIONS]
        self._rows += [_Row(key, None) for key in config.unknown_keys()]
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 2

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (self.tr("Option"), self.tr("Value (default)"))[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        is_changed = self._is_changed(row)
        if role == Qt.ItemDataRole.EditRole and index.column() == VALUE_COLUMN:
            return self.config.get(row.key) or AUTO
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self._text(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row)
        if role == Qt.ItemDataRole.FontRole and is_changed and index.column() <= VALUE_COLUMN:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.AccessibleDescriptionRole and is_changed:
            return self.tr("differs from the default")
        if role == SEARCH_ROLE:
            return f"{row.key} {row.option.help if row.option else ''} {self._text(row, VALUE_COLUMN)}"
        if role == CHANGED_ROLE:
            return is_changed or row.option is None
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        row = self._rows[index.row()]
        text = str(value).strip() or AUTO
        if role != Qt.ItemDataRole.EditRole or text == (self.config.get(row.key) or AUTO):
            return False
        try:
            self.config.set(row.key, text)
        except InsarError as error:
            self.refused.emit(sentence(error))
            return False
        self.dataChanged.emit(self.index(index.row(), 0), self.index(index.row(), VALUE_COLUMN))
        self.edited.emit()
        return True

    def set_values(self, values: Mapping[str, str]) -> None:
        for key, value in values.items():
            self.config.set(key, value)
        self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, VALUE_COLUMN))
        self.edited.emit()

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == VALUE_COLUMN else flags

    def option_at(self, row: int) -> MintpyOption | None:
        return self._rows[row].option

    def _is_changed(self, row: _Row) -> bool:
        if row.option is None or self.config.get(row.key) is None:
            return False
        return self.config.effective(row.key) != row.option.effective(AUTO)

    def _text(self, row: _Row, column: int) -> str:
        if column == OPTION_COLUMN:
            return row.key.removeprefix(PREFIX) + (" ●" if self._is_changed(row) else "")
        value = self.config.get(row.key) or AUTO
        if row.option is None or not row.option.default or value == row.option.default:
            return value
        return f"{value} ({row.option.default})"

    def _tip(self, row: _Row) -> str:
        if row.option is None:
            return self.tr("MintPy 1.6.4 has no option of this name. The line is kept as it is.")
        return (
            f"<b>{row.key}</b><p>{escape(row.option.help)}</p><p>"
            + self.tr("Default: {default}").format(default=row.option.default or self.tr("none"))
            + "</p>"
        )


class _ValueDelegate(QStyledItemDelegate):
    """A list of the fixed values where an option has them, still open for others."""

    def createEditor(self, parent: QWidget, option: Any, index: QModelIndex) -> QWidget:
        source = index.model().mapToSource(index)
        known = source.model().option_at(source.row())
        if known is None or not known.choices:
            return super().createEditor(parent, option, index)
        box = QComboBox(parent)
        box.addItems([AUTO, *known.choices])
        box.setEditable(True)
        return box

    def setEditorData(self, editor: QWidget, index: QModelIndex) -> None:
        if isinstance(editor, QComboBox):
            editor.setEditText(str(index.data(Qt.ItemDataRole.EditRole)))
        else:
            super().setEditorData(editor, index)

    def setModelData(self, editor: QWidget, model: Any, index: QModelIndex) -> None:
        if isinstance(editor, QComboBox):
            model.setData(index, editor.currentText(), Qt.ItemDataRole.EditRole)
        else:
            super().setModelData(editor, model, index)


class _Filter(QSortFilterProxyModel):
    """Words that all occur in name, help or value; optionally only changed rows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words: list[str] = []
        self._only_changed = False

    def filter_by(self, text: str, only_changed: bool) -> None:
        self._words, self._only_changed = text.lower().split(), only_changed
        self.invalidateFilter()

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        index = self.sourceModel().index(row, 0, parent)
        if self._only_changed and not index.data(CHANGED_ROLE):
            return False
        text = str(index.data(SEARCH_ROLE)).lower()
        return all(word in text for word in self._words)


class OptionsTable(QWidget):
    """Filter, table and the reason of a refused edit.

    Signals
    -------
    edited
        A valid value was set in `config`.
    suggestion_requested
    """

    edited = pyqtSignal()
    suggestion_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = OptionsModel(self)
        self._filter = _Filter(self)
        self._filter.setSourceModel(self.model)
        self.search = QgsFilterLineEdit(self)
        self.search.setPlaceholderText(self.tr("Filter options…"))
        self.search.setAccessibleName(self.tr("Filter options"))
        self.only_changed = QCheckBox(self.tr("&Changed only"), self)
        self.view = QTableView(self)
        self.view.setObjectName("insarhubMintpyOptions")
        self.view.setAccessibleName(self.tr("Options of MintPy"))
        self.view.setModel(self._filter)
        self.view.setItemDelegateForColumn(VALUE_COLUMN, _ValueDelegate(self.view))
        self.view.setAlternatingRowColors(True)
        self.view.setShowGrid(False)
        self.view.setWordWrap(False)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # The end of a name tells options apart, its group stands above and below as well.
        self.view.setTextElideMode(Qt.TextElideMode.ElideLeft)
        self.view.horizontalHeader().setHighlightSections(False)
        self.view.horizontalHeader().setDefaultAlignment(
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        )
        self.view.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
            | QAbstractItemView.EditTrigger.SelectedClicked
        )
        self.help = QLabel(self)
        self.help.setWordWrap(True)
        self.help.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.help.setTextFormat(Qt.TextFormat.RichText)
        self.help.setMinimumHeight(4 * self.fontMetrics().lineSpacing())
        self.help.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)

        self.suggest = QPushButton(self.tr("Su&ggest Thresholds…"), self)
        self.suggest.setToolTip(
            self.tr(
                "Coherence thresholds that fit this stack, with reasons; nothing changes before you agree"
            )
        )
        self.suggest.clicked.connect(self.suggestion_requested)
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self.search, 1)
        top.addWidget(self.only_changed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.help)
        layout.addWidget(self.suggest, 0, Qt.AlignmentFlag.AlignLeft)

        self.search.textChanged.connect(self._apply_filter)
        self.only_changed.toggled.connect(self._apply_filter)
        self.model.edited.connect(self.edited)
        self.model.edited.connect(lambda: self._show_help(self.view.currentIndex()))
        self.model.refused.connect(self._show_refusal)
        self.view.selectionModel().currentRowChanged.connect(self._show_help)

    @property
    def config(self) -> MintpyConfig:
        return self.model.config

    def show_config(self, config: MintpyConfig) -> None:
        if config.text == self.config.text and config.path == self.config.path:
            return
        self.model.show_config(config)
        header = self.view.horizontalHeader()
        header.setSectionResizeMode(OPTION_COLUMN, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(VALUE_COLUMN, QHeaderView.ResizeMode.Interactive)
        self.view.setColumnWidth(VALUE_COLUMN, VALUE_WIDTH_PX)
        problems = config.problems()
        self.help.setText(
            escape(
                " ".join(
                    sentence(
                        InsarError(
                            row.code,
                            line=row.line,
                            key=row.key,
                            value=row.value,
                            text=row.value,
                            reason=row.reason,
                        )
                    )
                    for row in problems[:2]
                )
            )
        )

    def show_group(self, words: str) -> None:
        """Show the options that hold all these words."""
        self.only_changed.setChecked(False)
        self.search.setText(words)
        self.view.setCurrentIndex(self._filter.index(0, VALUE_COLUMN))

    def set_values(self, values: Mapping[str, str]) -> None:
        """Set several options at once, as edits of the user; raises ``mintpy.option_invalid``."""
        self.model.set_values(values)

    def _apply_filter(self) -> None:
        self._filter.filter_by(self.search.text(), self.only_changed.isChecked())

    def _show_refusal(self, text: str) -> None:
        self.help.setText("⚠ " + escape(text))

    def _show_help(self, current: QModelIndex) -> None:
        if not current.isValid():
            return
        option = self.model.option_at(self._filter.mapToSource(current).row())
        if option is None:
            self.help.setText(self.tr("MintPy 1.6.4 has no option of this name. The line is kept as it is."))
        else:
            step = (
                self.tr("Acts from step {step} on.").format(step=option.first_step)
                if option.first_step
                else ""
            )
            default = self.tr("Default: {default}.").format(default=option.default or self.tr("none"))
            self.help.setText(f"<b>{option.key}</b><br>{escape(f'{option.help} {default} {step}')}")
