# SPDX-License-Identifier: GPL-2.0-or-later
"""Python's garbage collector and what stays as long as the plugin.

From time to time the collector looks at every object there is, and no thread works meanwhile: with QGIS, numpy and
matplotlib loaded that is a tenth of a second, in which the window does not answer.
"""

from __future__ import annotations

import gc


def leave_out_what_is_there() -> None:
    """Keep the collector from looking again and again at what is loaded by now; later objects are collected as ever."""
    gc.freeze()


def look_at_all_again() -> None:
    """Let the collector see everything, as before; for the unload of the plugin."""
    gc.unfreeze()
