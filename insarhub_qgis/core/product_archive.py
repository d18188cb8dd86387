# SPDX-License-Identifier: GPL-2.0-or-later
"""HyP3 product zips: which product a file is and which rasters it holds, read from its directory alone."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.product_kinds import PRODUCT_KINDS
from insarhub_qgis.core.product_metadata import ProductMetadata
from insarhub_qgis.core.product_names import MULTI_BURST, ProductName
from insarhub_qgis.core.scenes import scene_date

_SLC_NAME = re.compile(r"^S1[A-D]_(IW|EW|S\d)_(SLC|GRD|RAW|OCN)")
_ZIP_BEGINNING = b"PK\x03\x04"


@dataclass(frozen=True)
class ProductArchive:
    """One product in one zip.

    Attributes
    ----------
    path
        Absolute path of the zip.
    product
        Its dates are those on which the acquisitions began, also where a multi-burst is named otherwise.
    members
        Key of the product kind -> name of the member inside the zip.
    metadata_member
        The ``.txt`` that MintPy needs; None when the zip lacks it.
    size_bytes, modified_ns
        Of the zip; together they tell whether it changed.
    """

    path: Path
    product: ProductName
    members: Mapping[str, str]
    metadata_member: str | None
    size_bytes: int
    modified_ns: int

    def gdal_path(self, kind_key: str) -> str:
        """Give the path under which GDAL reads a raster straight from the zip.

        The braces keep zips readable whose name or folder does not end in ``.zip`` or holds one inside.

        Raises
        ------
        InsarError
            ``product.no_member`` (fields product, kind).
        """
        member = self.members.get(kind_key)
        if member is None:
            raise InsarError("product.no_member", product=self.product.name, kind=kind_key)
        return f"/vsizip/{{{self.path.as_posix()}}}/{member}"

    def read_metadata(self) -> ProductMetadata:
        """Read the product's ``.txt``.

        Raises
        ------
        InsarError
            ``product.no_metadata``, or the errors of `read_product_archive` when the zip changed or is damaged.
        """
        if self.metadata_member is None:
            raise InsarError("product.no_metadata", file=str(self.path), product=self.product.name)
        try:
            with zipfile.ZipFile(self.path) as archive:
                data = archive.read(self.metadata_member)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            KeyError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise InsarError("product.damaged", file=str(self.path), member=self.metadata_member) from error
        return ProductMetadata.parse(data.decode("utf-8", errors="replace"))


def read_product_archive(path: Path) -> ProductArchive:
    """Find the product in a zip by its directory; no raster is read.

    Usually the zip holds one folder of the product's name. Files without a folder, and a zip with several
    products of which one bears the name of the zip, are read too.

    Raises
    ------
    InsarError
        ``product.truncated``: begins like a zip but the end is missing. ``product.not_a_zip``.
        ``product.no_product``: holds no raster of a product. ``product.name``: rasters whose name no product
        has. ``product.several``: more than one product and none of the zip's name. ``file.missing``,
        ``file.not_readable``.
    """
    path = path.absolute()
    try:
        status = path.stat()
        with zipfile.ZipFile(path) as package:
            infos = [info for info in package.infolist() if not info.is_dir()]
            directory_start = package.start_dir
    except OSError as error:
        raise _unreadable(path, error) from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise _not_a_whole_zip(path) from error
    # Offsets count from the directory backwards: a piece missing before it makes the first ones negative.
    if any(
        info.header_offset < 0 or info.header_offset + info.compress_size > directory_start for info in infos
    ):
        raise InsarError("product.truncated", file=str(path), size_bytes=status.st_size)
    product, folder = _choose_product(path, [info.filename for info in infos])
    beginning = f"{folder}{product.name}"
    names = {
        info.filename[len(beginning) :].lower(): info.filename
        for info in infos
        if info.filename.startswith(beginning) and info.file_size > 0
    }
    archive = ProductArchive(
        path=path,
        product=product,
        members={kind.key: names[kind.suffix] for kind in PRODUCT_KINDS if kind.suffix in names},
        metadata_member=names.get(".txt"),
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
    )
    return replace(archive, product=_by_first_days(archive))


def find_product_archives(
    folders: Sequence[Path],
) -> tuple[list[ProductArchive], list[tuple[Path, InsarError]]]:
    """Find the products in folders (not in their sub-folders), and say of every other zip why it is none.

    A product that stands in several folders is given once, from the first folder where it is whole.
    Sentinel-1 scenes (SLC zips) are no products and are passed over.

    Returns
    -------
    archives
        Ordered by reference date, secondary date and name.
    problems
        (path, error) of zips that cannot be used, and of folders that cannot be listed.
    """
    archives: dict[str, ProductArchive] = {}
    problems: list[tuple[Path, InsarError]] = []
    seen: set[Path] = set()
    for folder in folders:
        try:
            paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".zip")
        except OSError as error:
            problems.append((folder, _unreadable(folder, error)))
            continue
        for path in paths:
            resolved = path.resolve()
            if resolved in seen or path.name.startswith(".") or _SLC_NAME.match(path.name):
                continue
            seen.add(resolved)
            try:
                archive = read_product_archive(path)
            except InsarError as error:
                problems.append((path, error))
                continue
            archives.setdefault(archive.product.name, archive)
    ordered = sorted(
        archives.values(),
        key=lambda found: (found.product.reference_date, found.product.secondary_date, found.product.name),
    )
    return ordered, problems


def acquisition_days(granules: str) -> tuple[date, date] | None:
    """Give the first and last day of the bursts (or the scene) that a ``.txt`` lists for one side of a pair.

    None without any, when a name holds no date, and when they are not of one pass, which takes minutes.
    """
    try:
        days = sorted(scene_date(name) for name in granules.replace(",", " ").split())
    except InsarError:
        return None
    if not days or days[-1] - days[0] > timedelta(days=1):
        return None
    return days[0], days[-1]


def _by_first_days(archive: ProductArchive) -> ProductName:
    """Give the product with the days on which its acquisitions began.

    HyP3 names a multi-burst after the first day of the reference's bursts and the last day of the secondary's. A pass over
    midnight would be one date where it is the reference and the next where it is the secondary.
    """
    product = archive.product
    if product.product_type != MULTI_BURST or archive.metadata_member is None:
        return product
    try:
        days = acquisition_days(archive.read_metadata().secondary_granule or "")
    except InsarError:
        # Whoever needs the file says what is wrong with it.
        return product
    if days is None or days[1] != product.secondary_date:
        return product
    return replace(product, secondary_date=days[0])


def _choose_product(path: Path, member_names: Sequence[str]) -> tuple[ProductName, str]:
    """Give the product and the folder inside the zip, with its slash, that holds it."""
    counts: dict[tuple[str, str], int] = {}
    products: dict[str, ProductName] = {}
    unnamed = ""
    suffixes = tuple(kind.suffix for kind in PRODUCT_KINDS)
    for member in member_names:
        folder, slash, file_name = member.rpartition("/")
        if folder.startswith("__MACOSX") or not file_name.lower().endswith(suffixes):
            continue
        product = ProductName.at_start_of(file_name)
        if product is None or file_name[len(product.name) :].lower() not in suffixes:
            unnamed = unnamed or file_name
            continue
        products[product.name] = product
        key = (product.name, folder + slash)
        counts[key] = counts.get(key, 0) + 1
    if not products:
        if unnamed:
            raise InsarError("product.name", name=unnamed, file=str(path))
        raise InsarError("product.no_product", file=str(path))
    if len(products) == 1:
        name = next(iter(products))
    else:
        own = ProductName.at_start_of(path.name)
        if own is None or own.name not in products:
            raise InsarError("product.several", file=str(path), names=sorted(products))
        name = own.name
    folders = [(count, folder) for (product_name, folder), count in counts.items() if product_name == name]
    # The folder with most of the rasters; of equals the shortest, so that copies deeper inside lose.
    folder = min(folders, key=lambda item: (-item[0], len(item[1]), item[1]))[1]
    return products[name], folder


def _not_a_whole_zip(path: Path) -> InsarError:
    try:
        with path.open("rb") as file:
            beginning = file.read(len(_ZIP_BEGINNING))
        size = path.stat().st_size
    except OSError as error:
        return _unreadable(path, error)
    if beginning == _ZIP_BEGINNING[: len(beginning)]:
        return InsarError("product.truncated", file=str(path), size_bytes=size)
    return InsarError("product.not_a_zip", file=str(path))


def _unreadable(path: Path, error: OSError) -> InsarError:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return InsarError("file.missing", file=str(path))
    return InsarError("file.not_readable", file=str(path), reason=error.strerror or str(error))
