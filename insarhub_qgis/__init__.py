# SPDX-License-Identifier: GPL-2.0-or-later
"""InSARHub for QGIS: from an area of interest to a displacement map without leaving QGIS."""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:
    """Give QGIS the plugin; imported here so that the engine can use the package without QGIS."""
    from insarhub_qgis.plugin import InsarHubPlugin

    return InsarHubPlugin(iface)
