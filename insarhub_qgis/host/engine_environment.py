# SPDX-License-Identifier: GPL-2.0-or-later
"""Which Python runs the engine, what state its environment is in, and what it is started with.

Nothing here starts a process or touches the network: the state comes from files alone.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path
from typing import Optional

from qgis.core import QgsNetworkAccessManager
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtNetwork import QNetworkProxy, QNetworkProxyFactory, QNetworkProxyQuery

from insarhub_qgis.core import installation
from insarhub_qgis.host.paths import private_folder
from insarhub_qgis.host.settings import settings

#: Names the engine's Python for this process and what it starts, before any setting.
OVERRIDE_VARIABLE = "INSARHUB_ENGINE_PYTHON"

#: Variables by which QGIS (or its start script) finds its own libraries; they break any other Python.
_QGIS_VARIABLES = {
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
    "GDAL_PYTHON_DRIVER_PATH",
    "GISBASE",
    "GI_TYPELIB_PATH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "OGR_DRIVER_PATH",
    "OSG_PATH",
    "PDAL_DRIVER_PATH",
    "PROJ_DATA",
    "PROJ_LIB",
    "QML2_IMPORT_PATH",
    "QML_IMPORT_PATH",
    "SPATIALITE_SECURITY",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
    OVERRIDE_VARIABLE,
}
_QGIS_PREFIXES = ("DYLD_", "PYTHON", "QGIS_", "QT_")


class EngineState(Enum):
    """What the files say about the engine environment."""

    READY = "ready"  # made by Set-up, with the packages that this plugin wants
    CHOSEN = "chosen"  # somebody else's Python: only a check can tell
    OUTDATED = "outdated"  # made by Set-up of another version of the plugin, with other packages
    UNFINISHED = "unfinished"  # Set-up was interrupted
    MISSING = "missing"  # none, or its Python is gone


@dataclass(frozen=True)
class EngineEnvironment:
    """State of the engine environment; ``python`` is None where none was ever chosen or made."""

    state: EngineState
    python: Optional[Path]


def default_environment_folder() -> Path:
    """Where Set-up makes the environment."""
    return private_folder() / "engine"


def engine_python() -> Optional[Path]:
    """Python of the engine: environment variable, else setting, else what Set-up made, else None."""
    for chosen in (os.environ.get(OVERRIDE_VARIABLE), settings().engine_python.value()):
        if chosen:
            return Path(chosen)
    folder = default_environment_folder()
    python = installation.environment_python(folder)
    # An environment that Set-up did not finish is no engine yet.
    is_complete = installation.read_environment_marker(folder) is not None
    return python if is_complete and python.is_file() else None


def engine_environment() -> EngineEnvironment:
    """Look at the files of the engine environment; takes milliseconds."""
    python = engine_python()
    if python is None:
        folder = default_environment_folder()
        is_begun = (folder / installation.UNFINISHED_MARKER_NAME).is_file()
        return EngineEnvironment(EngineState.UNFINISHED if is_begun else EngineState.MISSING, None)
    if not python.is_file():
        return EngineEnvironment(EngineState.MISSING, python)
    marker = installation.read_environment_marker(python.parent.parent)
    if marker is None:
        return EngineEnvironment(EngineState.CHOSEN, python)
    wanted = installation.wanted_environment().pins
    has_wanted = all((marker.get("packages") or {}).get(name) == pin for name, pin in wanted.items())
    return EngineEnvironment(EngineState.READY if has_wanted else EngineState.OUTDATED, python)


def base_python_candidates() -> list[Path]:
    """Pythons from which the environment may be made, best first: QGIS's own, because it brings osgeo.

    On Windows and macOS ``sys.executable`` is QGIS itself, so its Python is looked for beside it.
    """
    names = (
        f"python{sys.version_info.major}.{sys.version_info.minor}",
        f"python{sys.version_info.major}",
        "python",
    )
    suffix = ".exe" if os.name == "nt" else ""
    folders = [
        Path(sys.base_exec_prefix) / ("" if os.name == "nt" else "bin"),
        Path(sys.exec_prefix) / ("" if os.name == "nt" else "bin"),
        Path(sys.executable).parent,
        Path(sys.executable).parent / "bin",
    ]
    found = [folder / f"{name}{suffix}" for folder in folders for name in names]
    found += [Path(path) for path in (shutil.which("python3"), shutil.which("python")) if path]
    executables = [path for path in found if path.is_file() and os.access(path, os.X_OK)]
    by_target: dict[Path, Path] = {}
    for path in executables:
        by_target.setdefault(path.resolve(), path)
    return list(by_target.values())


def engine_variables(variables: Mapping[str, str], python: Path) -> dict[str, str]:
    """Environment for the engine process from that of QGIS: nothing that leads to QGIS's libraries.

    ``python``'s own folders come first on PATH, as in an activated environment.
    """
    kept = {
        name: value
        for name, value in variables.items()
        if name.upper() not in _QGIS_VARIABLES and not name.upper().startswith(_QGIS_PREFIXES)
    }
    folders = [python.parent]
    if os.name == "nt":
        folders += [python.parent / "Library" / "bin", python.parent / "Scripts"]
    path_name = next((name for name in kept if name.upper() == "PATH"), "PATH")
    kept[path_name] = os.pathsep.join([*(str(folder) for folder in folders), kept.get(path_name, os.defpath)])
    kept["MPLBACKEND"] = "Agg"
    # Without locks nothing could tell a file that MintPy is writing; disks that know none are read as they are.
    kept["HDF5_USE_FILE_LOCKING"] = "BEST_EFFORT"
    kept["PYTHONNOUSERSITE"] = "1"
    kept["PYTHONUNBUFFERED"] = "1"
    kept["PYTHONUTF8"] = "1"
    return kept


def proxy_variables() -> dict[str, str]:
    """Proxy of QGIS as ``http_proxy``, ``https_proxy`` and ``no_proxy``; empty where QGIS uses none.

    The values may hold the account of the proxy, so they go to the engine on stdin.
    """
    access = QgsNetworkAccessManager.instance()
    proxy = access.fallbackProxy()
    if proxy.type() == QNetworkProxy.ProxyType.DefaultProxy or access.useSystemProxy():
        query = QNetworkProxyQuery(QUrl("https://hyp3-api.asf.alaska.edu"))
        proxy = next(iter(QNetworkProxyFactory.systemProxyForQuery(query)), QNetworkProxy())
    schemes = {
        QNetworkProxy.ProxyType.HttpProxy: "http",
        QNetworkProxy.ProxyType.HttpCachingProxy: "http",
        QNetworkProxy.ProxyType.Socks5Proxy: "socks5h",
    }
    scheme = schemes.get(proxy.type())
    if scheme is None or not proxy.hostName():
        return {}
    address = QUrl()
    address.setScheme(scheme)
    address.setHost(proxy.hostName())
    if proxy.port():
        address.setPort(proxy.port())
    if proxy.user():
        address.setUserName(proxy.user(), QUrl.ParsingMode.DecodedMode)
        address.setPassword(proxy.password(), QUrl.ParsingMode.DecodedMode)
    url = address.toString(QUrl.ComponentFormattingOption.FullyEncoded)
    # Both spellings: programs differ in which one they prefer.
    variables = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), url)
    excluded = [*access.excludeList(), *access.noProxyList(), "localhost", "127.0.0.1"]
    hosts = ",".join(dict.fromkeys(QUrl.fromUserInput(entry).host() or entry for entry in excluded if entry))
    return {**variables, "no_proxy": hosts, "NO_PROXY": hosts}


def library_folder() -> Path:
    """The plugin's own pure-Python libraries for QGIS's Python; so far networkx, where QGIS lacks it."""
    return private_folder() / "python"


def use_private_libraries() -> None:
    """Let QGIS's Python find the private libraries, after everything that it has itself."""
    folder = str(library_folder())
    if library_folder().is_dir() and folder not in sys.path:
        sys.path.append(folder)


def forget_private_libraries() -> None:
    """Take the private libraries off the path again, on unload."""
    folder = str(library_folder())
    if folder in sys.path:
        sys.path.remove(folder)


def provide_networkx(networkx_folder: Path) -> bool:
    """Copy the engine's networkx into the private folder where QGIS has none; True when it was copied.

    ``networkx_folder`` comes with the result of ``check-environment``. networkx is pure Python, so the copy
    serves any Python that is not older than the engine's.
    """
    if find_spec("networkx") is not None or not networkx_folder.is_dir():
        return False
    target = library_folder() / "networkx"
    temporary = library_folder() / "networkx.unfinished"
    temporary.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(networkx_folder, temporary, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
    use_private_libraries()
    invalidate_caches()
    return True
