# SPDX-License-Identifier: GPL-2.0-or-later
"""What people read about an error: one row per code, what happened and what to do.

``{name}`` stands for the field of the error; a field that an error does not carry shows as "?".
Rows are grouped by subject; the table holds literals only, because tests read it without running it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.translation import tr

CONTEXT = "Messages"
#: Entries of a list that a sentence names; the rest is counted.
_LISTED = 8

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
    "disk.full": ("The disk is full. What was finished is kept.", "Free some space, then run it again."),
    "file.disk_full": (
        "The disk is full: {file} could not be written. What was finished is kept.",
        "Free some space, then run it again.",
    ),
    "file.not_writable": (
        "No right to write {file}.",
        "Choose another folder, or change the rights of this one.",
    ),
    "file.write_failed": ("{file} could not be written: {reason}.", "Check the disk, then run it again."),
    "file.not_readable": ("{file} could not be read: {reason}.", "Check its rights and the disk."),
    "file.unreadable": ("{file} could not be read: {reason}.", "Check its rights and the disk."),
    "file.missing": ("{file} does not exist.", "Check the path; the file may have been moved or deleted."),
    "file.malformed": (
        "{file} is damaged at line {line}, column {column}: {reason}. It was left as it is.",
        "Repair it, or rename it and let it be written anew.",
    ),
    "file.not_json": (
        "{file} was not written, because a value cannot be stored: {reason}.",
        "Report this with the details.",
    ),
    "file.no_name": ("The configuration has no file to be written to.", "Choose a file."),
    "folder.locked": (
        "{folder} is in use by {owner} on {host} (process {pid}, since {started_at}).",
        "Wait until that is finished, then try again.",
    ),
    "folder.not_inside": ("{file} is not inside {folder}.", "Choose a file of that folder."),
    "folder.not_understood": (
        "A file in {folder} has an unknown form: {reason}. It was left as it is.",
        "Open the folder with the program that wrote it, or report this.",
    ),
    "file.unusable": (
        "{file} could not be used: {reason}.",
        "Check the path and the disk, then run it again.",
    ),
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
    "compare.dates": (
        "{file} has dates that the truth does not know: {dates}.",
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
    "hdf5.missing": (
        "{file} is not there any more.",
        "Run the analysis again, or open the job folder that holds it.",
    ),
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
        "{file} is no time series: it has no date for each of its bands.",
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
    "product.no_member": (
        "{product} has no {kind}.",
        "Order the product with this option, or choose another kind.",
    ),
    "product.not_a_raster": ("{kind} in {file} cannot be read as a raster.", "Download the product again."),
    "reference.not_relative": (
        "{layer} does not depend on a reference point.",
        "Choose a velocity or time-series layer.",
    ),
    "reference.outside": ("{name} lies outside the layer.", "Choose a place inside it."),
    "reference.no_data": (
        "{name} has no data, so nothing can be relative to it.",
        "Choose a pixel that has values.",
    ),
    "reference.unknown_date": (
        "{file} has no acquisition on {date}.",
        "Choose one of the dates of the series.",
    ),
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
        "{file}, line {line}: '{setting}' is not valid ({reason}).",
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
        "The analysis needs about {needed_bytes} in {folder}; {free_bytes} are free.",
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
    # job folders
    "job.out_dir_missing": (
        "The download folder {out_dir} named in {file} does not exist.",
        "Move the products back, or open the folder that holds them now.",
    ),
    "job.bad_status": ("The step {step} has the unknown status {status}.", "Report this with the details."),
    # pair network
    "network.no_pair": (
        "There is no pair of the dates number {first} and {second}.",
        "Choose two different dates of the stack.",
    ),
    "network.date_excluded": (
        "{date} is excluded and takes no pairs.",
        "Include the date again first.",
    ),
    "network.no_common_frame": (
        "The scenes of {first} and {second} have no frame in common.",
        "Choose dates that cover the same ground.",
    ),
    "selection.not_a_number": (
        "The parameter {name} is '{value}', which is no number.",
        "Give a number, or take the default.",
    ),
    "selection.out_of_range": (
        "The parameter {name} cannot be {value}.",
        "Give a value of at least {low} that makes sense for it.",
    ),
    "selection.not_whole": (
        "The parameter {name} is '{value}', which is no whole number.",
        "Give a whole number.",
    ),
    "selection.unknown_choice": (
        "The parameter {name} has no choice '{value}'.",
        "Choose one of {choices}.",
    ),
    "selection.months": (
        "The months {value} are no months of the year.",
        "Give at least one month, as numbers from 1 to 12.",
    ),
    "selection.no_targets": (
        "There is no target for the temporal baselines.",
        "Give at least one separation in days, or choose the mode nearest.",
    ),
    "selection.degrees": (
        "Min Connections ({min_degree}) is above Max Connections ({max_degree}).",
        "Lower the one or raise the other.",
    ),
    "selection.no_credits": (
        "The mode budget needs a number of credits.",
        "Give the credits that the network may cost.",
    ),
    "selection.no_weights": (
        "All weights of the cost function are 0.",
        "Give at least one of quality, time and baseline a weight.",
    ),
    "budget.too_small": (
        "{credits} credits do not connect all dates: {needed} are needed, {missing} more.",
        "Raise the budget by {missing}, or keep only the {count} dates from {first} to {last}, which fit.",
    ),
    "budget.no_prices": (
        "The price of a pair is not known.",
        "Give the credits per pair as the service names them.",
    ),
    # checks of a network
    "check.too_few_dates": ("The stack has {count} dates; a pair needs two.", "Search more scenes for it."),
    "check.no_pairs": ("The network has no pairs.", "Select pairs, or draw them in the network editor."),
    "check.no_area": (
        "The job has no area of interest.",
        "The common footprint of the scenes will be used; give an area to process less.",
    ),
    "check.not_covered": (
        "{count} dates do not cover the area of interest at all: {dates}.",
        "Exclude these dates.",
    ),
    "check.partly_covered": (
        "{count} dates cover the area of interest only in part, one of them {percent} %: {dates}.",
        "Exclude these dates, or accept gaps at the edge.",
    ),
    "check.coverage_unknown": (
        "Of {count} dates the footprint is not known.",
        "Search the scenes again to check the coverage.",
    ),
    "check.covered": ("Every date covers the area of interest.", "Nothing to do."),
    "check.frames_missing": (
        "{count} dates lack a frame ({frames}) that other dates have: {dates}.",
        "Exclude these dates, or accept that the area is smaller on them.",
    ),
    "check.frames_complete": ("All dates have the same frames.", "Nothing to do."),
    "check.mixed_track": (
        "The scenes come from several tracks ({values}); pairs across tracks cannot be processed.",
        "Exclude the dates of the other track: {dates}.",
    ),
    "check.mixed_direction": (
        "The scenes have both directions of flight ({values}).",
        "Exclude the dates of the other direction: {dates}.",
    ),
    "check.mixed_beam_mode": (
        "The scenes have several beam modes ({values}).",
        "Exclude the dates of the other mode: {dates}.",
    ),
    "check.mixed_polarization": (
        "The scenes have no polarisation in common ({values}).",
        "Exclude the dates of one polarisation.",
    ),
    "check.one_geometry": ("Track, direction, beam mode and polarisation agree.", "Nothing to do."),
    "check.unknown_names": (
        "{count} names are no names of the archive: {scenes}.",
        "Exclude their dates, or search the scenes again.",
    ),
    "check.not_in_answer": (
        "{count} scenes are not in the kept search answer: {scenes}.",
        "Search again, so that their footprints and baselines are known.",
    ),
    "check.pairs_to_repair": (
        "The stack file holds {reversed} reversed and {duplicates} duplicate pairs.",
        "Save the network: they are then written once, the earlier scene first.",
    ),
    "check.names_good": ("All scene names are names of the archive.", "Nothing to do."),
    "check.split": (
        "The network is in {parts} parts; between them there is no relative motion to measure.",
        "Add a suggested bridge for each gap.",
    ),
    "check.unpaired": ("{count} dates have no pair: {dates}.", "Add a suggested bridge, or exclude them."),
    "check.connected": ("The {dates} dates are connected.", "Nothing to do."),
    "check.bridges": (
        "{count} pairs hold the network together alone: {pairs}.",
        "Add a second pair across each, or check these pairs with care.",
    ),
    "check.articulation": (
        "{count} dates hold the network together alone: {dates}.",
        "Add a pair that passes each of them by.",
    ),
    "check.no_bridges": ("No single pair or date holds the network together alone.", "Nothing to do."),
    "check.few_pairs": (
        "{count} dates have fewer than {min_degree} pairs: {dates}.",
        "Select pairs again with wider limits, or add pairs.",
    ),
    "check.enough_pairs": ("Every date has at least {min_degree} pairs.", "Nothing to do."),
    "check.no_loop": (
        "{count} pairs stand in no triangle, so that unwrapping errors in them cannot be found: {pairs}.",
        "Add the third side where it is short enough.",
    ),
    "check.loops": ("Every pair stands in a triangle; there are {loops}.", "Nothing to do."),
    "check.relaxed": (
        "{count} pairs break a limit of the parameters: {pairs}.",
        "Look at them before paying.",
    ),
    "check.unknown_bperp": (
        "The perpendicular baseline of {count} pairs is not known: {pairs}.",
        "They were judged by time alone.",
    ),
    "check.not_judged": (
        "No pair has a quality score yet.",
        "Build the pair quality to see poor pairs first.",
    ),
    "check.red_pairs": (
        "{count} pairs are poor (score below 30): {pairs}.",
        "Remove those that are no bridges.",
    ),
    "check.red_pairs_priced": (
        "{count} pairs are poor (score below 30) and would cost {credits} credits: {pairs}.",
        "Remove those that are no bridges.",
    ),
    "check.unjudged_pairs": ("{count} pairs have no score: {pairs}.", "Build the pair quality again."),
    "check.unjudged_pairs_priced": (
        "{count} pairs without a score would cost {credits} credits: {pairs}.",
        "Build the pair quality again before paying.",
    ),
    "check.wet_snow_pairs": (
        "{count} pairs have melting snow on one of their dates, so that no coherence is left: {pairs}.",
        "Remove those that are no bridges.",
    ),
    "check.wet_snow_pairs_priced": (
        "{count} pairs with melting snow, of which no coherence is left, would cost {credits} credits: {pairs}.",
        "Remove those that are no bridges.",
    ),
    "check.degraded_pairs": (
        "The scores of {count} pairs lack inputs that were asked for: {pairs}.",
        "Update the pair database later, to judge them by all inputs.",
    ),
    "check.scores": (
        "The mean score is {mean}, the lowest {lowest} ({pair}).",
        "Compare them with the limits of 60 for good and 30 for poor.",
    ),
    "check.good_quality": ("No pair is poor or without a score.", "Nothing to do."),
    "check.price": ("The network costs {credits} credits.", "Compare it with the credits of the account."),
    "check.too_dear": (
        "The network costs {credits} credits, {missing} more than the {left} that are left.",
        "Select pairs in the mode budget, or remove pairs.",
    ),
    "check.dear": (
        "The network costs {credits} of the {left} credits that are left.",
        "Select pairs in the mode budget to spend less.",
    ),
    "check.affordable": ("The network costs {credits} of {left} credits.", "Nothing to do."),
    "check.processed": (
        "{count} pairs are processed already: {pairs}.",
        "Reuse their products instead of paying twice.",
    ),
    "check.processed_priced": (
        "{count} pairs are processed already: {pairs}.",
        "Reuse their products: that saves {credits} credits.",
    ),
    "check.expires_soon": (
        "{count} products that are not downloaded expire in under 3 days, the first on {first}.",
        "Download them now.",
    ),
    "check.expired": (
        "{count} products expired before they were downloaded.",
        "They have to be processed again.",
    ),
    "check.disk_unknown": ("The free disk space is not known: {reason}.", "Look at it before processing."),
    "check.disk_too_small": (
        "About {needed_bytes} are needed, {free_bytes} are free.",
        "Free space, or move the job folder to a larger disk.",
    ),
    "check.disk_tight": (
        "About {needed_bytes} are needed, {free_bytes} are free: it may become tight.",
        "Free some space before processing.",
    ),
    "check.disk_enough": ("About {needed_bytes} are needed, {free_bytes} are free.", "Nothing to do."),
    "stack.missing": (
        "{folder} has no stack file.",
        "Open a folder of products in it, or search scenes for it.",
    ),
    "stack.changed_on_disk": (
        "{file} was changed by another program meanwhile. Nothing was overwritten.",
        "Read the job folder again, then repeat the change.",
    ),
    "stack.mixed_scales": (
        "The quality scores in {file} mix two scales.",
        "Compute the pair quality again.",
    ),
    "stack.not_understood": (
        "The entry {key} in {file} has an unknown form and was skipped: {value}.",
        "Open the file with the program that wrote it, or report this.",
    ),
    "scene.no_date": ("The scene name {scene} holds no date.", "Check the name of the scene."),
    "quality.no_measurement": (
        "The answer for {key} ({section}) holds no measurement and was not stored.",
        "Fetch it again later.",
    ),
    "quality.unknown_section": (
        "The quality cache has no section {section}.",
        "Restart QGIS: the plugin was probably updated while it ran.",
    ),
    "quality.bad_weight": (
        "The weight {name} of the pair quality is {value}, which is no number from 0 to 1.",
        "Enter a number from 0 to 1, or choose a preset.",
    ),
    "quality.unknown_source": (
        "There are no sources of pair quality named {names}.",
        "Choose among {known}.",
    ),
    "quality.unknown_preset": (
        "There is no preset of pair quality named {preset}.",
        "Choose among {known}.",
    ),
    "quality.already_building": (
        "The pair database of {folder} is being built already (process {pid} on {host}).",
        "Wait until it has ended, or cancel it there first.",
    ),
    "quality.not_built": (
        "The pairs of {folder} were not judged yet, so that there is nothing to weigh.",
        "Build the pair database first.",
    ),
    "quality.bad_map_key": (
        "This is no map key of FIRMS: a key has 32 digits and letters from a to f.",
        "Copy the key from the mail of FIRMS, or ask for one at {page}.",
    ),
    "quality.few_dates": (
        "The stack in {folder} has {dates} date, and pairs need two.",
        "Add scenes to the job first.",
    ),
    "quality.no_area": (
        "The job in {folder} has no area of interest, and no footprints of its scenes: weather, land cover and coherence "
        "stay unknown.",
        "Search again with an area, and add the scenes to this job.",
    ),
    "quality.area_of_scenes": (
        "The job in {folder} has no area of interest; the common footprint of its scenes is judged.",
        "Search with an area to judge that one.",
    ),
    "quality.damaged_file": (
        "{file} is damaged ({reason}) and not used.",
        "Nothing to do: a new one takes its place, and this one is kept with the ending .bak.",
    ),
    "quality.other_cache": (
        "The quality cache {file} has version {version}, which this plugin does not know.",
        "Everything is asked for again, and this one is kept with the ending .bak; update the plugin to use it.",
    ),
    "quality.raster_unreadable": (
        "A map of land cover or snow from {service} could not be read: {reason}.",
        "Update the pair database later; until then this input is missing.",
    ),
    "quality.no_map_key": (
        "Fires are not known: FIRMS wants a map key, and there is none.",
        "Ask FIRMS for a key, which is free, and name it as the account of this step; or leave fires out.",
    ),
    "forecast.no_area": (
        "The job in {folder} has no area of interest, and no footprints of its scenes: it has no forecast to check.",
        "Search again with an area, and add the scenes to this job.",
    ),
    "forecast.no_products": (
        "No HyP3 product was found in {folders}: there is nothing to compare the forecast with.",
        "Download the products of the job first.",
    ),
    "forecast.no_usable_product": (
        "None of the products in {folder} can be compared with the forecast: {reasons}.",
        "Look at View Data, or download the products of this job.",
    ),
    "forecast.not_in_stack": (
        "The dates of pair {pair} are not in the stack of this job.",
        "Put products of another stack into a folder of their own and open it as another job.",
    ),
    "forecast.outside": (
        "{product} has no valid coherence inside the area of interest.",
        "Nothing to do if it lies elsewhere; else download it again.",
    ),
    "forecast.no_decay_maps": (
        "There are no decay maps for the area of the job in {folder}.",
        "Fetch the decay maps and check again.",
    ),
    "forecast.no_land_cover": (
        "The land cover of the job in {folder} is not known.",
        "Score the pairs, which asks for it, and check again.",
    ),
    "forecast.no_land": (
        "The area of the job in {folder} is nearly all water, for which land cover and latitude forecast nothing.",
        "Fetch the decay maps, which know its shores, and check again.",
    ),
    "forecast.simulated_maps": (
        "The decay maps in {folder} are simulated, by the sandbox.",
        "Take the figures for a test, not for a place on Earth.",
    ),
    "forecast.water_counted": (
        "{count} products have no water mask, so that water counts as land in them.",
        "Read their coherence with care where the area has water.",
    ),
    "decay.other_area": (
        "The decay map {file} was made for another area and is not used.",
        "Fetch the decay maps again for the present area.",
    ),
    "decay.unreadable": (
        "The decay map {file} could not be used: {reason}.",
        "Fetch the decay maps again.",
    ),
    "decay.bad_name": (
        "There is no decay map for {season}, {polarization}.",
        "Choose winter, spring, summer or fall, and a polarisation that the data set has.",
    ),
    # HyP3 jobs
    "hyp3_jobs.never_asked": (
        "The service was not asked about the job {job_id} yet, or its answer was not understood.",
        "Press Refresh.",
    ),
    "hyp3_jobs.not_found": (
        "The service did not know the job {job_id} when it was asked; before that it was {known}.",
        "Check that the job file belongs to this service, and refresh later; products on disk stay usable.",
    ),
    "hyp3_jobs.never_known": (
        "The service does not know the job {job_id}.",
        "Check that the job file {file} belongs to this service, and refresh later; products on disk stay usable.",
    ),
    "hyp3_jobs.failed": (
        "HyP3 could not process the job {job_id}.",
        "Look into its log, then retry it; a retry costs credits again.",
    ),
    "hyp3_jobs.failed_because": (
        "HyP3 could not process the job {job_id}: {reason}.",
        "Look into its log, then retry it; a retry costs credits again.",
    ),
    "hyp3_jobs.failed_alike": (
        "HyP3 could not process this pair {times} times, for the same reason: {reason}.",
        "Remove the pair from the network; another retry would cost credits for nothing.",
    ),
    "hyp3_jobs.failed_again": (
        "HyP3 could not process this pair {times} times; the last job is {job_id}.",
        "Look into its log; if the reason is the same, remove the pair from the network.",
    ),
    "hyp3_jobs.expired": (
        "The product {file} expired on {expired_at} before it was downloaded.",
        "Retry the job with expired jobs included; that costs credits again.",
    ),
    "hyp3_jobs.expired_products": (
        "{count} products expired before they were downloaded: {files}.",
        "Retry their jobs with expired jobs included; that costs credits again.",
    ),
    "hyp3_jobs.other_service": (
        "The jobs of {file} belong to {service}, but {asked} was asked.",
        "Choose that service in Options, then refresh. Their last known state is shown.",
    ),
    "hyp3_jobs.nothing_known": (
        "No address of a product of {folder} is known yet.",
        "Choose an account and refresh, then download.",
    ),
    "hyp3_jobs.no_product": (
        "The job {job_id} has no product to download; its state is {status}.",
        "Refresh, and wait until it has succeeded.",
    ),
    "hyp3_watch.already_on": (
        "The jobs of {folder} are being watched already (process {pid} on {host}).",
        "Press Refresh to see what it has found, or end it there first.",
    ),
    "product.gone": (
        "The product {file} is no longer at its address.",
        "Refresh; if it has expired, retry the job with expired jobs included.",
    ),
    "product.unsafe_name": (
        "The service names the product {name}, which is not the name of a HyP3 zip.",
        "Nothing was downloaded; report it to the operator of the service.",
    ),
    "product.refused": (
        "{service} refuses to give {file} (HTTP {status}): {reason}.",
        "Refresh and download again; if it stays, report it to the operator of the service.",
    ),
    "product.wrong_size": (
        "{file} should have {size_bytes}, but {answered_bytes} were offered or found.",
        "Refresh and download again; if it stays, report it to the operator of the service.",
    ),
    "product.no_zip_answer": (
        "{service} sent something else in place of the zip {file}.",
        "A network's sign-in page may be in the way. Open a web page in the browser, sign in, and try again.",
    ),
    "product.changed": ("{file} changed on its host while it was downloaded.", "Download it again."),
    "product.bad_download": (
        "{file} arrived damaged twice: {reason}.",
        "What arrived is kept with the ending .bad; download it again later.",
    ),
    "product.other_inside": ("{file} holds another product: {product}.", "Download it again."),
    "product.in_other_window": (
        "{file} is being downloaded by another window (process {pid} on {host}).",
        "Nothing to do; download again should that window be closed before it is finished.",
    ),
    "product.bad_address": (
        "The address of {file} is none to download from.",
        "Refresh, then download again.",
    ),
    "product.no_space": (
        "The products need {needed_bytes} in {folder}; {free_bytes} are free.",
        "Free some space, or choose a folder on another disk. Parts that are there already are kept.",
    ),
    # products
    "product.name": ("{name} is not the name of a HyP3 product.", "Keep the names that HyP3 gives."),
    "product.not_a_zip": ("{file} is no zip file.", "Download it again."),
    "product.truncated": (
        "{file} is cut off ({size_bytes} arrived).",
        "Download it again; the other products can be used meanwhile.",
    ),
    "product.damaged": ("{file} is damaged: {member} cannot be read.", "Download it again."),
    "product.no_product": ("{file} holds no HyP3 InSAR product.", "Leave it out of the folder of products."),
    "product.several": (
        "{file} holds more than one product: {names}.",
        "Put each product into a zip file of its own, named as the product.",
    ),
    "product.no_metadata": (
        "{product} in {file} lacks its metadata file (.txt).",
        "Download it again; it can be viewed, but not analysed.",
    ),
    # rasters and fits
    "raster.radar_coded": (
        "{file} is in radar coordinates and has no place on the map.",
        "Geocode it first (MintPy step geocode).",
    ),
    "raster.no_crs": (
        "The coordinate system of {file} is unknown.",
        "Check the attributes EPSG and UTM_ZONE of the file, or run the analysis again.",
    ),
    "fit.not_enough_dates": (
        "Only {n} dates have values; this fit needs {needed}.",
        "Choose a simpler fit or a longer time range.",
    ),
    "fit.undetermined": (
        "The dates do not determine the terms {terms}.",
        "Choose a simpler fit or a longer time range.",
    ),
    # exports, series and fits
    "raster.unreadable": ("{file} cannot be read as a raster: {reason}.", "Choose another file."),
    "hdf5.not_mintpy": (
        "{file} is no file that MintPy wrote.",
        "Choose an HDF5 file of a MintPy run, e.g. velocity.h5.",
    ),
    "hdf5.damaged": (
        "{file} is damaged or was not written to its end: {reason}.",
        "Run the MintPy step that writes it again.",
    ),
    "mask.other_grid": (
        "The mask {file} does not lie on the same grid as the data.",
        "Choose a mask of the same MintPy run, with the same size and coordinate system.",
    ),
    "mask.not_a_mask": (
        "{file} holds no single two-dimensional dataset that could be a mask.",
        "Choose maskTempCoh.h5, temporalCoherence.h5 or a raster with one band.",
    ),
    "export.nothing": (
        "{source} holds nothing that can be exported ({datasets}).",
        "Choose other datasets, or run the analysis first.",
    ),
    "export.bad_option": ("{value} is no valid value of {option}.", "Choose another value."),
    "export.no_dates": (
        "{file} has no date between {start} and {end}.",
        "Choose a wider range of dates.",
    ),
    "export.write_failed": (
        "{file} could not be written: {reason}.",
        "Check that the folder exists, may be written to and has room; close programs that use the file.",
    ),
    "export.layer_exists": (
        "{file} already holds the layer {layer}.",
        "Allow it to be replaced, or choose another file.",
    ),
    "export.too_many_columns": (
        "The points need {columns} columns; a shapefile holds {limit}.",
        "Choose a GeoPackage as output, or export fewer dates.",
    ),
    "export.no_points": (
        "No pixel of {file} is valid under this mask.",
        "Lower the threshold, or choose another mask.",
    ),
    "footprint.no_data": (
        "{file} has no valid pixel, so it has no outline.",
        "Use its bounds, or choose another file.",
    ),
    "zone.bad_geometry": ("Zone {zone} is no polygon.", "Draw or choose a polygon."),
    "zone.outside": ("The zone lies outside the data.", "Choose a zone over the results."),
    "zone.no_pixel": (
        "No valid pixel has its centre inside the zone.",
        "Choose a larger zone, or one where the coherence is higher.",
    ),
    "zone.few_pixels": (
        "Fewer than three valid pixels have their centre inside the zone, so the spread says little.",
        "Choose a larger zone.",
    ),
    "series.outside": ("The point lies outside the data.", "Choose a point over the results."),
    "series.no_value": (
        "The pixel at this point has no value.",
        "Choose a point where the velocity layer shows a colour.",
    ),
    "fit.short_for_annual": (
        "The dates cover less than one and a half years, so rate and annual term are hard to tell apart.",
        "Read both with care, or leave the annual term out.",
    ),
    # opening and preparing products
    "open.no_zips": (
        "{folder} holds no zip.",
        "Choose the folder with the zips as HyP3 delivered them; the folder itself and its hyp3 folder are read.",
    ),
    "open.no_products": (
        "{folder} holds no HyP3 product. Of its {zips} zip files: {reasons}.",
        "Choose the folder with the zips as HyP3 delivered them; the folder itself and its hyp3 folder are read.",
    ),
    "open.no_usable_product": (
        "None of the products in {folder} can be used: {reasons}.",
        "Look at the reason of each product in the list, or choose another job folder.",
    ),
    "open.other_processor": (
        "The job in {folder} belongs to the processor {type}.",
        "Choose another job folder for the HyP3 products.",
    ),
    "folder.not_a_job": ("{folder} is no job folder.", "Choose a folder that was opened as a job."),
    "product.incomplete": (
        "The product lacks {missing}.",
        "Order it again with these files included; it can be viewed, but not analysed.",
    ),
    "product.metadata_incomplete": (
        "The metadata file (.txt) of the product lacks {keys}.",
        "Download the product again.",
    ),
    "product.metadata_disagrees": (
        "{key} in the metadata file is {value}, but the product's name says {date}.",
        "Download the product again; do not rename products.",
    ),
    "product.raster_unreadable": (
        "{member} cannot be read: {reason}.",
        "Download the product again; it is left out meanwhile.",
    ),
    "product.members_differ": (
        "{member} does not lie on the pixels of the product's phase ({reason}).",
        "Download the product again; it is left out meanwhile.",
    ),
    "product.dates_reversed": (
        "The reference of pair {pair} is not earlier than its secondary.",
        "Order the pair with the earlier acquisition as reference.",
    ),
    "product.other_type": (
        "The product is of type {type}, most of the others are {expected}.",
        "Keep burst and full-scene products in folders of their own.",
    ),
    "product.other_track": (
        "The product is of {track}, the job of {expected}.",
        "Put products of another track into a folder of their own and open it as another job.",
    ),
    "product.other_crs": (
        "The product is in {crs}, the others are in {expected}.",
        "Products are never resampled silently: open those of the other zone as another job.",
    ),
    "product.other_pixel_size": (
        "The product has pixels of {size} m, the others of {expected} m.",
        "Open products with other looks as another job.",
    ),
    "product.other_lattice": (
        "The pixels of the product are shifted against the others by {offset_x_px} columns and {offset_y_px} rows.",
        "Order the product again with the options of the others; it is never resampled silently.",
    ),
    "product.duplicate_pair": (
        "There are two products of pair {pair}; {kept} is used.",
        "Move the other one away if this is the wrong choice.",
    ),
    "product.pair_removed": (
        "Pair {pair} was removed from the network of this job.",
        "Add the pair to the network to use its product.",
    ),
    "product.not_in_stack": (
        "Pair {pair} is not in the network of this job.",
        "Open the products again, or add the pair to the network.",
    ),
    "product.zip_missing": (
        "{file} was used by the last preparation and is gone.",
        "Put the zip back, or go on without this product.",
    ),
    "prepare.no_products": (
        "No HyP3 product was found in {folders}.",
        "Open the folder of the products again; the zips must stay where they are.",
    ),
    "prepare.no_usable_product": (
        "None of the products can be analysed: {reasons}.",
        "The reason of each product stands in {report_file}.",
    ),
    "prepare.no_overlap": (
        "The products have no area in common.",
        "Without {products} a window of {width_without} x {height_without} pixels is left: remove these pairs.",
    ),
    "prepare.aoi_outside": (
        "The area of interest (west, south, east, north {aoi_bounds}) lies outside all products ({product_bounds}).",
        "Draw the area inside the products, or prepare without one.",
    ),
    "prepare.aoi_not_common": (
        "Not all products cover the area of interest: {products} miss it.",
        "Without these pairs {width_without} x {height_without} pixels are left; remove them or move the area.",
    ),
    "prepare.network_disconnected": (
        "The pairs that can be used fall into {parts}; {broken_dates} are cut off.",
        "Get the missing products ({excluded}) again, or remove the pairs of these dates.",
    ),
    "disk.too_small": (
        "Preparing needs up to {needed_bytes} in {folder}; {free_bytes} are free.",
        "Free some space, choose a smaller area, or prepare without real files.",
    ),
    "aoi.no_crs": (
        "The layer with the area of interest has no coordinate system.",
        "Set the layer's coordinate system, then try again.",
    ),
    "aoi.empty": (
        "The layer with the area of interest holds no polygon.",
        "Draw a polygon, or choose another layer.",
    ),
    "aoi.cannot_transform": (
        "The area of interest cannot be transformed to {crs}: {reason}.",
        "Check the layer's coordinate system, or draw the area again.",
    ),
    "aoi.not_a_polygon": (
        "The area of interest is no polygon ({reason}).",
        "Choose a polygon layer or draw a polygon.",
    ),
    "aoi.not_degrees": (
        "The area of interest ({bounds}) is not in degrees.",
        "Give it as longitude and latitude (EPSG:4326).",
    ),
    "aoi.nothing": (
        "There is no geometry to search: the layer or selection is empty.",
        "Draw an area, select features, or choose another layer.",
    ),
    "aoi.not_wkt": (
        "This is no WKT geometry: {text}.",
        "Write it like POLYGON((lon lat, lon lat, ...)) in degrees, or draw the area.",
    ),
    "aoi.file_not_read": ("{file} holds no vector layer that QGIS can read.", "Choose another file."),
    "search.not_numbers": ("{text} is no list of numbers.", "Write them like 13, 93 or 406-412."),
    "search.no_scene_names": (
        "There is no Sentinel-1 SLC scene name in this text.",
        "Names look like S1A_IW_SLC__1SDV_ followed by times, orbit and identifiers.",
    ),
    "job.is_busy": (
        "{folder} is in use ({owner} on {host}).",
        "Wait until the work has ended, or cancel it, then try again.",
    ),
    "job.holds_jobs": (
        "{folder} also holds other jobs: {jobs}.",
        "Remove those first, or take the files of this job away in the file manager.",
    ),
    "job.no_trash": (
        "{folder} cannot be moved to the trash, so it stays where it is.",
        "Its disk may have no trash: remove the folder in the file manager.",
    ),
    "search.not_a_day": ("{text} is no day.", "Write days as YYYY-MM-DD, for example 2020-01-31."),
    "scenes.not_from_search": (
        "The layer lacks the fields {fields}, so it is not from Search scenes.",
        "Choose the footprints that Search scenes gave.",
    ),
    "scenes.none_to_add": (
        "None of the footprints names a path, a frame and its search.",
        "Search the scenes again and use the new footprints.",
    ),
    "scenes.file_not_read": (
        "The footprints in {file} cannot be read.",
        "Save them again under another name.",
    ),
    "scenes.file_not_written": (
        "The footprints cannot be written to {file}: {reason}.",
        "Choose a folder that you may write to, and a name that ends in .gpkg.",
    ),
    "aoi.not_projected": (
        "The area of interest cannot be projected to {crs}.",
        "Draw an area near the products.",
    ),
    "stack.not_loaded": (
        "The interferograms are not loaded yet: {file} is missing.",
        "Run the step load_data first.",
    ),
    "stack.damaged": (
        "The loaded stack {file} is damaged or being written.",
        "Wait for the run to end, or run the step load_data again.",
    ),
    "clean_up.stack_needed": (
        "The zips cannot be deleted: {file} does not hold all pairs ({reason} {missing}). Nothing was deleted.",
        "Run the step load_data first, or clean up without the zips.",
    ),
    # decay maps
    "coherence.outside": (
        "The area lies from {south} to {north} degrees latitude; the global coherence ends at 82 N and 79 S.",
        "Choose an area between them; pairs beyond are judged by land cover and climate.",
    ),
    "coherence.too_large": (
        "The area has {million_pixels} million pixels of {resolution}; at most {limit} million are read at once.",
        "Choose the resolution 1km, or a smaller area.",
    ),
    "coherence.bad_resolution": ("There is no resolution {value}.", "Choose auto, 90m or 1km."),
    "coherence.offline": (
        "{host} cannot be reached for {file}: {reason}. Nothing was stored.",
        "Check the connection and fetch the decay maps again.",
    ),
    "coherence.slow": (
        "{host} gave no answer for {file} within {seconds} seconds. Nothing was stored.",
        "Fetch the decay maps again later.",
    ),
    "coherence.not_read": (
        "{host} refused {file}: {reason}. Nothing was stored.",
        "Fetch the decay maps again later.",
    ),
    "coherence.damaged": (
        "The coherence file {file} could not be read: {reason}. Nothing was stored.",
        "Fetch the decay maps again; if it stays so, report it with the name of the file.",
    ),
    "decay.no_folder": (
        "No folder was given for the decay maps.",
        "Choose a job folder, or an output folder.",
    ),
    "decay.no_area": (
        "No area is known for the decay maps in {folder}.",
        "Give an area of interest, or choose a job that has one.",
    ),
    "decay.bad_season": (
        "There are no seasons {seasons} in the dataset.",
        "Choose at least one of {known}.",
    ),
    "decay.no_pixel": (
        "The global coherence has no pixel in the area for {season} with at least three intervals, as at sea.",
        "Choose an area on land; pairs of these months are judged by land cover and climate.",
    ),
    "decay.insarhub_south": (
        "The maps of {seasons} were made by InSARHub, which may have named them for another half of the year south of the "
        "equator.",
        "Fetch them again to be sure of the months.",
    ),
    "decay.map_unreadable": (
        "The decay map {file} cannot be read: {reason}.",
        "Fetch the decay maps again.",
    ),
    "decay.no_maps": ("There are no decay maps in {folder}.", "Fetch the decay maps first."),
    "decay.other_grids": (
        "The decay maps {file} and {other} are of different areas.",
        "Fetch the decay maps again, all seasons at once.",
    ),
    "decay.no_season": (
        "There is no decay map of the season {season}; there are maps of {known}.",
        "Fetch the decay maps of this season, or choose another one.",
    ),
    "decay.bad_option": (
        "The decay maps cannot be evaluated with {option} = {value}.",
        "Give days from 0 to 3650, a coherence from 0.01 to 0.99, and a second date after the first.",
    ),
    "decay.no_pairs": ("The network in {folder} has no active pairs.", "Select pairs first."),
    "decay.no_common_pixel": (
        "No pixel of the decay maps is known in all seasons that are needed.",
        "Fetch the maps of the other seasons, or choose another season.",
    ),
    # search and sandbox
    "search.no_limits": (
        "The search has no limits: it would find every scene of Sentinel-1.",
        "Give an area, a path, or scene names.",
    ),
    "search.bad_date": (
        "{name} is no date: {value}.",
        "Write it as year-month-day, for example 2024-03-31.",
    ),
    "search.end_before_start": (
        "The end {end} is before the start {start}.",
        "Exchange the two dates.",
    ),
    "search.bad_filter": (
        "The search does not know the value {value} for {name}.",
        "Use one of: {allowed}.",
    ),
    "search.too_many_queries": (
        "These filters make {count} separate queries; the archive gets at most {most} in one search.",
        "Give fewer paths, frames, polarisations or names.",
    ),
    "search.no_names": (
        "The list holds no scene name of Sentinel-1 SLC (of {count} entries: {names}).",
        "Give names like S1A_IW_SLC__1SDV_20180106T004006_20180106T004031_020027_0221EC_770D, one per line.",
    ),
    "search.entries_left_out": (
        "{count} entries of the list are no scene names and were left out: {names}.",
        "Correct them and search again.",
    ),
    "search.names_not_found": (
        "The archive does not have {count} of the scenes: {names}.",
        "Check the names; scenes that were processed again have another ending.",
    ),
    "search.area_not_wkt": (
        "This is no WKT geometry: {text}.",
        "Write it like POLYGON((lon lat, lon lat, ...)) in degrees, or draw the area.",
    ),
    "search.area_empty": ("The area holds no geometry.", "Draw an area, or choose another layer."),
    "search.area_outside": (
        "The area is not in degrees of longitude and latitude: it reaches from {south} to {north}.",
        "Give it in EPSG:4326.",
    ),
    "search.area_refused": (
        "The area cannot be searched: {reason}.",
        "Draw a simpler area.",
    ),
    "search.area_repaired": (
        "The outline of the area crosses itself; everything that it encloses was searched.",
        "Draw it again if that is not the area you mean.",
    ),
    "search.area_hull": (
        "The area has {parts} parts. The hull round them was searched, and scenes beside them were left out.",
        "Nothing; the scenes shown touch the area.",
    ),
    "search.part_failed": (
        "Part {part} of {parts} of the search failed, so scenes may be missing: {reasons}.",
        "Search again.",
    ),
    "search.pages_missing": (
        "The archive counts {hits} scenes but sent {found}, so scenes may be missing.",
        "Search again later, or with a simpler area or shorter period.",
    ),
    "search.items_unreadable": (
        "{count} entries of the answer could not be read and were left out: {names}.",
        "Update the plugin: the archive may have changed its format.",
    ),
    "search.item_unreadable": (
        "The entry {scene} of the answer could not be read: {reason}.",
        "Update the plugin: the archive may have changed its format.",
    ),
    "search.nothing_found": (
        "The archive has no scene in this area and period with these filters.",
        "Make the area larger or the period longer, or leave out path, frame, direction or polarisation.",
    ),
    "search.limit_reached": (
        "The search stopped at {limit} scenes; there may be more.",
        "Raise the maximum, or give a shorter period.",
    ),
    "search.bursts_need_area": (
        "A search for bursts needs an area: a path has hundreds of thousands of them.",
        "Draw the area of interest, or search for whole scenes.",
    ),
    "search.bursts_without_frame": (
        "Bursts belong to no frame, so that the frames {frames} cannot be searched for.",
        "Leave the frames empty: the area decides which bursts are found.",
    ),
    "search.bursts_incomplete": (
        "{count} dates lack a burst of their stack and were left out: {dates}.",
        "Go on without them, or choose a smaller area, which may need fewer bursts.",
    ),
    "search.many_bursts": (
        "The area takes {bursts} bursts of path {path}; one job of HyP3 merges {most} at most.",
        "Make the area smaller, or search for whole scenes.",
    ),
    "search.other_polarization": (
        "{count} dates of path {path} in polarisation {other} were left out: more dates are in {kept}, and the two cannot be "
        "paired.",
        "To see them, choose the polarisation {other} and search again.",
    ),
    "search.no_answer": ("No search answer is kept in {folder}.", "Search first."),
    "jobs.no_stacks": ("No stack was chosen.", "Choose one or more stacks in the table."),
    "jobs.no_scenes": (
        "The search answer has no scene of path {path}, frame {frame}.",
        "Search again, then add the stack.",
    ),
    "jobs.sandbox_mix": (
        "{folder} would mix simulated scenes of the sandbox with real ones; nothing was written.",
        "Choose another work directory for the sandbox.",
    ),
    "jobs.other_bursts": (
        "{folder} holds other bursts ({present}) than this stack ({wanted}); pairs need the same ones, so nothing was added.",
        "Search with the area of that job, or add the stack in another work directory.",
    ),
    "baselines.no_metadata": (
        "{folder} keeps no metadata of its {scenes} scenes, so baselines cannot be computed.",
        "Search these scenes again and add the stack to the same work directory.",
    ),
    "baselines.no_vectors": (
        "The archive has no orbit for scenes of {folder}, so their perpendicular baseline is not known: {scenes}.",
        "They are paired by time alone and marked; add the stack again later, or exclude them in the network editor.",
    ),
    "archive.busy": (
        "{service} is busy and asks to wait.",
        "Try again in some minutes.",
    ),
    "archive.down": (
        "{service} has a fault (HTTP {status}: {reason}).",
        "Nothing is wrong on your side. Try again in some minutes.",
    ),
    "archive.refused": (
        "{service} refuses the request (HTTP {status}): {reason}.",
        "Check area, dates and filters.",
    ),
    "archive.not_json": (
        "Something else answered in place of {service}: {start}.",
        "A network's sign-in page or a proxy may be in the way. Open a web page in the browser, sign in, and try again.",
    ),
    "archive.cut_answer": (
        "The answer of {service} broke off.",
        "Check the network and try again.",
    ),
    "archive.bad_answer": (
        "The archive's answer is not understood: {reason}.",
        "Try again; if it stays, update the plugin or the engine environment.",
    ),
    "network.offline": (
        "{service} cannot be reached: {reason}.",
        "Check the network; for a sandbox, start it or switch it off in Options. What came before is kept.",
    ),
    "network.proxy": (
        "The proxy on the way to {service} does not work: {reason}.",
        "Check the proxy in QGIS: Settings > Options > Network.",
    ),
    "network.certificate": (
        "The certificate of {service} is not trusted: {reason}.",
        "In a network that inspects traffic, give its certificate file in the variable REQUESTS_CA_BUNDLE before QGIS starts.",
    ),
    "network.timeout": (
        "{service} did not answer in time.",
        "Try again. A search of a simpler area or a shorter period is answered faster.",
    ),
    "credentials.not_sandbox": (
        "A real login was about to be sent while the sandbox is on; nothing was sent.",
        "Switch the sandbox off in Options, choose a sandbox account, or leave the account empty.",
    ),
    "credentials.sandbox_only": (
        "A login of the sandbox was about to be sent to {service}; nothing was sent.",
        "Sign in with your Earthdata account.",
    ),
    "credentials.missing": (
        "No Earthdata login is given.",
        "Choose an account, or add one in Options > InSARHub: a token, or user and password.",
    ),
    "credentials.token_malformed": (
        "This is no Earthdata token.",
        "Copy the whole token from the page of tokens in your Earthdata profile, and enter it in Options > InSARHub.",
    ),
    "credentials.token_expired": (
        "The token of {account} expired on {expired_at}.",
        "Make a new token in your Earthdata profile and enter it in Options > InSARHub; if that date is still to come, set this computer's clock.",
    ),
    "credentials.wrong_password": (
        "Earthdata Login does not know {account} with this password.",
        "Sign in on its web page with both; then enter what worked in Options > InSARHub.",
    ),
    "credentials.licence": (
        "The password of {account} is right, but a licence has not been accepted yet.",
        "Accept it on the page that opens, then test again.",
    ),
    "credentials.study_area": (
        "The password of {account} is right, but the profile has no study area.",
        "Add the study area to your Earthdata profile, then test again.",
    ),
    "credentials.not_authorised": (
        "The password of {account} is right, but the application of ASF may not use the account yet.",
        "Approve the application on the page that opens, then test again.",
    ),
    "credentials.not_approved": (
        "{account} may not order at HyP3: the access is {status}.",
        "Ask for access on the page of HyP3, or wait for its answer.",
    ),
    "credentials.refused": (
        "Earthdata Login refuses {account}: {reason}.",
        "Sign in on its web page and solve what it asks for, then test again.",
    ),
    "credentials.no_session": (
        "{account} is signed in, but {service} would not get to know of it.",
        "Use a token instead of user and password.",
    ),
    "credentials.no_account": (
        "No Earthdata account is chosen.",
        "Add an account in Options > InSARHub, or choose which one of several is usually signed in.",
    ),
    "credentials.account_gone": (
        "QGIS's authentication database has no configuration {account} any more.",
        "Choose another account, or add it again in Options > InSARHub.",
    ),
    "credentials.not_earthdata": (
        "The authentication configuration {account} is neither user and password nor a header Authorization with a bearer token.",
        "Choose another one, or add the account in Options > InSARHub.",
    ),
    "credentials.master_password": (
        "QGIS's authentication database stays closed: its master password was not given or is not right.",
        "Try again and enter the master password of QGIS; Settings > Options > Authentication can set a new one.",
    ),
    "credentials.database_disabled": (
        "QGIS's authentication database cannot be used: {reason}.",
        "Look at Settings > Options > Authentication; without the database no account can be kept.",
    ),
    "credentials.not_readable": (
        "The authentication configuration {account} cannot be read.",
        "Add the account again in Options > InSARHub.",
    ),
    "credentials.not_stored": (
        "QGIS could not change the account {account} in its authentication database.",
        "Look into the log panel, tab Authentication, and check that the profile folder can be written.",
    ),
    "login_file.missing": (
        "There is no file {file}.",
        "Enter the account in Options > InSARHub instead.",
    ),
    "login_file.not_readable": (
        "{file} is not understood (line {line}).",
        "Correct the file, or enter the account in Options > InSARHub instead.",
    ),
    "login_file.no_earthdata": (
        "{file} has no login for {host}.",
        "Enter the account in Options > InSARHub instead.",
    ),
    "endpoints.unknown": (
        "The engine does not know the services {names}.",
        "Restart QGIS: the plugin was probably updated while it ran.",
    ),
    "sandbox.not_local": (
        "The sandbox address {address} is not on this computer.",
        "Give an address like http://127.0.0.1:8090.",
    ),
    "sandbox.port": (
        "The sandbox cannot use port {port}: {reason}.",
        "Choose another port, or 0 for a free one.",
    ),
    "sandbox.not_umm": (
        "{file} holds no scenes as CMR answers them (UMM JSON): {reason}.",
        "Choose a file with an answer of CMR.",
    ),
    "sandbox.bad_fault": (
        "The sandbox does not know this fault: {reason}.",
        "Use the fields that its documentation names.",
    ),
    # HyP3: options and answers of the service
    "hyp3_options.unknown": (
        "The options {names} are no options of HyP3 jobs.",
        "Leave them out.",
    ),
    "hyp3_options.bad_value": (
        "{value} is no value of the option {name}.",
        "Give one of: {allowed}.",
    ),
    "hyp3_options.looks": (
        "{job_type} has no looks {looks}.",
        "Choose one of: {allowed}.",
    ),
    "hyp3_options.name": (
        "The name prefix {prefix} holds no letter or digit.",
        "Give a short word of letters and digits.",
    ),
    "hyp3_options.chunk_clamped": (
        "The job's submission chunk of {value} is more than HyP3 takes; {limit} is used.",
        "Nothing to do.",
    ),
    "hyp3_options.no_price": (
        "HyP3 names no price for {job_type} with these options, so nothing was sent.",
        "Choose another job type or other looks.",
    ),
    "hyp3.unauthorized": (
        "{service} does not take the login: {reason}.",
        "Test the account in Options > InSARHub, and renew its token or password there.",
    ),
    "hyp3.token_expired": (
        "The token has expired, so {service} does not take it any more.",
        "Make a new token on the Earthdata profile page, put it into Options > InSARHub, and go on.",
    ),
    "hyp3.not_approved": (
        "HyP3 does not accept jobs of this account yet (access: {state}).",
        "Ask for access on the page that HyP3 names, {page}, and try again once it is granted.",
    ),
    "hyp3.forbidden": (
        "HyP3 does not allow this for the account: {reason}.",
        "Sign in with the account that submitted the job.",
    ),
    "hyp3.not_found": (
        "{service} does not know what was asked for: {reason}.",
        "The job may be of another service. Refresh, or check the address of HyP3 in Options.",
    ),
    "hyp3.not_served": (
        "{service} does not understand this call (HTTP {status}).",
        "Check the address of HyP3 in Options > InSARHub; if it is right, update the plugin.",
    ),
    "hyp3.busy": (
        "{service} is busy and asks to wait. What was accepted is saved.",
        "Try again in some minutes; nothing is paid twice.",
    ),
    "hyp3.down": (
        "{service} has a fault (HTTP {status}: {reason}). What was accepted is saved.",
        "Nothing is wrong on your side. Try again in some minutes; nothing is paid twice.",
    ),
    "hyp3.not_json": (
        "Something else answered in place of {service}: {start}.",
        "A network's sign-in page or a proxy may be in the way. Open a web page in the browser, sign in, and try again.",
    ),
    "hyp3.bad_answer": (
        "The answer of HyP3 is not understood: {reason}.",
        "Try again; if it stays, update the plugin or the engine environment.",
    ),
    "hyp3.answer_lost": (
        "The answer of HyP3 to a submission got lost ({reason}).",
        "Submit again: jobs that arrived after all are found first, so nothing is paid twice.",
    ),
    "hyp3.no_credits": (
        "The credits do not suffice: these jobs would cost {cost}, {left} are left. None of them was ordered.",
        "Choose fewer pairs, or submit the rest when the credits are renewed next month.",
    ),
    "hyp3.unknown_scenes": (
        "The archive does not know the scenes {scenes}.",
        "Remove their pairs, or search again: the scenes may have been replaced by newer versions.",
    ),
    "hyp3.no_dem": (
        "There is no elevation model below the scenes {scenes}.",
        "Remove their pairs: HyP3 cannot process them.",
    ),
    "hyp3.refused": (
        "HyP3 refuses the job: {reason}.",
        "Check options and pairs; if they are right, update the plugin.",
    ),
    # HyP3: submission
    "hyp3.no_pairs": (
        "{folder} has no pairs to submit.",
        "Select pairs in the network editor first.",
    ),
    "hyp3.submission_running": (
        "Another window or program (process {pid} on {host}) submits pairs of {folder} since {started_at}.",
        "Wait until it has ended and look again: its pairs are then shown as in flight.",
    ),
    "hyp3.sandbox_job": (
        "The scenes of {folder} are simulated, so the real HyP3 cannot process them; nothing was sent.",
        "Switch the sandbox on in Options > InSARHub, or make a job from a real search.",
    ),
    "hyp3.other_service": (
        "{file} holds jobs of another service, {api_url}; nothing was sent.",
        "Choose that service in Options > InSARHub, or make a new job folder for this one.",
    ),
    "hyp3.price_higher": (
        "The jobs would cost {credits} credits, more than the {agreed} that were agreed to; nothing was sent.",
        "Look at the new price and submit again.",
    ),
    "hyp3_guard.gone": (
        "HyP3 does not know the job {job_id} any more.",
        "Its product cannot be fetched. Submit the pair again if it is needed.",
    ),
    "hyp3_guard.not_asked": (
        "The state of the job {job_id} is not known.",
        "Refresh the jobs, with the account that submitted it.",
    ),
    "hyp3_guard.unresolved": (
        "The pair was sent by a submission that broke off, and has not been found on the service yet.",
        "Look again in a minute: it is either found or free to be submitted then. Nothing is paid twice.",
    ),
    "hyp3_guard.other_parameters": (
        "The pair has a job with other options ({job_type}, looks {looks}, {status}).",
        "Use that one, or tick the pair to pay for it with these options.",
    ),
    "hyp3_guard.other_product": (
        "The folder has a product of the pair with other options: {file}.",
        "Use that one, or tick the pair to pay for it with these options.",
    ),
    "hyp3_guard.not_all_asked": (
        "{count} older jobs of the job files were not asked for.",
        "Refresh the jobs to learn their pairs before you submit.",
    ),
    "hyp3_pair.not_slc": (
        "{scene} is no name of a Sentinel-1 IW SLC scene, as {job_type} needs it.",
        "Choose another job type, or search the scenes again.",
    ),
    "hyp3_pair.not_burst": (
        "{scene} is no name of a Sentinel-1 burst, as {job_type} needs it.",
        "Choose INSAR_GAMMA for whole scenes, or make a job of bursts.",
    ),
    "hyp3_pair.same_scene": (
        "{reference} is both reference and secondary.",
        "Remove the pair.",
    ),
    "hyp3_pair.reversed": (
        "The reference {reference} is not older than the secondary {secondary}.",
        "Save the network: it puts the earlier scene first.",
    ),
    "hyp3_pair.polarization": (
        "{reference} and {secondary} differ in polarisation or have one that HyP3 does not process ({values}).",
        "Remove the pair.",
    ),
    "hyp3_pair.other_track": (
        "{reference} and {secondary} are of different tracks ({values}).",
        "Remove the pair: two tracks give no interferogram.",
    ),
    "hyp3_pair.other_frame": (
        "{reference} and {secondary} are of different frames ({values}).",
        "Remove the pair, or choose scenes of one frame.",
    ),
    "hyp3_pair.no_overlap": (
        "{reference} and {secondary} do not cover common ground.",
        "Remove the pair.",
    ),
    "hyp3_pair.outside_area": (
        "{scene} does not touch the area of interest.",
        "Remove its pairs, or change the area.",
    ),
    "hyp3_pair.repeated": (
        "The pair {reference} / {secondary} is listed twice.",
        "Save the network: each pair is kept once.",
    ),
    "hyp3_pair.other_burst": (
        "{reference} and {secondary} are not the same burst.",
        "Remove the pair.",
    ),
    "hyp3_pair.too_many_bursts": (
        "The pair from {reference} to {secondary} has {count} bursts on a side, more than the {limit} that HyP3 takes.",
        "Choose fewer bursts, or INSAR_GAMMA for the whole frame.",
    ),
    "hyp3_pair.burst_sets": (
        "The bursts of the reference {reference} and of the secondary {secondary} are not the same.",
        "Choose bursts that both days have, each once.",
    ),
    "hyp3_pair.several_bursts": (
        "The pair from {reference} to {secondary} is of {bursts} bursts; INSAR_ISCE_BURST takes one.",
        "Choose INSAR_ISCE_MULTI_BURST.",
    ),
    "hyp3_pair.not_whole": (
        "HyP3 cannot merge the bursts of {reference} and {secondary}: they are no whole rectangle ({bursts}).",
        "Search for bursts with the area of interest, and add the stack as a new job.",
    ),
    "hyp3_pair.burst_times": (
        "The bursts of {reference} or of {secondary} are not of one pass.",
        "Choose bursts of one pass per day.",
    ),
    "hyp3_pair.unconnected": (
        "The pairs fall into {parts} groups that share no date.",
        "They can be processed, but not inverted together. Add pairs that join the groups.",
    ),
}

#: What happened, where the field ``count`` is 1 and the sentence above speaks of several.
SINGULAR: dict[str, str] = {
    "search.bursts_incomplete": "One date lacks a burst of its stack and was left out: {dates}.",
    "search.other_polarization": "One date of path {path} in polarisation {other} was left out: more dates are in {kept}, and "
    "the two cannot be paired.",
    "check.too_few_dates": "The stack has one date; a pair needs two.",
    "forecast.water_counted": "One product has no water mask, so that water counts as land in it.",
    "check.not_covered": "One date does not cover the area of interest at all: {dates}.",
    "check.partly_covered": "One date covers only {percent} % of the area of interest: {dates}.",
    "check.coverage_unknown": "Of one date the footprint is not known.",
    "check.frames_missing": "One date lacks a frame ({frames}) that other dates have: {dates}.",
    "check.unknown_names": "One name is no name of the archive: {scenes}.",
    "check.not_in_answer": "One scene is not in the kept search answer: {scenes}.",
    "check.unpaired": "One date has no pair: {dates}.",
    "check.bridges": "One pair holds the network together alone: {pairs}.",
    "check.articulation": "One date holds the network together alone: {dates}.",
    "check.few_pairs": "One date has fewer than {min_degree} pairs: {dates}.",
    "check.no_loop": "One pair stands in no triangle, so that unwrapping errors in it cannot be found: {pairs}.",
    "check.relaxed": "One pair breaks a limit of the parameters: {pairs}.",
    "check.unknown_bperp": "The perpendicular baseline of one pair is not known: {pairs}.",
    "check.red_pairs": "One pair is poor (score below 30): {pairs}.",
    "check.red_pairs_priced": "One pair is poor (score below 30) and would cost {credits} credits: {pairs}.",
    "check.wet_snow_pairs": "One pair has melting snow on a date, so that no coherence is left: {pairs}.",
    "check.wet_snow_pairs_priced": (
        "One pair with melting snow, of which no coherence is left, would cost {credits} credits: {pairs}."
    ),
    "check.degraded_pairs": "The score of one pair lacks inputs that were asked for: {pairs}.",
    "check.unjudged_pairs": "One pair has no score: {pairs}.",
    "check.unjudged_pairs_priced": "One pair without a score would cost {credits} credits: {pairs}.",
    "check.processed": "One pair is processed already: {pairs}.",
    "check.processed_priced": "One pair is processed already: {pairs}.",
    "check.expires_soon": "One product that is not downloaded expires in under 3 days: on {first}.",
    "check.expired": "One product expired before it was downloaded.",
}


class _Fields(dict[str, Any]):
    """Fields of an error as a sentence shows them."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__({name: self._field_text(name, value) for name, value in fields.items()})

    def __missing__(self, name: str) -> str:
        return "?"

    @classmethod
    def _field_text(cls, name: str, value: Any) -> str:
        if name.endswith("_bytes") and isinstance(value, int):
            return _size_text(value)
        return cls._text(value)

    @classmethod
    def _text(cls, value: Any) -> str:
        if value is None:
            return "?"
        if isinstance(value, Mapping) and "code" in value:
            return _reason_text(value)
        if isinstance(value, (list, tuple)):
            separator = "; " if any(isinstance(entry, (Mapping, list, tuple)) for entry in value) else ", "
            texts = [cls._text(entry) for entry in value[:_LISTED]]
            if len(value) > _LISTED:
                texts.append(tr("{count} more", CONTEXT).format(count=len(value) - _LISTED))
            return separator.join(texts)
        if isinstance(value, float):
            return f"{value + 0.0:.10g}"
        return str(value)


def _reason_text(value: Mapping[str, Any]) -> str:
    """Give one of ``counted_reasons``: what happened to the first of them, and to how many."""
    text = what_happened(InsarError.from_json(value)).rstrip(".")
    count = value.get("count", 1)
    return (
        text
        if count == 1
        else tr("{reason} (and {count} more)", CONTEXT).format(reason=text, count=count - 1)
    )


def _size_text(size_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f} {unit}"
    return f"{size_bytes} B"


def _fill(text: str, error: InsarError) -> str:
    return tr(text, CONTEXT).format_map(_Fields(error.fields))


def what_happened(error: InsarError) -> str:
    """One sentence: what happened, to what."""
    row = MESSAGES.get(error.code)
    if row is None:
        return str(error)
    text = SINGULAR.get(error.code, row[0]) if error.fields.get("count") == 1 else row[0]
    return _fill(text, error)


def what_to_do(error: InsarError) -> str:
    """The next step; empty for a code that has no row."""
    row = MESSAGES.get(error.code)
    return _fill(row[1], error) if row is not None else ""


def sentence(error: InsarError) -> str:
    """What happened and what to do."""
    return " ".join(part for part in (what_happened(error), what_to_do(error)) if part)
