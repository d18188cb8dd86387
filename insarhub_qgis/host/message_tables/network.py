# SPDX-License-Identifier: GPL-2.0-or-later
"""The pair network: edits, selection of pairs, budget."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
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
        "A budget of {credits} does not connect all dates: {needed} are needed, {missing} more.",
        "Raise the budget by {missing}, or keep only the {count} dates from {first} to {last}, which fit.",
    ),
    "budget.no_pair": (
        "A budget of {credits} does not pay for a single pair; to connect all dates takes {needed}.",
        "Raise the budget by {missing}.",
    ),
    "budget.no_prices": (
        "The price of a pair is not known.",
        "Give the credits per pair as the service names them.",
    ),
}
