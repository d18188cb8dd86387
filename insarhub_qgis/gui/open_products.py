# SPDX-License-Identifier: GPL-2.0-or-later
"""From a folder of HyP3 zips to an open job: ask, run, show the job and say what was left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.requests import OpenProducts
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.host import log, messages
from insarhub_qgis.host.engine_environment import engine_python
from insarhub_qgis.host.settings import settings

DIALOG_WIDTH_PX = 520


def count_zips(folder: Path) -> int:
    """Number of zips directly in a folder; 0 when it cannot be listed."""
    try:
        return sum(path.suffix.lower() == ".zip" for path in folder.iterdir())
    except OSError:
        return 0


def default_job_folder(products_folder: Path) -> Path | None:
    """Where the job of a products folder goes: a folder of its name in the work directory.

    A products folder that lies in the work directory already is the job folder itself; without a work
    directory there is no default.
    """
    directory = settings().work_directory.value()
    if not directory:
        return None
    if products_folder.parent == Path(directory):
        return products_folder
    # "hyp3" or "products" says nothing in a list of jobs; the folder above usually has the name.
    generic = ("hyp3", "products", "zips", "data", "downloads")
    is_generic = products_folder.name.lower() in generic and products_folder.parent.name
    return Path(directory) / (products_folder.parent.name if is_generic else products_folder.name)


def is_free_for_job(folder: Path) -> bool:
    """True for a folder that does not exist, is empty, or is a job folder already."""
    if not folder.exists():
        return True
    try:
        return JobFolder(folder).is_job_folder() or not any(folder.iterdir())
    except OSError:
        return False


class OpenProductsDialog(QDialog):
    """Asks for the folder of products and the job folder."""

    def __init__(self, parent: QWidget | None, products_folder: Path | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubOpenProductsDialog")
        self.setWindowTitle(self.tr("Open Products"))
        self.products = self._folder_widget("insarhubProductsFolder", self.tr("Folder of HyP3 Products"))
        self.job = self._folder_widget("insarhubJobFolder", self.tr("Job Folder"))
        self._suggested = ""
        self.state = QLabel(self)
        self.state.setObjectName("insarhubProductsFound")
        self.state.setWordWrap(True)
        intro = QLabel(
            self.tr(
                "The interferograms in the zips become a job. The zips stay where they are; nothing is copied."
            ),
            self,
        )
        intro.setWordWrap(True)
        form = QFormLayout()
        form.setSpacing(6)
        form.addRow(self.tr("&Products"), self.products)
        form.addRow(self.tr("&Job folder"), self.job)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel, self
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(9)
        layout.addWidget(intro)
        layout.addLayout(form)
        layout.addWidget(self.state)
        layout.addStretch(1)
        layout.addWidget(self.buttons)
        self.products.fileChanged.connect(self._on_products_changed)
        self.job.fileChanged.connect(self._show_state)
        if products_folder is not None:
            self.products.setFilePath(str(products_folder))
        self._show_state()
        self.resize(DIALOG_WIDTH_PX, self.sizeHint().height())

    def _folder_widget(self, name: str, title: str) -> QgsFileWidget:
        widget = QgsFileWidget(self)
        widget.setObjectName(name)
        widget.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        widget.setDialogTitle(title)
        return widget

    def request(self) -> OpenProducts:
        """What the fields say."""
        return OpenProducts(self.products.filePath().strip(), self.job.filePath().strip())

    def _on_products_changed(self) -> None:
        folder = default_job_folder(Path(self.products.filePath().strip()))
        # A job folder that the user typed stays.
        if folder is not None and self.job.filePath() in ("", self._suggested):
            self._suggested = str(folder)
            self.job.setFilePath(self._suggested)
        self._show_state()

    def _show_state(self) -> None:
        products, job = self.products.filePath().strip(), self.job.filePath().strip()
        count = count_zips(Path(products)) if products else 0
        is_ready = False
        if not products:
            text = self.tr("Choose the folder that holds the zips.")
        elif not Path(products).is_dir():
            text = self.tr("This folder does not exist.")
        elif not count:
            text = self.tr("There is no zip in this folder.")
        elif not job:
            text = self.tr("Zips found: {count}. Choose where the job goes.").format(count=count)
        elif Path(job) != Path(products) and not is_free_for_job(Path(job)):
            text = self.tr(
                "Zips found: {count}. The job folder holds other files; they stay as they are."
            ).format(count=count)
            is_ready = True
        else:
            text = self.tr("Zips found: {count}.").format(count=count)
            is_ready = True
        self.state.setText(text)
        self.buttons.button(QDialogButtonBox.StandardButton.Open).setEnabled(is_ready)


class OpenProductsFlow(QObject):
    """One opening, from the folder to ``on_opened(job_folder)``."""

    def __init__(self, context: PageContext, parent: QWidget, on_opened: Callable[[Path], None]) -> None:
        super().__init__(parent)
        self._context = context
        self._on_opened = on_opened

    def ask(self, products_folder: Path | None = None) -> None:
        """Show the dialog, then open."""
        if not self._has_engine():
            return
        dialog = OpenProductsDialog(self._context.iface.mainWindow(), products_folder)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            request = dialog.request()
            if not settings().work_directory.value():
                # The first job shows where the user keeps jobs.
                settings().work_directory.setValue(str(Path(request.job_folder).parent))
                self._context.work_directory_changed.emit()
            self._run(request)
        dialog.deleteLater()

    def open_dropped(self, folder: Path) -> None:
        """Open a dropped folder: a job folder at once, products with the default job folder, else ask."""
        if JobFolder(folder).is_job_folder():
            self._on_opened(folder)
            return
        if not count_zips(folder):
            self._context.show_error(InsarError("folder.no_products", folder=str(folder)))
            return
        job_folder = default_job_folder(folder)
        if job_folder is None or (job_folder != folder and not is_free_for_job(job_folder)):
            self.ask(folder)
        elif self._has_engine():
            self._run(OpenProducts(str(folder), str(job_folder)))

    def _has_engine(self) -> bool:
        if engine_python() is not None:
            return True
        self._context.show_error(InsarError("engine.not_set_up", command=OpenProducts.command))
        return False

    def _run(self, request: OpenProducts) -> None:
        self._context.start(
            request,
            self.tr("Open {folder}").format(folder=Path(request.products_folder).name),
            self._on_success,
            job_folder=Path(request.job_folder),
        )

    def _on_success(self, result: dict[str, Any]) -> None:
        excluded = [
            f"{Path(row['file']).name}: {messages.sentence(InsarError.from_json(row))}"
            for row in result["excluded"]
        ]
        for line in excluded:
            log.warning(line)
        text = self.tr("Pairs opened: {count}.").format(count=result["pair_count"])
        if excluded:
            text += " " + self.tr("Zips left out: {count}.").format(count=len(excluded))
            self._context.show_warning(text, "\n".join(excluded))
        else:
            self._context.show_success(text)
        self._on_opened(Path(result["job_folder"]))
        self.deleteLater()
