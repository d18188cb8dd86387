# SPDX-License-Identifier: GPL-2.0-or-later
"""Decay maps and the global coherence that they are made of."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
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
}
