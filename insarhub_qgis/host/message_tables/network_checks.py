# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of the network check."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
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
        "The stack file has pairs to repair: {reversed} reversed, {duplicates} listed twice.",
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
        "{count} dates have fewer pairs than Min Connections ({min_degree}): {dates}.",
        "Select pairs again with wider limits, or add pairs.",
    ),
    "check.enough_pairs": ("No date has fewer pairs than Min Connections ({min_degree}).", "Nothing to do."),
    "check.no_loop": (
        "{count} pairs stand in no triangle, so that unwrapping errors in them cannot be found: {pairs}.",
        "Add the third side where it is short enough.",
    ),
    "check.loops": ("Every pair stands in a triangle ({loops} in all).", "Nothing to do."),
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
        "{count} pairs are poor (score below 30) and would cost {credits}: {pairs}.",
        "Remove those that are no bridges.",
    ),
    "check.unjudged_pairs": ("{count} pairs have no score: {pairs}.", "Build the pair quality again."),
    "check.unjudged_pairs_priced": (
        "{count} pairs without a score would cost {credits}: {pairs}.",
        "Build the pair quality again before paying.",
    ),
    "check.wet_snow_pairs": (
        "{count} pairs have melting snow on one of their dates, so that no coherence is left: {pairs}.",
        "Remove those that are no bridges.",
    ),
    "check.wet_snow_pairs_priced": (
        "{count} pairs with melting snow, of which no coherence is left, would cost {credits}: {pairs}.",
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
    "check.price": ("The network costs {credits}.", "Compare it with the credits of the account."),
    "check.too_dear": (
        "The network costs {credits}, {missing} more than the account has left ({left}).",
        "Select pairs in the mode budget, or remove pairs.",
    ),
    "check.dear": (
        "The network costs {credits}; the account has {left} left.",
        "Select pairs in the mode budget to spend less.",
    ),
    "check.affordable": ("The network costs {credits}; the account has {left} left.", "Nothing to do."),
    "check.processed": (
        "{count} pairs are processed already: {pairs}.",
        "Reuse their products instead of paying twice.",
    ),
    "check.processed_priced": (
        "{count} pairs are processed already: {pairs}.",
        "Reuse their products: that saves {credits}.",
    ),
    "check.expires_soon": (
        "{count} products that are not downloaded expire in under 3 days, the first on {first}.",
        "Download them now.",
    ),
    "check.expired": (
        "{count} products expired before they were downloaded.",
        "Their pairs have to be processed again.",
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
}

SINGULAR: dict[str, tuple[str, str]] = {
    "check.too_few_dates": ("The stack has one date; a pair needs two.", "Search more scenes for it."),
    "check.not_covered": (
        "One date does not cover the area of interest at all: {dates}.",
        "Exclude this date.",
    ),
    "check.partly_covered": (
        "One date covers only {percent} % of the area of interest: {dates}.",
        "Exclude this date, or accept gaps at the edge.",
    ),
    "check.coverage_unknown": (
        "Of one date the footprint is not known.",
        "Search the scenes again to check the coverage.",
    ),
    "check.frames_missing": (
        "One date lacks a frame ({frames}) that other dates have: {dates}.",
        "Exclude this date, or accept that the area is smaller on it.",
    ),
    "check.unknown_names": (
        "One name is no name of the archive: {scenes}.",
        "Exclude its date, or search the scenes again.",
    ),
    "check.not_in_answer": (
        "One scene is not in the kept search answer: {scenes}.",
        "Search again, so that its footprint and baseline are known.",
    ),
    "check.unpaired": ("One date has no pair: {dates}.", "Add a suggested bridge, or exclude it."),
    "check.bridges": (
        "One pair holds the network together alone: {pairs}.",
        "Add a second pair beside it, or check this pair with care.",
    ),
    "check.articulation": (
        "One date holds the network together alone: {dates}.",
        "Add a pair that passes it by.",
    ),
    "check.few_pairs": (
        "One date has fewer pairs than Min Connections ({min_degree}): {dates}.",
        "Select pairs again with wider limits, or add pairs.",
    ),
    "check.no_loop": (
        "One pair stands in no triangle, so that unwrapping errors in it cannot be found: {pairs}.",
        "Add the third side if it is short enough.",
    ),
    "check.relaxed": ("One pair breaks a limit of the parameters: {pairs}.", "Look at it before paying."),
    "check.unknown_bperp": (
        "The perpendicular baseline of one pair is not known: {pairs}.",
        "It was judged by time alone.",
    ),
    "check.red_pairs": ("One pair is poor (score below 30): {pairs}.", "Remove it unless it is a bridge."),
    "check.red_pairs_priced": (
        "One pair is poor (score below 30) and would cost {credits}: {pairs}.",
        "Remove it unless it is a bridge.",
    ),
    "check.wet_snow_pairs": (
        "One pair has melting snow on a date, so that no coherence is left: {pairs}.",
        "Remove it unless it is a bridge.",
    ),
    "check.wet_snow_pairs_priced": (
        "One pair with melting snow, of which no coherence is left, would cost {credits}: {pairs}.",
        "Remove it unless it is a bridge.",
    ),
    "check.degraded_pairs": (
        "The score of one pair lacks inputs that were asked for: {pairs}.",
        "Update the pair database later, to judge it by all inputs.",
    ),
    "check.unjudged_pairs": ("One pair has no score: {pairs}.", "Build the pair quality again."),
    "check.unjudged_pairs_priced": (
        "One pair without a score would cost {credits}: {pairs}.",
        "Build the pair quality again before paying.",
    ),
    "check.processed": (
        "One pair is processed already: {pairs}.",
        "Reuse its product instead of paying twice.",
    ),
    "check.processed_priced": (
        "One pair is processed already: {pairs}.",
        "Reuse its product: that saves {credits}.",
    ),
    "check.expires_soon": (
        "One product that is not downloaded expires in under 3 days: on {first}.",
        "Download it now.",
    ),
    "check.expired": (
        "One product expired before it was downloaded.",
        "Its pair has to be processed again.",
    ),
}
