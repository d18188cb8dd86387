# SPDX-License-Identifier: GPL-2.0-or-later
"""The command ``simulate``: HyP3-like products with known truth, any size, the same bytes for the same request.

Layout of the output folder: ``products/*.zip``, ``truth.npz``, ``true_velocity.tif`` (m/yr, + toward),
``options.cfg`` (MintPy options that suit the scene) and ``simulation.json`` (written first: what the run makes,
so that the next run in the folder removes it, also after a cancel).
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
from rasterio.warp import transform as transform_coordinates

from insarhub_qgis.core.atomic_files import read_json_object, write_json_atomically, write_text_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.progress import part_of, stop_if_cancelled
from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.sandbox import product_writer
from insarhub_qgis.sandbox.acquisitions import acquisition
from insarhub_qgis.sandbox.atmosphere import delay_m
from insarhub_qgis.sandbox.decorrelation import expected_coherence, simulate_pairs
from insarhub_qgis.sandbox.random_fields import generator, power_law_field
from insarhub_qgis.sandbox.scene import EPSG, MARGIN_PIXELS, PIXEL_M, WAVELENGTH_M, Scene, make_scene
from insarhub_qgis.sandbox.truth import Deformation, make_deformation, step_date, write_truth

Array = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

#: Error of the elevation model, metres rms, in noisy products.
DEM_ERROR_RMS_M = 3.0
#: Number of different extents; the geometry rasters of one extent are made once.
EXTENTS = 6
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
    deformation = make_deformation(scene)
    folder = Path(request.output_folder)
    products = folder / "products"
    try:
        products.mkdir(parents=True, exist_ok=True)
        _remove_earlier_products(folder)
        names = _product_names(request, scene)
        record = {"request": asdict(request), "products": names}
        write_json_atomically(folder / "simulation.json", record)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".simulate_") as work:
            noise, coherence = _pair_noise(request, scene, Path(work), context)
            _write_products(request, scene, deformation, noise, coherence, names, context)
            del noise, coherence
        write_truth(folder / "truth.npz", scene, deformation, asdict(request))
        product_writer.write_raster(
            folder / "true_velocity.tif",
            deformation.fitted_velocity(scene.years).astype(np.float32),
            scene.x_first,
            scene.y_first,
            unit="m/yr",
            sign="+ toward satellite",
        )
        write_text_atomically(folder / "options.cfg", mintpy_options(scene))
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


def _product_names(request: Simulate, scene: Scene) -> list[str]:
    passes = [acquisition(date, scene.dates[0]) for date in scene.dates]
    return [
        product_writer.product_name(request.product_type, passes[first], passes[second], request.seed)
        for first, second in scene.pairs
    ]


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


def dem_error_m(request: Simulate, scene: Scene) -> Array:
    """Error of the elevation model, (rows, cols); zero without noise."""
    if not request.noise:
        return np.zeros((scene.height, scene.width))
    field = power_law_field(
        generator(request.seed, "dem error"),
        (scene.height, scene.width),
        PIXEL_M,
        exponent=2.0,
        outer_m=3_000.0,
    )
    return DEM_ERROR_RMS_M * field


def range_change_source(request: Simulate, scene: Scene, deformation: Deformation) -> Callable[[int], Array]:
    """Function that gives, per date, deformation + atmosphere + elevation error, metres toward the satellite.

    The elevation error enters as b / (r sin(incidence)) * dz, MintPy's convention. The last few dates are
    kept, so that a network of close pairs needs each date once.
    """
    geometry = dem_error_m(request, scene) / (scene.slant_range_m * np.sin(scene.incidence_rad))

    @lru_cache(maxsize=request.connections + 2)
    def on_date(index: int) -> Array:
        total = deformation.displacement_m(index)
        if request.noise:
            total = total + delay_m(scene, request.seed, index, request.atmosphere_rms_mm)
            total += scene.baselines_m[index] * geometry
        return total

    return on_date


def product_window(seed: int, pair_index: int, scene: Scene) -> tuple[int, int, int, int]:
    """Top, bottom, left and right limit (rows and columns of the full grid) of a product.

    The first product is the common window itself; the others reach beyond it, each group differently.
    """
    group = pair_index % EXTENTS
    more = (
        generator(seed, "extent", group).integers(0, MARGIN_PIXELS + 1, 4)
        if group
        else np.zeros(4, dtype=int)
    )
    top, bottom, left, right = (MARGIN_PIXELS - int(value) for value in more)
    return top, scene.height - bottom, left, scene.width - right


def _write_products(
    request: Simulate,
    scene: Scene,
    deformation: Deformation,
    noise: Float32 | None,
    coherence: Float32 | None,
    names: list[str],
    context: RunContext,
) -> None:
    report = part_of(context.report, 0.6 if request.noise else 0.0, 0.98)
    on_date = range_change_source(request, scene, deformation)
    passes = [acquisition(date, scene.dates[0]) for date in scene.dates]
    is_gamma = request.product_type == "gamma"
    broken = _pairs_with_jump(request, scene)
    geometry: dict[tuple[int, int, int, int], dict[str, bytes]] = {}
    for index, (first, second) in enumerate(scene.pairs):
        stop_if_cancelled(context.is_cancelled)
        window = product_window(request.seed, index, scene)
        area = (slice(window[0], window[1]), slice(window[2], window[3]))
        x_first, y_first = scene.x_first + window[2] * PIXEL_M, scene.y_first - window[0] * PIXEL_M
        if window not in geometry:
            geometry[window] = _geometry_members(request, scene, area, x_first, y_first)
        phase = -4 * np.pi / WAVELENGTH_M * (on_date(second) - on_date(first))
        if noise is not None:
            phase += noise[index]
        # Unwrapping leaves the constant of each interferogram open.
        phase += generator(request.seed, "constant", index).uniform(-np.pi, np.pi)
        if index in broken:
            phase[broken[index]] += 2 * np.pi
        phase32 = phase[area].astype(np.float32)
        phase32[phase32 == 0] = np.float32(1e-7)  # 0 means no data in these products
        if coherence is None:
            days = float((scene.dates[second] - scene.dates[first]).days)
            pair_coherence = expected_coherence(*scene.decay_parameters(), days)
            corr = np.maximum(pair_coherence[area], 1e-3).astype(np.float32)
        else:
            corr = np.asarray(coherence[index][area])
        members = {
            "unw_phase": product_writer.geotiff(phase32, x_first, y_first, 0.0),
            "corr": product_writer.geotiff(corr, x_first, y_first, 0.0),
        }
        if not is_gamma:
            wrapped = np.angle(np.exp(1j * phase32)).astype(np.float32)
            members["wrapped_phase"] = product_writer.geotiff(wrapped, x_first, y_first, 0.0)
        baseline = float(scene.baselines_m[second] - scene.baselines_m[first])
        text = product_writer.metadata_text(
            scene, request.product_type, passes[first], passes[second], baseline
        )
        product_writer.write_product(
            Path(request.output_folder) / "products", names[index], text, {**members, **geometry[window]}
        )
        report((index + 1) / len(scene.pairs), f"Product {index + 1} of {len(scene.pairs)}")


def _geometry_members(
    request: Simulate, scene: Scene, area: tuple[slice, slice], x_first: float, y_first: float
) -> dict[str, bytes]:
    """The rasters that do not change from pair to pair, for one extent."""

    def floats(values: Array) -> bytes:
        return product_writer.geotiff(values[area].astype(np.float32), x_first, y_first, 0.0)

    land = (~scene.water[area]).astype(np.uint8)
    members = {
        "dem": floats(scene.elevation_m),
        "lv_theta": floats(scene.look_elevation_rad),
        "lv_phi": floats(scene.look_azimuth_rad),
        "water_mask": product_writer.geotiff(land, x_first, y_first, None),
    }
    if request.product_type == "gamma":
        brightness = np.array([0.05, 0.8, 0.35, 0.45, 0.3])[scene.land_cover]
        members["amp"] = floats(brightness)
    else:
        members["conncomp"] = product_writer.geotiff(land, x_first, y_first, None)
    return members


def _pairs_with_jump(request: Simulate, scene: Scene) -> dict[int, tuple[slice, slice]]:
    """Pairs with an unwrapping error, and the rectangle that is one cycle too high."""
    count = round(request.unwrap_error_share * len(scene.pairs))
    if not count:
        return {}
    numbers = generator(request.seed, "unwrapping")
    chosen = numbers.choice(len(scene.pairs), size=count, replace=False)
    area = (slice(0, scene.height // 3), slice(2 * scene.width // 3, scene.width))
    return {int(index): area for index in sorted(chosen)}


def reference_xy(scene: Scene) -> tuple[float, float]:
    """A pixel centre on firm, stable ground: the bare hill in the north-west."""
    row = MARGIN_PIXELS + round(0.12 * (scene.height - 2 * MARGIN_PIXELS))
    column = MARGIN_PIXELS + round(0.10 * (scene.width - 2 * MARGIN_PIXELS))
    return scene.x_first + (column + 0.5) * PIXEL_M, scene.y_first - (row + 0.5) * PIXEL_M


def mintpy_options(scene: Scene) -> str:
    """`OPTIONS_FILE` and the lines that depend on the scene.

    MintPy draws its reference pixel at random among coherent ones; naming it makes a run repeatable. Its
    elevation correction knows no periodic term: a polynomial of order 6 follows one annual cycle, and over
    longer or shorter series the correction is left out rather than fed with seasonal motion.
    """
    x, y = reference_xy(scene)
    longitude, latitude = (
        values[0] for values in transform_coordinates(f"EPSG:{EPSG}", "EPSG:4326", [x], [y])
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
