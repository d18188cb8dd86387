# SPDX-License-Identifier: GPL-2.0-or-later
"""Each text that people read is found by the collector of texts, in the context in which Qt looks for it."""

from __future__ import annotations

import ast

import pytest

from tools.collect_texts import FUNCTIONS, PACKAGE, called_texts, context_of, literals_of, table_texts

#: Functions that hand on the text of their caller, or of a table.
HANDED_ON = {"tr(text, CONTEXT)", "tr(self.TITLE)", "tr(self.HELP)"}


@pytest.fixture(scope="module")
def texts():
    return {*called_texts(), *table_texts()}


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ("Counts", "{n} pairs"),
        ("NetworkEditor", "good"),
        ("InSARHubProcessing", "Network"),
        ("InSARHubProcessing", "Select pairs"),
        ("Hyp3JobsModel", "Credits"),
        ("Messages", "Cancelled. What was finished is kept."),
        ("Messages", "One date has no pair: {dates}."),
        ("SearchPage", "Search Scenes"),
    ],
)
def test_texts_of_all_kinds_are_found(texts, context, text):
    assert (context, text) in texts


def test_a_text_of_a_base_class_is_found_for_its_subclasses(texts):
    inherited = {context for context, text in texts if text == "&Add to the project"}
    assert {"ExportDialog", "PointsDialog", "FootprintDialog"} <= inherited


def test_an_imported_function_has_the_context_of_its_module():
    assert context_of("tr", PACKAGE / "gui" / "network_legend.py") == "NetworkEditor"
    assert context_of("tr", PACKAGE / "processing" / "select_pairs.py") == "InSARHubProcessing"


def test_texts_are_handed_over_as_literals():
    computed = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            is_method = isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "self.tr"
            if (is_method or getattr(node.func, "id", "") in FUNCTIONS) and not literals_of(node.args[0]):
                computed.append(ast.unparse(node))
    assert set(computed) == HANDED_ON
