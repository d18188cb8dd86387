# SPDX-License-Identifier: GPL-2.0-or-later
"""Prepare: from the zips of a job folder to ``clip/``, one common window of every raster, and ``.mintpy.cfg``."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx

from insarhub_qgis.core.atomic_files import (
    folder_lock,
    remove_left_over_temporary_files,
    set_aside,
    write_error,
    write_text_atomically,
)
from insarhub_qgis.core.clip_manifest import (
    CLIP_FOLDER,
    MANIFEST_NAME,
    ClipManifest,
    ClipWindow,
    read_clip_manifest,
)
from insarhub_qgis.core.errors import InsarError, counted_reasons
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.mintpy_config import write_initial_config
from insarhub_qgis.core.mintpy_job import analysis_lock
from insarhub_qgis.core.network_disk import is_network_disk
from insarhub_qgis.core.product_archive import find_product_archives
from insarhub_qgis.core.product_names import ProductName
from insarhub_qgis.core.progress import part_of, stop_if_cancelled
from insarhub_qgis.core.requests import PrepareAnalysis
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.clip_rasters import (
    PART_SUFFIX,
    has_vrt_type,
    raw_bytes,
    vrt_of_window,
    write_window,
)
from insarhub_qgis.engine.product_checks import (
    GEOMETRY_KINDS,
    PAIR_KINDS,
    CheckedProduct,
    check_product,
    largest_group,
    one_per_pair,
)
from insarhub_qgis.engine.raster_windows import Lattice, PixelBox, RasterHeader, aoi_box, common_box

REPORT_NAME = "prepare_report.csv"
_REPORT_FIELDS = (
    "product",
    "state",
    "code",
    "reason",
    "pair",
    "aoi_coverage",
    "width_px",
    "height_px",
    "gained_without_px",
    "valid_share",
    "zip_bytes",
    "file",
)
_DISK_RESERVE_BYTES = 64 * 2**20
_BYTES_PER_TEXT_FILE = 4096


@dataclass
class ReportRow:
    """One line of the report: a product that is used, or why it is not.

    Attributes
    ----------
    state
        ``used`` or ``excluded``.
    aoi_coverage
        Share 0..1 of the AOI's rectangle that the product covers; None without AOI.
    gained_without_px
        By how many pixels the common overlap would grow without this product.
    valid_share
        Share 0..1 of finite pixels of the phase that are not nodata; None where no pixel was read (VRT).
    """

    product: str
    state: str
    file: str
    code: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    pair: str = ""
    aoi_coverage: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    gained_without_px: int | None = None
    valid_share: float | None = None
    zip_bytes: int | None = None

    def to_json(self) -> dict[str, Any]:
        value = {name: getattr(self, name) for name in _REPORT_FIELDS if name != "reason"}
        return {**value, "fields": self.fields}


@dataclass(frozen=True)
class _Plan:
    """What ``clip/`` shall hold."""

    products: tuple[CheckedProduct, ...]
    lattice: Lattice
    window: PixelBox
    aoi_hash: str
    pair_kinds: tuple[str, ...]
    geometry: dict[str, CheckedProduct]

    def rasters_of(self, product: CheckedProduct) -> list[tuple[str, str, RasterHeader]]:
        """Give (kind, file name, header) of what is written for a product."""
        kinds = [*self.pair_kinds, *(kind for kind, source in self.geometry.items() if source is product)]
        return [(kind, f"{product.clip_name}_{kind}_clip.tif", product.headers[kind]) for kind in kinds]

    @property
    def clip_window(self) -> ClipWindow:
        x_first, y_first = self.lattice.corner(self.window)
        lattice = self.lattice
        return ClipWindow(
            lattice.crs,
            x_first,
            y_first,
            lattice.x_step,
            lattice.y_step,
            self.window.width,
            self.window.height,
        )


def run(request: PrepareAnalysis, context: RunContext) -> dict[str, Any]:
    """Answer `PrepareAnalysis`; see the request for the result.

    Besides the keys named there the result has ``window``, ``used``, ``excluded``, ``dates_lost`` (days that no
    kept product has), ``aoi_coverage``, ``reused`` (nothing had to be rewritten) and ``materialised``.

    Raises
    ------
    InsarError
        ``prepare.no_products``, ``prepare.no_usable_product``, ``prepare.no_overlap``, ``prepare.aoi_outside``,
        ``prepare.aoi_not_common``, ``prepare.network_disconnected``, ``disk.too_small``, ``aoi.*``, ``file.*``,
        ``folder.locked``, ``analysis.already_running``, ``run.cancelled``. ``prepare_report.csv`` then says what happened to each product.
    """
    job = JobFolder(Path(request.job_folder))
    if not job.path.is_dir():
        raise InsarError("folder.missing", folder=str(job.path))
    with folder_lock(job.path, "prepare-analysis"), analysis_lock(job.path, "prepare-analysis"):
        return _Preparation(job, request, context).run()


class _Preparation:
    """One run: rows grow from step to step, so that the report is also there when a step fails."""

    def __init__(self, job: JobFolder, request: PrepareAnalysis, context: RunContext) -> None:
        self.job = job
        self.context = context
        self.materialise = request.materialise
        self.aoi_wkt = request.aoi_wkt.strip() or (job.aoi_wkt() or "")
        self.clip = job.path / CLIP_FOLDER
        self.rows: dict[str, ReportRow] = {}
        self.dates_lost: list[str] = []
        self.aoi_coverage: float | None = None

    def run(self) -> dict[str, Any]:
        try:
            products = self._usable_products()
            while True:
                plan = self._plan(products)
                try:
                    bytes_written, changed = self._write(plan)
                    break
                except _UnreadableProductError as unreadable:
                    self._exclude(unreadable.product, unreadable.error)
                    products = [product for product in products if product is not unreadable.product]
        except InsarError:
            if self.rows:
                self._write_report()
            raise
        self._write_report()
        kinds = {*plan.pair_kinds, *plan.geometry}
        write_initial_config(self.job.path, kinds, processor="hyp3", inputs_changed=changed)
        rows = [row.to_json() for row in self._ordered_rows()]
        states = Counter(row["state"] for row in rows)
        window = plan.clip_window
        manifest = read_clip_manifest(self.job.path)
        self.context.report(1.0, f"{states['used']} products, {window.width} x {window.height} px")
        return {
            "clip_folder": str(self.clip),
            "report_file": str(self.job.path / REPORT_NAME),
            "rows": rows,
            "width": window.width,
            "height": window.height,
            "bytes_written": bytes_written,
            "window": {"crs": window.crs, "x_first": window.x_first, "y_first": window.y_first,
                       "x_step": window.x_step, "y_step": window.y_step},
            "used": states["used"],
            "excluded": states["excluded"],
            "dates_lost": self.dates_lost,
            "aoi_coverage": self.aoi_coverage,
            "reused": not changed,
            "materialised": bool(manifest and manifest.is_materialised),
        }  # fmt: skip

    # --- Which products ------------------------------------------------------------------------------

    def _usable_products(self) -> list[CheckedProduct]:
        report = part_of(self.context.report, 0.0, 0.3)
        archives, problems = find_product_archives(self.job.product_folders())
        for path, error in problems:
            self.rows[path.name] = ReportRow(path.stem, "excluded", str(path), error.code, error.fields)
        self._report_missing_zips({archive.product.name for archive in archives})
        if not archives:
            folders = [str(folder) for folder in self.job.product_folders()]
            raise InsarError("prepare.no_products", folders=folders, excluded=len(problems))
        wanted = self._pairs_of_stack()
        checked = []
        for index, archive in enumerate(archives):
            stop_if_cancelled(self.context.is_cancelled)
            report(index / len(archives), archive.product.name)
            row = ReportRow(archive.product.name, "used", str(archive.path), pair=archive.product.pair_id,
                            zip_bytes=archive.size_bytes)  # fmt: skip
            self.rows[archive.product.name] = row
            try:
                if wanted and archive.product.pair_id not in wanted:
                    raise InsarError("product.not_in_stack", pair=archive.product.pair_id)
                product = check_product(archive)
                for kind, header in product.headers.items():
                    if not has_vrt_type(header.data_type):
                        raise InsarError(
                            "product.raster_unreadable", member=archive.members[kind], reason=header.data_type
                        )
                checked.append(product)
            except InsarError as error:
                row.state, row.code, row.fields = "excluded", error.code, error.fields
        grouped, other_groups = largest_group(checked)
        kept, duplicates = one_per_pair(grouped)
        for product, reason in [*other_groups, *duplicates]:
            self._exclude(product, reason)
        return kept

    def _pairs_of_stack(self) -> set[str]:
        """Give the pairs that the job wants; none = whatever is there."""
        if self.job.stack_file() is None:
            return set()
        return {pair.pair_id for pair in self.job.read_stack().pairs}

    def _report_missing_zips(self, present: set[str]) -> None:
        manifest = self._manifest()
        for name, entry in (manifest.products if manifest else {}).items():
            if name not in present:
                self.rows[name] = ReportRow(name, "excluded", str(entry.get("zip", "")), "product.zip_missing",
                                            {"file": str(entry.get("zip", ""))})  # fmt: skip

    def _exclude(self, product: CheckedProduct, error: InsarError) -> None:
        row = self.rows[product.name]
        row.state, row.code, row.fields = "excluded", error.code, error.fields
        # The result and the report carry it too, and the host puts it into a sentence.
        self.context.log(f"{product.name}: {error}", "debug")

    def _manifest(self) -> ClipManifest | None:
        try:
            return read_clip_manifest(self.job.path)
        except InsarError as error:
            aside = set_aside(self.clip / MANIFEST_NAME)
            self.context.log(f"{error}; kept as {aside.name}, everything is written anew", "warning")
            return None

    # --- Which window --------------------------------------------------------------------------------

    def _plan(self, products: Sequence[CheckedProduct]) -> _Plan:
        if not products:
            reasons = counted_reasons(
                InsarError(row.code, **row.fields) for row in self.rows.values() if row.code
            )
            raise InsarError("prepare.no_usable_product", reasons=reasons, report_file=self._report_file())
        self._check_network(products)
        lattice = products[0].lattice
        boxes = [product.box_on(lattice) for product in products]
        overlap = common_box(boxes)
        if not overlap.pixels:
            shrinking, gained = _products_to_drop(products, boxes)
            raise InsarError(
                "prepare.no_overlap",
                products=[product.name for product in shrinking],
                width_without=gained.width,
                height_without=gained.height,
                report_file=self._report_file(),
            )
        for product, box, without in zip(products, boxes, _overlaps_without_each(boxes)):
            row = self.rows[product.name]
            row.width_px, row.height_px = box.width, box.height
            row.gained_without_px = without.pixels - overlap.pixels
        window = overlap
        if self.aoi_wkt:
            window = self._aoi_window(products, boxes, overlap, lattice)
        pair_kinds = tuple(
            kind for kind in PAIR_KINDS if all(kind in product.headers for product in products)
        )
        partial = [kind for kind in PAIR_KINDS if kind not in pair_kinds
                   and any(kind in product.headers for product in products)]  # fmt: skip
        for kind in partial:
            self.context.log(f"{kind} is left out: not every product has it", "warning")
        geometry = {}
        for kind in GEOMETRY_KINDS:
            source = next((product for product in products if kind in product.headers), None)
            if source is not None:
                geometry[kind] = source
        return _Plan(tuple(products), lattice, window, _aoi_hash(self.aoi_wkt), pair_kinds, geometry)

    def _check_network(self, products: Sequence[CheckedProduct]) -> None:
        """Stop on a network in parts: MintPy would tie them with an assumption that nobody sees."""
        graph = nx.Graph(product.pair_id.split("_") for product in products)
        excluded_pairs = [row.pair for row in self.rows.values() if row.state == "excluded" and row.pair]
        dates = {date for pair in excluded_pairs for date in pair.split("_")} - set(graph)
        self.dates_lost = sorted(_iso(date) for date in dates)
        if self.dates_lost:
            self.context.log(f"dates without any usable product: {', '.join(self.dates_lost)}", "warning")
        parts = sorted((sorted(map(_iso, part)) for part in nx.connected_components(graph)), key=len)
        if len(parts) > 1:
            excluded = sorted(row.product for row in self.rows.values() if row.state == "excluded")
            raise InsarError(
                "prepare.network_disconnected",
                parts=parts[::-1],
                broken_dates=[date for part in parts[:-1] for date in part],
                excluded=excluded,
                report_file=self._report_file(),
            )

    def _aoi_window(
        self,
        products: Sequence[CheckedProduct],
        boxes: Sequence[PixelBox],
        overlap: PixelBox,
        lattice: Lattice,
    ) -> PixelBox:
        aoi = aoi_box(self.aoi_wkt, lattice)
        coverages = [aoi.intersection(box).pixels / aoi.pixels for box in boxes]
        for product, coverage in zip(products, coverages):
            self.rows[product.name].aoi_coverage = round(coverage, 4)
        window = aoi.intersection(overlap)
        self.aoi_coverage = round(window.pixels / aoi.pixels, 4)
        if window.pixels:
            if self.aoi_coverage < 1:
                self.context.log(
                    f"the products cover {self.aoi_coverage:.0%} of the AOI's rectangle", "warning"
                )
            return window
        bounds = {
            "aoi_bounds": lattice.lonlat_bounds(aoi),
            "product_bounds": lattice.lonlat_bounds(overlap),
            "report_file": self._report_file(),
        }
        missing = [product.name for product, coverage in zip(products, coverages) if coverage == 0]
        if len(missing) == len(products):
            raise InsarError("prepare.aoi_outside", **bounds)
        if missing:
            rest = common_box(box for box, coverage in zip(boxes, coverages) if coverage > 0).intersection(
                aoi
            )
        else:
            inside = [box.intersection(aoi) for box in boxes]
            dropped, rest = _products_to_drop(products, inside)
            missing = [product.name for product in dropped]
        raise InsarError("prepare.aoi_not_common", products=missing, width_without=rest.width,
                         height_without=rest.height, **bounds)  # fmt: skip

    # --- Writing -------------------------------------------------------------------------------------

    def _write(self, plan: _Plan) -> tuple[int, bool]:
        """Bring ``clip/`` to the plan; give the bytes written and whether anything changed."""
        old = self._manifest()
        try:
            self.clip.mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(self.clip, error) from error
        same_window = old is not None and old.window == plan.clip_window
        # Real files of the same window serve a run without "materialise" as well.
        is_remote = any(map(is_network_disk, {product.archive.path.parent for product in plan.products}))
        if is_remote and not self.materialise:
            self.context.log("the zips lie on a network disk: real files are written", "info")
        has_files = old is not None and old.is_complete and old.is_materialised and same_window
        as_files = self.materialise or is_remote or has_files
        entries = old.products if old is not None and same_window and old.is_materialised == as_files else {}
        manifest = ClipManifest(plan.clip_window, False, as_files, plan.aoi_hash)
        todo: list[CheckedProduct] = []
        for product in plan.products:
            entry = self._reusable_entry(plan, product, entries, as_files)
            if entry is None:
                todo.append(product)
            else:
                manifest.products[product.name] = entry
        self._restore_valid_shares(manifest)
        strangers = self._strangers(plan)
        was_complete = old is not None and old.is_complete and same_window
        if not todo and not strangers and was_complete:
            if old is not None and (old.aoi_hash, old.products) != (manifest.aoi_hash, manifest.products):
                manifest.is_complete = True
                manifest.write(self.job.path)
            return 0, False
        self._check_disk(plan, todo, as_files)
        stop_if_cancelled(self.context.is_cancelled)
        for product in todo:
            # Named before they are written, so that a later run knows what a killed one left.
            planned = {name: None for _, name, _ in plan.rasters_of(product)}
            manifest.products[product.name] = {
                "zip": str(product.archive.path),
                "size": None,
                "files": planned,
            }
        manifest.write(self.job.path)
        self._remove(strangers, old)
        # Nobody else writes here under the lock, so what is there is of a killed run.
        remove_left_over_temporary_files(self.clip, older_than_seconds=0.0)
        remove_left_over_temporary_files(self.job.path)
        written = (
            self._write_files(plan, todo, manifest) if as_files else self._write_vrts(plan, todo, manifest)
        )
        manifest.is_complete = True
        manifest.products = {product.name: manifest.products[product.name] for product in plan.products}
        manifest.write(self.job.path)
        return written, True

    def _reusable_entry(
        self, plan: _Plan, product: CheckedProduct, entries: dict[str, dict[str, Any]], as_files: bool
    ) -> dict[str, Any] | None:
        """Give the entry of a product whose files can stay, else None."""
        entry = entries.get(product.name)
        archive = product.archive
        if entry is None or (entry.get("size"), entry.get("mtime_ns")) != (
            archive.size_bytes,
            archive.modified_ns,
        ):
            return None
        wanted = self._texts(plan, product) if not as_files else {_text_name(product): _text_of(product)}
        for name, data in wanted.items():
            if not _holds(self.clip / name, data):
                return None
        if as_files:
            for _, name, _ in plan.rasters_of(product):
                path = self.clip / name
                if not path.is_file() or path.stat().st_size != entry["files"].get(name):
                    return None
        return {**entry, "zip": str(archive.path)}

    def _texts(self, plan: _Plan, product: CheckedProduct) -> dict[str, bytes]:
        texts = {
            name: vrt_of_window(header, plan.lattice, plan.window).encode("utf-8")
            for _, name, header in plan.rasters_of(product)
        }
        return {**texts, _text_name(product): _text_of(product)}

    def _write_vrts(self, plan: _Plan, todo: Sequence[CheckedProduct], manifest: ClipManifest) -> int:
        # No cancel from here: it takes milliseconds, and a half-changed folder would have two windows.
        written = 0
        for product in todo:
            texts = self._texts(plan, product)
            for name, data in texts.items():
                written += self._replace(name, data)
            manifest.products[product.name] = _entry(
                product, {name: len(data) for name, data in texts.items()}
            )
        return written

    def _write_files(self, plan: _Plan, todo: Sequence[CheckedProduct], manifest: ClipManifest) -> int:
        report = part_of(self.context.report, 0.3, 1.0)
        count = sum(len(plan.rasters_of(product)) for product in todo)
        done = written = 0
        for product in todo:
            sizes = {}
            valid_share = None
            for kind, name, header in plan.rasters_of(product):
                report(done / count, name)
                target = self.clip / name
                try:
                    share = write_window(header, plan.lattice, plan.window, target, self.context.is_cancelled)
                except InsarError as error:
                    if error.code == "product.raster_unreadable":
                        raise _UnreadableProductError(product, error) from error
                    raise
                self._drop_sidecars(name)
                sizes[name] = target.stat().st_size
                done += 1
                if kind == "unw_phase":
                    valid_share = share
            written += sum(sizes.values()) + self._replace(_text_name(product), _text_of(product))
            manifest.products[product.name] = {**_entry(product, sizes), "valid_share": valid_share}
            manifest.write(self.job.path)
        self._restore_valid_shares(manifest)
        return written

    def _restore_valid_shares(self, manifest: ClipManifest) -> None:
        for name, entry in manifest.products.items():
            share = entry.get("valid_share")
            if share is not None:
                self.rows[name].valid_share = round(share, 4)

    def _replace(self, name: str, data: bytes) -> int:
        """Replace a small file by rename. It is not brought to the disk one by one: a rerun compares its content."""
        target = self.clip / name
        part = target.with_name(name + PART_SUFFIX)
        try:
            try:
                part.write_bytes(data)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(target, error) from error
        self._drop_sidecars(name)
        return len(data)

    def _drop_sidecars(self, name: str) -> None:
        """Delete what others wrote about the former raster: MintPy's ``.rsc``, GDAL's statistics."""
        for suffix in (".rsc", ".aux.xml", ".ovr"):
            (self.clip / (name + suffix)).unlink(missing_ok=True)

    def _strangers(self, plan: _Plan) -> list[Path]:
        """Give the clips in the folder that are not of this plan: MintPy loads whatever its pattern finds."""
        wanted = {name for product in plan.products for _, name, _ in plan.rasters_of(product)}
        wanted |= {_text_name(product) for product in plan.products}
        found = []
        for path in sorted(self.clip.iterdir()):
            base = path.name
            for suffix in (".rsc", ".aux.xml", ".ovr", PART_SUFFIX):
                base = base[: -len(suffix)] if base.endswith(suffix) else base
            product = ProductName.at_start_of(path.name)
            is_ours = product is not None and (base.endswith("_clip.tif") or base == f"{product.name}.txt")
            if is_ours and (base not in wanted or path.name.endswith(PART_SUFFIX)):
                found.append(path)
        return found

    def _remove(self, paths: Iterable[Path], old: ClipManifest | None) -> None:
        """Delete our own leftovers; a raster that we did not write is kept under another name."""
        ours = {name for entry in (old.products if old else {}).values() for name in entry.get("files", {})}
        for path in paths:
            try:
                if path.name.endswith("_clip.tif") and path.name not in ours and not _is_vrt(path):
                    aside = set_aside(path)
                    self.context.log(f"{path.name} is not of this window; kept as {aside.name}", "warning")
                else:
                    path.unlink(missing_ok=True)
            except OSError as error:
                raise write_error(path, error) from error

    def _check_disk(self, plan: _Plan, todo: Sequence[CheckedProduct], as_files: bool) -> None:
        count = sum(len(plan.rasters_of(product)) + 1 for product in todo)
        needed = count * _BYTES_PER_TEXT_FILE
        if as_files:
            needed += sum(raw_bytes(header, plan.window) for product in todo
                          for _, _, header in plan.rasters_of(product))  # fmt: skip
            needed += _DISK_RESERVE_BYTES
        free = shutil.disk_usage(self.clip).free
        self.context.report(
            0.3, f"{plan.window.width} x {plan.window.height} px, at most {needed / 1e6:.1f} MB"
        )
        self.context.log(f"to write: at most {needed} bytes; free: {free} bytes")
        if free < needed:
            raise InsarError("disk.too_small", needed_bytes=needed, free_bytes=free, folder=str(self.clip))

    # --- Report --------------------------------------------------------------------------------------

    def _report_file(self) -> str:
        return str(self.job.path / REPORT_NAME)

    def _ordered_rows(self) -> list[ReportRow]:
        return sorted(self.rows.values(), key=lambda row: (row.state != "excluded", row.pair, row.product))

    def _write_report(self) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_REPORT_FIELDS)
        for row in self._ordered_rows():
            values = {**row.to_json(), "reason": _reason(row.fields)}
            writer.writerow(["" if values[name] is None else values[name] for name in _REPORT_FIELDS])
        write_text_atomically(self.job.path / REPORT_NAME, text.getvalue())


class _UnreadableProductError(Exception):
    """The pixels of a product cannot be read; its zip is damaged behind the header."""

    def __init__(self, product: CheckedProduct, error: InsarError) -> None:
        super().__init__(product.name)
        self.product = product
        self.error = error


def _overlaps_without_each(boxes: Sequence[PixelBox]) -> list[PixelBox]:
    """Give for each box the intersection of all the others; a single box gives itself."""
    if len(boxes) == 1:
        return list(boxes)
    before: list[PixelBox] = [boxes[0]]
    for box in boxes[1:]:
        before.append(before[-1].intersection(box))
    after: list[PixelBox] = [boxes[-1]]
    for box in reversed(boxes[:-1]):
        after.append(after[-1].intersection(box))
    after.reverse()
    last = len(boxes) - 1
    return [
        after[1] if index == 0 else before[last - 1] if index == last else before[index - 1].intersection(after[index + 1])
        for index in range(len(boxes))
    ]  # fmt: skip


def _products_to_drop(
    products: Sequence[CheckedProduct], boxes: Sequence[PixelBox]
) -> tuple[list[CheckedProduct], PixelBox]:
    """Name products without which the others overlap, and the overlap that is then left.

    Rectangles overlap all together when every two of them do, so the product that misses most of the others is
    dropped until none misses any.
    """
    kept = list(range(len(boxes)))
    misses = [{other for other in kept if not boxes[one].intersection(boxes[other]).pixels} for one in kept]
    dropped = []
    while kept:
        worst = max(kept, key=lambda index: (len(misses[index] & set(kept)), -boxes[index].pixels))
        if not misses[worst] & set(kept):
            break
        kept.remove(worst)
        dropped.append(worst)
    rest = common_box(boxes[index] for index in kept) if kept else PixelBox(0, 0, 0, 0)
    return [products[index] for index in dropped], rest


def _entry(product: CheckedProduct, sizes: dict[str, int]) -> dict[str, Any]:
    archive = product.archive
    return {
        "zip": str(archive.path),
        "size": archive.size_bytes,
        "mtime_ns": archive.modified_ns,
        "files": sizes,
    }


def _text_name(product: CheckedProduct) -> str:
    return f"{product.clip_name}.txt"


def _text_of(product: CheckedProduct) -> bytes:
    """Give the ``.txt`` verbatim, without the lines that MintPy would stop at and without a byte-order mark."""
    data = product.metadata_bytes.removeprefix(b"\xef\xbb\xbf")
    if not product.metadata.lines_without_colon:
        return data
    return b"".join(line for line in data.splitlines(keepends=True) if b":" in line)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _is_vrt(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(11) == b"<VRTDataset"


def _aoi_hash(aoi_wkt: str) -> str:
    return hashlib.sha256(aoi_wkt.encode("utf-8")).hexdigest()[:8] if aoi_wkt else ""


def _iso(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:]}"


def _reason(fields: dict[str, Any]) -> str:
    return "; ".join(
        f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in fields.items()
    )
