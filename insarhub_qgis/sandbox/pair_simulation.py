# SPDX-License-Identifier: GPL-2.0-or-later
"""One simulated stack from which the product of any pair of its dates can be made.

Deformation, delay and the signals of the scatterers belong to dates, so the product of a pair is the same
whenever, and with whichever others, it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.sandbox import product_writer
from insarhub_qgis.sandbox.atmosphere import delay_m
from insarhub_qgis.sandbox.decorrelation import expected_coherence
from insarhub_qgis.sandbox.phase_filter import filtered_noise
from insarhub_qgis.sandbox.product_writer import ProductOptions, ProductSide
from insarhub_qgis.sandbox.random_fields import generator, power_law_field
from insarhub_qgis.sandbox.scene import MARGIN_PIXELS, WAVELENGTH_M, Scene
from insarhub_qgis.sandbox.truth import Deformation, make_deformation

Array = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Pair = tuple[int, int]

#: Error of the elevation model, metres rms, in noisy products.
DEM_ERROR_RMS_M = 3.0
#: Number of different extents; the geometry rasters of one extent are made once.
EXTENTS = 6


@dataclass(frozen=True)
class PairNoise:
    """Phase noise (rad) and estimated coherence of one pair, (rows, cols)."""

    phase_rad: Float32
    coherence: Float32


class PairSimulation:
    """A scene with all that its dates hold.

    Parameters
    ----------
    request
        Seed, noise, atmosphere and unwrapping errors; size and dates are those of the scene.
    """

    def __init__(self, request: Simulate, scene: Scene) -> None:
        self.request = request
        self.scene = scene
        self.deformation = make_deformation(scene)
        self._on_date = range_change_source(request, scene, self.deformation)
        self._jumps = _pairs_with_jump(request, scene)
        self._numbers = {pair: number for number, pair in enumerate(scene.pairs)}
        self._geometry: dict[tuple[ProductOptions, tuple[int, int, int, int]], dict[str, bytes]] = {}

    def number(self, pair: Pair) -> int:
        """Give a number that belongs to a pair alone: its place in the scene's network, beyond that for others."""
        known = self._numbers.get(pair)
        return len(self._numbers) + pair[0] * len(self.scene.dates) + pair[1] if known is None else known

    def write(
        self,
        folder: Path,
        name: str,
        pair: Pair,
        sides: tuple[ProductSide, ProductSide],
        options: ProductOptions,
        noise: PairNoise | None,
    ) -> Path:
        """Write the product of a pair into a folder; ``noise`` None: a quiet one."""
        scene, (first, second) = self.scene, pair
        window = product_window(self.request.seed, self.number(pair), scene)
        area = (slice(window[0], window[1]), slice(window[2], window[3]))
        corner = (scene.x_first + window[2] * scene.pixel_m, scene.y_first - window[0] * scene.pixel_m)

        def raster(values: npt.NDArray[np.generic]) -> bytes:
            return product_writer.geotiff(values, scene.site, *corner, nodata=0.0)

        members = {
            kind: raster(values) for kind, values in self._measured(pair, area, options, noise).items()
        }
        key = (options, window)
        if key not in self._geometry:
            self._geometry[key] = geometry_members(scene, area, corner, options)
        text = product_writer.metadata_text(
            scene, options, *sides, float(scene.baselines_m[second] - scene.baselines_m[first])
        )
        return product_writer.write_product(folder, name, text, {**members, **self._geometry[key]})

    def _measured(
        self, pair: Pair, area: tuple[slice, slice], options: ProductOptions, noise: PairNoise | None
    ) -> dict[str, Float32]:
        """Give the rasters that are this pair's own."""
        first, second = pair
        number = self.number(pair)
        phase = -4 * np.pi / WAVELENGTH_M * (self._on_date(second) - self._on_date(first))
        if noise is None:
            days = float((self.scene.dates[second] - self.scene.dates[first]).days)
            expected = expected_coherence(*self.scene.decay_parameters(), days)
            coherence = np.maximum(expected[area], 1e-3).astype(np.float32)
        else:
            phase += filtered_noise(noise.phase_rad, noise.coherence, options.filter_strength)
            coherence = np.asarray(noise.coherence[area])
        # Unwrapping leaves the constant of each interferogram open.
        phase += generator(self.request.seed, "constant", number).uniform(-np.pi, np.pi)
        if number in self._jumps:
            phase[self._jumps[number]] += 2 * np.pi
        unwrapped = phase[area].astype(np.float32)
        unwrapped[unwrapped == 0] = np.float32(1e-7)  # 0 means no data in these products
        if options.is_water_masked:
            unwrapped[self.scene.water[area]] = 0
        rasters = {"unw_phase": unwrapped, "corr": coherence}
        if options.has_wrapped_phase or options.product_type != "gamma":
            rasters["wrapped_phase"] = np.angle(np.exp(1j * unwrapped)).astype(np.float32)
        if options.has_displacement:
            toward = (-WAVELENGTH_M / (4 * np.pi) * unwrapped.astype(np.float64)).astype(np.float32)
            rasters["los_disp"] = toward
            rasters["vert_disp"] = (toward / np.cos(self.scene.incidence_rad[area])).astype(np.float32)
        return rasters


def geometry_members(
    scene: Scene, area: tuple[slice, slice], corner: tuple[float, float], options: ProductOptions
) -> dict[str, bytes]:
    """The rasters that do not change from pair to pair, for one extent; kind key to GeoTIFF."""

    def floats(values: Array) -> bytes:
        return product_writer.geotiff(values[area].astype(np.float32), scene.site, *corner, nodata=0.0)

    land = product_writer.geotiff((~scene.water[area]).astype(np.uint8), scene.site, *corner, nodata=None)
    is_gamma = options.product_type == "gamma"
    members = {}
    if options.has_dem or not is_gamma:
        members["dem"] = floats(scene.elevation_m)
    if options.has_look_vectors or not is_gamma:
        members["lv_theta"] = floats(scene.look_elevation_rad)
        members["lv_phi"] = floats(scene.look_azimuth_rad)
    members["water_mask"] = land
    if not is_gamma:
        members["conncomp"] = land
        return members
    brightness = np.array([0.05, 0.8, 0.35, 0.45, 0.3])[scene.land_cover]
    members["amp"] = floats(brightness)
    if options.has_incidence:
        members["inc_map"] = floats(local_incidence_rad(scene))
        members["inc_map_ell"] = floats(scene.incidence_rad)
    return members


def local_incidence_rad(scene: Scene) -> Array:
    """Angle between the line of sight and the normal of the terrain, (rows, cols)."""
    down_north, down_east = np.gradient(scene.elevation_m, scene.pixel_m)
    east, north, up = scene.line_of_sight()
    # Rows run south.
    along_normal = -down_east * east + down_north * north + up
    return np.asarray(np.arccos(along_normal / np.sqrt(1 + down_east**2 + down_north**2)))


def dem_error_m(request: Simulate, scene: Scene) -> Array:
    """Error of the elevation model, (rows, cols); zero without noise."""
    if not request.noise:
        return np.zeros((scene.height, scene.width))
    field = power_law_field(
        generator(request.seed, "dem error"),
        (scene.height, scene.width),
        scene.pixel_m,
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


def product_window(seed: int, pair_number: int, scene: Scene) -> tuple[int, int, int, int]:
    """Top, bottom, left and right limit (rows and columns of the full grid) of a product.

    The first product is the common window itself; the others reach beyond it, each group differently.
    """
    group = pair_number % EXTENTS
    more = (
        generator(seed, "extent", group).integers(0, MARGIN_PIXELS + 1, 4)
        if group
        else np.zeros(4, dtype=int)
    )
    top, bottom, left, right = (scene.site.factor * (MARGIN_PIXELS - int(value)) for value in more)
    return top, scene.height - bottom, left, scene.width - right


def _pairs_with_jump(request: Simulate, scene: Scene) -> dict[int, tuple[slice, slice]]:
    """Pairs with an unwrapping error, and the rectangle that is one cycle too high."""
    count = round(request.unwrap_error_share * len(scene.pairs))
    if not count:
        return {}
    numbers = generator(request.seed, "unwrapping")
    chosen = numbers.choice(len(scene.pairs), size=count, replace=False)
    area = (slice(0, scene.height // 3), slice(2 * scene.width // 3, scene.width))
    return {int(index): area for index in sorted(chosen)}
