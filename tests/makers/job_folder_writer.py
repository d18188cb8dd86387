# SPDX-License-Identifier: GPL-2.0-or-later
"""A process that saves every file of a job folder again and again: to be killed, or to run beside another.

``python -m tests.makers.job_folder_writer FOLDER NAME ROUNDS``: prints ``ready``, then saves. With ROUNDS 0 it never ends.
Each round writes its number under NAME into every file.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from insarhub_qgis.core.hyp3_files import add_jobs, write_product_cache
from insarhub_qgis.core.isce_files import write_isce_jobs
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.quality_files import QualityCache, write_pair_database
from insarhub_qgis.core.scenes import order_pair
from tests.makers.job_folders import A, B, C


def save_round(folder: Path, name: str, number: int) -> None:
    job = JobFolder(folder)
    job.write_config_section("insarhub_qgis", {f"round_{name}": number})
    stack = job.read_stack()
    job.write_stack(stack.with_pairs([*stack.pairs, order_pair(A, C)]))
    add_jobs(folder / "hyp3_jobs.json", name, [f"{name}-{number}"], folder)
    write_product_cache(folder, [f"{name}-{number}.zip"], folder)
    write_isce_jobs(
        folder / "isce" / "isce_jobs.json", {name: {"status": "RUNNING", "n_cmds": number}}, folder
    )
    cache = QualityCache(folder)
    cache.put("veg", f"{name}-{number}", {"ndvi": 0.5})
    cache.save()
    write_pair_database(folder, [A, B, C], {order_pair(A, B): number % 100}, {})


def main() -> None:
    folder, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    first = JobFolder(folder).read_config().own.get(f"round_{name}", 0) + 1
    print("ready", flush=True)
    for number in itertools.count(first) if rounds == 0 else range(first, first + rounds):
        save_round(folder, name, number)


if __name__ == "__main__":
    main()
