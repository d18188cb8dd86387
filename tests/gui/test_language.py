# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked of Qt's translators is what the collector of texts hands to people who translate."""

from __future__ import annotations

import pytest
from qgis.PyQt.QtCore import QCoreApplication, QTranslator

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.gui.dock import JOB_PAGES, PAGES
from insarhub_qgis.gui.network_texts import pair_tip
from insarhub_qgis.host import messages
from tests.makers.networks import write_network_job
from tools.collect_texts import called_texts, table_texts


class Spy(QTranslator):
    """Keeps what is asked for and translates nothing."""

    def __init__(self):
        super().__init__()
        self.asked = set()

    def isEmpty(self):
        return False

    def translate(self, context, text, *_):
        self.asked.add((context, text))


@pytest.fixture
def spy(qgis_app):
    translator = Spy()
    assert QCoreApplication.installTranslator(translator)
    yield translator
    QCoreApplication.removeTranslator(translator)


def test_every_text_that_is_asked_for_is_collected(spy, dock, job, tmp_path):
    for key in PAGES:
        dock.show_page(key, job if key in JOB_PAGES else None)
    network = load_network(write_network_job(tmp_path / "p44_f117", dates=2)).network
    pair_tip(network, (0, 1), credits=1.0)
    messages.sentence(InsarError("check.unpaired", count=1, dates=["2020-01-08"]))
    collected = {*called_texts(), *table_texts()}
    ours = {context for context, _ in collected}
    asked = {(context, text) for context, text in spy.asked if context in ours and text}
    assert {"SearchPage", "DownloaderPage", "NetworkEditor", "Counts", "Messages"} <= {c for c, _ in asked}
    assert len(asked) > 300
    assert asked - collected == set()
    known = {text for _, text in collected}
    elsewhere = {(c, t) for c, t in spy.asked - asked if t in known and not c.startswith("Q")}
    assert elsewhere == set()
