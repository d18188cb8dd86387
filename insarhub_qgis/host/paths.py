# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things of the plugin are: its package, its version, its private folder in the profile, its icons."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication

from insarhub_qgis.core import installation

#: Version of the code that runs in this QGIS, read once: after an update on disk it differs from the file.
PLUGIN_VERSION = installation.plugin_version()


def plugin_version() -> str:
    """Version of the plugin as loaded."""
    return PLUGIN_VERSION


def package_folder() -> Path:
    """Folder of the package, with icons/, help/, i18n/ and styles."""
    return installation.PACKAGE_FOLDER


def private_folder() -> Path:
    """The plugin's own folder in the user's profile; it is not created here."""
    return Path(QgsApplication.qgisSettingsDirPath()) / "insarhub_qgis"


def icon_path(name: str) -> Path:
    """File of an icon by its name without ending; raises FileNotFoundError for a name that does not ship."""
    path = package_folder() / "icons" / f"{name}.svg"
    if not path.is_file():
        raise FileNotFoundError(path)
    return path
