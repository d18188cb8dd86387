# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin's language: the translator for QGIS's user locale, and ``tr`` for code without a QObject."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QTranslator

from insarhub_qgis.host.paths import package_folder

_translator: Optional[QTranslator] = None


def tr(text: str, context: str = "InSARHub") -> str:
    return QCoreApplication.translate(context, text)


def install_translation() -> bool:
    """Load ``i18n/insarhub_<locale>.qm`` for QGIS's locale, or for its language; False when there is none."""
    global _translator
    remove_translation()
    locale = QgsApplication.locale()
    for name in dict.fromkeys((locale, locale.split("_")[0])):
        file = package_folder() / "i18n" / f"insarhub_{name}.qm"
        if not file.is_file():
            continue
        translator = QTranslator()
        if translator.load(str(file)):
            QCoreApplication.installTranslator(translator)
            _translator = translator
            return True
    return False


def remove_translation() -> None:
    global _translator
    if _translator is not None:
        QCoreApplication.removeTranslator(_translator)
        _translator = None
