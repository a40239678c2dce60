# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest waits for one read of a register of a virtual device (ours: hvisor.ko answers it), and how many it gets in a second."""

import struct

from rig import confs

HEADER = struct.Struct("<QQQ")          # struct measured in tests/payload/measure.c
PLACE = 0x68400000
ROUND_TRIPS = 4096


def measure(side, report):
    report.part("One register read by a guest, answered in root Linux")
    runs = []
    for _ in range(report.runs):
        runs.append((*_samples(side), sorted(int(line) * side.ms(1) * 1e3 for line in side.stopwatch("round-trips", ROUND_TRIPS).splitlines())))
        yield
    for name, at in (("median", 0.5), ("99 %", 0.99)):
        reads, calls, trips = ([_at(samples, at) for samples in kind] for kind in zip(*runs))
        report.add(name, "µs", reads, {"an empty call of the hypervisor": calls, "a process and back (two eventfds)": trips})
    report.add("accesses", "1/s", [1e6 * len(reads) / sum(reads) for reads, _, _ in runs],
               {"empty calls of the hypervisor": [1e6 * len(calls) / sum(calls) for _, calls, _ in runs]})


def _samples(side):
    """Return: µs of each read, and of each call, sorted."""
    side.root.set_physical(PLACE, bytes(HEADER.size))
    with side.runs("bench", confs.payload("registers")):
        number = side.root.wait(lambda: HEADER.unpack(side.root.physical(PLACE, HEADER.size))[2], what="the guest's samples")
        data = side.root.physical(PLACE, HEADER.size + 8 * number)
    _, frequency, _ = HEADER.unpack_from(data)
    ticks = struct.unpack_from(f"<{2 * number}I", data, HEADER.size)
    return tuple(sorted(t * 1e6 / frequency for t in kind) for kind in (ticks[:number], ticks[number:]))


def _at(values, share):
    return values[min(int(len(values) * share), len(values) - 1)]
