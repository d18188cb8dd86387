# SPDX-License-Identifier: GPL-2.0-or-later
"""Headless use: ``python -m insarhub_qgis.sandbox COMMAND`` with the request on standard input."""

from __future__ import annotations

import sys

from insarhub_qgis.engine.protocol import main

if __name__ == "__main__":
    sys.exit(main(["sandbox", *sys.argv[1:]]))
