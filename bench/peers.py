# SPDX-License-Identifier: GPL-2.0-or-later
"""One piece of work by InSARHub 0.4.2 or MintPy 1.6.4, under the clock: ``peers.py WORK ARGUMENTS``."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from timing import answer, clock, silence


def insarhub_raster(source: str, output: str, warm: str) -> None:
    """HDF5 to GeoTIFF."""
    from insarhub.utils.postprocess import h5_to_raster

    with silence():
        h5_to_raster(warm, Path(output).with_name("velocity_warm.tif"))
        seconds, _ = clock(lambda: h5_to_raster(source, output))
    answer(seconds)


def insarhub_footprint(source: str, output: str, warm: str) -> None:
    """Outline of the valid pixels."""
    from insarhub.utils.postprocess import save_footprint

    with silence():
        save_footprint(warm, Path(output).with_name("warm.shp"))
        seconds, _ = clock(lambda: save_footprint(source, output))
    answer(seconds)


def insarhub_prepare(products: str, work: str, load: str) -> None:
    """Prepare, and with ``load`` = yes MintPy's load_data after it; the clock runs over both."""
    from insarhub.analyzer import Hyp3_Mintpy_SBAS
    from insarhub.config.defaultconfig import Hyp3_Mintpy_SBAS_Config
    from mintpy import smallbaselineApp  # noqa: F401 (its start is not measured)

    folder = Path(work)
    (folder / "hyp3").mkdir(parents=True)
    for path in sorted(Path(products).glob("*.zip")):
        (folder / "hyp3" / path.name).symlink_to(path)
    config = Hyp3_Mintpy_SBAS_Config(workdir=str(folder))
    config.compute_cluster = "none"
    config.plot = "no"
    prepared = 0.0

    with silence():
        analyzer = Hyp3_Mintpy_SBAS(config)
        prepared, _ = clock(analyzer.prep_data)
        loaded = 0.0
        if load == "yes":
            loaded, _ = clock(lambda: analyzer.run(steps=["load_data"]))
    written = sum(
        path.stat().st_size
        for place in (analyzer.tmp_dir, analyzer.clip_dir)
        for path in place.rglob("*")
        if path.is_file()
    )
    answer(prepared + loaded, prepare=prepared, load=loaded, written=written, mintpy=str(analyzer.mintpy_dir))


def mintpy_gdal(source: str, output: str) -> None:
    """save_gdal, uncompressed; a series gives one file per date, as its ``--dset`` asks for one at a time."""
    import h5py
    from mintpy.cli import save_gdal

    with h5py.File(source) as file:
        dates = [value.decode() for value in file["date"][()]] if "timeseries" in file else []
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)

    def work() -> None:
        for date in dates or ["velocity"]:
            save_gdal.main([source, "-d", date, "-o", str(folder / f"{date}.tif")])

    with silence():
        seconds, _ = clock(work)
    answer(seconds)


def mintpy_load(config: str, folder: str) -> None:
    """MintPy's own load_data on our clips."""
    from mintpy import smallbaselineApp as prepared  # noqa: F401 (its start is not measured)
    from mintpy.cli import smallbaselineApp

    with silence():
        seconds, _ = clock(lambda: smallbaselineApp.main([config, "--dir", folder, "--dostep", "load_data"]))
    answer(seconds)


def mintpy_click(source: str) -> None:
    """What tsview does before its first click: the whole cube is read."""
    from mintpy.objects import timeseries
    from mintpy.tsview import read_timeseries_data  # noqa: F401 (its start is not measured)

    def work() -> float:
        cube = timeseries(source).read(print_msg=False)
        return float(cube[:, 10, 10].sum())

    with silence():
        seconds, _ = clock(work)
    answer(seconds)


def insarhub_click(folder: str, clicks: str) -> None:
    """The series of clicked points, by the function that answers InSARHub's viewer."""
    import asyncio
    import json

    import numpy as np
    from insarhub.app.routes.render import timeseries_pixel

    times, values = [], []
    for point in json.loads(Path(clicks).read_text(encoding="utf-8")):
        call = timeseries_pixel(folder, point["lat"], point["lon"])
        seconds, result = clock(lambda one=call: asyncio.run(one))
        times.append(seconds)
        values.append(result["values"])
    answer(float(np.median(times)), p95=float(np.percentile(times, 95)), cold=times[0], values=values)


def _network(job: str) -> tuple[list[tuple[str, str]], dict[str, float]]:
    """Pairs of scenes and the baselines of the scenes, metres, of a stack file."""
    stack = json.loads(next(Path(job).glob("stack_*.json")).read_text(encoding="utf-8"))
    return [tuple(pair) for pair in stack["pairs"]], stack["baselines"]


def _redraw(figure: Any) -> None:
    figure.canvas.draw()
    answer(statistics.median(clock(figure.canvas.draw)[0] for _ in range(5)))


def insarhub_network(job: str, width: str, height: str) -> None:
    """The network figure, drawn again."""
    from insarhub.utils import plot_pair_network

    pairs, metres = _network(job)
    baselines = {(one, other): (12.0, abs(metres[other] - metres[one])) for one, other in pairs}
    with silence():
        figure = plot_pair_network(
            pairs, baselines, scene_baselines=metres, figsize=(int(width) / 100, int(height) / 100)
        )
    _redraw(figure)


def mintpy_network(job: str, width: str, height: str) -> None:
    """plot_network, drawn again."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from mintpy.utils.plot import plot_network

    pairs, metres = _network(job)
    day = {name: name.split("_")[5][:8] for name in metres}
    figure = Figure(figsize=(int(width) / 100, int(height) / 100), dpi=100)
    FigureCanvasAgg(figure)
    with silence():
        plot_network(
            figure.add_subplot(),
            [f"{day[one]}_{day[other]}" for one, other in pairs],
            sorted(day.values()),
            [metres[name] for name in sorted(metres, key=day.__getitem__)],
            p_dict={"cohList": [0.2 + 0.7 * (i % 97) / 97 for i in range(len(pairs))], "disp_cbar": False},
            print_msg=False,
        )
    _redraw(figure)


WORKS = {
    function.__name__: function
    for function in (
        insarhub_raster,
        insarhub_footprint,
        insarhub_prepare,
        insarhub_click,
        mintpy_gdal,
        mintpy_load,
        mintpy_click,
        insarhub_network,
        mintpy_network,
    )
}

if __name__ == "__main__":
    WORKS[sys.argv[1]](*sys.argv[2:])
