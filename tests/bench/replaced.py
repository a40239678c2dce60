# SPDX-License-Identifier: GPL-2.0-or-later
"""
A worker is killed: how long its device has none. Beside it stands what a program takes that is found, forked, executed and
ends: about what no replacement of a process by another can do without.

Three times: as fast as the emulation goes, and on a board of its own whose clock counts instructions, one a nanosecond (QEMU's
-icount), which is what a CPU of 1 GHz would need about, whatever else this machine does meanwhile. And without any emulation,
on this machine: there is no device of hvisor.ko there, but a vhost-user front-end; all else is the same.
"""

import dataclasses
import subprocess
import tempfile

from rig import confs, machine, paths, vm, witness

DEATHS = 5                              # so many are followed by no wait (engine/backoff.c)
DISK = "/root/bench.img"
COUNTING = ["-icount", "shift=0,sleep=on"]


def measure(root, report, stopwatch):
    report.part("From the kill of a worker to the next one's attachment")
    _all(root, report, stopwatch, "disk-loop", "a disk under load")


def measure_counted(report, stopwatch):
    board = machine.MACHINES["board"]()
    with vm.start(dataclasses.replace(board, base=board.base + COUNTING), fresh=True) as root:
        root.write(stopwatch, (paths.BUILD / "stopwatch").read_bytes(), 0o755)
        report.part("The same where an instruction takes 1 ns")
        _all(root, report, stopwatch, "disk", "a disk that is idle")


def measure_native(report):
    with tempfile.TemporaryDirectory() as folder:
        respawn = [paths.TOP / "build/bench/respawn", paths.TOP / "build/native/hvisor-device", folder, str(10 * report.runs)]
        runs = [int(line) / 1000 for line in
                subprocess.run(respawn, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.split()]
    report.part("The same on this machine itself, by vhost-user")
    report.add("a disk's worker killed -> its successor answers", "ms", runs)


def _all(root, report, stopwatch, payload, disk):
    frequency = int(root.out([stopwatch, "frequency"]))
    root.run(f"truncate -s 1M {DISK}")
    root.boot("bench", confs.payload(payload, disk=DISK))
    witness.wait_ready(root, "bench")
    for device, what in (("main", "a console that is idle"), ("disk", disk)):
        ticks = [(_replaced(root, stopwatch, device), int(root.out([stopwatch, "run", "true"]))) for _ in range(min(report.runs, DEATHS))]
        replaced, plain = ([t * 1000 / frequency for t in side] for side in zip(*ticks))
        report.add(f"worker killed -> serves again: {what}", "ms", replaced, {"fork, exec and end of a program": plain})
    root.remove("bench")
    root.wait_zone("bench", None)


def _replaced(root, stopwatch, device):
    ticks = int(root.out([stopwatch, "replace", "bench", device]))
    witness.wait_ready(root, "bench")
    return ticks
