# SPDX-License-Identifier: GPL-2.0-or-later
"""What many files cost the daemon: its own engine and watch, built for this machine, over a simulated hypervisor."""

import json
import subprocess

from plot import Plot
from rig import paths
from series import Series

PROGRAM = paths.TOP / "build" / "bench" / "scale"
SIZES = (1, 10, 100, 1000, 10000)

# {what is shown: (what scale prints, how that becomes the unit, unit)}
FIGURES = {
    "all are read when the daemon starts": ("first_ms", 1, "ms"),
    "all are looked at": ("rescan_ms", 1, "ms"),
    "one of them is edited": ("edit_ms", 1, "ms"),
    "a drop-in of one is edited": ("edit_drop_in_ms", 1, "ms"),
    "hvisor status is asked": ("status_ms", 1, "ms"),
    "resident memory": ("resident_kib", 1024, "MiB"),
}


def measure(report):
    title = "Files in zones.d (on this machine itself; three of their zones run)"
    report.part(title)
    runs = [_run() for _ in range(report.runs)]
    taken = {(size, name): [run[size][key] / part for run in runs] for size in SIZES for name, (key, part, _) in FIGURES.items()}
    for (size, name), values in taken.items():
        report.add(f"{size:,} file{'s' * (size > 1)}: {name}", FIGURES[name][2], values, {"one file": taken[SIZES[0], name]} if size > 1 else None)
    for unit, of in (("ms", "time"), ("MiB", "memory")):
        report.plot(Plot(f"By the number of files: {of}", "files", unit, {
            name: [(size, Series.of(taken[size, name])) for size in SIZES] for name in FIGURES if FIGURES[name][2] == unit}))


def _run():
    """Return: {number of files: what scale says of them}."""
    said = subprocess.run([PROGRAM, "--json", *map(str, SIZES)], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {line["files"]: line for line in map(json.loads, said.splitlines())}
