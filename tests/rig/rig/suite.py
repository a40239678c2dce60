# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs unit tests and other programs, several at a time, and cases, a line for each as it ends, and counts."""

import concurrent.futures
import os
import threading
import time
import traceback

from . import evidence, machine, vm

WIDTH = min(os.cpu_count() or 1, 4)     # of programs: most of what runs there waits for something


class Suite:
    def __init__(self, pattern="", width=WIDTH):
        """@width: how many programs run at a time, a case for one of them."""
        self._pattern = pattern
        self._width = width
        self._machines = {}
        self._report_lock = threading.Lock()
        self.passed = self.failed = self.skipped = 0

    def selected(self, name):
        return self._pattern in name

    def run(self, programs, cases):
        """
        Cases one after the other, for their machines have four CPUs, and beside them programs on what CPUs they leave.

        @programs: (program, run) each, which count for themselves: run(program) returns a UnitResult.
        """
        programs = [(program, run) for program, run in programs if self.selected(program.name)]
        cases = [case for case in cases if self.selected(case.name)]
        with concurrent.futures.ThreadPoolExecutor(max(1, self._width - bool(cases))) as pool:
            try:
                running = [pool.submit(self._run_program, *each) for each in programs]
                if self._width == 1:
                    concurrent.futures.wait(running)
                for case in cases:
                    self._run_case(case)
                for future in running:
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _run_program(self, program, run):
        started = time.monotonic()
        result = run(program)
        total = result.passed + len(result.failed) + result.skipped
        verdict = "FAIL" if result.failed else "skip" if total and result.skipped == total else "ok"
        details = {"FAIL": f"failed: {', '.join(result.failed)}\n{result.output}", "skip": result.output, "ok": ""}[verdict]
        self._report(verdict, started, f"{program.name} ({total} tests)",
                     (result.passed, len(result.failed), result.skipped), details)

    def _run_case(self, case):
        started = time.monotonic()
        if case.monitor_only and not machine.on_monitor():
            self._report("skip", started, f"{case.name} (the monitor only: {case.monitor_only})", (0, 0, 1))
            return
        failure = self._try_case(case)
        self._report("FAIL" if failure else "ok", started, case.name, (0, 1, 0) if failure else (1, 0, 0), failure or "")

    def summary(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")

    def status(self):
        return 0 if self.passed and not self.failed else 1

    def _try_case(self, case):
        """Return: None, or all that is known about the failure."""
        running = None
        try:
            if case.machine not in self._machines:
                self._machines[case.machine] = machine.MACHINES[case.machine]()
            running = vm.start(self._machines[case.machine], case.fresh, case.disaster_wanted)
            case.run(running)
            if not case.disaster_wanted and not running.off:
                running.check_alive()
                running.check_taint()
            return None
        except Exception as error:
            return evidence.collect(running, case.name, _describe(error))
        finally:
            if running:
                running.close()

    def _report(self, verdict, started, text, counts, details=""):
        """@counts: passed, failed, skipped."""
        lines = [f"{verdict:4} {time.monotonic() - started:6.1f} s  {text}"] + [f"     | {line}" for line in details.splitlines()]
        with self._report_lock:
            self.passed, self.failed, self.skipped = (
                a + b for a, b in zip((self.passed, self.failed, self.skipped), counts))
            print("\n".join(lines), flush=True)


def _describe(error):
    """The error, and the line of the case that met it; an assert without words shows its source."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/tests/cases/" in f.filename]
    where = f"{frames[-1].filename.rsplit('/', 1)[1]}:{frames[-1].lineno}: {frames[-1].line}\n" if frames else ""
    if frames or isinstance(error, (AssertionError, OSError)):
        return f"{where}{type(error).__name__}: {error}"
    return "".join(traceback.format_exception(error)).rstrip()

