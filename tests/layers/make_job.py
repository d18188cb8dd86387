# SPDX-License-Identifier: GPL-2.0-or-later
"""Run by the engine's Python: writes a job folder with MintPy files and the same arrays as .npz for comparison."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import h5py
import numpy as np

from tests.makers import mintpy_files as makers


def main(folder: Path, options: dict) -> None:
    width, height, dates = options.get("width", 60), options.get("height", 40), options.get("dates", 12)
    grid, compression = options.get("grid", "utm_north"), options.get("compression")
    days = makers.make_dates(dates)
    extra = {"REF_DATE": f"{days[options.get('reference_band', 0)]:%Y%m%d}"}
    is_valid = np.random.default_rng(7).uniform(size=(height, width)) > 0.2
    is_valid[2, 3] = True
    common = {"width": width, "height": height, "grid": grid, "compression": compression}
    makers.write_velocity(folder / "velocity.h5", is_valid=is_valid, **common)
    series = folder / "timeseries_ramp_demErr.h5"
    makers.write_time_series(series, n_dates=dates, is_valid=is_valid, **common, **extra)
    with h5py.File(series, "a") as file:
        cube = file["timeseries"]
        cube[:] = cube[:] - cube[options.get("reference_band", 0)]
    if options.get("coherence", True):
        coherence = np.where(is_valid, np.random.default_rng(2).uniform(0.2, 1.0, (height, width)), 0)
        coherence[2, 3] = options.get("reference_coherence", 1.0)
        makers.write_temporal_coherence(folder / "temporalCoherence.h5", values=coherence, **common)
    makers.write_mask(folder / "maskTempCoh.h5", is_valid, grid)
    arrays = {"is_valid": is_valid}
    for path in folder.glob("*.h5"):
        with h5py.File(path) as file:
            for name in file:
                if file[name].ndim >= 2:
                    arrays[f"{path.stem}/{name}"] = file[name][()]
    arrays["dates"] = np.array([day.isoformat() for day in days])
    np.savez(folder / "truth.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
