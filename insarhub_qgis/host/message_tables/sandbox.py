# SPDX-License-Identifier: GPL-2.0-or-later
"""The sandbox, its simulated products, and the report that compares with their truth."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
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
        "Too few pixels are left to compare ({stable}); at least {wanted} are needed.",
        "Lower mintpy.networkInversion.minTempCoh, or simulate a larger scene.",
    ),
    "report.folder": (
        "The report cannot be written to {folder}: {reason}.",
        "Choose a folder that can be written.",
    ),
}
