# SPDX-License-Identifier: GPL-2.0-or-later
"""What people read about an error: one row per code, what happened and what to do.

``{name}`` stands for the field of the error; a field that an error does not carry shows as "?".
Rows are grouped by subject; the table holds literals only, because tests read it without running it.
"""

from __future__ import annotations

from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.translation import tr

CONTEXT = "Messages"

MESSAGES: dict[str, tuple[str, str]] = {
    # runs
    "run.cancelled": ("Cancelled. What was finished is kept.", "Run it again to go on."),
    "run.unexpected": (
        "Something unexpected happened in the plugin: {reason}.",
        "Look into the log panel, tab InSARHub, and report it.",
    ),
    # requests
    "request.unknown_parameter": (
        "The engine does not know the parameters {names} of {command}.",
        "Restart QGIS: the plugin was probably updated while it ran.",
    ),
    "request.missing_parameter": (
        "A parameter of {command} is missing: {reason}.",
        "Give all parameters that the command needs.",
    ),
    # dock
    "folder.missing": ("The folder {folder} does not exist.", "Choose an existing folder."),
    "folder.no_products": (
        "{folder} is no job folder and holds no zip.",
        "Drop the folder that holds the HyP3 zips themselves.",
    ),
    # engine process
    "engine.not_set_up": (
        "The engine environment is not set up yet.",
        "Open the Set-up page of the InSARHub dock and create it, or choose a Python in Options > InSARHub.",
    ),
    "engine.python_gone": (
        "The engine's Python {python} does not exist any more.",
        "Choose another Python in Options > InSARHub, or create the environment again on the Set-up page.",
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
    # engine environment
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
    # files
    "disk.full": (
        "The disk is full: {file} could not be written. What was finished is kept.",
        "Free some space, then run it again.",
    ),
    "file.no_permission": (
        "No right to write or read {file}.",
        "Choose another folder, or change the rights of this one.",
    ),
    "file.unusable": ("{file} could not be used: {reason}.", "Check the path and the disk, then run it again."),
    # simulated products
    "simulate.parameter": (
        "{name} = {value} is not possible for simulated products.",
        "Allowed: {allowed}.",
    ),
    "simulate.folder": (
        "The simulated products cannot be written to {folder}: {reason}.",
        "Choose a folder that can be written and has enough free space.",
    ),
    "truth.unreadable": (
        "{file} holds no truth of a simulation: {reason}.",
        "Simulate the products again; the truth is written beside them.",
    ),
    "compare.no_velocity": (
        "The result file {file} cannot be read: {reason}.",
        "Run the analysis to its end, then compare.",
    ),
    "compare.grid": (
        "The velocity map (corner {x_first}, {y_first}; {height} x {width} pixels) does not lie on the grid of the truth.",
        "Compare a job that was made from the same simulation.",
    ),
    "compare.too_few_pixels": (
        "Only {stable} pixels are left to compare; at least {wanted} are needed.",
        "Lower mintpy.networkInversion.minTempCoh, or simulate a larger scene.",
    ),
    "report.folder": (
        "The report cannot be written to {folder}: {reason}.",
        "Choose a folder that can be written.",
    ),
    # layers
    "hdf5.missing": ("{file} is not there any more.", "Run the analysis again, or open the job folder that holds it."),
    "hdf5.busy": (
        "{file} is being written at this moment.",
        "Wait until the analysis has finished this step, then open it again.",
    ),
    "hdf5.no_driver": (
        "This QGIS was built without HDF5, so it cannot show {file} in place.",
        "Install GDAL's HDF5 driver, or export the result as GeoTIFF and add that.",
    ),
    "hdf5.unreadable": (
        "{file} cannot be read: {reason}.",
        "If it was cut short, run the step that writes it again.",
    ),
    "hdf5.no_dataset": ("{file} has no dataset {dataset}.", "It holds: {known}."),
    "hdf5.no_dates": (
        "{dataset} in {file} is no time series: it has no date for each of its bands.",
        "Choose a timeseries*.h5 file.",
    ),
    "hdf5.needs_copy": (
        "{dataset} in {source} is stored in a way that QGIS cannot read in place.",
        "Let the engine make a copy: add the layer from the Results page.",
    ),
    "layer.not_opened": (
        "QGIS could not open {dataset} of {file} as a layer.",
        "Look into the log panel for GDAL's message.",
    ),
    "product.no_member": ("{product} has no {kind}.", "Order the product with this option, or choose another kind."),
    "product.not_a_raster": ("{kind} in {file} cannot be read as a raster.", "Download the product again."),
    "reference.not_relative": (
        "{layer} does not depend on a reference point.",
        "Choose a velocity or time-series layer.",
    ),
    "reference.outside": ("{name} lies outside the layer.", "Choose a place inside it."),
    "reference.no_data": ("{name} has no data, so nothing can be relative to it.", "Choose a pixel that has values."),
    "reference.unknown_date": ("{file} has no acquisition on {date}.", "Choose one of the dates of the series."),
    # MintPy options
    "mintpy.option_invalid": ("{key} = {value} is not valid: MintPy expects {reason}.", "Correct the value."),
    "mintpy.option_unknown": (
        "MintPy has no option {key}.",
        "Correct the name; the closest one is {closest}.",
    ),
    "mintpy.line_malformed": (
        "Line {line} of the options cannot be read ({reason}): {text}.",
        "Write it as key = value, or start it with # as a comment.",
    ),
    "mintpy.config_invalid": (
        "{file}, line {line}: {key} {value} is not valid ({reason}).",
        "Correct the line in the options table or in the file; nothing was started.",
    ),
    # analysis
    "analysis.not_prepared": (
        "The analysis of {folder} is not prepared: {missing} finds nothing.",
        "Prepare the analysis first, or again if the folder or the zips have moved.",
    ),
    "analysis.already_running": (
        "An analysis is already running in {folder} (process {pid} on {host}, since {started_at}).",
        "Wait for it, or cancel it where it was started.",
    ),
    "analysis.unknown_step": ("MintPy has no step {step}.", "Choose among: {known}."),
    "analysis.step_not_ready": (
        "Step {step} needs {missing}, which is not there.",
        "Run the earlier steps too, or leave the steps empty for a whole run.",
    ),
    "analysis.disk_space": (
        "The analysis needs about {needed_gb} GB in {folder}; {free_gb} GB are free.",
        "Free some space, or prepare a smaller area.",
    ),
    "analysis.files_missing": (
        "Not every pair in {folder} has all its files.",
        "Prepare the analysis again.",
    ),
    "analysis.size_mismatch": (
        "The prepared rasters in {folder} differ in size.",
        "Prepare the analysis again.",
    ),
    "analysis.too_few_pixels": (
        "Fewer than {pixels} pixels are reliable, so the analysis stopped at {step}.",
        "Lower mintpy.networkInversion.minTempCoh, check the reference point, and look at avgSpatialCoh.",
    ),
    "analysis.no_pair_left": (
        "No pair is left after {step}.",
        "Lower mintpy.network.minCoherence, or set mintpy.network.keepMinSpanTree = yes.",
    ),
    "analysis.network_split": (
        "The network falls into parts that no pair connects.",
        "Lower mintpy.network.minCoherence, set mintpy.network.keepMinSpanTree = yes, or keep more pairs.",
    ),
    "analysis.no_reference_pixel": (
        "No pixel has a mean coherence above {coherence}, so no reference point was found.",
        "Set mintpy.reference.yx or .lalo, or lower mintpy.reference.minCoherence.",
    ),
    "analysis.reference_outside": (
        "The reference point is outside the data or masked out.",
        "Choose another one with mintpy.reference.yx or .lalo, or clear it.",
    ),
    "analysis.reference_invalid": (
        "The reference point has no valid phase in every interferogram.",
        "Choose another one with mintpy.reference.yx or .lalo, or clear it.",
    ),
    "analysis.out_of_memory": (
        "The computer ran out of memory in step {step}.",
        "Lower mintpy.compute.maxMemory and mintpy.compute.numWorker, or prepare a smaller area; then go on.",
    ),
    "analysis.file_in_use": (
        "A file of {folder} is in use by another program ({reason}).",
        "Close what has it open, then go on.",
    ),
    "analysis.too_few_dates": (
        "There are too few dates for the DEM error ({reason}).",
        "Lower mintpy.topographicResidual.polyOrder, or add dates.",
    ),
    "analysis.no_triplets": (
        "No three pairs close a triangle, so unwrapping errors cannot be found.",
        "Set mintpy.unwrapError.method = no or bridging, or add pairs.",
    ),
    "analysis.step_failed": (
        "Step {step} failed: {reason}.",
        "The whole text is in {log}. Later steps were not run; what was finished is kept.",
    ),
    # weather service
    "era5.no_key": (
        "The tropospheric correction with ERA5 needs a key of the Climate Data Store, and there is none.",
        "Put the key into .cdsapirc of your home folder, or set mintpy.troposphericDelay.method to no, "
        "height_correlation, gacos or opera.",
    ),
    "era5.folder": (
        "The folder for weather files {folder} cannot be written: {reason}.",
        "Set mintpy.troposphericDelay.weatherDir to another folder.",
    ),
    "era5.key_rejected": (
        "The Climate Data Store does not accept the key.",
        "Copy the key from your profile there into .cdsapirc, then go on from correct_troposphere.",
    ),
    "era5.licence": (
        "The licence of ERA5 is not accepted yet.",
        "Accept it on the page of the dataset in the Climate Data Store, then go on from correct_troposphere.",
    ),
    "era5.unreachable": (
        "The Climate Data Store cannot be reached ({reason}).",
        "Check the connection, then go on from correct_troposphere, or choose another tropospheric method.",
    ),
    "era5.no_answer": (
        "The Climate Data Store gave no answer in time.",
        "Go on later, or choose another tropospheric method.",
    ),
}


class _Fields(dict[str, Any]):
    """Fields of an error as a sentence shows them."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__({name: self._text(value) for name, value in fields.items()})

    def __missing__(self, name: str) -> str:
        return "?"

    @staticmethod
    def _text(value: Any) -> str:
        if value is None:
            return "?"
        if isinstance(value, (list, tuple)):
            return ", ".join(str(entry) for entry in value)
        return str(value)


def _fill(text: str, error: InsarError) -> str:
    return tr(text, CONTEXT).format_map(_Fields(error.fields))


def what_happened(error: InsarError) -> str:
    """One sentence: what happened, to what."""
    row = MESSAGES.get(error.code)
    return _fill(row[0], error) if row is not None else str(error)


def what_to_do(error: InsarError) -> str:
    """The next step; empty for a code that has no row."""
    row = MESSAGES.get(error.code)
    return _fill(row[1], error) if row is not None else ""


def sentence(error: InsarError) -> str:
    """What happened and what to do."""
    return " ".join(part for part in (what_happened(error), what_to_do(error)) if part)
