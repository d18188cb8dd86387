# SPDX-License-Identifier: GPL-2.0-or-later
"""The file ``.mintpy.cfg``: edited line by line, so that comments, order and unknown keys stay byte for byte."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from insarhub_qgis.core.atomic_files import write_bytes_atomically
from insarhub_qgis.core.clip_manifest import read_clip_manifest
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_options import OPTION_BY_KEY, OPTIONS, PREFIX

CONFIG_NAME = ".mintpy.cfg"
#: Keys of InSARHub 0.4.x that MintPy ignores.
_HARMLESS = ("mintpy.hpc.", "mintpy.container")
_COMMENT_SIGNS = ("#", "%", "!")
#: In a path MintPy would cut, expand or glob at these.
_MISREAD_IN_PATHS = frozenset("#$~*?[]%")

_HEADER = """\
# MintPy options of this job. auto means MintPy's own default.
# Lines may be edited, added and commented out; preparing the analysis updates only mintpy.load.* here.
"""

#: Pixels x pairs from which on two workers make up for the 7 s that they take to start in the two steps that use
#: them; MintPy inverts at 2 microseconds a value. The results are the same to the bit either way.
_WORKERS_PAY_OFF_VALUES = 10_000_000

#: Our values where MintPy's defaults do not fit an interactive run on one computer.
_INITIAL_VALUES: tuple[tuple[str, str], ...] = (
    ("mintpy.network.coherenceBased", "yes"),
    ("mintpy.networkInversion.maskDataset", "coherence"),
    ("mintpy.deramp", "linear"),
    ("mintpy.save.kmz", "no"),
    ("mintpy.plot", "no"),
)

_HYP3_FILES: tuple[tuple[str, str], ...] = (
    ("unwFile", "unw_phase"),
    ("corFile", "corr"),
    ("connCompFile", "conncomp"),
    ("demFile", "dem"),
    ("incAngleFile", "lv_theta"),
    ("azAngleFile", "lv_phi"),
    ("waterMaskFile", "water_mask"),
)

_ISCE_FILES: tuple[tuple[str, str], ...] = (
    ("metaFile", "isce/reference/IW*.xml"),
    ("baselineDir", "isce/baselines"),
    ("unwFile", "isce/merged/interferograms/*/filt_fine.unw"),
    ("corFile", "isce/merged/interferograms/*/filt_fine.cor"),
    ("connCompFile", "isce/merged/interferograms/*/filt_fine.unw.conncomp"),
    ("demFile", "isce/merged/geom_reference/hgt.rdr"),
    ("lookupYFile", "isce/merged/geom_reference/lat.rdr"),
    ("lookupXFile", "isce/merged/geom_reference/lon.rdr"),
    ("incAngleFile", "isce/merged/geom_reference/los.rdr"),
    ("azAngleFile", "isce/merged/geom_reference/los.rdr"),
    ("shadowMaskFile", "isce/merged/geom_reference/shadowMask.rdr"),
)


@dataclass(frozen=True)
class ConfigProblem:
    """A line that MintPy would read in another way than it looks.

    ``code``: ``mintpy.line_malformed``, ``mintpy.option_invalid`` or ``mintpy.key_twice``; ``line`` counts from 1.
    """

    line: int
    code: str
    key: str
    value: str
    reason: str


@dataclass
class _Line:
    """One line: ``text`` = ``before`` + value + ``after`` when it sets a key, else only ``text``."""

    text: str
    key: str = ""
    value: str = ""
    value_start: int = 0
    malformed: str = ""

    def with_value(self, value: str) -> _Line:
        end = self.value_start + len(self.value)
        gap = " " if not self.value and self.text[self.value_start - 1] == "=" else ""
        return _parse_line(self.text[: self.value_start] + gap + value + self.text[end:])


def _parse_line(text: str) -> _Line:
    """Read a line the way MintPy does: first ``=`` separates, ``#`` ends the value."""
    body = text.rstrip("\r\n")
    stripped = body.strip().lstrip("\ufeff")
    if not stripped or stripped.startswith(_COMMENT_SIGNS):
        return _Line(text)
    left, separator, right = body.partition("=")
    key = left.strip().lstrip("\ufeff")
    if not separator:
        return _Line(text, malformed="no = between key and value")
    if not key or re.search(r"\s", key):
        return _Line(text, malformed="the key is empty or holds a blank")
    raw = right.split("#")[0]
    value = raw.strip()
    value_start = len(left) + 1 + (len(raw) - len(raw.lstrip()) if value else 0)
    return _Line(text, key, value, value_start)


class MintpyConfig:
    """Lines of a MintPy options file.

    Bytes that are no UTF-8 survive an edit too; nothing is normalised except the value that is set.
    """

    def __init__(self, text: str = "", path: Path | None = None) -> None:
        self.path = path
        self._lines = [_parse_line(line) for line in re.findall(r"[^\n]*\n|[^\n]+", text)]

    @classmethod
    def read(cls, path: Path) -> MintpyConfig:
        """Read a file; a missing one gives an empty configuration. Raises ``file.not_readable``."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise InsarError(
                "file.not_readable", file=str(path), reason=error.strerror or str(error)
            ) from error
        return cls(data.decode("utf-8", errors="surrogateescape"), path)

    @property
    def text(self) -> str:
        return "".join(line.text for line in self._lines)

    def write(self, path: Path | None = None) -> Path:
        """Write all lines atomically to ``path`` or to where they were read."""
        target = path or self.path
        if target is None:
            raise ValueError("a configuration that was not read from a file needs a path")
        write_bytes_atomically(target, self.text.encode("utf-8", errors="surrogateescape"))
        self.path = target
        return target

    def values(self) -> dict[str, str]:
        """Give the keys as MintPy reads them: of a repeated key the last, empty values not at all."""
        return {line.key: line.value for line in self._lines if line.key and line.value}

    def get(self, key: str) -> str | None:
        """Give the value as written, or None if the file does not set the key."""
        return self.values().get(key)

    def effective(self, key: str) -> str:
        """Give what MintPy works with: ``auto`` and absence become the default."""
        entry = OPTION_BY_KEY.get(key)
        value = self.get(key)
        return entry.effective(value) if entry else (value or "")

    def effective_values(self) -> dict[str, str]:
        """Give `effective` of every option of MintPy."""
        values = self.values()
        return {entry.key: entry.effective(values.get(entry.key)) for entry in OPTIONS}

    def set(self, key: str, value: str) -> None:
        """Set one key; raises ``mintpy.option_invalid`` and leaves the lines as they were."""
        value = value.strip()
        self._check(key, value)
        position = self._last_index(key)
        if position is None:
            self._insert(key, value)
        elif self._lines[position].value != value:
            self._lines[position] = self._lines[position].with_value(value)

    def unset(self, key: str) -> None:
        """Take all lines of a key away."""
        self._lines = [line for line in self._lines if line.key != key]

    def merge_lines(self, text: str) -> list[str]:
        """Set keys from ``key = value`` lines and give the keys whose value changed.

        All lines are checked before any is applied. Raises ``mintpy.line_malformed``,
        ``mintpy.option_invalid``, or ``mintpy.option_unknown`` for what looks like a misspelt key.
        """
        lines = MintpyConfig(text)
        for number, line in enumerate(lines._lines, start=1):
            if line.malformed:
                raise InsarError(
                    "mintpy.line_malformed", line=number, text=line.text.strip(), reason=line.malformed
                )
            if line.key:
                self._refuse_misspelt(line.key)
                self._check(line.key, line.value)
        changed = [key for key, value in lines.values().items() if self.get(key) != value]
        for key in changed:
            self.set(key, lines.values()[key])
        return changed

    def unknown_keys(self) -> list[str]:
        """Give the ``mintpy.`` keys that MintPy 1.6.4 does not have, in file order."""
        return [
            key
            for key in self.values()
            if key.startswith(PREFIX) and key not in OPTION_BY_KEY and not key.startswith(_HARMLESS)
        ]

    def problems(self) -> list[ConfigProblem]:
        """Give malformed lines, invalid values and repeated keys, by line."""
        found: list[ConfigProblem] = []
        first_lines: dict[str, int] = {}
        for number, line in enumerate(self._lines, start=1):
            if line.malformed:
                found.append(
                    ConfigProblem(number, "mintpy.line_malformed", "", line.text.strip(), line.malformed)
                )
                continue
            if not line.key:
                continue
            if line.key in first_lines:
                found.append(
                    ConfigProblem(
                        number,
                        "mintpy.key_twice",
                        line.key,
                        line.value,
                        f"also on line {first_lines[line.key]}",
                    )
                )
            first_lines.setdefault(line.key, number)
            entry = OPTION_BY_KEY.get(line.key)
            if entry and line.value:
                try:
                    entry.validate(line.value)
                except InsarError as error:
                    found.append(
                        ConfigProblem(number, error.code, line.key, line.value, str(error.fields["reason"]))
                    )
        return found

    def _check(self, key: str, value: str) -> None:
        if not key or re.search(r"[\s=#]", key) or key.startswith(_COMMENT_SIGNS):
            raise InsarError(
                "mintpy.option_invalid", key=key, value=value, reason="a key without blanks, = and #"
            )
        entry = OPTION_BY_KEY.get(key)
        if entry:
            entry.validate(value)
        elif not value or "#" in value or "\n" in value or "\r" in value:
            raise InsarError("mintpy.option_invalid", key=key, value=value, reason="one line without #")

    @staticmethod
    def _refuse_misspelt(key: str) -> None:
        if not key.startswith(PREFIX) or key in OPTION_BY_KEY or key.startswith(_HARMLESS):
            return
        by_lower = {known.lower(): known for known in OPTION_BY_KEY}
        closest = difflib.get_close_matches(key.lower(), by_lower, n=1, cutoff=0.85)
        if closest:
            raise InsarError("mintpy.option_unknown", key=key, closest=by_lower[closest[0]])

    def _last_index(self, key: str) -> int | None:
        found = [index for index, line in enumerate(self._lines) if line.key == key]
        return found[-1] if found else None

    def _insert(self, key: str, value: str) -> None:
        """Add a line after the last one of the same group, else at the end."""
        group = ".".join(key.split(".")[:2])
        position = len(self._lines)
        for index, line in enumerate(self._lines):
            if ".".join(line.key.split(".")[:2]) == group:
                position = index + 1
        newline = "\r\n" if any(line.text.endswith("\r\n") for line in self._lines) else "\n"
        if position and not self._lines[position - 1].text.endswith("\n"):
            before = self._lines[position - 1]
            self._lines[position - 1] = _parse_line(before.text + newline)
        self._lines.insert(position, _parse_line(f"{key} = {value}{newline}"))


def load_path(job_folder: Path, relative: str) -> str:
    """Absolute path with forward slashes, or one relative to the job folder where MintPy would misread it.

    MintPy takes ``#`` for a comment, expands ``$`` and ``~`` and globs brackets; it runs inside the job folder.
    """
    folder = job_folder.absolute().as_posix()
    if _MISREAD_IN_PATHS & set(folder):
        return f"./{relative}"
    return f"{folder}/{relative}"


def available_memory_gb() -> float | None:
    """Free memory in GB as the kernel counts it, or None where it does not say."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    match = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(match.group(1)) / 1024**2 if match else None


def _compute_values(job_folder: Path) -> Mapping[str, str]:
    values = {
        "mintpy.compute.cluster": "none" if _is_small_stack(job_folder) else "local",
        "mintpy.compute.numWorker": str(min(os.cpu_count() or 1, 8)),
    }
    free = available_memory_gb()
    if free is not None:
        values["mintpy.compute.maxMemory"] = f"{max(free / 2, 0.5):.1f}"
    return values


def _is_small_stack(job_folder: Path) -> bool:
    """Tell whether the inversion takes less time than its workers need to start; False when the size is unknown."""
    manifest = read_clip_manifest(job_folder)
    if manifest is None:
        return False
    values = manifest.window.width * manifest.window.height * len(manifest.products)
    return values < _WORKERS_PAY_OFF_VALUES


def write_initial_config(
    job_folder: Path, clip_kinds: set[str], processor: str = "hyp3", inputs_changed: bool = True
) -> Path:
    """Create ``.mintpy.cfg``, or update only its ``mintpy.load.*`` keys so that the user's edits stay.

    Parameters
    ----------
    clip_kinds
        Keys of the product kinds that exist as ``clip/*_{kind}_clip.tif`` (HyP3).
    processor
        ``hyp3`` or ``isce``.
    inputs_changed
        Whether MintPy has to load again; sets ``mintpy.load.updateMode``.

    Notes
    -----
    The suggested thresholds of `network_thresholds` are never written here: a value that the user has not
    seen must not change a result.
    """
    path = job_folder / CONFIG_NAME
    config = MintpyConfig.read(path)
    if not path.exists():
        config = MintpyConfig(_HEADER, path)
        for key, value in (*_compute_values(job_folder).items(), *_INITIAL_VALUES):
            config.set(key, value)
    config.set("mintpy.load.processor", processor)
    config.set("mintpy.load.updateMode", "no" if inputs_changed else "yes")
    for key, relative in _load_files(clip_kinds, processor).items():
        if relative:
            config.set(key, load_path(job_folder, relative))
        elif _is_ours(config.get(key)):
            config.unset(key)
    config.write()
    return path


def _load_files(clip_kinds: set[str], processor: str) -> dict[str, str]:
    """Key of each file option to its path in the job folder; empty where there is no such file."""
    if processor == "isce":
        return {f"mintpy.load.{name}": relative for name, relative in _ISCE_FILES}
    return {
        f"mintpy.load.{name}": f"clip/*_{kind}_clip.tif" if kind in clip_kinds else ""
        for name, kind in _HYP3_FILES
    }


def _is_ours(value: str | None) -> bool:
    return value is not None and re.search(r"clip/\*_\w+_clip\.tif$", value) is not None
