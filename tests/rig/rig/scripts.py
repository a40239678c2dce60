# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that are programs of their own: rules, the module for other architectures, packages, the monitor's self-test, vhost-user front-ends, the benchmark's own code, fuzzers."""

import os
import re
import subprocess

from . import paths
from .unit import UnitResult

TIMEOUT = 300
FUZZ_SECONDS = 10
SKIPPED = 77                            # a program's status: this machine cannot show it; it says why
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)


def lints():
    return sorted(p for p in (paths.TESTS / "lint").iterdir() if p.is_file())


def module_builds():
    """Programs that compile hvisor.ko in the ways that the rig does not; they want the headers that `setup` fetches."""
    return [paths.TESTS / "kmod" / "kmod-compiles"]


def packages():
    """Debian's packages, built and taken through their life in an overlay of this machine."""
    return [paths.TESTS / "deb" / "packages-live"]


def front_ends():
    """Programs that are, or start, a vhost-user front-end of a worker on this machine."""
    return sorted(p for p in (paths.TESTS / "vhost-user").iterdir() if p.name.startswith(("qemu-", "script-")))


def bench_checks():
    """Programs that try the benchmark's own code."""
    return sorted((paths.TESTS / "bench").glob("check-*"))


def fuzzers():
    return sorted(p for p in paths.FUZZ.glob("fuzz_*") if p.is_file() and os.access(p, os.X_OK))


def run_fuzzer(program):
    """Its corpus, and what the same few seconds make of that on every machine; `make fuzz` is for more."""
    target = program.name.split("_", 1)[1]
    status, output = _run(["env", "SEED=1", str(paths.TESTS / "fuzz" / "run"), str(FUZZ_SECONDS), target])
    return UnitResult(int(status == 0), [] if status == 0 else [program.name], 0, output)


def run_script(program):
    """One test: passed if the program says so by its exit status."""
    status, output = _run([str(program)])
    if status == SKIPPED:
        return UnitResult(0, [], 1, output)
    return UnitResult(int(status == 0), [] if status == 0 else [program.name], 0, output)


def run_self_test():
    """The monitor against a bare-metal root of its own: counts its own checks."""
    status, output = _run(["make", "--no-print-directory", "-C", str(paths.TESTS / "monitor"), "check", f"O={paths.BUILD}"])
    found = SUMMARY.findall(output)
    passed, failed = map(int, found[-1]) if found else (0, 0)
    names = [f"{failed} of its checks"] if failed else [] if found and status == 0 else [f"self-test (status {status})"]
    return UnitResult(passed, names, 0, output)


def _run(command):
    try:
        done = subprocess.run(command, cwd=paths.TOP, timeout=TIMEOUT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as expired:
        return -1, (expired.stdout or b"").decode(errors="replace") + f"\nnot done after {TIMEOUT} s"
