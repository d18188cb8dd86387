# SPDX-License-Identifier: GPL-2.0-or-later
"""MintPy: options, steps, weather service, cleaning up."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
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
    "clean_up.stack_needed": (
        "The zips cannot be deleted: {file} does not hold all pairs ({reason} {missing}). Nothing was deleted.",
        "Run the step load_data first, or clean up without the zips.",
    ),
    "stack.not_loaded": (
        "The interferograms are not loaded yet: {file} is missing.",
        "Run the step load_data first.",
    ),
    "stack.damaged": (
        "The loaded stack {file} is damaged or being written.",
        "Wait for the run to end, or run the step load_data again.",
    ),
}
