# SPDX-License-Identifier: GPL-2.0-or-later
"""
A worker is killed: how long its device has none. Beside it stands what a program takes that is found, forked, executed and
ends: about what no replacement of a process by another can do without.
"""

import statistics

from report import Row
from rig import confs, witness

RUNS = 5                                # so many deaths are followed by no wait (engine/backoff.c)
DISK = "/root/bench.img"


def measure(root, report, stopwatch):
    frequency = int(root.out([stopwatch, "frequency"]))
    root.run(f"truncate -s 1M {DISK}")
    root.boot("bench", confs.payload("disk-loop", disk=DISK))
    witness.wait_ready(root, "bench")
    report.part("From the kill of a worker to the next one's attachment")
    for device, what in (("main", "a console that is idle"), ("disk", "a disk under load")):
        runs = [_replaced(root, stopwatch, device) for _ in range(RUNS)]
        plain = [int(root.out([stopwatch, "run", "true"])) for _ in range(RUNS)]
        value, other = (statistics.median(ticks) * 1000 / frequency for ticks in (runs, plain))
        report.add(Row(f"worker killed -> serves again: {what}", value, "ms", "fork, exec and end of a program", other,
                       f"longest {max(runs) * 1000 / frequency:.0f} ms"))
    root.remove("bench")
    root.wait_zone("bench", None)


def _replaced(root, stopwatch, device):
    ticks = int(root.out([stopwatch, "replace", "bench", device]))
    witness.wait_ready(root, "bench")
    return ticks
