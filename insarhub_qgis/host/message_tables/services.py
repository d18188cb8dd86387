# SPDX-License-Identifier: GPL-2.0-or-later
"""The way to the services of the network: connection, archive, addresses."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
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
    "endpoints.unknown": (
        "The engine does not know the services {names}.",
        "Restart QGIS: the plugin was probably updated while it ran.",
    ),
}
