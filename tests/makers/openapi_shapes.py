# SPDX-License-Identifier: GPL-2.0-or-later
"""Validation of JSON against a schema of an OpenAPI 3.0 file: the keywords that the HyP3 one uses, and no others."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

HYP3_FILES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hyp3_api"
OPENAPI = HYP3_FILES / "openapi.json"

_TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "number": (int, float), "integer": int,
}  # fmt: skip
_IGNORED = {"description", "example", "default"}
_KNOWN = {
    "type", "nullable", "enum", "required", "additionalProperties", "properties", "items", "minItems", "maxItems",
    "minLength", "maxLength", "minimum", "maximum", "pattern", "format", "oneOf", "anyOf", "minProperties", *_IGNORED,
}  # fmt: skip


def golden(name: str) -> Any:
    return json.loads((HYP3_FILES / name).read_text(encoding="utf-8"))


class OpenApi:
    """Schemas of an OpenAPI file by path and method."""

    def __init__(self, file: Path = OPENAPI) -> None:
        self._paths = json.loads(file.read_text(encoding="utf-8"))["paths"]

    def answer(self, path: str, method: str) -> dict[str, Any]:
        return self._paths[path][method]["responses"]["200"]["content"]["application/json"]["schema"]

    def body(self, path: str, method: str) -> dict[str, Any]:
        return self._paths[path][method]["requestBody"]["content"]["application/json"]["schema"]


def faults(value: Any, schema: dict[str, Any], where: str = "$") -> list[str]:
    """What is wrong with a value; empty when it fits."""
    unknown = set(schema) - _KNOWN
    assert not unknown, f"the schema uses {unknown}, which this validator does not know"
    if value is None and schema.get("nullable"):
        return []
    found: list[str] = []
    kind = schema.get("type")
    if kind is not None:
        is_flag = isinstance(value, bool)
        if not isinstance(value, _TYPES[kind]) or (is_flag and kind != "boolean"):
            return [f"{where}: {value!r} is no {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is none of {schema['enum']}")
    for branches, fits in (("oneOf", lambda n: n == 1), ("anyOf", lambda n: n >= 1)):
        if branches in schema:
            count = sum(not faults(value, branch, where) for branch in schema[branches])
            if not fits(count):
                found.append(f"{where}: {count} of {branches} fit")
    if isinstance(value, dict):
        found += _object_faults(value, schema, where)
    elif isinstance(value, list):
        found += _outside(len(value), schema, "Items", where)
        if "items" in schema:
            for index, item in enumerate(value):
                found += faults(item, schema["items"], f"{where}[{index}]")
    elif isinstance(value, str):
        found += _outside(len(value), schema, "Length", where)
        if "pattern" in schema and not re.search(schema["pattern"], value):
            found.append(f"{where}: {value!r} does not fit {schema['pattern']}")
        if "format" in schema and not _has_format(value, schema["format"]):
            found.append(f"{where}: {value!r} is no {schema['format']}")
    elif kind in ("number", "integer") and not (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
    ):
        found.append(f"{where}: {value} is out of range")
    return found


def _object_faults(value: dict[str, Any], schema: dict[str, Any], where: str) -> list[str]:
    known = schema.get("properties", {})
    found = [f"{where}: {name} is missing" for name in schema.get("required", []) if name not in value]
    if schema.get("additionalProperties") is False:
        found += [f"{where}: {name} is not allowed" for name in value if name not in known]
    found += _outside(len(value), schema, "Properties", where)
    for name, item in value.items():
        if name in known:
            found += faults(item, known[name], f"{where}.{name}")
    return found


def _outside(size: int, schema: dict[str, Any], what: str, where: str) -> list[str]:
    low, high = schema.get(f"min{what}", size), schema.get(f"max{what}", size)
    return [] if low <= size <= high else [f"{where}: {size} {what.lower()}"]


def _has_format(text: str, name: str) -> bool:
    try:
        if name == "uuid":
            return str(UUID(text)) == text.lower()
        if name == "date":
            return len(text) == 10 and date.fromisoformat(text) is not None
        if name == "date-time":
            return datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False
    raise AssertionError(f"format {name} is not known")
