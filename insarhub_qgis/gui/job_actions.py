# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be done with a job folder as a whole: rename, reveal, set a damaged file aside, remove to the trash."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import QObject, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QInputDialog, QLineEdit, QMessageBox, QWidget

from insarhub_qgis.core.atomic_files import name_aside
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_folder import JOB_FILE, STACK_FILE, JobFolder, user_file_kind
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

    def ask_new_file(self, folder: Path, file: Path) -> None:
        """Ask, then set a damaged file of the job aside; refused while something runs on it."""
        is_wanted = self._asks(
            folder,
            "insarhubSetAside",
            QMessageBox.Icon.Warning,
            self.tr("Set Damaged File Aside"),
            self.tr("Set {file} aside?").format(file=file.name),
            self.tr("It is kept as {aside} in {folder}, and the next save begins a new file.").format(
                aside=name_aside(file).name, folder=folder
            )
            + " "
            + self._what_is_lost(file),
            self.tr("&Set Aside"),
        )
        if is_wanted:
            self.set_file_aside(folder, file)

    def set_file_aside(self, folder: Path, file: Path) -> None:
        """Set a damaged file aside in a task; one that can be read stays."""
        try:
            self._refuse_running(folder)
        except InsarError as error:
            self._context.show_error(error)
            return

        def tell(aside: Path) -> None:
            self._context.show_success(
                self.tr("{file} is now {aside}.").format(file=file.name, aside=aside.name)
            )
            self._context.job_changed.emit(folder)

        def fail(error: InsarError) -> None:
            self._context.show_error(error)
            self._context.job_changed.emit(folder)

        self._context.read(
            self.tr("Setting {file} aside").format(file=file.name),
            lambda is_cancelled: JobFolder(folder).start_new_file(file),
            tell,
            fail,
        )

    def _what_is_lost(self, file: Path) -> str:
        kind = user_file_kind(file)
        if kind == JOB_FILE:
            return self.tr(
                "The job no longer knows the HyP3 jobs listed in it, though they are paid: their state cannot be read and "
                "their products cannot be downloaded here. Repair the file instead if you can."
            )
        if kind == STACK_FILE:
            return self.tr(
                "The job loses its scenes, pairs, baselines and scores. Search the scenes again, or open the products again. "
                "HyP3 jobs and products stay."
            )
        return self.tr(
            "The job loses its name, area, options and the edits of the network. Scenes, pairs, HyP3 jobs and products stay. "
            "A folder without a stack file leaves the list of jobs."
        )

    def ask_removal(self, folder: Path, name: str) -> None:
        """Ask, then move the job to the trash; refused while something runs on it."""
        is_wanted = self._asks(
            folder,
            "insarhubRemoveJob",
            QMessageBox.Icon.Question,
            self.tr("Remove Job"),
            self.tr("Move the job {name} to the trash?").format(name=name),
            self.tr(
                "{folder} goes to the trash with everything in it: scenes, network, products and results. "
                "Its layers leave the project. You can restore the folder from the trash."
            ).format(folder=folder),
            self.tr("&Move to Trash"),
        )
        if is_wanted:
            self.remove(folder, name)

    def _asks(
        self,
        folder: Path,
        name: str,
        icon: QMessageBox.Icon,
        title: str,
        text: str,
        details: str,
        button: str,
    ) -> bool:
        """Ask before something that cannot be undone with a click; refused while something runs on the job."""
        try:
            self._refuse_running(folder)
        except InsarError as error:
            self._context.show_error(error)
            return False
        box = QMessageBox(self._window)
        box.setObjectName(name)
        box.setIcon(icon)
        box.setWindowTitle(title)
        box.setText(text)
        box.setInformativeText(details)
        wanted = box.addButton(button, QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.exec()
        is_wanted = box.clickedButton() is wanted
        box.deleteLater()
        return bool(is_wanted)

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
