# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin's messages in QGIS's log panel, tab InSARHub, fed by Python's ``logging``."""

from __future__ import annotations

import logging
from typing import Optional

from qgis.core import Qgis, QgsMessageLog

TAB = "InSARHub"
LOGGER_NAME = "insarhub_qgis"

_LEVELS = (
    (logging.ERROR, Qgis.MessageLevel.Critical),
    (logging.WARNING, Qgis.MessageLevel.Warning),
    (logging.DEBUG, Qgis.MessageLevel.Info),
)
_LEVEL_BY_NAME = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class MessageLogHandler(logging.Handler):
    """Passes records to QGIS's message log, which may be written to from any thread."""

    def emit(self, record: logging.LogRecord) -> None:
        level = next((qgis for python, qgis in _LEVELS if record.levelno >= python), Qgis.MessageLevel.Info)
        # No pop-up from here: gui decides what goes into the message bar.
        QgsMessageLog.logMessage(self.format(record), TAB, level, False)


_handler: Optional[MessageLogHandler] = None


def attach_log(level: int = logging.INFO) -> None:
    """Send what the package logs to the log panel. A second call changes the level only."""
    global _handler
    logger = logging.getLogger(LOGGER_NAME)
    if _handler is None:
        _handler = MessageLogHandler()
        _handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(_handler)
    logger.setLevel(level)


def detach_log() -> None:
    global _handler
    if _handler is not None:
        logging.getLogger(LOGGER_NAME).removeHandler(_handler)
        _handler.close()
        _handler = None


def debug(text: str) -> None:
    logging.getLogger(LOGGER_NAME).debug("%s", text)


def info(text: str) -> None:
    logging.getLogger(LOGGER_NAME).info("%s", text)


def warning(text: str) -> None:
    logging.getLogger(LOGGER_NAME).warning("%s", text)


def error(text: str) -> None:
    logging.getLogger(LOGGER_NAME).error("%s", text)


def exception(text: str) -> None:
    """Log ``text`` with the trace of the exception that is being handled."""
    logging.getLogger(LOGGER_NAME).exception("%s", text)


def log_engine_line(level: str, text: str) -> None:
    """Log a line of the engine at the level that it names."""
    logging.getLogger(LOGGER_NAME).log(_LEVEL_BY_NAME.get(level, logging.INFO), "%s", text)
