# SPDX-License-Identifier: GPL-2.0-or-later
"""Pair quality by InSARHub 0.4.2 on the inputs of ``quality.py make_quality``, in the Python of the peers."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from timing import answer, clock, silence


def judge(folder: str) -> None:
    """Judge a sample of the pairs from its caches, as its build does one by one, and look pairs up in its database."""
    from insarhub.utils.pair_quality import _classifier
    from insarhub.utils.pair_quality._cache import CacheManager
    from insarhub.utils.pair_quality._db import _SCHEMA_VERSION, DB_FILE, PairQualityDB, _scene_date
    from insarhub.utils.pair_quality._feature_assembler import FeatureAssembler
    from insarhub.utils.pair_quality.pair_quality import _load_aoi

    source = Path(folder)
    plan = json.loads((source / "plan.json").read_text(encoding="utf-8"))
    scenes, baselines = plan["scenes"], plan["baselines"]
    times, coherence, judged = [], [], None
    with silence():
        latitude, longitude, area = _load_aoi(source)
        assembler = FeatureAssembler(CacheManager(source), area, latitude, longitude)
        assembler.prefetch_dates([_scene_date(name) for name in scenes])
        thresholds = _classifier.calibrate(assembler.weather_by_date)

        def one(first: int, second: int) -> tuple[str, dict]:
            earlier, later = scenes[first], scenes[second]
            days = (_scene_date(earlier), _scene_date(later))
            found = assembler.assemble(earlier, later, baselines[earlier], baselines[later], *days)
            return _classifier.classify(found, thresholds)

        # The first pair of each season reads the maps, which is not counted.
        one(0, 60)
        for first, second in plan["pairs"]:
            seconds, (_, judged) = clock(lambda pair=(first, second): one(*pair))
            times.append(seconds)
            coherence.append(judged["coherence_expected"])
        names = [f"{one}:{other}" for index, one in enumerate(scenes) for other in scenes[index + 1 :]]
        database = {
            "_schema_version": _SCHEMA_VERSION,
            "_complete": True,
            "status": dict.fromkeys(names, "healthy"),
            "factors": dict.fromkeys(names, judged),
        }
        (source / DB_FILE).write_text(json.dumps(database), encoding="utf-8")
        lookups = [clock(lambda: PairQualityDB.lookup(source, scenes[3], scenes[200]))[0] for _ in range(5)]
    answer(
        statistics.mean(times),
        sample=len(times),
        lookup=statistics.median(lookups),
        bytes=(source / DB_FILE).stat().st_size,
        coherence=coherence,
        fetched=assembler.remote_fetch_count,
    )


WORKS = {function.__name__: function for function in (judge,)}

if __name__ == "__main__":
    WORKS[sys.argv[1]](*sys.argv[2:])
