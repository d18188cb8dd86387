# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs one step of MintPy in this process: ``PYTHON -I mintpy_step.py CONFIG FOLDER STEP``.

A process of its own per step, so that a crash, a full memory or a cancel never takes the engine along. The top
of the module imports the standard library only: dask's workers import it again.

Three places where MintPy 1.6.4 is changed for the run:

- ``quick_overview`` draws a histogram with as many bins as the largest number of wrong triplets; with perfect
  unwrapping that is zero bins, which matplotlib refuses. The picture is left out then, the HDF5 is written.
- ``reference_point`` without a given point picks any pixel above the coherence threshold at random, so two runs
  differ. Here it takes the most coherent one of them.
- MintPy asks ``glob`` for files by their absolute path, so a folder named ``job [1]`` would find nothing. Below the
  folder of the run, the folder's own name is taken literally.

``load_data`` is MintPy's own, with the rasters read ahead in threads (`read_ahead`).
"""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import io
import os
import sys
from pathlib import Path
from typing import Any

#: First line of output: ``MARK pid``.
PROCESS_MARK = "insarhub step process"
PLOT_STEP = "plot"


def _make_package_importable() -> None:
    spec = importlib.util.spec_from_file_location("insarhub_launch", Path(__file__).with_name("launch.py"))
    if spec is None or spec.loader is None:
        raise ImportError("launch.py")
    launch = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(launch)
    launch.register_package()


def _skip_empty_histogram() -> None:
    import numpy as np
    from mintpy.utils import plot, readfile

    draw = plot.plot_num_triplet_with_nonzero_integer_ambiguity

    def draw_unless_empty(fname: str, *arguments: Any, **options: Any) -> None:
        counts = readfile.read(fname)[0]
        if not np.any(counts[np.isfinite(counts)] >= 1):
            print("all closures agree: no histogram of wrong triplets is drawn")
            return
        draw(fname, *arguments, **options)

    plot.plot_num_triplet_with_nonzero_integer_ambiguity = draw_unless_empty


def _reference_at_most_coherent_pixel() -> None:
    import numpy as np
    from mintpy import reference_point
    from mintpy.utils import readfile

    pick_any = reference_point.select_max_coherence_yx

    def pick(coh_file: str, mask: Any = None, min_coh: float = 0.85) -> tuple[int, int]:
        # Its own choice is dropped; it is asked because it refuses when no pixel is coherent enough.
        with contextlib.redirect_stdout(io.StringIO()):
            pick_any(coh_file, mask=mask, min_coh=min_coh)
        coherence = np.nan_to_num(readfile.read(coh_file)[0], nan=0.0)
        if mask is not None:
            coherence = np.where(mask, coherence, 0.0)
        row, column = np.unravel_index(int(np.argmax(coherence)), coherence.shape)
        print(f"reference pixel: the most coherent one, row {row}, column {column}")
        return int(row), int(column)

    reference_point.select_max_coherence_yx = pick


def _find_below_literally(folder: str) -> None:
    """Let ``glob`` take the name of the folder as it is; also where links lead to it by another one."""
    names = [name for name in (folder, os.path.realpath(folder)) if glob.escape(name) != name]
    if not names:
        return
    find = glob.glob

    def find_literally(pathname: Any, **options: Any) -> list[Any]:
        for name in names:
            if isinstance(pathname, str) and pathname.startswith(name + os.sep):
                pathname = glob.escape(name) + pathname[len(name) :]
                break
        return find(pathname, **options)

    setattr(glob, "glob", find_literally)  # noqa: B010 - MintPy's modules look it up there


def run_step(config: str, folder: str, step: str) -> None:
    """Run one step in ``folder`` with the options of ``config``; errors are MintPy's own."""
    _find_below_literally(folder)
    if step == PLOT_STEP:
        from mintpy.smallbaselineApp import TimeSeriesAnalysis

        print(f"\n\n******************** step - {step} ********************")
        analysis = TimeSeriesAnalysis(config, folder)
        analysis.open()
        analysis.plot_result(print_aux=False)
        analysis.close(normal_end=False)
        return
    if step == "quick_overview":
        _skip_empty_histogram()
    if step == "reference_point":
        _reference_at_most_coherent_pixel()
    with _read_ahead(config, folder) if step == "load_data" else contextlib.nullcontext():
        from mintpy.cli import smallbaselineApp

        smallbaselineApp.main([config, "--dir", folder, "--dostep", step])


def _read_ahead(config: str, folder: str) -> contextlib.AbstractContextManager[Any]:
    from insarhub_qgis.core.mintpy_config import MintpyConfig
    from insarhub_qgis.engine.read_ahead import ReadAhead, rasters_in_order

    return ReadAhead(rasters_in_order(Path(folder), MintpyConfig.read(Path(config))))


def main(arguments: list[str]) -> int:
    _make_package_importable()
    from insarhub_qgis.engine.process import end_with_parent

    end_with_parent()
    print(f"{PROCESS_MARK} {os.getpid()}", flush=True)
    config, folder, step = arguments
    run_step(config, folder, step)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
