# SPDX-License-Identifier: GPL-2.0-or-later
"""Which pairs of a job have a product already, or one on the way, and what a pair costs here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import JobFile, find_job_files
from insarhub_qgis.core.hyp3_jobs import PENDING, RUNNING, SUCCEEDED, job_rows, service_now
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.network_budget import PairPrices, pair_stamp
from insarhub_qgis.core.product_names import ProductName
from insarhub_qgis.core.scenes import Pair
from insarhub_qgis.core.selection_parameters import SelectionParameters
from insarhub_qgis.core.stack_file import is_number


def prices_for(
    job: JobFolder, parameters: SelectionParameters, now: datetime | None = None
) -> PairPrices | None:
    """Give the price of a pair: that of the parameters, else what the newest submission here cost; None when unknown.

    There is no price in this program: the service changes it.
    """
    job_files, _ = find_job_files(job.path)
    price = parameters.credits_per_pair
    if price is None:
        paid = [
            (str(file.own.get("submitted_at") or ""), found) for file in job_files if (found := _paid(file))
        ]
        price = max(paid)[1] if paid else None
    if price is None:
        return None
    return PairPrices(price, processed_stamps(job, job_files, now or datetime.now(timezone.utc)))


def processed_stamps(
    job: JobFolder, job_files: Sequence[JobFile], now: datetime
) -> frozenset[tuple[str, str]]:
    """Give the `pair_stamp` of pairs whose product lies in the folders of the job or can still be downloaded."""
    found: set[tuple[str, str]] = set()
    for name in sorted(product_names(job)):
        try:
            product = ProductName.parse(name)
        except InsarError:
            continue
        # Names of burst products tell days only.
        found.add(
            (
                product.reference_start or f"{product.reference_date:%Y%m%d}",
                product.secondary_start or f"{product.secondary_date:%Y%m%d}",
            )
        )
    for row in job_rows(job_files, {}, service_now(job_files, now)):
        if row.pair is not None and row.status in (SUCCEEDED, PENDING, RUNNING):
            found.add(pair_stamp(Pair(*row.pair)))
    return frozenset(found)


def product_names(job: JobFolder) -> set[str]:
    """Give the names of the zips in the product folders; a folder that cannot be listed has none."""
    found: set[str] = set()
    for folder in job.product_folders():
        try:
            found |= {path.name for path in folder.iterdir() if path.suffix.lower() == ".zip"}
        except OSError:
            continue
    return found


def _paid(file: JobFile) -> float | None:
    """Give the credits per pair of a submission."""
    credits: Any = file.own.get("credits")
    count = len(file.pairs)
    return float(credits) / count if is_number(credits) and credits > 0 and count else None
