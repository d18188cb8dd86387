# SPDX-License-Identifier: GPL-2.0-or-later
"""The command ``simulate``: HyP3-like products with known truth, any size, the same bytes for the same request.

Layout of the output folder: ``products/*.zip``, ``truth.npz``, ``true_velocity.tif`` (m/yr, + toward),
``options.cfg`` (MintPy options that suit the scene) and ``simulation.json`` (written first: what the run makes,
so that the next run in the folder removes it, also after a cancel).
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.warp import transform as transform_coordinates

from insarhub_qgis.core.atomic_files import read_json_object, write_json_atomically, write_text_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.progress import part_of, stop_if_cancelled
from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.sandbox import product_writer
from insarhub_qgis.sandbox.acquisitions import RELATIVE_ORBIT, acquisition
from insarhub_qgis.sandbox.decorrelation import simulate_pairs
from insarhub_qgis.sandbox.pair_simulation import PairNoise, PairSimulation
from insarhub_qgis.sandbox.product_writer import ProductOptions, ProductSide, product_name
from insarhub_qgis.sandbox.scene import MARGIN_PIXELS, Scene, make_scene
from insarhub_qgis.sandbox.truth import step_date, write_truth

Float32 = npt.NDArray[np.float32]

OPTIONS_FILE = Path(__file__).with_name("demo_options.cfg")


def run(request: Simulate, context: RunContext) -> dict[str, Any]:
    """Write products and truth into ``output_folder``.

    Raises
    ------
    InsarError
        ``simulate.parameter``, ``simulate.folder``, ``file.malformed``; `Cancelled`, after which no
        unfinished zip remains.
    """
    scene = make_scene(request)
    simulation = PairSimulation(request, scene)
    folder = Path(request.output_folder)
    products = folder / "products"
    try:
        products.mkdir(parents=True, exist_ok=True)
        _remove_earlier_products(folder)
        sides = _sides(request, scene)
        options = ProductOptions(request.product_type)
        names = [
            product_name(options, scene.site, RELATIVE_ORBIT, sides[first], sides[second], request.seed)
            for first, second in scene.pairs
        ]
        record = {"request": asdict(request), "products": names}
        write_json_atomically(folder / "simulation.json", record)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".simulate_") as work:
            noise, coherence = _pair_noise(request, scene, Path(work), context)
            report = part_of(context.report, 0.6 if request.noise else 0.0, 0.98)
            for index, pair in enumerate(scene.pairs):
                stop_if_cancelled(context.is_cancelled)
                own = None
                if noise is not None and coherence is not None:
                    own = PairNoise(noise[index], coherence[index])
                both = (sides[pair[0]], sides[pair[1]])
                simulation.write(products, names[index], pair, both, options, own)
                report((index + 1) / len(names), f"Product {index + 1} of {len(names)}")
            del noise, coherence
        write_truth_files(folder, simulation)
    except OSError as error:
        raise InsarError("simulate.folder", folder=str(folder), reason=str(error)) from error
    context.report(1.0, f"{len(names)} products written")
    return {
        "products_folder": str(products),
        "truth_file": str(folder / "truth.npz"),
        "options_file": str(folder / "options.cfg"),
        "products": len(names),
        "pairs": len(scene.pairs),
    }


def _remove_earlier_products(folder: Path) -> None:
    """Delete the products that an earlier simulation listed, and nothing else."""
    record = folder / "simulation.json"
    if not record.is_file():
        return
    for name in read_json_object(record).get("products", []):
        (folder / "products" / f"{Path(str(name)).name}.zip").unlink(missing_ok=True)


def _sides(request: Simulate, scene: Scene) -> list[ProductSide]:
    passes = [acquisition(date, scene.dates[0]) for date in scene.dates]
    return [ProductSide.of(one, request.product_type) for one in passes]


def write_truth_files(folder: Path, simulation: PairSimulation) -> None:
    """Write ``truth.npz``, ``true_velocity.tif`` and ``options.cfg`` of a simulation into a folder."""
    scene, deformation = simulation.scene, simulation.deformation
    write_truth(folder / "truth.npz", scene, deformation, asdict(simulation.request))
    product_writer.write_raster(
        folder / "true_velocity.tif",
        deformation.fitted_velocity(scene.years).astype(np.float32),
        scene,
        unit="m/yr",
        sign="+ toward satellite",
    )
    write_text_atomically(folder / "options.cfg", mintpy_options(scene))


def _pair_noise(
    request: Simulate, scene: Scene, work: Path, context: RunContext
) -> tuple[Float32 | None, Float32 | None]:
    """Phase noise and estimated coherence of all pairs on disk-backed arrays; None without noise."""
    if not request.noise:
        return None, None
    shape = (len(scene.pairs), scene.height, scene.width)
    noise = np.memmap(work / "noise", dtype=np.float32, mode="w+", shape=shape)
    coherence = np.memmap(work / "coherence", dtype=np.float32, mode="w+", shape=shape)
    simulate_pairs(
        scene, request.seed, noise, coherence, part_of(context.report, 0.0, 0.6), context.is_cancelled
    )
    return noise, coherence


def reference_xy(scene: Scene) -> tuple[float, float]:
    """A pixel centre on firm, stable ground: the bare hill in the north-west."""
    row = MARGIN_PIXELS + round(0.12 * (scene.height - 2 * MARGIN_PIXELS))
    column = MARGIN_PIXELS + round(0.10 * (scene.width - 2 * MARGIN_PIXELS))
    return scene.x_first + (column + 0.5) * scene.pixel_m, scene.y_first - (row + 0.5) * scene.pixel_m


def mintpy_options(scene: Scene) -> str:
    """`OPTIONS_FILE` and the lines that depend on the scene.

    MintPy draws its reference pixel at random among coherent ones; naming it makes a run repeatable. Its
    elevation correction knows no periodic term: a polynomial of order 6 follows one annual cycle, and over
    longer or shorter series the correction is left out rather than fed with seasonal motion.
    """
    x, y = reference_xy(scene)
    longitude, latitude = (
        values[0] for values in transform_coordinates(f"EPSG:{scene.site.epsg}", "EPSG:4326", [x], [y])
    )
    lines = [f"mintpy.reference.lalo = {latitude:.8f}, {longitude:.8f}"]
    if len(scene.dates) >= 20 and 0.8 <= scene.years[-1] <= 1.1:
        lines += [
            "mintpy.topographicResidual = yes",
            "mintpy.topographicResidual.polyOrder = 6",
            f"mintpy.topographicResidual.stepDate = {step_date(scene.dates):%Y%m%d}",
        ]
    else:
        lines.append("mintpy.topographicResidual = no")
    return OPTIONS_FILE.read_text(encoding="utf-8") + "\n".join(lines) + "\n"
