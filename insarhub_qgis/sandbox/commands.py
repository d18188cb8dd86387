# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of the sandbox: request class and the function that answers, imported on use."""

from __future__ import annotations

from insarhub_qgis.core import requests
from insarhub_qgis.engine.command_table import CommandTable

COMMANDS = CommandTable(
    {
        requests.Simulate: "insarhub_qgis.sandbox.simulate:run",
        requests.CompareWithTruth: "insarhub_qgis.sandbox.compare_with_truth:run",
        requests.DemoReport: "insarhub_qgis.sandbox.demo_report:run",
        requests.ServeSandbox: "insarhub_qgis.sandbox.serve:run",
    }
)
