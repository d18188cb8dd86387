#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Collects the translatable texts into insarhub_qgis/i18n/*.ts and compiles what is translated (needs pyqt5-dev-tools, qttools5-dev-tools).
set -eu
cd "$(dirname "$0")/.."
command -v pylupdate5 >/dev/null || { echo "pylupdate5 is missing: install pyqt5-dev-tools." >&2; exit 1; }
# shellcheck disable=SC2046
pylupdate5 -noobsolete $(find insarhub_qgis -name '*.py' | sort) -ts insarhub_qgis/i18n/insarhub_de.ts
if command -v lrelease >/dev/null; then lrelease -silent insarhub_qgis/i18n/*.ts; fi
