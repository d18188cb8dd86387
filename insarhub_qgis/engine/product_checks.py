# SPDX-License-Identifier: GPL-2.0-or-later
"""Which products of a folder belong together and can be analysed, and why the others cannot."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Callable

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.product_archive import ProductArchive
from insarhub_qgis.core.product_metadata import ProductMetadata
from insarhub_qgis.core.product_names import GAMMA
from insarhub_qgis.core.relative_orbit import relative_orbit, relative_orbit_of_burst
from insarhub_qgis.core.scenes import scene_start
from insarhub_qgis.engine.raster_windows import (
    UNREADABLE_MEMBER,
    Lattice,
    PixelBox,
    RasterHeader,
    common_box,
    read_header,
)

#: What MintPy needs of each pair, and what it takes besides.
REQUIRED_KINDS = ("unw_phase", "corr", "dem")
GEOMETRY_KINDS = ("dem", "lv_theta", "lv_phi", "water_mask")
PAIR_KINDS = ("unw_phase", "corr", "conncomp")
ANALYSIS_KINDS = ("unw_phase", "corr", "conncomp", *GEOMETRY_KINDS)

#: Acquisitions of one frame start within this time of day; the next frame follows about 25 s later.
_SAME_FRAME_SECONDS = 12.0
_DAY_SECONDS = 86400.0


@dataclass(frozen=True)
class CheckedProduct:
    """A product whose ``.txt`` and raster headers were read and are complete.

    Attributes
    ----------
    metadata_bytes
        The ``.txt`` as it stands in the zip.
    headers
        Of each raster that an analysis may use, by kind.
    path
        Relative orbit; None when the product does not tell.
    """

    archive: ProductArchive
    metadata: ProductMetadata
    metadata_bytes: bytes
    headers: Mapping[str, RasterHeader]
    path: int | None

    @property
    def name(self) -> str:
        return self.archive.product.name

    @property
    def clip_name(self) -> str:
        """How its files in ``clip/`` begin: MintPy takes the dates from there, and one acquisition has one date."""
        return self.archive.product.name_by_days

    @property
    def pair_id(self) -> str:
        return self.archive.product.pair_id

    @property
    def lattice(self) -> Lattice:
        return Lattice.of(self.headers["unw_phase"])

    @property
    def direction(self) -> str | None:
        """``ASCENDING`` or ``DESCENDING``, from the pass direction, else from the heading."""
        text = (self.metadata.get("Reference Pass Direction") or "").upper()
        if text in ("ASCENDING", "DESCENDING"):
            return text
        heading = self.metadata.heading_deg
        if heading is None:
            return None
        return "ASCENDING" if abs((heading + 180) % 360 - 180) < 90 else "DESCENDING"

    @property
    def looks(self) -> str | None:
        """``RANGExAZIMUTH``, e.g. ``20x4``."""
        counts = (self.metadata.number("Range looks"), self.metadata.number("Azimuth looks"))
        if None in counts:
            return None
        return "x".join(str(int(count or 0)) for count in counts)

    def box_on(self, lattice: Lattice) -> PixelBox:
        """Give the pixels that all rasters of the product have."""
        return common_box(lattice.box_of(header) for header in self.headers.values())


Exclusion = tuple[CheckedProduct, InsarError]


def check_product(archive: ProductArchive) -> CheckedProduct:
    """Read what is needed to judge a product: its ``.txt`` and the first kilobytes of its rasters.

    Raises
    ------
    InsarError
        ``product.incomplete`` (field missing), ``product.no_metadata``, ``product.damaged``,
        ``product.metadata_incomplete`` (field keys), ``product.raster_unreadable``,
        ``product.members_differ`` (fields member, reason), ``product.dates_reversed``.
    """
    if archive.product.secondary_date <= archive.product.reference_date:
        raise InsarError("product.dates_reversed", pair=archive.product.pair_id)
    missing = [kind for kind in REQUIRED_KINDS if kind not in archive.members]
    if missing:
        raise InsarError("product.incomplete", missing=missing)
    if archive.metadata_member is None:
        raise InsarError("product.no_metadata", file=str(archive.path), product=archive.product.name)
    try:
        with zipfile.ZipFile(archive.path) as package:
            try:
                metadata_bytes = package.read(archive.metadata_member)
            except UNREADABLE_MEMBER as error:
                raise InsarError(
                    "product.damaged", file=str(archive.path), member=archive.metadata_member
                ) from error
            kinds = [kind for kind in ANALYSIS_KINDS if kind in archive.members]
            headers = {kind: read_header(package, archive, kind) for kind in kinds}
    except (OSError, zipfile.BadZipFile) as error:
        raise InsarError("file.not_readable", file=str(archive.path), reason=str(error)) from error
    metadata = ProductMetadata.parse(metadata_bytes.decode("utf-8", errors="replace"))
    keys = metadata.missing_for_mintpy(archive.product.product_type)
    if keys:
        raise InsarError("product.metadata_incomplete", keys=keys)
    lattice = Lattice.of(headers["unw_phase"])
    for kind, header in headers.items():
        difference = lattice.difference(header)
        if difference is not None:
            raise InsarError("product.members_differ", member=archive.members[kind], reason=difference.code)
    return CheckedProduct(archive, metadata, metadata_bytes, headers, _path_of(archive, metadata))


def largest_group(products: Sequence[CheckedProduct]) -> tuple[list[CheckedProduct], list[Exclusion]]:
    """Keep the largest set of products of one type, track, direction, CRS, pixel size and lattice.

    The others come back with what sets them apart. Between sets of one size the earlier one wins.
    """
    kept, excluded = list(products), []
    steps: tuple[tuple[Callable[[CheckedProduct], Hashable], Callable[..., InsarError]], ...] = (
        (lambda product: product.archive.product.product_type, _other_type),
        (lambda product: product.path, _other_track),
        (lambda product: product.direction, _other_track),
        (lambda product: product.archive.product.bursts, _other_track),
        (lambda product: product.lattice.crs, _other_grid),
        (lambda product: round(product.lattice.x_step, 6), _other_grid),
    )
    for key, reason in steps:
        groups: dict[Hashable, list[CheckedProduct]] = defaultdict(list)
        for product in kept:
            groups[key(product)].append(product)
        kept = max(groups.values(), key=len, default=[])
        for group in groups.values():
            if group is not kept:
                excluded += [(product, reason(product, kept[0])) for product in group]
    kept, others = _largest_lattice(kept)
    return kept, excluded + others


def _largest_lattice(products: Sequence[CheckedProduct]) -> tuple[list[CheckedProduct], list[Exclusion]]:
    lattices: list[tuple[Lattice, list[CheckedProduct]]] = []
    for product in products:
        for lattice, members in lattices:
            if lattice.difference(product.headers["unw_phase"]) is None:
                members.append(product)
                break
        else:
            lattices.append((product.lattice, [product]))
    if not lattices:
        return [], []
    lattice, kept = max(lattices, key=lambda entry: len(entry[1]))
    excluded = []
    for product in products:
        difference = lattice.difference(product.headers["unw_phase"])
        if difference is not None:
            excluded.append((product, difference))
    return kept, excluded


def one_per_pair(products: Iterable[CheckedProduct]) -> tuple[list[CheckedProduct], list[Exclusion]]:
    """Keep one product of each pair: of the frame of the others, then the most complete, then the newest."""
    products = list(products)
    usual_time = _usual_time_of_day(products)
    by_pair: dict[str, list[CheckedProduct]] = defaultdict(list)
    for product in products:
        by_pair[product.pair_id].append(product)

    def rank(product: CheckedProduct) -> tuple[bool, int, int, str]:
        seconds = _time_of_day(product)
        is_same_frame = (
            seconds is None or usual_time is None or _day_distance(seconds, usual_time) <= _SAME_FRAME_SECONDS
        )
        return is_same_frame, len(product.headers), product.archive.modified_ns, product.name

    kept, excluded = [], []
    for candidates in by_pair.values():
        best = max(candidates, key=rank)
        kept.append(best)
        excluded += [
            (product, InsarError("product.duplicate_pair", pair=product.pair_id, kept=best.name))
            for product in candidates
            if product is not best
        ]
    return kept, excluded


def _other_type(product: CheckedProduct, kept: CheckedProduct) -> InsarError:
    return InsarError(
        "product.other_type",
        type=product.archive.product.product_type,
        expected=kept.archive.product.product_type,
    )


def _other_track(product: CheckedProduct, kept: CheckedProduct) -> InsarError:
    return InsarError("product.other_track", track=_track_label(product), expected=_track_label(kept))


def _other_grid(product: CheckedProduct, kept: CheckedProduct) -> InsarError:
    difference = kept.lattice.difference(product.headers["unw_phase"])
    if difference is not None:
        return difference
    return InsarError("product.other_pixel_size", size=product.lattice.x_step, expected=kept.lattice.x_step)


def _track_label(product: CheckedProduct) -> str:
    parts = [f"path {product.path}" if product.path is not None else "", (product.direction or "").lower()]
    parts.append(product.archive.product.bursts or "")
    return " ".join(part for part in parts if part) or "unknown"


def _path_of(archive: ProductArchive, metadata: ProductMetadata) -> int | None:
    product = archive.product
    if product.path is not None:
        return product.path
    if product.product_type != GAMMA:
        return relative_orbit_of_burst(int(product.bursts[:6])) if product.bursts else None
    orbit = metadata.number("Reference Orbit Number")
    platform = (metadata.reference_granule or "")[:3] or product.reference_platform
    if orbit is None or platform is None:
        return None
    return relative_orbit(platform, int(orbit))


def _time_of_day(product: CheckedProduct) -> float | None:
    text = product.archive.product.reference_start or scene_start(product.metadata.reference_granule or "")
    if text is None:
        return None
    return int(text[9:11]) * 3600.0 + int(text[11:13]) * 60.0 + int(text[13:15])


def _day_distance(one: float, other: float) -> float:
    distance = abs(one - other) % _DAY_SECONDS
    return min(distance, _DAY_SECONDS - distance)


def _usual_time_of_day(products: Sequence[CheckedProduct]) -> float | None:
    """Give the time of day that most products share."""
    times = sorted({time for time in map(_time_of_day, products) if time is not None})
    if not times:
        return None
    all_times = [time for time in map(_time_of_day, products) if time is not None]
    return max(
        times, key=lambda time: sum(_day_distance(time, other) <= _SAME_FRAME_SECONDS for other in all_times)
    )
