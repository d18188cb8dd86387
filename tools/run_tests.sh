#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# All tests in three rings; a home and a profile of its own, so that nothing of the user is read or changed.
set -uo pipefail
cd "$(dirname "$0")/.."

home=$(mktemp -d)
engine=
finish() {
    [ -z "$engine" ] || kill "$engine" 2>/dev/null
    rm -rf "$home"
}
trap finish EXIT
mkdir -m 700 -p "$home/run"
export HOME=$home XDG_RUNTIME_DIR=$home/run XDG_CONFIG_HOME=$home/config XDG_CACHE_HOME=$home/cache XDG_DATA_HOME=$home/data
export QGIS_CUSTOM_CONFIG_PATH=$home/qgis MPLCONFIGDIR=$home/matplotlib PYTHONDONTWRITEBYTECODE=1
unset PYTHONPATH PYTHONHOME

status=0
ring() { # title, then the command
    local title=$1; shift
    echo "== $title"
    "$@" || status=1
}

# Two processes for two cores: the engine side runs beside the others and is shown after them.
.venv/engine/bin/python -m pytest -q tests/architecture tests/core tests/engine tests/sandbox "$@" \
    >"$home/engine.log" 2>&1 &
engine=$!
ring "host, layers, processing" \
    env QT_QPA_PLATFORM=offscreen .venv/qgis/bin/python -m pytest -q tests/host tests/layers tests/processing "$@"
ring "windows" \
    xvfb-run -a -s '-screen 0 1600x1000x24 -dpi 96' env -u QT_QPA_PLATFORM QT_SCALE_FACTOR_ROUNDING_POLICY=Round \
    .venv/qgis/bin/python -m pytest -q tests/gui "$@"
wait "$engine" || status=1
engine=
echo "== architecture, core, engine, sandbox"
cat "$home/engine.log"
exit $status
