#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes sure that QGIS >= 3.40 and the few system packages beside it are present (Debian 12, root or sudo).
# Prints one sentence and fails when it cannot. Second runs only look.
set -eu

minimum=34000
packages="qgis python3-qgis qt5-image-formats-plugins python3-venv python3-pip python3-dev xvfb xauth xdotool imagemagick"

say() { printf '%s\n' "$*"; }
fail() { printf 'set-up: %s\n' "$*" >&2; exit 1; }

qgis_version() {
    QT_QPA_PLATFORM=offscreen "${QGIS_PYTHON:-/usr/bin/python3}" -c \
        'from qgis.core import Qgis; print(Qgis.QGIS_VERSION_INT)' 2>/dev/null || echo 0
}

missing() {
    for program in qgis qgis_process Xvfb xvfb-run; do
        command -v "$program" >/dev/null 2>&1 || { say "$program"; return; }
    done
    [ "$(qgis_version)" -ge "$minimum" ] || { say "PyQGIS 3.40"; return; }
    "${QGIS_PYTHON:-/usr/bin/python3}" -c 'import ensurepip, venv' 2>/dev/null || say "python3-venv"
}

lacking=$(missing)
[ -n "$lacking" ] || exit 0

codename=$(. /etc/os-release 2>/dev/null && printf '%s' "${VERSION_CODENAME:-}")
if ! command -v apt-get >/dev/null 2>&1 || [ "$codename" != bookworm ]; then
    fail "$lacking is missing: install QGIS 3.40 or newer with its Python, xvfb and python3-venv, then run again (README, section Set-up)."
fi
if [ "$(id -u)" -eq 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo"
elif command -v sudo >/dev/null 2>&1 && [ -t 0 ]; then
    as_root="sudo"
else
    fail "$lacking is missing and this account may not install packages: ask an administrator for 'apt-get install -t bookworm-backports $packages'."
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
    if ! $as_root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        fail "'$*' failed: check the network and the package sources, then run again."
    fi
}

say "set-up: installing QGIS LTR from Debian's backports (once, about two minutes)"
run apt-get update
if ! apt-cache policy qgis | grep -q bookworm-backports; then
    # Backports come from the mirror that this machine already uses, so that local mirrors stay in use.
    mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' |
        awk '$1 == "bookworm" && $2 == "main" { print $3; exit }')
    [ -n "$mirror" ] || fail "no package source for bookworm is configured: add one, then run again."
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$keyring" ] || run apt-get install -y --no-install-recommends debian-archive-keyring
    printf 'deb [signed-by=%s] %s bookworm-backports main\n' "$keyring" "$mirror" |
        $as_root tee /etc/apt/sources.list.d/insarhub-backports.list >/dev/null
    run apt-get update
fi
# shellcheck disable=SC2086
run apt-get install -y --no-install-recommends -t bookworm-backports $packages

lacking=$(missing)
[ -z "$lacking" ] || fail "$lacking is still missing after the installation: is another QGIS first on PATH?"
