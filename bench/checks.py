# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the products of a bench run are right: ``checks.py WORK ARGUMENTS``, in the engine's Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import h5py
import numpy as np
from timing import answer

#: When MintPy wrote, and where: all else of its files must be the same.
_TIME_AND_PLACE = ("MODIFICATION_TIME", "FILE_PATH", "mintpy.", "PROJECT_NAME")


def raster(path: str, source: str, dataset: str) -> None:
    """Every value of a GeoTIFF equals the HDF5; what is nodata there is 0 or not finite in the HDF5."""
    import rasterio

    wrong = 0
    with rasterio.open(path) as shown, h5py.File(source) as file:
        stored = file[dataset]
        bands = 1 if stored.ndim == 2 else stored.shape[0]
        if shown.count != bands:
            raise SystemExit(f"{path}: {shown.count} bands, not {bands}")
        has_value = np.zeros(stored.shape[-2:], dtype=bool)
        for band in range(bands):
            has_value |= (stored[()] if stored.ndim == 2 else stored[band]) != 0
        for band in range(bands):
            expected = stored[()] if stored.ndim == 2 else stored[band]
            values = shown.read(band + 1)
            is_missing = values == shown.nodata
            wrong += int(np.count_nonzero(values[~is_missing] != expected[~is_missing]))
            wrong += int(np.count_nonzero(is_missing & has_value & np.isfinite(expected)))
    answer(0.0, wrong=wrong)


def footprint(path: str, source: str) -> None:
    """Share of the valid pixels whose centre is inside an outline, and its number of vertices."""
    import rasterio
    from osgeo import ogr
    from rasterio.features import rasterize

    layer = ogr.Open(path)
    # The feature owns its geometry and must outlive it.
    feature = layer.GetLayer(0).GetNextFeature()
    outline = feature.GetGeometryRef()
    polygons = [outline] if outline.GetGeometryName() == "POLYGON" else list(outline)
    vertices = sum(ring.GetPointCount() for polygon in polygons for ring in polygon)
    with rasterio.open(source) as shown:
        is_valid = shown.read(1) != shown.nodata
        shape = json.loads(outline.ExportToJson())
        is_inside = rasterize([shape], out_shape=is_valid.shape, transform=shown.transform).astype(bool)
    answer(0.0, covered=float(is_inside[is_valid].mean()), vertices=vertices)


def stacks(one: str, other: str) -> None:
    """Every dataset of MintPy's two files, by two ways of preparing, bit for bit; attributes that differ by name."""
    differing, count = [], 0
    for name in ("ifgramStack.h5", "geometryGeo.h5"):
        with h5py.File(Path(one) / "inputs" / name) as a, h5py.File(Path(other) / "inputs" / name) as b:
            if a.keys() != b.keys():
                differing.append(f"{name}: {sorted(a.keys() ^ b.keys())}")
                continue
            for dataset in a:
                count += 1
                left, right = a[dataset], b[dataset]
                is_same = (left.shape, left.dtype, left.chunks, left.compression) == (
                    right.shape,
                    right.dtype,
                    right.chunks,
                    right.compression,
                )
                parts = range(left.shape[0]) if left.ndim == 3 else [Ellipsis]
                if not is_same or any(left[part].tobytes() != right[part].tobytes() for part in parts):
                    differing.append(f"{name}/{dataset}")
            for key in a.attrs.keys() | b.attrs.keys():
                if not key.startswith(_TIME_AND_PLACE) and str(a.attrs.get(key)) != str(b.attrs.get(key)):
                    differing.append(f"{name}@{key}")
    answer(0.0, datasets=count, differing=differing)


def make_clicks(source: str, path: str, count: str) -> None:
    """Random points inside a file, some of them on the very edge of a pixel, in its CRS and in degrees."""
    from rasterio.warp import transform

    generator = np.random.default_rng(8)
    with h5py.File(source) as file:
        attributes = {key: str(value) for key, value in file.attrs.items()}
    x_first, y_first, x_step, y_step = (
        float(attributes[f"{axis}_{part}"]) for part in ("FIRST", "STEP") for axis in "XY"
    )
    cols = generator.uniform(0, int(attributes["WIDTH"]), int(count))
    rows = generator.uniform(0, int(attributes["LENGTH"]), int(count))
    cols[::10], rows[::10] = np.floor(cols[::10]) + 0.001, np.floor(rows[::10]) + 0.999
    xs, ys = x_first + cols * x_step, y_first + rows * y_step
    lons, lats = transform(f"EPSG:{attributes['EPSG']}", "EPSG:4326", xs.tolist(), ys.tolist())
    points = [
        {"x": x, "y": y, "lon": lon, "lat": lat, "row": int(row), "col": int(col)}
        for x, y, lon, lat, row, col in zip(xs.tolist(), ys.tolist(), lons, lats, rows, cols)
    ]
    Path(path).write_text(json.dumps(points), encoding="utf-8")
    answer(0.0)


def clicks(source: str, path: str, answers: str) -> None:
    """Count clicks whose values are not those of the pixel that contains the point."""
    points = json.loads(Path(path).read_text(encoding="utf-8"))
    given = json.loads(Path(answers).read_text(encoding="utf-8"))
    wrong = 0
    with h5py.File(source) as file:
        for point, values in zip(points, given):
            expected = file["timeseries"][:, point["row"], point["col"]].astype(float)
            shown = np.array([0.0 if value is None else value for value in values])
            wrong += shown.shape != expected.shape or not np.array_equal(shown, expected)
    answer(0.0, wrong=wrong, clicks=len(points))


WORKS = {function.__name__: function for function in (raster, footprint, stacks, make_clicks, clicks)}

if __name__ == "__main__":
    WORKS[sys.argv[1]](*sys.argv[2:])
