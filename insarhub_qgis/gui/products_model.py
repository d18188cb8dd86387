# SPDX-License-Identifier: GPL-2.0-or-later
"""The products of a job as a tree: pair, then its rasters; primary kinds first, the others under More."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qgis.PyQt.QtCore import QSortFilterProxyModel, Qt
from qgis.PyQt.QtGui import QStandardItem, QStandardItemModel
from qgis.PyQt.QtWidgets import QWidget

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.product_archive import ProductArchive, find_product_archives
from insarhub_qgis.core.product_kinds import PRODUCT_KINDS
from insarhub_qgis.core.progress import IsCancelled, stop_if_cancelled

ARCHIVE_ROLE = int(Qt.ItemDataRole.UserRole) + 1
KIND_ROLE = ARCHIVE_ROLE + 1
SEARCH_ROLE = ARCHIVE_ROLE + 2
SORT_ROLE = ARCHIVE_ROLE + 3

PAIR_COLUMN, DAYS_COLUMN, BASELINE_COLUMN = 0, 1, 2
UNKNOWN = "–"


@dataclass(frozen=True)
class JobProducts:
    """Products of a job folder as read.

    Attributes
    ----------
    baselines_m
        Product name -> perpendicular baseline in metres, None when unknown.
    problems
        Zips that cannot be used, and why.
    """

    job_name: str
    archives: tuple[ProductArchive, ...]
    baselines_m: dict[str, float | None] = field(default_factory=dict)
    problems: tuple[tuple[Path, InsarError], ...] = ()


def read_products(job_folder: Path, is_cancelled: IsCancelled) -> JobProducts:
    """Read the directories of the zips and their baselines; no raster is opened. Runs in a worker thread."""
    folder = JobFolder(job_folder)
    archives, problems = find_product_archives(folder.product_folders())
    baselines: dict[str, float | None] = {}
    for archive in archives:
        stop_if_cancelled(is_cancelled)
        try:
            baselines[archive.product.name] = archive.read_metadata().perpendicular_baseline_m
        except InsarError as error:
            baselines[archive.product.name] = None
            problems.append((archive.path, error))
    return JobProducts(folder.name, tuple(archives), baselines, tuple(problems))


def pair_text(archive: ProductArchive) -> str:
    """The pair as in tables: ISO dates."""
    return f"{archive.product.reference_date.isoformat()} → {archive.product.secondary_date.isoformat()}"


class ProductsModel(QStandardItemModel):
    """Rows are shown ticked while their layer is in the project; `show_loaded` sets that."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._leaves: dict[str, QStandardItem] = {}
        self._set_headers()

    def _set_headers(self) -> None:
        self.setHorizontalHeaderLabels([self.tr("Pair"), self.tr("Days"), self.tr("B⊥ [m]")])
        self.horizontalHeaderItem(DAYS_COLUMN).setToolTip(self.tr("Temporal baseline in days"))
        self.horizontalHeaderItem(BASELINE_COLUMN).setToolTip(
            self.tr("Perpendicular baseline in metres; {sign} where the product does not tell it").format(
                sign=UNKNOWN
            )
        )
        for column in (DAYS_COLUMN, BASELINE_COLUMN):
            self.horizontalHeaderItem(column).setTextAlignment(
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            )

    def show_products(self, products: JobProducts) -> None:
        """Build the tree anew."""
        self.clear()
        self._set_headers()
        self._leaves = {}
        counts: dict[str, int] = {}
        for archive in products.archives:
            counts[archive.product.pair_id] = counts.get(archive.product.pair_id, 0) + 1
        for archive in products.archives:
            is_double = counts[archive.product.pair_id] > 1
            self.appendRow(self._pair_row(archive, products.baselines_m.get(archive.product.name), is_double))

    def show_loaded(self, sources: set[str]) -> None:
        """Tick the rasters whose GDAL path is one of ``sources``, untick the others."""
        for source, item in self._leaves.items():
            state = Qt.CheckState.Checked if source in sources else Qt.CheckState.Unchecked
            if item.checkState() != state:
                item.setCheckState(state)
        for row in range(self.rowCount()):
            pair = self.item(row)
            is_any = any(leaf.checkState() == Qt.CheckState.Checked for leaf in leaves_below(pair))
            font = pair.font()
            if font.bold() != is_any:
                font.setBold(is_any)
                pair.setFont(font)

    def loaded_count(self) -> int:
        return sum(item.checkState() == Qt.CheckState.Checked for item in self._leaves.values())

    def _pair_row(
        self, archive: ProductArchive, baseline_m: float | None, is_double: bool
    ) -> list[QStandardItem]:
        product = archive.product
        text = pair_text(archive)
        # Two products of one pair differ by their id only.
        pair = QStandardItem(f"{text}  {product.unique_id}" if is_double else text)
        pair.setToolTip(f"{product.name}\n{archive.path}")
        pair.setEditable(False)
        pair.setData(text, SORT_ROLE)
        days = (product.secondary_date - product.reference_date).days
        cells = [pair, _number_cell(str(days), days)]
        if baseline_m is None:
            cell = _number_cell(UNKNOWN, float("-inf"))
            cell.setToolTip(self.tr("Unknown: the product does not tell its perpendicular baseline."))
            cells.append(cell)
        else:
            cells.append(_number_cell(f"{baseline_m:.0f}".replace("-", "−"), baseline_m))
        more: list[QStandardItem] = []
        for rank, kind in enumerate(PRODUCT_KINDS):
            if kind.key not in archive.members:
                continue
            leaf = self._leaf(archive, kind.key, rank)
            if kind.is_primary:
                pair.appendRow(leaf)
            else:
                more.append(leaf)
        if more:
            group = QStandardItem(self.tr("More"))
            group.setEditable(False)
            group.setData("~", SORT_ROLE)
            pair.appendRow(group)
            for leaf in more:
                group.appendRow(leaf)
        return cells

    def _leaf(self, archive: ProductArchive, kind_key: str, rank: int) -> QStandardItem:
        kind = next(kind for kind in PRODUCT_KINDS if kind.key == kind_key)
        bracket = ", ".join(part for part in (kind.unit, kind.sign) if part)
        leaf = QStandardItem(kind.quantity + (f" [{bracket}]" if bracket else ""))
        leaf.setEditable(False)
        leaf.setCheckState(Qt.CheckState.Unchecked)
        # The tick follows the project; the page toggles on a click anywhere in the row.
        leaf.setFlags(leaf.flags() & ~Qt.ItemFlag.ItemIsUserCheckable)
        leaf.setData(archive, ARCHIVE_ROLE)
        leaf.setData(kind_key, KIND_ROLE)
        leaf.setData(f"{rank:02d}", SORT_ROLE)
        leaf.setData(
            f"{pair_text(archive)} {archive.product.name} {kind.quantity} {kind.key}".lower(), SEARCH_ROLE
        )
        leaf.setToolTip(f"{leaf.text()}\n{archive.members[kind_key]}")
        self._leaves[archive.gdal_path(kind_key)] = leaf
        return leaf


class ProductsFilter(QSortFilterProxyModel):
    """Shows the rasters that match every word of the filter, with the pairs above them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words: tuple[str, ...] = ()
        self.setRecursiveFilteringEnabled(True)
        self.setSortRole(SORT_ROLE)

    def set_text(self, text: str) -> None:
        self._words = tuple(text.lower().split())
        self.invalidateFilter()

    def filterAcceptsRow(self, row: int, parent) -> bool:  # noqa: ANN001 - QModelIndex of Qt
        if not self._words:
            return True
        text = self.sourceModel().index(row, 0, parent).data(SEARCH_ROLE)
        return bool(text) and all(word in text for word in self._words)

    def lessThan(self, left, right) -> bool:  # noqa: ANN001 - QModelIndex of Qt
        # Only pairs are sorted by a column; the rasters of a pair keep the order of their kinds.
        if left.parent().isValid():
            is_before = left.data(SORT_ROLE) < right.data(SORT_ROLE)
            return is_before if self.sortOrder() == Qt.SortOrder.AscendingOrder else not is_before
        return left.data(SORT_ROLE) < right.data(SORT_ROLE)


def leaves_below(item: QStandardItem) -> Iterator[QStandardItem]:
    """The rasters below a pair or a More row."""
    for row in range(item.rowCount()):
        child = item.child(row)
        if child.data(KIND_ROLE):
            yield child
        else:
            yield from leaves_below(child)


def archives_by_kind(archives: Sequence[ProductArchive]) -> dict[str, int]:
    """Kind key -> how many of the products hold it, in the order of View Data."""
    return {
        kind.key: count
        for kind in PRODUCT_KINDS
        if (count := sum(kind.key in archive.members for archive in archives))
    }


def _number_cell(text: str, value: float) -> QStandardItem:
    cell = QStandardItem(text)
    cell.setEditable(False)
    cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    cell.setData(float(value), SORT_ROLE)
    return cell
