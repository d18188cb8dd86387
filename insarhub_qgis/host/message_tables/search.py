# SPDX-License-Identifier: GPL-2.0-or-later
"""Searching scenes, the area of interest, and making jobs of an answer."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
    "search.not_numbers": ("{text} is no list of numbers.", "Write them like 13, 93 or 406-412."),
    "search.no_scene_names": (
        "There is no Sentinel-1 SLC scene name in this text.",
        "Names look like S1A_IW_SLC__1SDV_ followed by times, orbit and identifiers.",
    ),
    "search.not_a_day": ("{text} is no day.", "Write days as YYYY-MM-DD, for example 2020-01-31."),
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
        "The archive sent {found} of {hits} scenes, so scenes may be missing.",
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
        "The search stopped at its maximum ({limit}); there may be more scenes.",
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
    "search.bursts_not_asked": (
        "{count} bursts at the edge of the area were not looked up; one search looks up {most} at most. Dates that have these "
        "bursts may be missing.",
        "Search a smaller area or a shorter period.",
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
    "aoi.not_projected": (
        "The area of interest cannot be projected to {crs}.",
        "Draw an area near the products.",
    ),
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
        "{folder} keeps no metadata of its scenes ({scenes}), so baselines cannot be computed.",
        "Search these scenes again and add the stack to the same work directory.",
    ),
    "baselines.no_vectors": (
        "The archive has no orbit for scenes of {folder}, so their perpendicular baseline is not known: {scenes}.",
        "They are paired by time alone and marked; add the stack again later, or exclude them in the network editor.",
    ),
}

SINGULAR: dict[str, tuple[str, str]] = {
    "search.no_names": (
        "The list holds no scene name of Sentinel-1 SLC, only this entry: {names}.",
        "Give names like S1A_IW_SLC__1SDV_20180106T004006_20180106T004031_020027_0221EC_770D, one per line.",
    ),
    "search.entries_left_out": (
        "One entry of the list is no scene name and was left out: {names}.",
        "Correct it and search again.",
    ),
    "search.names_not_found": (
        "The archive does not have one of the scenes: {names}.",
        "Check the name; a scene that was processed again has another ending.",
    ),
    "search.items_unreadable": (
        "One entry of the answer could not be read and was left out: {names}.",
        "Update the plugin: the archive may have changed its format.",
    ),
    "search.bursts_not_asked": (
        "One burst at the edge of the area was not looked up; one search looks up {most} at most. Dates that have this burst "
        "may be missing.",
        "Search a smaller area or a shorter period.",
    ),
    "search.bursts_incomplete": (
        "One date lacks a burst of its stack and was left out: {dates}.",
        "Go on without it, or choose a smaller area, which may need fewer bursts.",
    ),
    "search.other_polarization": (
        "One date of path {path} in polarisation {other} was left out: more dates are in {kept}, and the two cannot be "
        "paired.",
        "To see it, choose the polarisation {other} and search again.",
    ),
}
