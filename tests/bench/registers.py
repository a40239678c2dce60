# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a guest waits for one read of a register of a virtual device (ours: hvisor.ko answers it), and what root Linux's CPUs were
busy for it: as fast as the guest can, and with pauses. Who looks for the next request without sleeping answers fast while
they come fast, and pays by his CPU; the pause is longer than one would look in vain.
"""

import dataclasses
import struct
import time

import cpu
from rig import confs

HEADER = struct.Struct("<QQQQ")         # struct measured in tests/payload/measure.c
GO = 16                                 # offset
PLACE = 0x68400000
IDLE = 2                                # seconds that nothing is read in before
ROUND_TRIPS = 4096
PAUSE, PAUSED = 0.5, 16                 # seconds of one, how many: as payload "registers-paused" has it
CALLS = "an empty call of the hypervisor"
TRIPS = "a process and back (two eventfds)"


@dataclasses.dataclass(frozen=True)
class Run:
    """µs, each of one access."""

    reads: list                         # sorted
    calls: list
    trips: list
    cpu: float                          # of all that root Linux did from the first to the last
    served_cpu: float                   # of its processes who have to do with the zone
    idle_cpu: float                     # the same of as long a time in which nothing was read
    idle_served_cpu: float


def measure(side, report):
    report.part("One register read by a guest, answered in root Linux")
    runs = yield from _runs(side, report, "registers", 0)
    for name, at in (("median", 0.5), ("99 %", 0.99)):
        _add_wait(report, name, at, runs)
    report.add("accesses", "1/s", [1e6 * len(run.reads) / sum(run.reads) for run in runs],
               {"empty calls of the hypervisor": [1e6 * len(run.calls) / sum(run.calls) for run in runs]})
    _add_cpu(report, runs)


def measure_paused(side, report):
    report.part(f"The same, {PAUSE} s after the one before")
    runs = yield from _runs(side, report, "registers-paused", PAUSE * PAUSED)
    _add_wait(report, "median", 0.5, runs)
    _add_cpu(report, runs)


def _add_wait(report, name, at, runs):
    reads, calls, trips = ([_at(getattr(run, kind), at) for run in runs] for kind in ("reads", "calls", "trips"))
    report.add(name, "µs", reads, {CALLS: calls, TRIPS: trips})


def _add_cpu(report, runs):
    for what, kind in (("CPU of root Linux for one", "cpu"), ("of it the processes of who serves it", "served_cpu")):
        report.add(what, "µs", [getattr(run, kind) for run in runs], {"in as long a time without": [getattr(run, f"idle_{kind}") for run in runs]})


def _runs(side, report, payload, seconds):
    """@seconds: how long the guest needs at least. Return: a Run of each."""
    runs = []
    for _ in range(report.runs):
        side.root.set_physical(PLACE, bytes(HEADER.size))
        with side.runs("bench", confs.payload(payload)):
            runs.append(_run(side, seconds))
        yield
    return runs


def _run(side, seconds):
    processes = [*side.standing().values(), *side.processes("bench").values()]
    begun = _spent(side.root, processes)
    time.sleep(IDLE)
    went = _spent(side.root, processes)
    side.root.set_physical(PLACE + GO, struct.pack("<Q", 1))
    time.sleep(seconds)
    number = side.root.wait(lambda: HEADER.unpack(side.root.physical(PLACE, HEADER.size))[3], what="the guest's samples")
    ended = _spent(side.root, processes)

    idle, spent = (tuple(b - a for a, b in zip(*pair)) for pair in ((begun, went), (went, ended)))
    return Run(*_samples(side, number), sorted(int(line) * side.ms(1) * 1e3 for line in side.stopwatch("round-trips", ROUND_TRIPS).splitlines()),
               *(us / number for us in spent[1:]), *(us * spent[0] / idle[0] / number for us in idle[1:]))


def _samples(side, number):
    """Return: µs of each read, and of each call, sorted."""
    data = side.root.physical(PLACE, HEADER.size + 8 * number)
    _, frequency, _, _ = HEADER.unpack_from(data)
    ticks = struct.unpack_from(f"<{2 * number}I", data, HEADER.size)
    return tuple(sorted(t * 1e6 / frequency for t in ticks[first::2]) for first in (0, 1))


def _spent(root, processes):
    """Return: seconds that it is up, µs that all its CPUs were busy, µs of these processes."""
    return float(root.read("/proc/uptime").split()[0]), cpu.of_all(root), cpu.of(root, *processes)


def _at(values, share):
    return values[min(int(len(values) * share), len(values) - 1)]
