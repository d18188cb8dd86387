# SPDX-License-Identifier: GPL-2.0-or-later
"""The sandbox as a process of its own, for tests of the QGIS side."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from insarhub_qgis.core.installation import LAUNCH_FILE, plugin_version


@contextlib.contextmanager
def running_sandbox(python: Path, umm_file: str = "", **parameters: object) -> Iterator[str]:
    """Serve the sandbox under the engine's Python and give its address; it ends with the block.

    ``parameters``: further ones of the request, e.g. a small size of the products.
    """
    process = subprocess.Popen(
        [str(python), "-I", "-X", "utf8", str(LAUNCH_FILE), "sandbox", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    request = {
        "protocol": 1,
        "plugin_version": plugin_version(),
        "cancel_on_eof": True,
        "parameters": {"umm_file": umm_file, **parameters},
    }
    try:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        yield _address(process)
    finally:
        # The end of its input is the polite way; a server that hangs must not hang the tests.
        process.stdin.close()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _address(process: subprocess.Popen) -> str:
    for line in process.stdout:
        message = json.loads(line)
        if message["type"] == "item":
            return message["item"]["base_url"]
        if message["type"] == "error":
            raise AssertionError(f"the sandbox did not start: {line}")
    raise AssertionError("the sandbox ended without an address")
