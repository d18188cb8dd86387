# SPDX-License-Identifier: GPL-2.0-or-later
"""pip as a program: packages into an environment, its lines as progress, its failures as errors."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.progress import part_of
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.process import run_process

#: Distributions that the pins bring on a base with GDAL, numpy and matplotlib; for the progress only.
_EXPECTED_DISTRIBUTIONS = 45
#: Settings of the user's pip that would put the packages somewhere else.
_MISLEADING_VARIABLES = {
    "PIP_CONSTRAINT",
    "PIP_PREFIX",
    "PIP_PYTHON",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
}
_NO_NETWORK_IN_OUTPUT = (
    "NewConnectionError",
    "NameResolutionError",
    "Temporary failure in name resolution",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "Connection refused",
    "Connection reset",
    "Network is unreachable",
    "SSLError",
)
_NO_MATCH = re.compile(r"No matching distribution found for (\S+)")


def install_packages(
    python: Path,
    requirements: Sequence[str],
    constraints: Path,
    context: RunContext,
    *,
    start: float,
    end: float,
) -> None:
    """Install ``requirements`` into the environment of ``python``; progress covers ``start``..``end``.

    Raises
    ------
    InsarError
        ``environment.no_network``, ``environment.no_matching_package``, ``environment.install_failed``,
        ``file.disk_full``, ``file.not_writable``, ``run.cancelled``.
    """
    report = part_of(context.report, start, end)
    lines: list[str] = []
    collected: set[str] = set()

    def take(line: str) -> None:
        line = line.strip()
        if not line:
            return
        lines.append(line)
        context.log(line)
        word, _, rest = line.partition(" ")
        if word == "Collecting":
            collected.add(rest.split(" ")[0])
        elif line.startswith("Installing collected packages"):
            report(0.75, "Installing the packages")
            return
        if word in ("Collecting", "Downloading"):
            fraction = 0.7 * min(len(collected) / _EXPECTED_DISTRIBUTIONS, 1.0)
            report(fraction, f"{'Fetching' if word == 'Downloading' else 'Choosing'} {Path(rest).name}")

    report(0.0, "Choosing the packages")
    environment = {name: value for name, value in os.environ.items() if name not in _MISLEADING_VARIABLES}
    code = run_process(
        [
            str(python),
            "-I",
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "--progress-bar=off",
            "--retries=2",
            "--timeout=20",
            # A package of its own build would need compilers and GDAL's headers.
            "--prefer-binary",
            f"--constraint={constraints}",
            *requirements,
        ],
        environment=environment,
        on_line=take,
        is_cancelled=context.is_cancelled,
    )
    if code != 0:
        raise _error_of(lines, code, python)
    report(1.0, "The packages are installed")


def _error_of(lines: Sequence[str], code: int, python: Path) -> InsarError:
    output = "\n".join(lines)
    reason = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "")
    reason = reason.removeprefix("ERROR:").strip() or f"exit code {code}"
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return InsarError("file.disk_full", file=str(python.parent.parent))
    if "Permission denied" in output or "Read-only file system" in output:
        return InsarError("file.not_writable", file=str(python.parent.parent))
    cause = next((phrase for phrase in _NO_NETWORK_IN_OUTPUT if phrase in output), None)
    if cause is not None:
        # Without the network pip ends with "no matching distribution", which would mislead.
        return InsarError("environment.no_network", reason=cause)
    match = _NO_MATCH.search(output)
    if match is not None:
        return InsarError("environment.no_matching_package", package=match.group(1), python=str(python))
    return InsarError("environment.install_failed", reason=reason)
