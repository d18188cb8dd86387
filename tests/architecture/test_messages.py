# SPDX-License-Identifier: GPL-2.0-or-later
"""Each error code that the package raises has a sentence, and its sentence names only known fields."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "insarhub_qgis"
TABLE_FILES = [
    path for path in sorted((PACKAGE / "host" / "message_tables").glob("*.py")) if path.stem != "__init__"
]
COUNTABLE = (
    "bands|bursts|columns|credits|dates|days|entries|files|groups|jobs|names|pairs|parts|pixels|points|products|queries|rows|"
    "scenes|times|zips"
)
#: Codes whose numbers are above one wherever they are raised.
ALWAYS_SEVERAL = {
    "analysis.too_few_pixels",
    "budget.too_small",
    "check.connected",
    "check.split",
    "coherence.too_large",
    "compare.grid",
    "export.too_many_columns",
    "hyp3_jobs.failed_again",
    "hyp3_jobs.failed_alike",
    "hyp3_pair.several_bursts",
    "hyp3_pair.too_many_bursts",
    "hyp3_pair.unconnected",
    "prepare.aoi_not_common",
    "prepare.no_overlap",
    "search.area_hull",
    "search.many_bursts",
    "search.pages_missing",
    "search.too_many_queries",
}


def tables_of(path):
    """The literal tables of a module by name, each as a list of (key, value), read without importing it."""
    tables = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            keys = [ast.literal_eval(key) for key in node.value.keys]
            tables[node.target.id] = list(zip(keys, map(ast.literal_eval, node.value.values)))
    return tables


def message_rows(name="MESSAGES"):
    """Keys, with those that stand twice, and rows of a table over all files of messages."""
    rows = [row for path in TABLE_FILES for row in tables_of(path).get(name, [])]
    return [key for key, _ in rows], dict(rows)


def raised_errors():
    """(code, fields or None when they are not literal, place) of each ``InsarError(...)`` in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "InsarError"
            ):
                continue
            place = f"{path.relative_to(PACKAGE)}:{node.lineno}"
            names = [keyword.arg for keyword in node.keywords]
            fields = None if None in names else set(names)
            for code in literal_codes(node.args[0] if node.args else None):
                yield code, fields, place


def literal_codes(node):
    """Codes of a literal, or of each branch of a conditional; nothing for a code that is computed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*literal_codes(node.body), *literal_codes(node.orelse)]
    return []


def test_the_scan_sees_the_errors_of_all_rooms():
    places = [place for _, _, place in raised_errors()]
    assert len(places) > 20
    assert {"core", "engine", "host"} <= {Path(place).parts[0] for place in places}


def test_each_code_has_a_sentence():
    _, table = message_rows()
    missing = {f"{code} ({place})" for code, _, place in raised_errors() if code not in table}
    assert missing == set()


def test_no_code_has_two_rows():
    keys, _ = message_rows()
    assert sorted(keys) == sorted(set(keys))


def test_every_file_of_messages_is_joined():
    tree = ast.parse((PACKAGE / "host" / "messages.py").read_text(encoding="utf-8"))
    joined = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and [getattr(target, "id", "") for target in node.targets] == ["_TABLES"]
    )
    assert len(TABLE_FILES) > 10
    assert sorted(name.id for name in joined.elts) == [path.stem for path in TABLE_FILES]


def test_a_sentence_about_one_thing_stands_in_the_file_of_its_row():
    for path in TABLE_FILES:
        tables = tables_of(path)
        assert set(tables) <= {"MESSAGES", "SINGULAR"}, path.name
        assert set(dict(tables.get("SINGULAR", []))) <= set(dict(tables["MESSAGES"])), path.name


def test_a_row_says_what_happened_and_what_to_do():
    _, table = message_rows()
    for code, row in table.items():
        assert len(row) == 2, code
        for text in row:
            assert text == text.strip(), code
            assert text.endswith((".", "!", "?")), code


def test_sentences_name_only_fields_that_every_error_of_the_code_has():
    _, table = message_rows()
    wrong = []
    for code, fields, place in raised_errors():
        if fields is None or code not in table:
            continue
        wanted = {name for text in table[code] for _, name, _, _ in string.Formatter().parse(text) if name}
        if not wanted <= fields:
            wrong.append(f"{code} at {place} lacks {sorted(wanted - fields)}")
    assert wrong == []


def names_in(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_a_sentence_that_counts_has_a_row_for_one():
    keys, singular = message_rows("SINGULAR")
    _, table = message_rows()
    assert sorted(keys) == sorted(set(keys))
    counting = {code for code, row in table.items() if any("count" in names_in(text) for text in row)}
    assert counting - ALWAYS_SEVERAL == set(singular)
    for code, row in singular.items():
        assert len(row) == 2, code
        for one, many in zip(row, table[code]):
            assert one == one.strip() and one.endswith("."), code
            assert names_in(one) == names_in(many) - {"count"}, code
            assert not re.search(r"\b(these|those|them|their|they)\b", one.lower()), code


def test_no_number_but_a_count_stands_before_a_plural():
    """``{credits}`` brings its unit; any other field before a plural could read "1 pairs"."""
    wrong = []
    for name in ("MESSAGES", "SINGULAR"):
        for code, row in message_rows(name)[1].items():
            fields = re.findall(rf"\{{(\w+)\}} (?:{COUNTABLE})\b", " ".join(row))
            if set(fields) - {"count"} and code not in ALWAYS_SEVERAL:
                wrong.append(f"{code}: {fields}")
    assert wrong == []
