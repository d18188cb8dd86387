#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes the named environments below .venv: qgis, engine, gates, bench. One that is complete is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

base=${QGIS_PYTHON:-/usr/bin/python3}
tests=(pytest==9.2.0 pytest-timeout==2.4.0)

fail() { printf 'set-up: %s\n' "$*" >&2; exit 1; }

install() { # environment, then what pip gets
    local environment=$1; shift
    local log; log=$(mktemp)
    if ! ".venv/$environment/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >"$log" 2>&1; then
        tail -n 12 "$log" >&2; rm -f "$log"
        fail "packages for the '$environment' environment could not be installed: check the network, then run again."
    fi
    rm -f "$log"
}

# An environment is complete when its stamp holds the text that describes it.
is_complete() { [ -x ".venv/$1/bin/python" ] && [ "$(cat ".venv/$1/complete" 2>/dev/null)" = "$2" ]; }
complete() { printf '%s' "$2" >".venv/$1/complete"; }

# What is not to be shadowed: compiled packages of the system that QGIS and GDAL are built against.
system_versions() {
    "$base" - <<'PYTHON'
from importlib.metadata import PackageNotFoundError, version
for name in ("numpy", "matplotlib", "scipy", "requests"):
    try:
        print(f"{name}=={version(name)}")
    except PackageNotFoundError:
        pass
PYTHON
}

make_qgis() {
    local wanted constraints
    wanted="$("$base" --version) ${tests[*]} networkx==3.6.1 pytest-qgis==5.0.2"
    is_complete qgis "$wanted" && return
    echo "set-up: QGIS-side environment"
    rm -rf .venv/qgis
    "$base" -m venv --system-site-packages .venv/qgis || fail "python3-venv is missing: install it, then run again."
    constraints=$(mktemp); system_versions >"$constraints"
    install qgis -c "$constraints" "${tests[@]}" networkx==3.6.1 pytest-qgis==5.0.2
    rm -f "$constraints"
    complete qgis "$wanted"
}

make_engine() {
    # The same code as the plugin's Set-up page; it finds out by itself whether anything is to be done.
    printf '{"parameters": {"folder": "%s"}}\n' "$PWD/.venv/engine" |
        "$base" -I insarhub_qgis/engine/launch.py engine create-environment |
        "$base" tools/follow_engine.py "engine environment"
    local wanted="${tests[*]}"
    is_complete engine "$wanted" && return
    install engine "${tests[@]}"
    complete engine "$wanted"
}

make_gates() {
    local wanted="ruff==0.17.5 mypy==2.4.1 import-linter==2.16 flake8==7.5.0 flake8-qgis==2.1.0 bandit==1.9.4 detect-secrets==1.5.0 qgis-plugin-analyzer==1.18.0 vulture==2.16 numpy==2.4.6 networkx==3.6.1"
    is_complete gates "$wanted" && return
    echo "set-up: environment of the gates"
    rm -rf .venv/gates
    "$base" -m venv .venv/gates || fail "python3-venv is missing: install it, then run again."
    # shellcheck disable=SC2086
    install gates $wanted
    complete gates "$wanted"
}

make_bench() {
    # The peers, in an environment of their own.
    local wanted="insarhub==0.4.2 mintpy==1.6.4" constraints
    is_complete bench "$wanted" && return
    echo "set-up: environment of the peers"
    rm -rf .venv/bench
    "$base" -m venv --system-site-packages .venv/bench || fail "python3-venv is missing: install it, then run again."
    constraints=$(mktemp); printf 'numpy<2\nmatplotlib==%s\n' "$("$base" -c 'import matplotlib; print(matplotlib.__version__)')" >"$constraints"
    # shellcheck disable=SC2086
    install bench -c "$constraints" $wanted
    rm -f "$constraints"
    complete bench "$wanted"
}

mkdir -p .venv
for name in "$@"; do "make_$name"; done
