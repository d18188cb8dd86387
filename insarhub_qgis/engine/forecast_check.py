# SPDX-License-Identifier: GPL-2.0-or-later
"""How good the forecast of pair quality was: expected coherence and scores against the products of a job.

Everything comes from the job folder: the scores from the inputs that its caches and decay maps hold, the observed
coherence from its zips. No service is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from insarhub_qgis.core.decay_map_files import SIMULATED, find_decay_maps
from insarhub_qgis.core.decay_sources import LANDCOVER, S1_PIXEL, DecaySources
from insarhub_qgis.core.errors import Cancelled, InsarError, counted_reasons
from insarhub_qgis.core.forecast_figures import (
    COMBINED,
    FORECASTS,
    class_table,
    forecast_figures,
    score_figures,
)
from insarhub_qgis.core.job_config import JobConfig
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.network_dates import Node
from insarhub_qgis.core.pair_database import JudgedPairs, QualityInputs, judge_pairs
from insarhub_qgis.core.pair_score import ScoreWeights
from insarhub_qgis.core.pair_table_files import QUALITY
from insarhub_qgis.core.product_archive import ProductArchive, find_product_archives
from insarhub_qgis.core.progress import IsCancelled, stop_if_cancelled
from insarhub_qgis.core.quality_files import QualityCache
from insarhub_qgis.core.requests import CheckForecast
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scenes import scene_start
from insarhub_qgis.engine.observed_coherence import ObservedCoherence, read_observed_coherence
from insarhub_qgis.engine.quality_area import OF_SCENES, QualityArea
from insarhub_qgis.engine.quality_job import QualityJob, read_land_cover, read_quality_job
from insarhub_qgis.engine.quality_sources import FIRE, SNOW

#: Passes of one track start within this time of day, whatever the frame; the next orbit follows 49 min later at least.
_SAME_PASS_S = 1800.0
_DAY_S = 86400.0
#: Inflating a raster leaves Python free.
_READERS = 2


@dataclass(frozen=True)
class _Found:
    """A pair of dates of the stack, by their numbers, with its product and what it shows."""

    first: int
    second: int
    archive: ProductArchive
    observed: ObservedCoherence


def run(request: CheckForecast, context: RunContext) -> dict[str, Any]:
    """Answer `CheckForecast`; see the request for the result.

    Raises
    ------
    InsarError
        ``folder.missing``, ``stack.missing``, ``quality.few_dates``, ``forecast.no_area``, ``forecast.no_products``,
        ``forecast.no_usable_product``, codes of `read_search_area` for the job's area, ``file.malformed``,
        ``file.not_readable``, ``run.cancelled``.
    """
    job = JobFolder(Path(request.job_folder))
    if not job.path.is_dir():
        raise InsarError("folder.missing", folder=str(job.path))
    return _Check(job, context).run()


class _Check:
    """One run; what is worth telling besides the figures grows in ``_messages`` and ``_excluded``."""

    def __init__(self, job: JobFolder, context: RunContext) -> None:
        self._job = job
        self._context = context
        self._messages: list[InsarError] = []
        self._excluded: list[tuple[Path, InsarError]] = []

    def run(self) -> dict[str, Any]:
        known = read_quality_job(self._job)
        self._messages += known.problems
        nodes, area = known.nodes, known.area
        if area is None:
            raise InsarError("forecast.no_area", folder=str(self._job.path))
        if area.origin == OF_SCENES:
            self._messages.append(InsarError("quality.area_of_scenes", folder=str(self._job.path)))
        inputs = self._inputs(known, area)
        found = self._observe(nodes, area)
        judged = self._judge(inputs, found, _weights_of(known.config))
        self._context.report(1.0, f"{len(found)} pairs")
        return self._result(nodes, found, judged, area)

    # --- What was forecast ---

    def _inputs(self, known: QualityJob, area: QualityArea) -> QualityInputs:
        """Give all that the folder knows, as the build of the pair database has it, and tell what it lacks."""
        cache = QualityCache(self._job.path)
        if cache.problem is not None:
            self._messages.append(cache.problem)
        now = datetime.now(timezone.utc)
        inputs, problems = known.inputs(cache, now, (SNOW, FIRE))
        self._messages += problems
        labels = [source.label for source in inputs.decay.sources]
        if S1_PIXEL not in labels:
            self._messages.append(InsarError("forecast.no_decay_maps", folder=str(self._job.path)))
        elif self._are_maps_simulated():
            self._messages.append(InsarError("forecast.simulated_maps", folder=str(self._job.path)))
        if read_land_cover(known.stack(area, cache, now)) is None:
            self._messages.append(InsarError("forecast.no_land_cover", folder=str(self._job.path)))
        elif LANDCOVER not in labels:
            self._messages.append(InsarError("forecast.no_land", folder=str(self._job.path)))
        return inputs

    def _are_maps_simulated(self) -> bool:
        for path in find_decay_maps(self._job.path).values():
            try:
                with rasterio.open(path) as raster:
                    if str(raster.tags().get("SOURCE", "")).startswith(SIMULATED):
                        return True
            except RasterioError:
                # Named already by the reader of the maps.
                continue
        return False

    def _judge(
        self, inputs: QualityInputs, found: Sequence[_Found], weights: ScoreWeights
    ) -> dict[str, JudgedPairs]:
        """Judge the pairs by each decay source alone, and by the first that works for each pair."""
        first, second = [pair.first for pair in found], [pair.second for pair in found]
        sources = {
            source.label: DecaySources((source,), inputs.decay.reason) for source in inputs.decay.sources
        }
        sources[COMBINED] = inputs.decay
        return {
            label: judge_pairs(
                replace(inputs, decay=decay),
                np.array(first, dtype=np.intp),
                np.array(second, dtype=np.intp),
                weights,
                is_cancelled=self._context.is_cancelled,
            )
            for label, decay in sources.items()
        }

    # --- What was observed ---

    def _observe(self, nodes: tuple[Node, ...], area: QualityArea) -> list[_Found]:
        folders = self._job.product_folders()
        archives, problems = find_product_archives(folders)
        self._excluded += problems
        if not archives and not problems:
            raise InsarError("forecast.no_products", folders=[str(folder) for folder in folders])
        numbers = {node.date: number for number, node in enumerate(nodes)}
        chosen: list[tuple[int, int, ProductArchive]] = []
        for archive in archives:
            try:
                chosen.append((*_pair_of(archive, numbers, nodes), archive))
            except InsarError as error:
                self._excluded.append((archive.path, error))
        found = self._best_of_each_pair(self._read(chosen, area))
        if not found:
            reasons = counted_reasons(error for _, error in self._excluded)
            raise InsarError("forecast.no_usable_product", folder=str(self._job.path), reasons=reasons)
        unmasked = sum(not pair.observed.is_water_masked for pair in found)
        if unmasked:
            self._messages.append(InsarError("forecast.water_counted", count=unmasked))
        return found

    def _read(self, chosen: Sequence[tuple[int, int, ProductArchive]], area: QualityArea) -> list[_Found]:
        found: list[_Found] = []
        observe = partial(_observed, area=area, is_cancelled=self._context.is_cancelled)
        with ThreadPoolExecutor(_READERS, thread_name_prefix="coherence") as pool:
            answers = pool.map(observe, [archive for _, _, archive in chosen])
            for number, ((first, second, archive), answer) in enumerate(zip(chosen, answers)):
                stop_if_cancelled(self._context.is_cancelled)
                self._context.report(number / len(chosen), archive.product.name)
                if isinstance(answer, InsarError):
                    self._excluded.append((archive.path, answer))
                else:
                    found.append(_Found(first, second, archive, answer))
        return found

    def _best_of_each_pair(self, found: Sequence[_Found]) -> list[_Found]:
        """Keep the product of each pair that shows most of the area, of equals the newest."""
        best: dict[tuple[int, int], _Found] = {}
        for one in sorted(
            found,
            key=lambda pair: (pair.observed.covered, pair.archive.modified_ns, pair.archive.product.name),
            reverse=True,
        ):
            kept = best.setdefault((one.first, one.second), one)
            if kept is not one:
                reason = InsarError(
                    "product.duplicate_pair",
                    pair=one.archive.product.pair_id,
                    kept=kept.archive.product.name,
                )
                self._excluded.append((one.archive.path, reason))
        return [best[key] for key in sorted(best)]

    # --- Answer ---

    def _result(
        self,
        nodes: tuple[Node, ...],
        found: Sequence[_Found],
        judged: Mapping[str, JudgedPairs],
        area: QualityArea,
    ) -> dict[str, Any]:
        observed = np.array([pair.observed.median for pair in found])
        combined = judged[COMBINED]
        figures = {}
        for label in FORECASTS:
            if label in judged:
                pairs = judged[label]
                figures[label] = {
                    "coherence": forecast_figures(pairs.coherence.median, observed).to_json(),
                    "score": score_figures(pairs.score, observed).to_json(),
                    "classes": class_table(pairs.score, observed).to_json(),
                }
        by_days = forecast_figures(-combined.dt_days.astype(np.float64), observed)
        return {
            "pairs": [_row(place, pair, nodes, judged) for place, pair in enumerate(found)],
            "figures": figures,
            "temporal_baseline": {
                "count": by_days.count,
                "rank_correlation": by_days.rank_correlation,
                "correlation": by_days.correlation,
                "reason": by_days.reason,
            },
            "missing_sources": [label for label in FORECASTS if label not in judged],
            "area": area.origin,
            "excluded": [{"file": str(path), **error.to_json()} for path, error in self._excluded],
            "messages": [error.to_json() for error in self._messages],
        }


def _weights_of(config: JobConfig) -> ScoreWeights:
    """Give the weights of the job's scores, else the standard ones."""
    kept = config.own.get(QUALITY)
    return ScoreWeights.from_json(kept.get("weights") if isinstance(kept, Mapping) else None)


def _pair_of(archive: ProductArchive, numbers: Mapping[date, int], nodes: Sequence[Node]) -> tuple[int, int]:
    """Give the numbers of a product's dates in the stack.

    Raises
    ------
    InsarError
        ``forecast.not_in_stack``, ``product.dates_reversed``, ``product.other_track``.
    """
    product = archive.product
    first, second = numbers.get(product.reference_date), numbers.get(product.secondary_date)
    if first is None or second is None:
        raise InsarError("forecast.not_in_stack", pair=product.pair_id)
    if first >= second:
        raise InsarError("product.dates_reversed", pair=product.pair_id)
    own = [text for scene in nodes[first].scenes if (text := scene_start(scene)) is not None]
    start = product.reference_start or _start_in_metadata(archive)
    if own and start is not None and min(_apart_s(start, text) for text in own) > _SAME_PASS_S:
        raise InsarError("product.other_track", track=_pass_label(start), expected=_pass_label(own[0]))
    return first, second


def _start_in_metadata(archive: ProductArchive) -> str | None:
    """Give the start of the reference of a product whose name has days only; None when it is not told."""
    try:
        return scene_start(archive.read_metadata().reference_granule or "")
    except InsarError:
        # The text file is not needed for anything else here.
        return None


def _apart_s(one: str, other: str) -> float:
    """Give how far two starts (``YYYYMMDDTHHMMSS``) are apart in time of day, seconds."""
    distance = abs(_second_of_day(one) - _second_of_day(other))
    return min(distance, _DAY_S - distance)


def _second_of_day(start: str) -> float:
    return int(start[9:11]) * 3600.0 + int(start[11:13]) * 60.0 + int(start[13:15])


def _pass_label(start: str) -> str:
    return f"a pass at {start[9:11]}:{start[11:13]} UTC"


def _observed(
    archive: ProductArchive, area: QualityArea, is_cancelled: IsCancelled
) -> ObservedCoherence | InsarError:
    try:
        return read_observed_coherence(archive, area.geometry, is_cancelled)
    except Cancelled:
        raise
    except InsarError as error:
        # One product that cannot be read takes nothing from the others.
        return error


def _row(
    place: int, pair: _Found, nodes: Sequence[Node], judged: Mapping[str, JudgedPairs]
) -> dict[str, Any]:
    verdicts = {label: pairs.verdict(place) for label, pairs in judged.items()}
    combined, observed = verdicts[COMBINED], pair.observed
    return {
        "reference": nodes[pair.first].scenes[0],
        "secondary": nodes[pair.second].scenes[0],
        "reference_date": nodes[pair.first].date.isoformat(),
        "secondary_date": nodes[pair.second].date.isoformat(),
        "dt_days": combined.dt_days,
        "bperp_m": combined.bperp_m,
        "product": pair.archive.product.name,
        "expected": {label: verdict.coherence for label, verdict in verdicts.items()},
        "scores": {label: verdict.score for label, verdict in verdicts.items()},
        "source": combined.source,
        "missing": list(combined.missing),
        "observed": observed.median,
        "observed_p25": observed.p25,
        "usable_share": observed.usable_share,
        "pixels": observed.pixels,
        "covered": observed.covered,
        "is_water_masked": observed.is_water_masked,
    }
