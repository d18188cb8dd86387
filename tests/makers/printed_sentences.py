# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person reads in the log of an algorithm, and whether files stayed as they were."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingFeedback


class Heard(QgsProcessingFeedback):
    """Keeps the warnings that a person sees in the log of the algorithm."""

    def __init__(self):
        super().__init__(False)
        self.warnings = []
        self.everything = []

    def pushWarning(self, text):
        self.warnings.append(text)
        self.everything.append(text)

    def pushInfo(self, text):
        self.everything.append(text)

    def pushDebugInfo(self, text):
        self.everything.append(text)


def assert_is_a_sentence(text):
    assert text.endswith("."), text
    assert text.count(". ") >= 1, f"only one of what happened and what to do: {text}"
    assert "{" not in text and "'code'" not in text and "?" not in text, text


#: Written by any attempt, successful or not: locks, the run's own folder, the report.
_OF_THE_ATTEMPT = (".insarhub_qgis.lock", "prepare_report.csv")


def state_of(places):
    found = {}
    for place in [places] if isinstance(places, Path) else places:
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        for path in files:
            if path.is_file() and path.name not in _OF_THE_ATTEMPT:
                found[str(path)] = path.read_bytes()
    return found
