# SPDX-License-Identifier: GPL-2.0-or-later
"""Put the staged plugin into a QGIS profile, enable it and set its engine environment.

Runs under the Python that PyQGIS belongs to. Start QGIS anew afterwards.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

import qgis_session
from qgis.PyQt.QtCore import QSettings

PACKAGE = "insarhub_qgis"


def profiles_folder() -> Path:
    """Where this account's QGIS keeps its profiles."""
    custom = os.environ.get("QGIS_CUSTOM_CONFIG_PATH")
    if custom:
        return Path(custom) / "profiles"
    if sys.platform == "win32":
        return Path(os.environ["APPDATA"]) / "QGIS" / "QGIS3" / "profiles"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "QGIS" / "QGIS3" / "profiles"
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "QGIS" / "QGIS3" / "profiles"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="default")
    arguments = parser.parse_args()
    profile = profiles_folder() / arguments.profile
    target = profile / "python" / "plugins" / PACKAGE
    replacement = target.with_name(f".{PACKAGE}.new")
    shutil.rmtree(replacement, ignore_errors=True)
    shutil.copytree(qgis_session.STAGE / PACKAGE, replacement, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(target, ignore_errors=True)
    replacement.rename(target)

    sys.path.insert(0, str(qgis_session.ROOT))
    from insarhub_qgis.host.settings import settings as plugin_settings

    engine_key = plugin_settings().engine_python.key()
    settings = QSettings(str(profile / "QGIS" / "QGIS3.ini"), QSettings.Format.IniFormat)
    settings.setValue(f"PythonPlugins/{PACKAGE}", True)
    settings.setValue("PythonPlugins/processing", True)
    settings.setValue(engine_key, str(qgis_session.ENGINE_PYTHON))
    settings.sync()
    if settings.status() != QSettings.Status.NoError:
        raise SystemExit(f"{settings.fileName()} could not be written: is QGIS running, or the disk full?")
    print(f"installed in {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
