# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs, the engine process and its environment."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
    "run.cancelled": ("Cancelled. What was finished is kept.", "Run it again to go on."),
    "run.unexpected": (
        "Something unexpected happened in the plugin: {reason}.",
        "Look into the log panel, tab InSARHub, and report it.",
    ),
    "request.unknown_parameter": (
        "The engine does not know the parameters {names} of {command}.",
        "Restart QGIS: the plugin was probably updated while it ran.",
    ),
    "request.missing_parameter": (
        "A parameter of {command} is missing: {reason}.",
        "Give all parameters that the command needs.",
    ),
    "engine.not_set_up": (
        "The engine environment is not set up yet.",
        "Open the Set-up page of the InSARHub dock and create it, or choose a Python in Options > InSARHub.",
    ),
    "engine.python_gone": (
        "The engine's Python {python} does not exist any more.",
        "Choose another Python in Options > InSARHub, or create the environment again on the Set-up page.",
    ),
    "engine.no_base_python": (
        "No Python was found from which the engine environment could be made.",
        "Install Python with the module venv, or choose a Python in Options > InSARHub.",
    ),
    "engine.not_started": (
        "The engine's Python {python} could not be started: {reason}.",
        "Choose another Python in Options > InSARHub, or create the environment again on the Set-up page.",
    ),
    "engine.crashed": (
        "The engine stopped unexpectedly ({reason}). Files that were finished are kept.",
        "Run it again; if it stops again, report it with the details.",
    ),
    "engine.version_skew": (
        "QGIS runs version {plugin_version} of the plugin, but version {engine_version} is on disk.",
        "Restart QGIS.",
    ),
    "engine.bad_request": (
        "The engine could not read its request: {reason}.",
        "Give one line of JSON with an object 'parameters' on standard input.",
    ),
    "engine.unknown_command": (
        "The engine has no command {command}.",
        "Restart QGIS: the plugin was probably updated while it ran.",
    ),
    "engine.package_missing": (
        "The engine environment lacks the package {package}.",
        "Complete the environment on the Set-up page, or install {package} into {python}.",
    ),
    "engine.package_outdated": (
        "The engine environment has {package} {version}, but {wanted} or newer is needed.",
        "Update the environment on the Set-up page, or update {package} in {python}.",
    ),
    "engine.package_broken": (
        "The package {package} of the engine environment cannot be loaded: {reason}.",
        "Create the environment again on the Set-up page, or repair {package} in {python}.",
    ),
    "engine.out_of_memory": (
        "The computer ran out of memory.",
        "Close other programs, lower the memory limit in Options > InSARHub, or use a smaller area.",
    ),
    "process.not_started": (
        "The program {program} could not be started: {reason}.",
        "Check that it is installed and may be run.",
    ),
    "plugin.no_version": (
        "The plugin in {folder} is incomplete: metadata.txt is missing or has no version.",
        "Install the plugin again.",
    ),
    "environment.python_too_old": (
        "The Python {python} is {version}, but {wanted} or newer is needed.",
        "Choose a newer Python, for example that of QGIS or of a conda environment.",
    ),
    "environment.no_gdal": (
        "The Python {python} has no GDAL binding (osgeo), which MintPy needs.",
        "Choose the Python of QGIS, or a conda environment with gdal.",
    ),
    "environment.no_hdf5_driver": (
        "GDAL in {python} cannot read HDF5.",
        "Install GDAL's HDF5 driver (conda: libgdal-hdf5), or choose another Python.",
    ),
    "environment.no_venv_module": (
        "The Python {python} cannot make environments: its module {module} is missing.",
        "Install it (Debian and Ubuntu: python3-venv), or choose another Python.",
    ),
    "environment.no_network": (
        "The package index cannot be reached: {reason}.",
        "Check the network and the proxy in Options > Network, then set up again.",
    ),
    "environment.no_matching_package": (
        "The package index has no fitting {package} for {python}.",
        "Choose another base Python, for example that of QGIS, or a conda environment.",
    ),
    "environment.install_failed": (
        "Installing the engine's packages failed: {reason}.",
        "See the log, then set up again.",
    ),
    "environment.venv_failed": (
        "The environment in {folder} could not be created: {reason}.",
        "See the log, then set up again.",
    ),
    "environment.incomplete": (
        "The environment in {folder} is still incomplete after the installation: {missing}.",
        "See the log, then set up again, or choose another base Python.",
    ),
    "environment.folder_in_use": (
        "The folder {folder} holds other files and is no Python environment.",
        "Choose an empty folder.",
    ),
    "environment.numpy_conflict": (
        "NumPy {version} does not fit the GDAL binding of this Python: {reason}.",
        "Install numpy<2 in that environment, or create the environment on the Set-up page.",
    ),
    "environment.matplotlib_mix": (
        "Two versions of matplotlib are mixed: {reason}.",
        "Create the environment on the Set-up page; it uses the matplotlib that the base Python has.",
    ),
}
