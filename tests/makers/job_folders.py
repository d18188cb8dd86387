# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes job folder files as documented and as InSARHub 0.4.x writes them, and small product zips."""

from __future__ import annotations

import json
import zipfile
from copy import deepcopy
from pathlib import Path

A = "S1A_IW_SLC__1SDV_20230305T051234_20230305T051301_047512_05B4A1_1F20"
B = "S1A_IW_SLC__1SDV_20230317T051234_20230317T051301_047687_05BA8E_77C3"
C = "S1A_IW_SLC__1SDV_20230329T051235_20230329T051302_047862_05C06D_40AA"

AOI = "POLYGON((14.2 40.7,14.5 40.7,14.5 41,14.2 41,14.2 40.7))"

GAMMA = "S1AA_20180106T004006_20180130T004005_VVP024_INT80_G_ueF_3BEA"
BURST = "S1_213524_IW1_20170411_20170517_VV_INT80_8E81"
MULTI_BURST = "S1_064_000000s1n00-136231s2n02-000000s3n00_IW_20200604_20200616_VV_INT80_77F1"

METADATA = """Reference Granule: S1A_IW_SLC__1SDV_20180106T004006_20180106T004031_020027_0221EC_770D
Secondary Granule: S1A_IW_SLC__1SDV_20180130T004005_20180130T004030_020377_022D0A_2062
Reference Orbit Number: 20027
Baseline: -30.3411
UTC time: 2421.890880
Heading: -12.2742586
Spacecraft height: 698030.2540
Earth radius at nadir: 6375868.9414
Slant range near: 798980.1369
Range looks: 20
Azimuth looks: 4
Unwrapping type: mcf
"""

CONFIG = {
    "downloader": {
        "type": "S1_SLC",
        "config": {
            "start": "2023-03-01",
            "end": "2023-11-30",
            "relativeOrbit": 44,
            "frame": 117,
            "intersectsWith": AOI,
        },
    },
    "processor": {"type": "Hyp3_S1", "config": {"looks": "20x4"}},
    "analyzer": {"type": "Hyp3_SBAS", "config": {}},
    "updated_at": "2024-05-02T08:15:30Z",
    "insarhub_qgis": {"version": 1, "name": "bay", "layout": "flat", "aoi_hash": "0c5e91ab"},
}

STACK = {
    "pairs": [[A, B]],
    "baselines": {A: 0.0, B: -41.6},
    "scenes": [A, B],
    "pair_quality": {
        "scores": {f"{A},{B}": 70.7},
        "factors": {f"{A},{B}": {"coherence": 0.33, "snow": 0.0, "rain": 0.2}},
        "status": {f"{A}:{B}": "healthy"},
    },
}

JOBS = {
    "job_ids": {"geo_anna": ["5b1d-01", "5b1d-02"]},
    "out_dir": "D:/jobs/bay",
    "insarhub_qgis": {
        "submitted_at": "2024-05-02T08:20:00Z",
        "job_type": "INSAR_GAMMA",
        "pairs": {"5b1d-01": [A, B]},
        "retry_of": {},
    },
}

CACHE = {"filenames": [f"{GAMMA}.zip"], "out_dir": "D:/jobs/bay"}

QUALITY_CACHE = {
    "_schema_version": 2,
    "weather": {
        "40.850:14.350:2023-03-05": {
            "precip_3d_mm": 4.2,
            "temp_mean_c": 9.1,
            "_fetched_at": "2024-05-02T08:40:00+00:00",
        }
    },
}

DATABASE = {
    "_schema_version": 1,
    "_built_at": "2024-05-02T09:00:00+00:00",
    "_n_scenes": 2,
    "_n_pairs": 1,
    "_complete": True,
    "_scene_names": [A, B],
    "scores": {f"{A}:{B}": 0.707},
    "factors": {
        f"{A}:{B}": {
            "dt_days": 12,
            "bperp_diff": 41.6,
            "coherence_expected": 0.33,
            "precip_3d_d1": 6.0,
            "precip_3d_d2": 0.0,
            "score": 0.707,
        }
    },
}

ISCE_JOBS = {
    "jobs": {
        "run_01_unpack_topo_reference": {
            "step": "run_01_unpack_topo_reference",
            "script": "/data/p5/isce/run_files/run_01_unpack_topo_reference",
            "log_dir": "/data/p5/isce/run_files/run_01_unpack_topo_reference_logs",
            "status": "SUCCEEDED",
            "submitted_at": "2024-05-02T09:00:00Z",
            "slurm_job_ids": ["4711"],
            "hpc_array": True,
            "n_cmds": 1,
        }
    },
    "workdir": "/data/p5",
    "insarhub_qgis": {"version": 1, "mode": "slurm", "generation": 2},
}

#: 0.4.0: roles as text, foreign keys, colon keys, scores 0..1, extra items in pairs.
CONFIG_040 = {
    "downloader": {
        "type": "S1_SLC",
        "config": {"relativeOrbit": 44, "frame": 117, "scene_footprint_wkt": AOI, "maxResults": None},
    },
    "processor": "Hyp3_InSAR",
    "analyzer": "Hyp3_Mintpy_SBAS",
    "ui_state": {"panel": 3, "later": [1, {"deep": None}]},
}
STACK_040 = {
    "pairs": [[A, B, 12], [B, C, 12]],
    "baselines": {A: 0.0, B: -41.6},
    "pair_quality": {"scores": {f"{B}:{A}": 0.707, f"{B}:{C}": 0.4}, "note": "kept"},
    "made_by": {"program": "InSARHub", "version": "0.4.0"},
}
JOBS_040 = {"job_ids": {"anna": ["id-1"], "bert": []}, "out_dir": "/nowhere/hyp3", "chunk": 25}

#: 0.4.2: roles as objects, status without scores, more keys in the quality section.
CONFIG_042 = {
    "downloader": {"type": "S1_SLC", "config": {"relativeOrbit": 44, "frame": 117, "intersectsWith": AOI}},
    "processor": {"type": "Hyp3_InSAR", "config": {"looks": "10x2"}, "started": True},
    "updated_at": "2025-01-02T03:04:05.678901",
}
STACK_042 = {
    "pairs": [[A, B], [A, C]],
    "baselines": {A: 0.0, B: -41.6, C: 12.0},
    "scenes": [A, B, C],
    "pair_quality": {"status": {f"{A}:{B}": "healthy", f"{C}:{A}": "concern"}, "schema": 4},
}
DATABASE_042 = {
    "_schema_version": 4,
    "_built_at": "2025-01-02T03:04:05+00:00",
    "_n_scenes": 2,
    "_n_pairs": 1,
    "_complete": True,
    "status": {f"{A}:{B}": "concern"},
    "thresholds": {"rain": 20},
}


def put_json(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")
    return path


def get_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def without_own(document: dict) -> dict:
    """The document without what may differ after a rewrite: time of the save and our own object."""
    copy = deepcopy(document)
    copy.pop("updated_at", None)
    copy.pop("insarhub_qgis", None)
    return copy


def make_job_folder(folder: Path, *, config: dict | None = CONFIG, stack: dict | None = STACK) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if config is not None:
        put_json(folder / "insarhub_config.json", config)
    if stack is not None:
        put_json(folder / "stack_p0_f0.json", stack)
    return folder


def make_product_zip(
    path: Path,
    name: str = GAMMA,
    kinds: tuple[str, ...] = ("unw_phase", "corr", "dem", "lv_theta", "lv_phi", "water_mask"),
    *,
    folder: str | None = None,
    metadata: str | None = METADATA,
    content: bytes = b"raster bytes" * 200,
) -> Path:
    """A zip with the members of a product; rasters are plain bytes. ``folder`` "" puts them at the top."""
    inside = f"{name}/" if folder is None else folder
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for kind in kinds:
            archive.writestr(f"{inside}{name}_{kind}.tif", content + kind.encode())
        if metadata is not None:
            archive.writestr(f"{inside}{name}.txt", metadata)
            archive.writestr(f"{inside}{name}.README.md.txt", "about this product")
    return path
