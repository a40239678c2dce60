# SPDX-License-Identifier: GPL-2.0-or-later
"""Unit test programs (cmocka): run one, count its tests."""

import dataclasses
import os
import re
import subprocess

from . import paths

TIMEOUT = 300
TAP = re.compile(r"^(not ok|ok) \d+ - (.*?)(?P<skip> # SKIP.*)?$", re.M)
PLAN = re.compile(r"^1\.\.(\d+)", re.M)


@dataclasses.dataclass
class UnitResult:
    passed: int
    failed: list                        # names of tests
    skipped: int
    output: str


def programs():
    return sorted(p for p in paths.UNIT.glob("test_*") if p.is_file() and os.access(p, os.X_OK))


def run(program):
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    try:
        done = subprocess.run([str(program)], env=environment, cwd=paths.TOP, timeout=TIMEOUT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, end = done.stdout.decode(errors="replace"), f"status {done.returncode}"
        clean = done.returncode == 0
    except subprocess.TimeoutExpired as expired:
        output, end, clean = (expired.stdout or b"").decode(errors="replace"), f"not done after {TIMEOUT} s", False
    rows = TAP.findall(output)
    failed = [name for verdict, name, _ in rows if verdict == "not ok"]
    skipped = sum(1 for verdict, _, skip in rows if verdict == "ok" and skip)
    planned = sum(int(n) for n in PLAN.findall(output))
    if not rows or len(rows) != planned or (not clean and not failed):
        failed.append(f"{program.name} ({end}, {len(rows)} of {planned} tests reported)")
    return UnitResult(sum(1 for verdict, _, skip in rows if verdict == "ok" and not skip), failed, skipped, output)
