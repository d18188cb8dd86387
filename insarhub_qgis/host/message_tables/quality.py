# SPDX-License-Identifier: GPL-2.0-or-later
"""Pair quality, and its forecast checked against products."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
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
        "The stack in {folder} has too few dates ({dates}), and pairs need two.",
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
}

SINGULAR: dict[str, tuple[str, str]] = {
    "forecast.water_counted": (
        "One product has no water mask, so that water counts as land in it.",
        "Read its coherence with care where the area has water.",
    ),
}
