#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The gates of the project; each prints what it found, the last line says whether all passed.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=.venv/gates/bin
export PATH="$PWD/$bin:$PATH"
status=0
gate() { # title, then the command
    local title=$1 output; shift
    if output=$("$@" 2>&1); then echo "ok    $title"; else echo "FAIL  $title"; printf '%s\n' "$output" | tail -n 40; status=1; fi
}

# The scanners of the plugin repository read the zip that users get.
rm -rf build/scan && mkdir -p build/scan
python3 tools/stage.py build/stage --zip build/scan/plugin.zip >/dev/null && (cd build/scan && python3 -m zipfile -e plugin.zip .)

secrets() { # detect-secrets ends with 0 even with findings, so its answer is read
    (cd build/scan && detect-secrets scan --all-files insarhub_qgis) | python3 -c '
import json, sys
found = json.load(sys.stdin)["results"]
for name, rows in found.items():
    for row in rows:
        print(name, row["line_number"], row["type"])
sys.exit(1 if found else 0)'
}

gate "ruff check" ruff check .
gate "ruff format" ruff format --check .
gate "mypy (core, engine)" mypy
gate "import contracts" lint-imports
gate "QGIS rules" flake8 --select=QGS --extend-ignore=QGS105,QGS201,QGS202 insarhub_qgis
gate "bandit on the package" bandit -q -r build/scan/insarhub_qgis
gate "secrets in the package" secrets
gate "package" python3 tools/check_package.py build/scan/plugin.zip
exit $status
