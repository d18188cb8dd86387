# SPDX-License-Identifier: GPL-2.0-or-later
"""``stack_p{path}_f{frame}.json``: the pairs of a stack, its baselines, scenes and pair scores."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable

from insarhub_qgis.core.atomic_files import malformed, read_json, read_json_object
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.scenes import Pair, acquisition_order, order_pair

_NUMBERS = r"p(?P<path>\d+)(?:_merged)?(?P<frames>(?:_f\d+)+)"
_STACK_NAME = re.compile(rf"^stack_{_NUMBERS}\.json$")
_LEGACY_NAME = re.compile(rf"^(?P<kind>pairs|baselines)_{_NUMBERS}\.json$")
_FOLDER_NAME = re.compile(rf"^{_NUMBERS}$")
_LEGACY_PAIRS_NAME = "pairs.json"

HEALTHY, CONCERN = "healthy", "concern"
#: Scores from here on are green; from `YELLOW` on yellow; below red.
GREEN, YELLOW = 60.0, 30.0


@dataclass(frozen=True)
class StackNumbers:
    """Path and frames in a name; 0 and 0 in a flat folder of ours, several frames when merged."""

    path: int
    frames: tuple[int, ...]

    @property
    def stem(self) -> str:
        """``p100_f466``, or ``p100_merged_f466_f471``: name of a sub-folder and part of file names."""
        frames = "".join(f"_f{frame}" for frame in self.frames)
        return f"p{self.path}{'_merged' if len(self.frames) > 1 else ''}{frames}"

    @property
    def stack_name(self) -> str:
        return f"stack_{self.stem}.json"

    @property
    def network_image_name(self) -> str:
        return f"network_{self.stem}.png"

    @property
    def dem_name(self) -> str:
        return f"dem_{self.stem}.tif"


FLAT = StackNumbers(0, (0,))


def _numbers(match: re.Match[str] | None) -> StackNumbers | None:
    if match is None:
        return None
    return StackNumbers(
        int(match["path"]), tuple(int(frame) for frame in re.findall(r"\d+", match["frames"]))
    )


def numbers_of_stack_name(file_name: str) -> StackNumbers | None:
    """Read the numbers in the name of a stack file, present or legacy form; None when it is no such name."""
    return _numbers(_STACK_NAME.match(file_name) or _LEGACY_NAME.match(file_name))


def numbers_of_folder_name(name: str) -> StackNumbers | None:
    """Read the numbers in the name of a stack's sub-folder; None when it is no such name."""
    return _numbers(_FOLDER_NAME.match(name))


def is_stack_name(file_name: str) -> bool:
    """Tell whether a file of this name holds the pairs of a stack, in present or legacy form."""
    is_legacy = file_name.startswith("pairs_") and _LEGACY_NAME.match(file_name) is not None
    return is_legacy or file_name == _LEGACY_PAIRS_NAME or _STACK_NAME.match(file_name) is not None


def find_stack_files(folder: Path) -> list[Path]:
    """Give the stack files of a folder, present form first, then legacy ones, each by name.

    Raises
    ------
    InsarError
        ``file.not_readable`` when the folder cannot be listed.
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InsarError(
            "file.not_readable", file=str(folder), reason=error.strerror or str(error)
        ) from error
    present = [name for name in names if _STACK_NAME.match(name)]
    legacy = [name for name in names if name not in present and is_stack_name(name)]
    # Of the legacy ones that without numbers comes last.
    legacy.sort(key=lambda name: name == _LEGACY_PAIRS_NAME)
    return [folder / name for name in present + legacy]


@dataclass(frozen=True)
class Stack:
    """A stack in memory, whatever version wrote it.

    Attributes
    ----------
    pairs
        In the order of the file.
    scenes
        Names, chronological, unpaired ones too.
    baselines
        Scene -> perpendicular baseline in metres, signed, relative to the earliest scene; absent = unknown.
    scores
        Pair -> 0..100; absent = unknown.
    labels
        Pair -> ``healthy`` or ``concern``, where the file says so.
    factors
        Pair -> factor name -> value, as stored; absent = unknown.
    problems
        What could not be understood: errors to show, never a reason to lose the rest.
    numbers
        Path and frames from the name of the file; None for a new stack.
    source
        The document as read; sections that did not change are written back from it.
    """

    pairs: tuple[Pair, ...] = ()
    scenes: tuple[str, ...] = ()
    baselines: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[Pair, float] = field(default_factory=dict)
    labels: Mapping[Pair, str] = field(default_factory=dict)
    factors: Mapping[Pair, Mapping[str, Any]] = field(default_factory=dict)
    problems: tuple[InsarError, ...] = ()
    numbers: StackNumbers | None = None
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_document(cls, document: Mapping[str, Any], file_name: str = "") -> Stack:
        """Read a stack document; what has another form than documented is noted in `problems`."""
        problems: list[InsarError] = []

        def note(key: str, value: Any) -> None:
            problems.append(
                InsarError("stack.not_understood", file=file_name, key=key, value=str(value)[:200])
            )

        pairs = tuple(dict.fromkeys(pair for _, pair in _read_pairs(document.get("pairs"), note)))
        quality = document.get("pair_quality")
        if quality is not None and not isinstance(quality, Mapping):
            note("pair_quality", quality)
        quality = quality if isinstance(quality, Mapping) else {}
        status = quality.get("status")
        scores = _keyed(quality.get("scores"), "pair_quality.scores", note)
        values, is_mixed = _scaled_scores(scores, has_status=isinstance(status, Mapping))
        if is_mixed:
            problems.append(InsarError("stack.mixed_scales", file=file_name))
        factors = _keyed(quality.get("factors"), "pair_quality.factors", note)
        return cls(
            pairs=pairs,
            scenes=_read_scenes(document.get("scenes"), pairs, note),
            baselines=_read_baselines(document.get("baselines"), note),
            scores=values,
            labels={
                pair: label
                for pair, label in _keyed(status, "pair_quality.status", note).items()
                if label in (HEALTHY, CONCERN)
            },
            factors={pair: dict(item) for pair, item in factors.items() if isinstance(item, Mapping)},
            problems=tuple(problems),
            numbers=numbers_of_stack_name(file_name),
            source=deepcopy(dict(document)),
        )

    def to_document(self, present: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Give the document to write: sections that this stack changed in the documented form, all others as found.

        Parameters
        ----------
        present
            What the file holds now, when somebody else may have written it meanwhile; else `source` counts.
        """
        is_new = not self.source
        before = Stack() if is_new else Stack.from_document(self.source)
        document = deepcopy(dict(present if present is not None else self.source))
        if is_new or self.pairs != before.pairs:
            document["pairs"] = _pairs_to_write(self.pairs, document.get("pairs"))
        if is_new or dict(self.baselines) != dict(before.baselines):
            document["baselines"] = {name: _finite(value) for name, value in self.baselines.items()}
        scenes = _chronological(
            [*self.scenes, *(name for p in self.pairs for name in (p.reference, p.secondary))]
        )
        if is_new or self.pairs != before.pairs or scenes != before.scenes:
            document["scenes"] = list(scenes)
        if dict(self.scores) != dict(before.scores) or dict(self.factors) != dict(before.factors):
            old = document.get("pair_quality")
            document["pair_quality"] = {
                **(old if isinstance(old, Mapping) else {}),
                "scores": {comma_key(pair): rounded_score(score) for pair, score in self.scores.items()},
                "factors": {comma_key(pair): dict(item) for pair, item in self.factors.items()},
                "status": {
                    # Verdicts of InSARHub on pairs that never had a score are not ours to drop.
                    **{
                        colon_key(pair): label
                        for pair, label in self.labels.items()
                        if pair not in before.scores
                    },
                    **{
                        colon_key(pair): HEALTHY if rounded_score(score) >= GREEN else CONCERN
                        for pair, score in self.scores.items()
                    },
                },
            }
        return document

    def with_pairs(self, pairs: Iterable[Pair]) -> Stack:
        """Give the stack with other pairs; scenes that lose their pairs stay known."""
        chosen = tuple(dict.fromkeys(pairs))
        names = [*self.scenes, *(name for p in chosen for name in (p.reference, p.secondary))]
        return replace(self, pairs=chosen, scenes=_chronological(names))

    def baseline_of(self, pair: Pair) -> float | None:
        """Give the perpendicular baseline of a pair in metres, secondary minus reference; None when unknown."""
        reference, secondary = self.baselines.get(pair.reference), self.baselines.get(pair.secondary)
        return None if reference is None or secondary is None else secondary - reference


def read_stack_file(path: Path) -> Stack:
    """Read a stack file of any version.

    Raises
    ------
    InsarError
        ``file.missing``, ``file.not_readable`` or ``file.malformed``.
    """
    if _STACK_NAME.match(path.name):
        document = read_json_object(path)
        if not isinstance(document.get("pairs", []), list):
            raise malformed(path, reason="pairs is not a list")
        return Stack.from_document(document, path.name)
    legacy = _LEGACY_NAME.match(path.name)
    value = read_json(path)
    pairs = _legacy_values(value, "pairs")
    if not isinstance(pairs, list):
        raise malformed(path, reason="no list of pairs")
    baselines: Any = value.get("baselines") if isinstance(value, Mapping) else None
    if legacy is not None and baselines is None:
        beside = path.with_name(path.name.replace("pairs_", "baselines_", 1))
        if beside.exists():
            baselines = _legacy_values(read_json(beside), "baselines")
    document = {"pairs": pairs, "baselines": baselines if isinstance(baselines, Mapping) else {}}
    # Without a source the next save writes a complete file of the present form.
    return replace(Stack.from_document(document, path.name), source={})


def comma_key(pair: Pair) -> str:
    """``ref,sec``, as scores and factors of a stack are keyed."""
    return f"{pair.reference},{pair.secondary}"


def colon_key(pair: Pair) -> str:
    """``ref:sec``, as ``status`` and the pair database are keyed."""
    return f"{pair.reference}:{pair.secondary}"


def pair_of_key(key: str) -> Pair | None:
    """Read a key with either separator and in either order; None when it names no two scenes with dates."""
    for separator in (",", ":"):
        one, found, other = key.partition(separator)
        one, other = one.strip(), other.strip()
        if found and one and other and separator not in other:
            try:
                # A database names each scene hundreds of times: one text for all is looked up and compared faster.
                return order_pair(sys.intern(one), sys.intern(other))
            except InsarError:
                return None
    return None


def rounded_score(score: float) -> float:
    """Round a score to 0.1, halves away from zero, as the classes are taken from it."""
    return math.floor(score * 10.0 + 0.5) / 10.0


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a finite number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_Note = Callable[[str, Any], None]


def _scaled_scores(scores: Mapping[Pair, Any], *, has_status: bool) -> tuple[dict[Pair, float], bool]:
    """Give scores on 0..100 and whether the file mixes scales; the scale is decided once for all."""
    values = {pair: float(value) for pair, value in scores.items() if is_number(value)}
    found = values.values()
    is_percent = has_status or any(value > 1 for value in found) or all(value == 0 for value in found)
    if not is_percent:
        return {pair: value * 100.0 for pair, value in values.items()}, False
    return values, any(0 < value < 1 for value in found)


def _read_pairs(value: Any, note: _Note) -> list[tuple[Any, Pair]]:
    """Give (item as found, pair) of each item that names two scenes."""
    if value is None:
        return []
    if not isinstance(value, list):
        note("pairs", value)
        return []
    found: list[tuple[Any, Pair]] = []
    for item in value:
        pair = _pair_of_item(item)
        if pair is None:
            note("pairs", item)
        else:
            found.append((item, pair))
    return found


def _pair_of_item(item: Any) -> Pair | None:
    if not isinstance(item, list) or len(item) < 2 or not all(isinstance(name, str) for name in item[:2]):
        return None
    try:
        return order_pair(item[0], item[1]) if item[0] != item[1] else None
    except InsarError:
        return None


def _pairs_to_write(pairs: tuple[Pair, ...], old: Any) -> list[Any]:
    items = old if isinstance(old, list) else []
    # Further items of a pair's list, and entries that we could not read, belong to somebody.
    more = {pair: item[2:] for item in items if (pair := _pair_of_item(item)) is not None}
    written: list[Any] = [[pair.reference, pair.secondary, *more.get(pair, [])] for pair in pairs]
    return written + [item for item in items if _pair_of_item(item) is None]


def _read_scenes(value: Any, pairs: tuple[Pair, ...], note: _Note) -> tuple[str, ...]:
    names: list[str] = []
    if isinstance(value, list):
        names = [name for name in value if isinstance(name, str)]
    elif value is not None:
        note("scenes", value)
    names += [name for pair in pairs for name in (pair.reference, pair.secondary)]
    return _chronological(names)


def _chronological(names: Iterable[str]) -> tuple[str, ...]:
    def order(name: str) -> tuple[str, str]:
        try:
            return acquisition_order(name)
        except InsarError:
            return ("", name)

    return tuple(sorted(dict.fromkeys(names), key=order))


def _read_baselines(value: Any, note: _Note) -> dict[str, float]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        note("baselines", value)
        return {}
    return {name: float(number) for name, number in value.items() if is_number(number)}


def _keyed(value: Any, section: str, note: _Note) -> dict[Pair, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        note(section, value)
        return {}
    found: dict[Pair, Any] = {}
    for key, item in value.items():
        pair = pair_of_key(key)
        if pair is None:
            note(section, key)
        else:
            found[pair] = item
    return found


def _legacy_values(value: Any, key: str) -> Any:
    """Give the list or map of a legacy file, which may stand under its name or under the stack's numbers."""
    if not isinstance(value, Mapping):
        return value
    if key in value:
        return value[key]
    if key == "pairs" and len(value) == 1:
        return next(iter(value.values()))
    if key == "baselines" and len(value) == 1 and isinstance(inner := next(iter(value.values())), Mapping):
        return inner
    return value


def _finite(value: float) -> float | None:
    return float(value) if is_number(value) else None
