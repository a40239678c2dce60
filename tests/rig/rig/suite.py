# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs unit tests and cases, a line each, and counts."""

import time
import traceback

from . import evidence, machine, vm


class Suite:
    def __init__(self, pattern=""):
        self._pattern = pattern
        self._machines = {}
        self.passed = self.failed = self.skipped = 0

    def selected(self, name):
        return self._pattern in name

    def run_programs(self, programs, run):
        """Programs that count for themselves: run(program) returns a UnitResult."""
        for program in programs:
            if not self.selected(program.name):
                continue
            started = time.monotonic()
            result = run(program)
            self.passed += result.passed
            self.failed += len(result.failed)
            self.skipped += result.skipped
            total = result.passed + len(result.failed) + result.skipped
            self._line("FAIL" if result.failed else "ok", started, f"{program.name} ({total} tests)")
            if result.failed:
                self._details("failed: " + ", ".join(result.failed) + "\n" + result.output)

    def run_cases(self, cases):
        for case in cases:
            if not self.selected(case.name):
                continue
            started = time.monotonic()
            if case.monitor_only and not machine.on_monitor():
                self.skipped += 1
                self._line("skip", started, f"{case.name} (the monitor only: {case.monitor_only})")
                continue
            failure = self._run_case(case)
            if failure:
                self.failed += 1
                self._line("FAIL", started, case.name)
                self._details(failure)
            else:
                self.passed += 1
                self._line("ok", started, case.name)

    def summary(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")

    def status(self):
        return 0 if self.passed and not self.failed else 1

    def _run_case(self, case):
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

    @staticmethod
    def _line(verdict, started, text):
        print(f"{verdict:4} {time.monotonic() - started:6.1f} s  {text}", flush=True)

    @staticmethod
    def _details(text):
        print("".join(f"     | {line}\n" for line in text.splitlines()), end="", flush=True)


def _describe(error):
    """The error, and the line of the case that met it; an assert without words shows its source."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/tests/cases/" in f.filename]
    where = f"{frames[-1].filename.rsplit('/', 1)[1]}:{frames[-1].lineno}: {frames[-1].line}\n" if frames else ""
    if frames or isinstance(error, (AssertionError, OSError)):
        return f"{where}{type(error).__name__}: {error}"
    return "".join(traceback.format_exception(error)).rstrip()

