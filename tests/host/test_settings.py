# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings entries come and go with the plugin; values stay."""

from __future__ import annotations

from qgis.core import QgsSettings, QgsSettingsTree

from insarhub_qgis.host import settings as module
from insarhub_qgis.host.settings import settings, unregister_settings


def registered_keys():
    plugins = QgsSettingsTree.treeRoot().childNode("plugins")
    node = plugins.childNode("insarhub") if plugins is not None else None
    return [] if node is None else sorted(entry.key() for entry in node.childrenSettings())


def test_entries_are_registered_on_use_and_gone_after_unload():
    entries = settings()
    assert settings() is entries
    assert len(registered_keys()) == len(vars(entries))
    unregister_settings()
    assert registered_keys() == []
    unregister_settings()


def test_load_and_unload_many_times():
    for _ in range(20):
        assert settings().max_workers.value() == 2
        unregister_settings()


def test_values_outlive_the_entries():
    settings().memory_gb.setValue(7.5)
    unregister_settings()
    assert settings().memory_gb.value() == 7.5
    assert float(QgsSettings().value(settings().memory_gb.key())) == 7.5


def test_all_entries_are_in_the_group_of_the_plugin():
    for entry in vars(settings()).values():
        assert entry.key().startswith(f"/plugins/{module.GROUP}/")
