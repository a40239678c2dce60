# SPDX-License-Identifier: GPL-2.0-or-later
"""What many files cost the daemon: its own engine and watch, built for this machine, over a simulated hypervisor."""

import json
import subprocess

from rig import paths

PROGRAM = paths.TOP / "build" / "bench" / "scale"


def measure(report):
    report.part("Files in zones.d (on this machine itself; three of their zones run)")
    one = None
    with subprocess.Popen([PROGRAM, "--json"], stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            now = json.loads(line)
            one = one or now
            files = f"{now['files']:,} file{'s' if now['files'] > 1 else ''}"
            report.add(f"{files}: all are looked at", "ms", now["rescan_ms"], {"one file": one["rescan_ms"]})
            report.add(f"{files}: one of them is edited", "ms", now["edit_ms"], {"one file": one["edit_ms"]})
            report.add(f"{files}: a drop-in of one is edited", "ms", now["edit_drop_in_ms"], {"one file": one["edit_drop_in_ms"]})
            report.add(f"{files}: hvisor status is asked", "ms", now["status_ms"], {"one file": one["status_ms"]})
            report.add(f"{files}: resident memory", "MiB", now["resident_kib"] / 1024, {"one file": one["resident_kib"] / 1024})
    if program.returncode:
        raise subprocess.CalledProcessError(program.returncode, PROGRAM)
