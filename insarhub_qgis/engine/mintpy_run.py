# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs MintPy on a prepared job folder: step by step, each in its own process, journalled so that it can go on."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

from insarhub_qgis.core.atomic_files import process_start_of, remove_left_over_temporary_files
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.mintpy_config import CONFIG_NAME, MintpyConfig
from insarhub_qgis.core.mintpy_job import (
    CANCELLED,
    COMPLETED,
    DONE,
    FAILED,
    LOG_FILE,
    NOT_RUN,
    RUNNING,
    SKIPPED,
    WAITING,
    MintpyJob,
    StepRecord,
    analysis_lock,
    utc_now,
)
from insarhub_qgis.core.mintpy_steps import (
    STACK_FILE,
    STEP_BY_NAME,
    STEP_NAMES,
    enabled_steps,
    failure_cause,
    fatal_warning,
    final_series_name,
    in_order,
    last_traceback_line,
    option_values_of,
    parse_percent,
    step_index,
    steps_after,
)
from insarhub_qgis.core.progress import stop_if_cancelled
from insarhub_qgis.core.requests import RunAnalysis
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import mintpy_checks
from insarhub_qgis.engine.failures import error_from_exception
from insarhub_qgis.engine.mintpy_stack import read_stack_facts, undo_stack_changes
from insarhub_qgis.engine.mintpy_step import PROCESS_MARK
from insarhub_qgis.engine.mintpy_workspace import MintpyWorkspace
from insarhub_qgis.engine.process import run_process

#: The weather service's client asks again without end; silence and total time of its step are limited.
WEATHER_SILENCE_SECONDS = 1800.0
WEATHER_TOTAL_SECONDS = 6 * 3600.0
_CANCEL_GRACE_SECONDS = 3.0
_LEFTOVER_GRACE_SECONDS = 5.0
_TAIL_LINES = 200


def run(request: RunAnalysis, context: RunContext) -> dict[str, Any]:
    """Run the steps that the request and the options ask for.

    Raises
    ------
    InsarError
        ``analysis.*`` for the run, ``mintpy.*`` for options, ``era5.*`` for the weather service, ``run.cancelled``.
    """
    folder = Path(request.job_folder).absolute()
    if not folder.is_dir():
        raise InsarError("file.missing", file=str(folder))
    if not (folder / CONFIG_NAME).is_file():
        raise InsarError("analysis.not_prepared", folder=str(folder), missing=CONFIG_NAME)
    for name in request.steps:
        step_index(name)
    with analysis_lock(folder):
        return _AnalysisRun(folder, request, context).run()


class _AnalysisRun:
    def __init__(self, folder: Path, request: RunAnalysis, context: RunContext) -> None:
        self._folder = folder
        self._request = request
        self._context = context
        self._workspace = MintpyWorkspace(folder)
        self._job = MintpyJob.read(folder)
        self._config = self._read_config(request.options)
        self._values = self._config.effective_values()
        self._skipped: list[str] = []

    def run(self) -> dict[str, Any]:
        self._end_leftover_child()
        steps, first = self._plan()
        self._check(steps)
        steps = self._begin(steps, first)
        total = sum(STEP_BY_NAME[name].weight for name in steps)
        done = 0.0
        try:
            for number, name in enumerate(steps, start=1):
                stop_if_cancelled(self._context.is_cancelled)
                weight = STEP_BY_NAME[name].weight
                label = f"Step {number} of {len(steps)}: {name}"
                self._run_step(name, label, done / total, (done + weight) / total)
                done += weight
        except Cancelled:
            self._finish(CANCELLED)
            raise
        except InsarError as error:
            self._finish(FAILED, error)
            raise
        except OSError as exception:
            self._finish(FAILED, error_from_exception(exception))
            raise
        self._finish(COMPLETED)
        self._context.report(1.0, "Analysis finished")
        return {
            "results_folder": str(self._folder),
            "final_series": final_series_name(self._values),
            "steps": [
                {"step": record.name, "state": record.state, "seconds": record.seconds}
                for record in self._job.steps
            ],
        }

    # --- Before the first step -------------------------------------------------------------------------

    def _read_config(self, options: str) -> MintpyConfig:
        config = MintpyConfig.read(self._folder / CONFIG_NAME)
        if options.strip() and config.merge_lines(options):
            config.write()
        for problem in config.problems():
            if problem.code == "mintpy.key_twice":
                self._context.log(
                    f"{CONFIG_NAME}, line {problem.line}: {problem.key} {problem.reason}", "warning"
                )
                continue
            raise InsarError(
                "mintpy.config_invalid",
                file=str(self._folder / CONFIG_NAME),
                line=problem.line,
                key=problem.key,
                value=problem.value,
                reason=problem.reason,
                setting=f"{problem.key} = {problem.value}" if problem.key else problem.value,
            )
        for key in config.unknown_keys():
            self._context.log(
                f"{CONFIG_NAME}: {key} is no option of MintPy 1.6.4 and has no effect", "warning"
            )
        return config

    def _plan(self) -> tuple[list[str], str]:
        """Give the steps to run, and the step from which on earlier results no longer hold."""
        enabled = enabled_steps(self._values)
        if self._request.steps:
            chosen = in_order(self._request.steps)
            self._skipped = [name for name in chosen if name not in enabled]
            steps = [name for name in chosen if name in enabled]
            if steps and steps[0] != "load_data":
                self._check_ready(steps)
            first = steps[0] if steps else chosen[0]
            if first == "invert_network" and "correct_unwrap_error" not in enabled:
                # It may have been on before, and the inversion would take what it left in the stack.
                first = "correct_unwrap_error"
            return steps, first
        if self._request.resume and self._job.is_unfinished:
            first = self._first_step_to_repeat(enabled)
            steps = [name for name in enabled if step_index(name) >= step_index(first)]
            if first != "load_data":
                self._context.log(f"going on from {steps[0] if steps else 'the end'}")
            return steps, first
        return enabled, "load_data"

    def _check_ready(self, steps: Sequence[str]) -> None:
        outdated = set(steps_after(steps))
        for name in steps:
            for needed in STEP_BY_NAME[name].needs:
                made_by_this_run = any(
                    (needed in ("timeseries.h5", "maskTempCoh.h5") and earlier == "invert_network")
                    or (needed == "velocity.h5" and earlier == "velocity")
                    or (needed == "maskConnComp.h5" and earlier == "reference_point")
                    or (needed == "timeseriesResidual.h5" and earlier == "correct_topography")
                    for earlier in steps
                    if step_index(earlier) < step_index(name)
                )  # fmt: skip
                is_there = self._workspace.has([needed]) and not self._is_written_by(needed, outdated)
                if not made_by_this_run and not is_there:
                    raise InsarError("analysis.step_not_ready", step=name, missing=needed)

    @staticmethod
    def _is_written_by(file: str, steps: set[str]) -> bool:
        owners = {
            "timeseries.h5": "invert_network",
            "maskTempCoh.h5": "invert_network",
            "velocity.h5": "velocity",
            "maskConnComp.h5": "reference_point",
            "timeseriesResidual.h5": "correct_topography",
            "inputs/ifgramStack.h5": "load_data",
        }
        return owners[file] in steps

    def _first_step_to_repeat(self, enabled: Sequence[str]) -> str:
        """The first step that is not done, or whose options, inputs or files are no longer those of the run."""
        for name in STEP_NAMES:
            record = self._job.step(name)
            if record.state == DONE:
                if record.options != option_values_of(name, self._values):
                    return name
                if name == "load_data" and self._has_other_inputs():
                    return name
                if not self._workspace.has(record.files):
                    return name
            elif name in enabled:
                return name
        return STEP_NAMES[-1]

    def _has_other_inputs(self) -> bool:
        # Clean up deletes the clips once they are loaded; then there is nothing that could have changed.
        if not any(mintpy_checks.input_files(self._folder, self._config).values()):
            return False
        return self._job.inputs != mintpy_checks.inputs_fingerprint(self._folder, self._config)

    def _check(self, steps: Sequence[str]) -> None:
        if "load_data" in steps:
            mintpy_checks.check_prepared(self._folder, self._config)
            mintpy_checks.check_disk(self._folder, self._config)
        if "correct_troposphere" in steps:
            warning = mintpy_checks.check_weather_service(self._folder, self._config)
            if warning:
                self._context.log(
                    "no key of the Climate Data Store: only weather files already there are used", "warning"
                )

    def _begin(self, steps: list[str], first: str) -> list[str]:
        """Write down what is going to happen, then clear the way for it; gives the steps, more if data was damaged."""
        if self._was_interrupted_in_place():
            self._workspace.restore()
        self._workspace.forget_copies()
        remove_left_over_temporary_files(self._folder)
        enabled = enabled_steps(self._values)
        if steps and not self._can_keep_stack(first):
            self._context.log(
                "the loaded stack was damaged when the run was interrupted; it is loaded again", "warning"
            )
            steps = [name for name in enabled if name in steps or step_index(name) < step_index(steps[0])]
            first = "load_data"
            self._check(steps)
        is_clean = first == "load_data"
        outdated = (
            steps_after([first, *steps]) if self._request.steps else list(STEP_NAMES[step_index(first) :])
        )
        job = self._job
        if is_clean or not job.job_id:
            job.job_id = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        job.status, job.error, job.ended_at = RUNNING, None, ""
        job.started_at = utc_now()
        job.log = str(self._folder / LOG_FILE)
        for name in STEP_NAMES:
            if name in steps:
                self._set_state(name, WAITING)
            elif name in outdated or name not in enabled:
                self._set_state(name, NOT_RUN if name in enabled else SKIPPED)
        job.write()
        moved = self._workspace.set_aside(outdated, start_new=is_clean)
        if moved:
            self._context.log(f"{len(moved)} files of an earlier run set aside")
        self._workspace.drop_template()
        for name in self._skipped:
            self._context.item({"step": name, "state": SKIPPED, "seconds": None})
        for name in steps:
            self._context.item({"step": name, "state": WAITING, "seconds": None})
        return steps

    def _was_interrupted_in_place(self) -> bool:
        return any(
            record.state in (RUNNING, CANCELLED, FAILED) and STEP_BY_NAME[record.name].alters
            for record in self._job.steps
        )

    def _can_keep_stack(self, first_step: str) -> bool:
        if step_index(first_step) > step_index("correct_unwrap_error") or first_step == "load_data":
            return True
        if first_step == "quick_overview" and self._request.steps:
            return True
        return undo_stack_changes(self._folder / STACK_FILE, first_step)

    def _set_state(self, name: str, state: str) -> None:
        records = self._job.steps
        self._job.step(name)
        records[[record.name for record in records].index(name)] = StepRecord(name, state)

    def _end_leftover_child(self) -> None:
        """End the process of a step whose engine was killed, should it not have noticed by itself."""
        for record in self._job.steps:
            if record.state != RUNNING or record.child_pid is None or not record.child_start:
                continue
            limit = time.monotonic() + _LEFTOVER_GRACE_SECONDS
            while process_start_of(record.child_pid) == record.child_start:
                if time.monotonic() > limit:
                    self._context.log(
                        f"process {record.child_pid} of the interrupted run is ended", "warning"
                    )
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(record.child_pid, getattr(signal, "SIGKILL", signal.SIGTERM))
                    break
                time.sleep(0.1)

    # --- One step --------------------------------------------------------------------------------------

    def _run_step(self, name: str, label: str, start: float, end: float) -> None:
        step = STEP_BY_NAME[name]
        record = self._job.step(name)
        record.state, record.started_at = RUNNING, utc_now()
        values = MintpyConfig.read(self._folder / CONFIG_NAME).effective_values()
        record.options = option_values_of(name, values)
        if name == "load_data":
            self._job.inputs = mintpy_checks.inputs_fingerprint(self._folder, self._config)
        if step.alters:
            # Before the journal says that the step runs: only then may copies be restored.
            self._workspace.protect(step)
        self._job.write()
        self._context.item({"step": name, "state": RUNNING, "seconds": None})
        self._context.report(start, label)
        begun = time.monotonic()
        try:
            with (self._folder / LOG_FILE).open("a", encoding="utf-8", errors="replace") as log:
                log.write(f"\n{utc_now()} {name}\n")
                _StepProcess(self._folder, name, record, self._job, self._context, log).run(label, start, end)
        except InsarError as error:
            record.state = CANCELLED if isinstance(error, Cancelled) else FAILED
            record.seconds = round(time.monotonic() - begun, 2)
            self._workspace.restore()
            raise
        finally:
            record.ended_at = utc_now()
            record.child_pid, record.child_start = None, ""
        record.seconds = round(time.monotonic() - begun, 2)
        record.files = self._workspace.files_of(step)
        self._workspace.make_durable(record.files)
        record.state = DONE
        self._job.write()
        if step.alters:
            self._workspace.forget_copies()
        self._context.item({"step": name, "state": DONE, "seconds": record.seconds})
        if name == "load_data":
            self._context.item({"stack": read_stack_facts(self._folder / STACK_FILE)})

    def _finish(self, status: str, error: InsarError | None = None) -> None:
        self._job.status, self._job.ended_at = status, utc_now()
        self._job.error = error.to_json() if error else None
        for record in self._job.steps:
            if record.state == WAITING:
                record.state = NOT_RUN
            if record.state in (FAILED, CANCELLED, NOT_RUN):
                self._context.item({"step": record.name, "state": record.state, "seconds": record.seconds})
        self._job.write()


class _BarSequence:
    """Progress of a step that shows an unknown number of bars one after the other; never goes back."""

    _SHARE = 0.8

    def __init__(self) -> None:
        self._done = 0.0
        self._percent = 0.0

    def fraction(self, percent: float) -> float:
        """Each new bar fills four fifths of what the ones before it left."""
        if percent < self._percent:
            self._done += (1 - self._done) * self._SHARE * self._percent / 100
        self._percent = percent
        return self._done + (1 - self._done) * self._SHARE * percent / 100


class _StepProcess:
    """The process of one step: its output becomes progress, log lines and, if it fails, a cause."""

    def __init__(
        self,
        folder: Path,
        name: str,
        record: StepRecord,
        job: MintpyJob,
        context: RunContext,
        log: TextIO,
    ) -> None:
        self._folder = folder
        self._name = name
        self._record = record
        self._job = job
        self._context = context
        self._log = log
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._begun = time.monotonic()
        self._last_line = self._begun
        self._bars = _BarSequence()
        self._is_too_slow = False
        self._is_limited = name == "correct_troposphere"

    def run(self, label: str, start: float, end: float) -> None:
        def on_line(line: str) -> None:
            self._last_line = time.monotonic()
            if line.startswith(PROCESS_MARK):
                self._note_process(int(line.rpartition(" ")[2]))
                return
            percent = parse_percent(line)
            if percent is not None:
                self._context.report(start + (end - start) * self._bars.fraction(percent), label)
                return
            if not line.strip():
                return
            self._tail.append(line)
            self._log.write(line + "\n")
            self._log.flush()
            self._context.log(line)
            code = fatal_warning(line)
            if code:
                raise InsarError(code, folder=str(self._folder), step=self._name)

        try:
            return_code = run_process(
                self._arguments(),
                cwd=self._folder,
                environment=step_environment(self._folder),
                on_line=on_line,
                is_cancelled=self._should_stop,
                grace_seconds=_CANCEL_GRACE_SECONDS,
            )
        except Cancelled:
            if self._is_too_slow:
                raise InsarError("era5.no_answer", step=self._name) from None
            raise
        if return_code != 0:
            raise self._failure(return_code)

    def _arguments(self) -> list[str]:
        program = Path(__file__).with_name("mintpy_step.py")
        config = self._folder / CONFIG_NAME
        # -I ignores the variables of Python, so UTF-8 and unbuffered output are asked for here.
        options = ["-I", "-u", "-X", "utf8", "-W", "ignore::DeprecationWarning"]
        return [sys.executable, *options, str(program), str(config), str(self._folder), self._name]

    def _note_process(self, pid: int) -> None:
        self._record.child_pid = pid
        self._record.child_start = process_start_of(pid) or ""
        self._job.write()

    def _should_stop(self) -> bool:
        now = time.monotonic()
        if self._is_limited and (
            now - self._last_line > WEATHER_SILENCE_SECONDS or now - self._begun > WEATHER_TOTAL_SECONDS
        ):
            self._is_too_slow = True
            return True
        return self._context.is_cancelled()

    def _failure(self, return_code: int) -> InsarError:
        lines = list(self._tail)
        found = failure_cause(lines)
        reason = last_traceback_line(lines)
        if found:
            code, fields = found
            place = str(self._folder)
            return InsarError(code, step=self._name, folder=place, file=place, reason=reason, **fields)
        if return_code < 0 and -return_code == getattr(signal, "SIGKILL", 9):
            # Nobody but the system's memory guard ends a step this way.
            return InsarError(
                "analysis.out_of_memory", step=self._name, folder=str(self._folder), reason="SIGKILL"
            )
        return InsarError(
            "analysis.step_failed", step=self._name, reason=reason, log=str(self._folder / LOG_FILE)
        )


def step_environment(folder: Path) -> dict[str, str]:
    """Give the environment of a step: no window, few threads, locks only where the disk knows them.

    The home folder is left as it is, for the key of the weather service; where there is no usable one, matplotlib
    gets a place in the job folder.
    """
    environment = dict(os.environ)
    environment["MPLBACKEND"] = "Agg"
    environment["HDF5_USE_FILE_LOCKING"] = "BEST_EFFORT"
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        environment.setdefault(name, "1")
    # The custom folder of one institute, from which MintPy would copy files.
    environment.pop("SCRATCHDIR", None)
    try:
        home = Path.home()
        usable = os.access(home, os.W_OK)
    except RuntimeError:
        usable = False
    if not usable:
        environment.setdefault("MPLCONFIGDIR", str(folder / ".insarhub_run" / "matplotlib"))
    return environment
