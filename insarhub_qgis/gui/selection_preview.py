# SPDX-License-Identifier: GPL-2.0-or-later
"""What the parameters would select: worked out in a worker thread, counted beside the fields, ready to be applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from qgis.PyQt.QtCore import QObject

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.pair_selection import Selection, select_pairs
from insarhub_qgis.core.processed_pairs import prices_for
from insarhub_qgis.core.progress import IsCancelled
from insarhub_qgis.core.selection_parameters import SelectionParameters
from insarhub_qgis.gui.network_session import NetworkSession
from insarhub_qgis.gui.network_texts import selection_lines
from insarhub_qgis.gui.newest_read import NewestRead
from insarhub_qgis.gui.parameters_panel import ParametersPanel
from insarhub_qgis.host.messages import sentence

if TYPE_CHECKING:
    from insarhub_qgis.gui.page_context import PageContext


class SelectionPreview(QObject):
    """Joins the fields of the parameters with the session that is shown.

    Attributes
    ----------
    selection
        What the fields of now would select; None while that is worked out, or when they are wrong.
    """

    def __init__(self, context: PageContext, panel: ParametersPanel, parent: QObject) -> None:
        super().__init__(parent)
        self.selection: Optional[Selection] = None
        self._panel = panel
        self._session: Optional[NetworkSession] = None
        self._reading = NewestRead(context)
        panel.changed.connect(self.forget)
        panel.preview_requested.connect(self._select)

    def use(self, session: NetworkSession | None) -> None:
        """Show another stack, or none."""
        self._session = session
        self._reading.cancel()
        self.selection = None

    def forget(self) -> None:
        """What was selected does not belong to the fields or the pairs any more."""
        self._reading.cancel()
        self.selection = None
        self._panel.show_preview(self.tr("Selecting…"), can_apply=False)

    def _select(self, parameters: SelectionParameters) -> None:
        session = self._session
        if session is None:
            self._panel.show_preview("", can_apply=False)
            return
        self.forget()
        network, job = session.network, session.opened.job
        keep_manual = self._panel.keep_manual.isChecked()
        # Taken here: the network may be edited while the worker selects.
        nodes, keep, avoid = network.nodes, network.manual_keys(), network.removed_keys()

        def select(is_cancelled: IsCancelled) -> Selection:
            return select_pairs(
                nodes, network.baselines, network.scores, parameters,
                coherences=network.coherences, facts=network.facts, prices=prices_for(job, parameters),
                keep=keep if keep_manual else (), avoid=avoid if keep_manual else (),
                is_cancelled=is_cancelled,
            )  # fmt: skip

        def show(selection: Selection) -> None:
            self.selection = selection
            self._panel.show_preview("\n".join(selection_lines(network, selection)), can_apply=True)

        def fail(error: InsarError) -> None:
            self._panel.show_preview(sentence(error), can_apply=False)

        self._reading.start(self.tr("Selecting pairs"), select, show, fail)
