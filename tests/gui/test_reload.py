# SPDX-License-Identifier: GPL-2.0-or-later
"""A plugin that is loaded again, as after an update: nothing of its former self stays."""

from __future__ import annotations

import gc
import sys
import weakref

import pytest
from qgis import utils
from qgis.PyQt.QtCore import QCoreApplication, QEvent

from insarhub_qgis.gui.dock import PAGES
from insarhub_qgis.gui.network_canvas import NetworkCanvas
from insarhub_qgis.gui.series_chart import SeriesChart


def test_qgis_forgets_the_pages_with_the_plugin(dock, monkeypatch):
    monkeypatch.setattr(utils, "available_plugins", ["insarhub_qgis"])
    noted = {"insarhub_qgis": set()}
    monkeypatch.setattr(utils, "_plugin_modules", noted)
    module = PAGES["search"].split(":")[0]
    monkeypatch.delitem(sys.modules, module, raising=False)
    dock.page("search")
    assert module in noted["insarhub_qgis"]


@pytest.mark.parametrize("base", [NetworkCanvas, SeriesChart])
def test_matplotlib_keeps_no_class_of_a_canvas(qgis_app, base):
    def used_class():
        former = type("Former", (base,), {})
        canvas = former()
        canvas.figure.clear()
        canvas.deleteLater()
        return weakref.ref(former)

    found = used_class()
    QCoreApplication.sendPostedEvents(None, int(QEvent.Type.DeferredDelete))
    gc.collect()
    assert found() is None
