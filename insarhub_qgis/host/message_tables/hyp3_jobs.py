# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs at HyP3 after they were ordered."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
    "hyp3_jobs.never_asked": (
        "The service was not asked about the job {job_id} yet, or its answer was not understood.",
        "Press Refresh.",
    ),
    "hyp3_jobs.not_found": (
        "The service did not know the job {job_id} when it was asked; before that it was {known}.",
        "Check that the job file belongs to this service, and refresh later; products on disk stay usable.",
    ),
    "hyp3_jobs.never_known": (
        "The service does not know the job {job_id}.",
        "Check that the job file {file} belongs to this service, and refresh later; products on disk stay usable.",
    ),
    "hyp3_jobs.failed": (
        "HyP3 could not process the job {job_id}.",
        "Look into its log, then retry it; a retry costs credits again.",
    ),
    "hyp3_jobs.failed_because": (
        "HyP3 could not process the job {job_id}: {reason}.",
        "Look into its log, then retry it; a retry costs credits again.",
    ),
    "hyp3_jobs.failed_alike": (
        "HyP3 could not process this pair {times} times, for the same reason: {reason}.",
        "Remove the pair from the network; another retry would cost credits for nothing.",
    ),
    "hyp3_jobs.failed_again": (
        "HyP3 could not process this pair {times} times; the last job is {job_id}.",
        "Look into its log; if the reason is the same, remove the pair from the network.",
    ),
    "hyp3_jobs.expired": (
        "The product {file} expired on {expired_at} before it was downloaded.",
        "Retry the job with expired jobs included; that costs credits again.",
    ),
    "hyp3_jobs.expired_products": (
        "{count} products expired before they were downloaded: {files}.",
        "Retry their jobs with expired jobs included; that costs credits again.",
    ),
    "hyp3_jobs.other_service": (
        "The jobs of {file} belong to {service}, but {asked} was asked.",
        "Choose that service in Options, then refresh. Their last known state is shown.",
    ),
    "hyp3_jobs.nothing_known": (
        "No address of a product of {folder} is known yet.",
        "Choose an account and refresh, then download.",
    ),
    "hyp3_jobs.no_product": (
        "The job {job_id} has no product to download; its state is {status}.",
        "Refresh, and wait until it has succeeded.",
    ),
    "hyp3_watch.already_on": (
        "The jobs of {folder} are being watched already (process {pid} on {host}).",
        "Press Refresh to see what it has found, or end it there first.",
    ),
}

SINGULAR: dict[str, tuple[str, str]] = {
    "hyp3_jobs.expired_products": (
        "One product expired before it was downloaded: {files}.",
        "Retry its job with expired jobs included; that costs credits again.",
    ),
}
