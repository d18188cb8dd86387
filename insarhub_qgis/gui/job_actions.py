# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be done with a job folder as a whole: rename, reveal, remove to the trash."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import QObject, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QInputDialog, QLineEdit, QMessageBox, QWidget

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.host.job_files import move_job_to_trash, refuse_busy_job, rename_job
from insarhub_qgis.layers.layer_tree import remove_job_group, rename_job_group


class JobActions(QObject):
    """The actions of the job list; each asks, acts, and lets the pages read again."""

    def __init__(self, context: PageContext, window: QWidget) -> None:
        super().__init__(window)
        self._context = context
        self._window = window

    def ask_name(self, folder: Path, present: str) -> None:
        """Ask for another name and set it."""
        text, is_given = QInputDialog.getText(
            self._window,
            self.tr("Rename Job"),
            self.tr("Name in lists. The folder {folder} keeps its own name.").format(folder=folder.name),
            QLineEdit.EchoMode.Normal,
            present,
        )
        if is_given and text.strip() != present:
            self.rename(folder, text)

    def rename(self, folder: Path, name: str) -> None:
        """Give the job another name, and its group of layers too."""
        try:
            rename_job(folder, name)
        except InsarError as error:
            self._context.show_error(error)
            return
        rename_job_group(self._context.project(), folder, name.strip() or folder.name)
        self._context.job_changed.emit(folder)

    def reveal(self, folder: Path) -> None:
        """Open the folder in the file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def ask_removal(self, folder: Path, name: str) -> None:
        """Ask, then move the job to the trash; refused while something runs on it."""
        try:
            self._refuse_running(folder)
        except InsarError as error:
            self._context.show_error(error)
            return
        box = QMessageBox(self._window)
        box.setObjectName("insarhubRemoveJob")
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("Remove Job"))
        box.setText(self.tr("Move the job {name} to the trash?").format(name=name))
        box.setInformativeText(
            self.tr(
                "{folder} goes to the trash with everything in it: scenes, network, products and results. "
                "Its layers leave the project. You can restore the folder from the trash."
            ).format(folder=folder)
        )
        remove = box.addButton(self.tr("&Move to Trash"), QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(keep)
        box.exec()
        is_wanted = box.clickedButton() is remove
        box.deleteLater()
        if is_wanted:
            self.remove(folder, name)

    def remove(self, folder: Path, name: str) -> None:
        """Move the job to the trash and its layers out of the project."""
        try:
            self._refuse_running(folder)
            move_job_to_trash(folder)
        except InsarError as error:
            self._context.show_error(error)
            return
        remove_job_group(self._context.project(), folder)
        self._context.show_success(self.tr("{name} is in the trash.").format(name=name))
        self._context.job_changed.emit(folder)

    def _refuse_running(self, folder: Path) -> None:
        for run in self._context.runs:
            if run.job_folder is not None and (run.job_folder == folder or folder in run.job_folder.parents):
                raise InsarError("job.is_busy", folder=str(folder), owner=run.title, host="QGIS")
        refuse_busy_job(folder)
