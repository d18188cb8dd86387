# SPDX-License-Identifier: GPL-2.0-or-later
"""All settings of the plugin as typed entries, group ``insarhub`` of QGIS's settings tree.

`settings` registers the entries on first use; `unregister_settings` takes them out of the tree on unload.
Values stay in the user's profile either way.
"""

from __future__ import annotations

from typing import Optional

from qgis.core import (
    QgsSettingsEntryBool,
    QgsSettingsEntryDouble,
    QgsSettingsEntryInteger,
    QgsSettingsEntryString,
    QgsSettingsTree,
)

GROUP = "insarhub"


class Settings:
    """The entries, each with ``value()`` and ``setValue()``.

    Attributes
    ----------
    engine_python
        Path of the engine's Python; empty: the environment that Set-up makes in the profile.
    work_directory
        Folder with the job folders; empty: not chosen yet.
    max_workers
        Processes that one piece of work may use.
    memory_gb
        Memory limit that MintPy is told, in GB.
    use_sandbox, sandbox_url
        Whether the sandbox answers for all services, and its address.
    earthdata_account
        Id of the authentication configuration of the Earthdata account that is usually signed in; empty: none chosen.
    quality_sources
        Services that may be asked for the quality of pairs, with commas between them.
    quality_preset
        Preset of the weights of jobs that have none of their own.
    is_tour_shown
        The three-step tour was offered once.
    last_page, last_job
        Job page of the dock that was open last, and its job folder; both empty when it was no job page.
    """

    def __init__(self) -> None:
        node = QgsSettingsTree.createPluginTreeNode(GROUP)
        self.engine_python = QgsSettingsEntryString("engine-python", node, "", "Python of the engine")
        self.work_directory = QgsSettingsEntryString(
            "work-directory", node, "", "Folder with the job folders"
        )
        self.max_workers = QgsSettingsEntryInteger("max-workers", node, 2, "Processes per piece of work")
        self.memory_gb = QgsSettingsEntryDouble("memory-gb", node, 4.0, "Memory limit of an analysis in GB")
        self.use_sandbox = QgsSettingsEntryBool("use-sandbox", node, False, "The sandbox answers")
        self.sandbox_url = QgsSettingsEntryString(
            "sandbox-url", node, "http://127.0.0.1:8090", "Address of the sandbox"
        )
        self.earthdata_account = QgsSettingsEntryString(
            "earthdata-account", node, "", "Authentication configuration of the usual Earthdata account"
        )
        self.quality_sources = QgsSettingsEntryString(
            "quality-sources", node, "weather,landcover,vegetation", "Services asked for the quality of pairs"
        )
        self.quality_preset = QgsSettingsEntryString(
            "quality-preset", node, "standard", "Weights of the quality of pairs"
        )
        self.is_tour_shown = QgsSettingsEntryBool("is-tour-shown", node, False, "The tour was offered")
        self.last_page = QgsSettingsEntryString("last-page", node, "", "Job page that was open last")
        self.last_job = QgsSettingsEntryString("last-job", node, "", "Job folder that was open last")


_settings: Optional[Settings] = None


def settings() -> Settings:
    """The registered entries."""
    global _settings
    if _settings is None:
        _settings = Settings()
    return _settings


def unregister_settings() -> None:
    """Take the entries out of QGIS's settings tree; the next `settings` registers them again."""
    global _settings
    if _settings is not None:
        _settings = None
        QgsSettingsTree.unregisterPluginTreeNode(GROUP)
