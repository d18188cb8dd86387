# SPDX-License-Identifier: GPL-2.0-or-later
"""What QGIS asks the engine to do: one frozen request per piece of work.

A panel and its Processing algorithm build the same request; the engine gets it as JSON on stdin.
Paths are absolute text. ``command`` is the engine command that answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

from insarhub_qgis.core.errors import InsarError


@dataclass(frozen=True)
class Request:
    """Base of all requests: JSON in both directions, unknown keys refused.

    ``program`` is the package that is started as a process: ``engine``, or ``sandbox`` for simulated data.
    """

    command: ClassVar[str] = ""
    program: ClassVar[str] = "engine"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, parameters: Mapping[str, Any]) -> Request:
        known = {field.name: field for field in fields(cls)}
        unknown = sorted(set(parameters) - set(known))
        if unknown:
            raise InsarError("request.unknown_parameter", command=cls.command, names=unknown)
        values = {
            name: tuple(value) if isinstance(value, list) else value for name, value in parameters.items()
        }
        try:
            return cls(**values)
        except TypeError as error:
            raise InsarError("request.missing_parameter", command=cls.command, reason=str(error)) from error


@dataclass(frozen=True)
class CheckEnvironment(Request):
    """Name each package of the engine environment: version, wanted version, what is missing.

    Result: ``{"python", "is_complete", "packages": [{"name", "version", "wanted", "state"}], "checks": [...]}``.
    """

    command: ClassVar[str] = "check-environment"


@dataclass(frozen=True)
class CreateEnvironment(Request):
    """Create or complete the engine environment in ``folder``; runs under a plain base Python.

    Result: ``{"python": path of the environment's Python}``.
    """

    command: ClassVar[str] = "create-environment"
    folder: str


@dataclass(frozen=True)
class OpenProducts(Request):
    """Make a job folder from a folder of HyP3 zips; nothing is copied.

    Result: ``{"job_folder", "pair_count", "product_count", "excluded": [{"file", "code", "fields"}]}``.
    """

    command: ClassVar[str] = "open-products"
    products_folder: str
    job_folder: str


@dataclass(frozen=True)
class PrepareAnalysis(Request):
    """Clip the products of a job folder to one common window and write ``.mintpy.cfg``.

    ``aoi_wkt`` is a polygon in EPSG:4326 or empty; empty uses the job's own AOI, else the common overlap.
    Result: ``{"clip_folder", "report_file", "rows": [...], "width", "height", "bytes_written"}``.
    """

    command: ClassVar[str] = "prepare-analysis"
    job_folder: str
    aoi_wkt: str = ""
    materialise: bool = False


@dataclass(frozen=True)
class RunAnalysis(Request):
    """Run MintPy on a prepared job folder, step by step.

    ``steps`` empty: all steps that the options enable. ``options``: ``key = value`` lines that are
    merged into ``.mintpy.cfg`` first. ``resume``: go on where an unfinished run stopped, else start clean.
    Items while running: ``{"step", "state", "seconds"}``. Result: ``{"results_folder", "steps": [...]}``.
    """

    command: ClassVar[str] = "run-analysis"
    job_folder: str
    steps: tuple[str, ...] = ()
    options: str = ""
    resume: bool = True


@dataclass(frozen=True)
class StackFacts(Request):
    """Look at the loaded stack of a job: its pairs, their mean coherence, and thresholds that fit it.

    Result: ``{"rows", "columns", "pairs": [[date, date]], "dates": [...], "mean_coherence": [...], "suggested": [{"key",
    "value", "reason", "fields"}]}``.
    """

    command: ClassVar[str] = "stack-facts"
    job_folder: str


@dataclass(frozen=True)
class CleanUp(Request):
    """List (``dry_run``) or delete what the analysis no longer needs.

    Result: ``{"items": [{"path", "bytes", "kind", "deleted"}], "bytes_freed"}``; zips only with ``include_zips``.
    """

    command: ClassVar[str] = "clean-up"
    job_folder: str
    include_zips: bool = False
    dry_run: bool = True


@dataclass(frozen=True)
class ExportResults(Request):
    """Write MintPy HDF5 datasets as GeoTIFF or COG.

    ``source``: an HDF5 file or a job folder. ``datasets`` empty: every dataset that can be exported; an entry is
    a file stem (``velocity``) or ``stem/dataset`` (``velocity/velocityStd``). ``mask``: an HDF5 or raster, or empty. ``unit``: ``m`` or ``mm``.
    ``raster_format``: ``GTiff`` or ``COG``. ``start_date``/``end_date``: ISO or empty, limits of the bands.
    Result: ``{"output_folder", "files": [{"path", "source", "dataset", "bands"}], "skipped": [{"file", "code",
    "fields"}]}``.
    """

    command: ClassVar[str] = "export-results"
    source: str
    output_folder: str
    datasets: tuple[str, ...] = ()
    mask: str = ""
    mask_threshold: float = 0.0
    unit: str = "m"
    raster_format: str = "GTiff"
    start_date: str = ""
    end_date: str = ""


@dataclass(frozen=True)
class ExportFootprint(Request):
    """Polygon of a raster or HDF5: its bounds, or its valid data.

    ``output`` ends in .gpkg or .shp. Result: ``{"output", "layer", "polygons", "area_km2"}``.
    """

    command: ClassVar[str] = "export-footprint"
    source: str
    output: str
    method: str = "bounds"
    sieve_pixels: int = 10
    to_wgs84: bool = False
    replace: bool = True


@dataclass(frozen=True)
class ExportPoints(Request):
    """One point per valid pixel centre with velocity and dates, as InSAR Explorer reads them.

    ``output`` ends in .gpkg (or .shp up to 255 columns). ``step``: every n-th row and column.
    Result: ``{"output", "layer", "points"}``.
    """

    command: ClassVar[str] = "export-points"
    source: str
    output: str
    mask: str = ""
    mask_threshold: float = 0.0
    step: int = 1
    to_wgs84: bool = False
    replace: bool = True


@dataclass(frozen=True)
class SampleSeries(Request):
    """Time series of the pixels that contain points.

    ``points``: (x, y) in the CRS of the file. Result: ``{"dates": [...], "samples": [{"row", "col", "values_mm":
    [...]} or {"row": None, "col": None, "values_mm": None, "reason": code}], "unit": "mm"}`` in the order asked.
    """

    command: ClassVar[str] = "sample-series"
    source: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class ZonalSeries(Request):
    """Median and spread of the time series of all valid pixels whose centre is inside each polygon.

    ``zones``: WKT polygons in the CRS of the file. ``mask``: HDF5 or raster, or empty for maskTempCoh.h5 beside
    the source when it exists. Result: ``{"dates": [...], "zones": [{"n", "median_mm": [...], "mad_mm": [...],
    "velocity_mm_per_year", "velocity_std_mm_per_year", "last_year_rate_mm_per_year", "reason"}]}``.
    """

    command: ClassVar[str] = "zonal-series"
    source: str
    zones: tuple[str, ...]
    mask: str = ""


@dataclass(frozen=True)
class IndexSeries(Request):
    """Chunk offsets of an uncompressed HDF5 time series, so that QGIS can read a pixel by memory map.

    Result: ``{"index_file"}``, an ``.npz`` in the job's ``.insarhub_layers`` folder, or empty when the file is compressed.
    """

    command: ClassVar[str] = "index-series"
    source: str


@dataclass(frozen=True)
class CopyDataset(Request):
    """GeoTIFF copy of a dataset that GDAL's HDF5 driver cannot read (bool, lzf), into ``.insarhub_layers``.

    Result: ``{"output"}``.
    """

    command: ClassVar[str] = "copy-dataset"
    source: str
    dataset: str


@dataclass(frozen=True)
class SearchScenes(Request):
    """Search the archive of ASF for Sentinel-1 scenes or bursts (beam mode IW).

    ``product``: ``SLC``, or ``BURST`` for the bursts that touch the area; those need an area, know no frames, and of the
    polarisations only ``VV`` and ``HH`` (empty: both).

    ``aoi_wkt``: any WKT geometry in EPSG:4326; several parts, self-crossing rings and the antimeridian are fine; empty: no
    area. ``start``, ``end``: ISO days, both included, or empty. ``direction``: ``ASCENDING``, ``DESCENDING`` or empty.
    ``polarizations``: ``VV``, ``VV+VH``, ``HH``, ``HH+HV``; ``platforms``: ``S1A`` ... ``S1D``; ``months``: 1..12; empty means all.
    ``scene_names``: exactly these whole scenes, every other filter is then ignored. ``max_results``: 0 for no limit.
    ``endpoints``: `core.endpoints.Endpoints.to_json`, empty for production. ``answer_folder``: where the answer is kept
    for `OpenSearchAnswer` and `AddJobs`; empty keeps none. One of area, paths and scene names is needed.

    Items while running: ``{"sub_query", "sub_queries", "found", "hits"}``. Result::

        {"scenes": [{"name", "date", "start", "stop" (ISO UTC), "platform", "polarization", "path", "frame", "direction",
                     "orbit", "footprint_wkt" (EPSG:4326, multi-part across the antimeridian), "aoi_coverage" (0..1 or None),
                     "has_state_vectors", "bytes", "url", "browse_url", "processing_date", "beam_mode",
                     "bursts": [], "burst_ids": []}],  # newest first
         "stacks": [{"path", "frame", "direction", "scene_count", "date_count", "first", "last" (ISO days), "longest_gap_days",
                     "platforms", "polarizations", "aoi_coverage" (median over dates), "dates_without": [ISO days on which
                     other frames of the path were taken, but not this one], "burst_count": 0, "burst_ids": []}],
         "coverage_by_date": [{"path", "date", "frames", "aoi_coverage"}],  # union of the frames of a path and day
         "hits": scenes that the archive counts, summed over the queries (one that two parts of the area
         share counts twice) and before ``months``; None when it was not told,
         "is_complete": bool, "is_sandbox": bool, "searched_at": ISO UTC, "request": this request as JSON,
         "messages": [{"code", "fields", "level": "note"|"warning"}],  # sentences in host/message_tables
         "answer_file": path or ""}

    Of bursts a row of ``scenes`` is one pass that has all bursts of its set: ``name`` is that of the first burst, ``bursts``
    are all names and ``burst_ids`` what they are, like ``220001_IW1``, in one order; ``frame`` is the number of the lowest
    burst and names the stack together with ``path``; times, size and footprint are those of all. The set of a stack is
    what HyP3 can process in one job: the bursts that touch the area on at least half of the passes, and those between
    them that make it a whole. A pass that lacks one is no row; its day is among ``dates_without`` of the stack.
    """

    command: ClassVar[str] = "search-scenes"
    product: str = "SLC"
    aoi_wkt: str = ""
    start: str = ""
    end: str = ""
    direction: str = ""
    paths: tuple[int, ...] = ()
    frames: tuple[int, ...] = ()
    polarizations: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    months: tuple[int, ...] = ()
    scene_names: tuple[str, ...] = ()
    max_results: int = 0
    answer_folder: str = ""
    endpoints: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OpenSearchAnswer(Request):
    """Give a kept answer again, without any network.

    Result: as `SearchScenes`; a folder without an answer gives the error ``search.no_answer``.
    """

    command: ClassVar[str] = "open-search-answer"
    answer_folder: str


@dataclass(frozen=True)
class AddJobs(Request):
    """Make one job folder per stack from a kept search answer: config, stack file with scenes and baselines, metadata.

    ``stacks``: (path, frame) as they stand in the answer. ``scene_names``: only these scenes of the stacks; empty: all.
    ``aoi_wkt``, ``start``, ``end``, ``direction`` go into the config; empty takes those of the answer's request.
    A stack whose folder exists gets the scenes that it lacks; its pairs and other sections stay. Of bursts (path, number
    of the lowest burst) names a stack, and each scene stands in it by the name of its first burst.
    Result: ``{"job_folders": [{"path" (folder), "track", "frame", "burst_count" (0 for whole scenes), "scene_count",
    "date_count", "new_scenes", "is_new", "without_baseline": [names], "older_versions": [names left out: of each
    acquisition the stack has one version]}], "excluded": [{"stack": [path, frame], "code", "fields"}]}``.
    """

    command: ClassVar[str] = "add-jobs"
    answer_folder: str
    work_directory: str
    stacks: tuple[tuple[int, int], ...]
    scene_names: tuple[str, ...] = ()
    aoi_wkt: str = ""
    start: str = ""
    end: str = ""


@dataclass(frozen=True)
class ComputeBaselines(Request):
    """Compute the baselines of a job folder from its kept metadata, without any network, and save them in its stack file.

    Result: ``{"scenes": [names, chronological], "baselines": {scene: m or None}, "temporal_days": {scene: d},
    "pairwise_file": path, "unknown": [names without baseline], "repaired": [names whose ascending-node time was repaired],
    "without_metadata": [names]}``. The file of pairwise values: `core.pairwise_file`. Signs as asf_search defines them,
    relative to the earliest scene with a known orbit.
    """

    command: ClassVar[str] = "compute-baselines"
    job_folder: str


@dataclass(frozen=True)
class FetchDecayMaps(Request):
    """Fetch the seasonal coherence of an area, fit its decay, and keep one map per season; maps that fit are kept.

    ``job_folder``, or ``folder`` with ``aoi_wkt`` (EPSG:4326): the maps go into its ``decay_maps``. An ``aoi_wkt`` beside a
    job folder is taken instead of the job's. ``seasons``: winter, spring, summer, fall, northern names everywhere.
    ``polarization``: ``vv``, ``hh``, or ``auto`` for hh where vv has no pixel. ``resolution``: ``90m``, ``1km``, or ``auto`` by the
    size of the area. ``force``: make them again, also those that InSARHub made. ``endpoints`` as in `SearchScenes`.

    Items while running: the rows of ``seasons``. Result::

        {"folder", "resolution", "width", "height", "area_pixels", "source",
         "seasons": [{"season", "months", "state": "available"|"not_available"|"failed", "polarization",
                      "code", "fields" (why there is no map),
                      "origin": "fetched"|"kept"|"insarhub", "file", "bytes", "resolution", "valid_pixels", "levels" (days; fetched),
                      "bands": [{"name", "unit", "median", "low", "high"}] (available)}],
         "messages": [{"code", "fields"}]}
    """

    command: ClassVar[str] = "fetch-decay-maps"
    job_folder: str = ""
    folder: str = ""
    aoi_wkt: str = ""
    seasons: tuple[str, ...] = ("winter", "spring", "summer", "fall")
    polarization: str = "auto"
    resolution: str = "auto"
    force: bool = False
    endpoints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DeriveFromDecay(Request):
    """GeoTIFF (float32) made from the decay maps of a folder.

    ``quantity`` and what it needs: ``expected_coherence``: ``days`` and ``season``, or ``first`` and ``second`` (ISO days, chained
    over the seasons); ``longest_baseline`` (days, 0..365): ``coherence`` and ``season``; ``best_season`` (1 DJF, 2 MAM, 3 JJA,
    4 SON, nodata 0): ``days``; ``network_coherence``, the mean over the active pairs of ``job_folder``. ``maps_folder`` is a
    job folder or its ``decay_maps``; empty: those of ``job_folder``.
    Result: ``{"output", "quantity", "description", "unit", "source", "valid_pixels", "median", "low", "high"}`` and for a network
    ``"pairs", "pairs_used"``: pairs in a season without map are left out.
    """

    command: ClassVar[str] = "derive-from-decay"
    quantity: str
    output: str
    maps_folder: str = ""
    job_folder: str = ""
    days: float = 0.0
    season: str = ""
    first: str = ""
    second: str = ""
    coherence: float = 0.0


@dataclass(frozen=True)
class ZonalDecay(Request):
    """Figures of decay maps in zones, one row per zone and season.

    ``zones``: WKT polygons in EPSG:4326; empty: all of the maps as zone 0. ``days``: temporal baselines. ``coherence``: limit
    of the usable share and the longest usable days. Result: ``{"rows": [{"zone", "season", "polarization", "pixels" (valid),
    "zone_pixels", "gamma_inf", "gamma_0", "tau" (medians, tau in days), "coherence", "p25", "usable_share" (one per
    ``days``), "longest_days" (median)}], "days", "coherence", "source"}``; figures are None without valid pixels.
    """

    command: ClassVar[str] = "zonal-decay"
    maps_folder: str
    zones: tuple[str, ...] = ()
    days: tuple[float, ...] = (6.0, 12.0, 24.0, 48.0, 96.0)
    coherence: float = 0.3


@dataclass(frozen=True)
class Hyp3Account(Request):
    """Sign in and ask HyP3 for the account and its prices; charges nothing. Needs a credential.

    ``endpoints``: as `core.endpoints.Endpoints.to_json` gives them; empty is production.
    Result: ``{"account", "kind" ("token" | "password" | "netrc"), "expires_at" (ISO UTC or None), "application_status",
    "credits_left" (None: unlimited), "credits_per_month" (None: not told), "costs": {job type: as GET /costs gives it},
    "api_url", "asked_at"}``.
    """

    command: ClassVar[str] = "hyp3-account"
    endpoints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlanHyp3(Request):
    """Say what a submission of the pairs of a job would do and cost; sends no job. Needs a credential.

    It writes only jobs of an earlier submission that broke off, when they are found on the service (``adopted``).
    ``options``: `core.hyp3_options.Hyp3Options.to_json`. ``pairs``: (reference, secondary) scene names; empty takes all
    active pairs of the stack file. Bursts of one pair of passes are one row, named by its first ones.
    Result: ``{"account", "api_url", "rows": [{"pair": [reference, secondary], "bursts": n, "state", "reason": {"code",
    "fields"} or None, "job_id", "job_file", "expires_at", "file", "credits" (price if it were submitted)}], "counts":
    {state: n}, "credits_each" (None: not one price for all), "credits_new" (sum over the new ones), "credits_left"
    (None: unlimited), "application_status", "alternatives": [{"job_type", "looks", "credits_each", "credits_new"}],
    "costs": {job type: as GET /costs gives it}, "adopted": n, "messages": [{"code", "fields"}] (warnings),
    "asked_at"}``. States: `core.hyp3_guard`.
    """

    command: ClassVar[str] = "plan-hyp3"
    job_folder: str
    options: Mapping[str, Any]
    pairs: tuple[tuple[str, str], ...] = ()
    endpoints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SubmitHyp3(Request):
    """Submit pairs of a job to HyP3, or let the service only validate them. Needs a credential.

    ``pairs``: those to submit; empty takes every pair whose state is ``new``. Pairs in flight or done with the same
    parameters are never sent unless their state is in ``repeat_states``. ``dry_run``: POST with ``validate_only``, writes
    nothing. ``agreed_credits``: the sum the user agreed to; a higher price stops before anything is sent; None sets no limit.
    ``look_again_s``: seconds between the two looks for the jobs of a request whose answer got lost.
    Items: ``{"pair", "state" ("accepted" | "rejected" | "valid"), "reason"}``.
    Result: ``{"account", "job_file" (path, empty when nothing was submitted), "submitted": n (valid ones in a dry run),
    "adopted": n (found on the service after an earlier crash), "credits" (charged, or what it would be), "credits_left",
    "rejected": [{"pair", "reason": {"code", "fields"}}] (by the service), "skipped": [{"pair", "state", "reason"}] (not
    asked for, or ``refused`` by the checks here), "not_sent": n, "stopped_by": {"code", "fields"} or None, "messages":
    [{"code", "fields"}], "dry_run"}``. With ``stopped_by`` what was accepted before is saved and the rest can be submitted
    later.
    """

    command: ClassVar[str] = "submit-hyp3"
    job_folder: str
    options: Mapping[str, Any]
    pairs: tuple[tuple[str, str], ...] = ()
    repeat_states: tuple[str, ...] = ()
    dry_run: bool = False
    agreed_credits: float | None = None
    look_again_s: float = 60.0
    endpoints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RetryHyp3(Request):
    """Submit failed jobs, and expired ones when asked, once more into a retry file. Needs a credential.

    ``job_file``: name of one job file; empty looks at all. ``job_ids``: only these. Result as `SubmitHyp3`.
    """

    command: ClassVar[str] = "retry-hyp3"
    job_folder: str
    job_file: str = ""
    job_ids: tuple[str, ...] = ()
    include_expired: bool = False
    dry_run: bool = False
    agreed_credits: float | None = None
    look_again_s: float = 60.0
    endpoints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckForecast(Request):
    """Compare expected coherence and scores of a job's pairs with the coherence of its products; no service is asked.

    Pairs are those of the stack's dates that have a product, also when the network lacks them. Forecasts: ``s1_pixel``,
    ``landcover``, ``climatology``, each where the folder has it, and ``combined``, the first of them that works. Figures are
    those of `core.forecast_figures.ForecastFigures` and `ClassTable`.

    Result: ``{"pairs": [{"reference", "secondary" (scenes), "reference_date", "secondary_date", "dt_days", "bperp_m", "product",
    "expected": {forecast: coherence or None}, "scores": {forecast: 0..100 or None}, "source" (of the combined one), "missing":
    [inputs], "observed", "observed_p25", "usable_share" (above 0.3), "pixels", "covered" (share of the area), "is_water_masked"}],
    "figures": {forecast: {"coherence": {"count", "rank_correlation", "correlation", "bias", "mad", "rmse", "reason"}, "score":
    {the same, in points}, "classes": {"counts": rows forecast, columns observed, "agreement"}}}, "temporal_baseline": {"count",
    "rank_correlation", "correlation", "reason"} (of the shorter pair with the more coherent one), "missing_sources": [forecasts],
    "area" ("aoi" | "footprint"), "excluded": [{"file", "code", "fields"}], "messages": [{"code", "fields"}]}``.
    """

    command: ClassVar[str] = "check-forecast"
    job_folder: str


@dataclass(frozen=True)
class RefreshHyp3(Request):
    """Ask HyP3 for the state of all jobs of the job files, and keep it as ``last_seen``. Needs a credential.

    Result: ``{"rows": [`core.hyp3_jobs.JobRow.to_json`], "counts": {status: n} (current rows), "checked_at", "unreachable":
    [{"account", "code", "fields"}], "problems": [{"code", "fields"}], "clock_offset_s" (service minus this computer)}``.
    """

    command: ClassVar[str] = "refresh-hyp3"
    job_folder: str
    endpoints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DownloadHyp3(Request):
    """Download products, resumable and verified; needs no credential when the addresses are known from a refresh.

    With a credential the jobs are refreshed first. ``job_ids``: empty takes all that succeeded. ``folder``: empty takes
    the folder of the job file. ``max_workers``: 1..16.
    Items: ``{"job_id", "file", "bytes", "size", "state" ("started" | "progress" | "done" | "failed" | "expired")}``.
    Result: ``{"folder", "downloaded": [names], "present": [names], "failed": [{"job_id", "file", "code", "fields"}],
    "bytes" (over the network), "problems": [{"code", "fields"}]}``. One product that fails stops no other; a full disk does.
    """

    command: ClassVar[str] = "download-hyp3"
    job_folder: str
    job_ids: tuple[str, ...] = ()
    folder: str = ""
    max_workers: int = 4
    endpoints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WatchHyp3(Request):
    """Refresh until every job has ended, and download each product as it appears. Needs a credential.

    ``timeout_s``: 0 sets no limit; reaching it is no failure. ``poll_s``: first interval between refreshes (2 s at most
    with the sandbox); it grows to 300 s while nothing changes. A service or network that fails lengthens it and is told in ``problem``; a login that is
    not accepted any more ends the watch, after the downloads. While it is on, and until every job has ended, the job folder
    holds the note `core.hyp3_watch_mark`: found without a running watch it means that one can be offered again; whoever
    lets the user stop a watch calls ``forget_watch``. One watch per folder: ``hyp3_watch.already_on``.
    Items: those of `DownloadHyp3`, and ``{"rows", "counts", "checked_at", "problem": {"code", "fields"} or None,
    "next_in_s"}`` after each refresh. Result: as `DownloadHyp3` with ``rows``, ``counts`` and ``is_complete``.
    """

    command: ClassVar[str] = "watch-hyp3"
    job_folder: str
    folder: str = ""
    timeout_s: float = 0.0
    poll_s: float = 60.0
    max_workers: int = 4
    endpoints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ServeSandbox(Request):
    """Serve the simulated services on 127.0.0.1 until cancelled.

    ``umm_file``: answer searches from this CMR answer (JSON, also gzipped) instead of simulated stacks. ``port`` 0: a free one.
    ``width`` ... ``atmosphere_rms_mm``: of the products, as in `Simulate`; ``truth_folder``: where ``truth.npz``,
    ``true_velocity.tif`` and ``options.cfg`` of the simulated stack are written, empty for nowhere.
    ``pending_s``, ``done_s``: seconds after the submission when a HyP3 job starts and when it is done.
    ``failed_share``: 0..1 of the jobs that fail.
    First item: ``{"base_url", "scenes": n}``. Result after the end: ``{"base_url", "requests": n}``.
    """

    command: ClassVar[str] = "serve"
    program: ClassVar[str] = "sandbox"
    umm_file: str = ""
    port: int = 0
    seed: int = 1
    width: int = 240
    height: int = 200
    dates: int = 31
    revisit_days: int = 12
    noise: bool = True
    atmosphere_rms_mm: float = 5.0
    truth_folder: str = ""
    pending_s: float = 2.0
    done_s: float = 6.0
    failed_share: float = 0.0


@dataclass(frozen=True)
class Simulate(Request):
    """Write HyP3-like product zips with known truth.

    ``product_type``: ``gamma``, ``burst`` or ``multi_burst``. ``unwrap_error_share``: 0..1 of the pairs get a
    phase jump of one cycle in a corner.
    Result: ``{"products_folder", "truth_file", "options_file", "products": n, "pairs": n}``.
    """

    command: ClassVar[str] = "simulate"
    program: ClassVar[str] = "sandbox"
    output_folder: str
    width: int = 240
    height: int = 200
    dates: int = 31
    revisit_days: int = 12
    connections: int = 3
    seed: int = 1
    noise: bool = True
    atmosphere_rms_mm: float = 5.0
    product_type: str = "gamma"
    unwrap_error_share: float = 0.0


@dataclass(frozen=True)
class CompareWithTruth(Request):
    """Compare the recovered velocity of a job folder with the simulator's truth.

    Result: the figures of ``report.json`` (``rmse_mm_per_year``, ``predicted_rmse_mm_per_year``, ``bias_mm_per_year``, ...).
    """

    command: ClassVar[str] = "compare-with-truth"
    program: ClassVar[str] = "sandbox"
    job_folder: str
    truth_file: str


@dataclass(frozen=True)
class DemoReport(Request):
    """Write ``report.json`` and ``report.html`` with their pictures for a demo folder.

    ``job_folder``: the analysed job. ``truth_file``: the simulator's truth, or empty for real products.
    ``pictures``: further image files, e.g. the screenshot. Result: ``{"report_json", "report_html", "figures"}``.
    """

    command: ClassVar[str] = "demo-report"
    program: ClassVar[str] = "sandbox"
    demo_folder: str
    job_folder: str
    truth_file: str = ""
    wall_seconds: float = 0.0
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildPairDatabase(Request):
    """Score all pairs of a job's stack and write its pair database, fetching only what the quality cache lacks.

    ``sources``: which services may be asked, of ``weather``, ``landcover``, ``vegetation``, ``snow`` (snow cover of MODIS,
    else the snow depth of the weather counts) and ``fire``; what others left in the cache counts too. ``preset``: one of
    `core.pair_score.PRESETS`; ``weights``: name -> 0..1, instead of it. ``give_rows``: pairs come as items.
    ``is_background``: the engine leaves the processor to others.
    ``fire`` needs the map key of FIRMS as the token or password of the credential.
    Items: ``{"phase" ("weather", "snow", "landcover", "vegetation", "fire", "maps", "pairs"), "state" ("running" | "done" |
    "failed"), "fetched": n}``, and ``{"rows": [[reference, secondary, dt_days, bperp_m, score 0..100, class, coherence,
    coherence_p25, decay_source, reason, [missing]]]}`` with None for unknown.
    Result: ``{"database" (path), "state" (what was found: `core.pair_database`), "is_new": bool (it was written), "dates",
    "pairs", "counts": {"green", "yellow", "red", "unknown"}, "degraded": n, "missing": {name: pairs}, "decay": {source:
    pairs}, "fetched": {source: entries}, "failed": [{"source", "code", "fields"}], "hosts": [those that gave no good
    answer], "area" ("aoi" | "footprint" | ""), "messages": [{"code", "fields"}]}``. A service that fails never fails the
    build: what it would have told is missing. Cancelled, what was fetched stays and the database says that it is not complete.
    """

    command: ClassVar[str] = "build-pair-database"
    job_folder: str
    sources: tuple[str, ...] = ("weather", "landcover", "vegetation")
    preset: str = "standard"
    weights: Mapping[str, float] = field(default_factory=dict)
    give_rows: bool = False
    endpoints: Mapping[str, str] = field(default_factory=dict)
    is_background: bool = False


@dataclass(frozen=True)
class ReweightPairDatabase(Request):
    """Score all pairs of a job anew with other weights, from what the last build left; no service is asked.

    ``preset`` and ``weights`` as for `BuildPairDatabase`.
    Result: ``{"database" (path), "is_new": bool (it was written; one that lacks scenes or is outdated waits for its next
    build), "pairs", "counts": {"green", "yellow", "red", "unknown"}}``.
    """

    command: ClassVar[str] = "reweight-pair-database"
    job_folder: str
    preset: str = "standard"
    weights: Mapping[str, float] = field(default_factory=dict)
