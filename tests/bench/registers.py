# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest waits for one read of a register of a virtual device, which hvisor.ko answers in root Linux."""

import struct

from rig import confs

HEADER = struct.Struct("<QQQ")          # struct measured in tests/payload/measure.c
PLACE = 0x68400000
ROUND_TRIPS = 4096


def measure(root, report, stopwatch):
    reads, calls, tick = _samples(root)
    trips = sorted(int(line) * tick for line in root.out([stopwatch, "round-trips", ROUND_TRIPS]).splitlines())
    report.part("One register read by a guest, answered in root Linux")
    for name, at in (("median", 0.5), ("99 %", 0.99)):
        report.add(name, "µs", _at(reads, at), {"an empty call of the hypervisor": _at(calls, at), "a process and back (two eventfds)": _at(trips, at)})


def _samples(root):
    """Return: µs of each read and call, sorted; µs of a tick."""
    root.boot("bench", confs.payload("registers"))
    try:
        number = root.wait(lambda: HEADER.unpack(root.physical(PLACE, HEADER.size))[2], what="the guest's samples")
        data = root.physical(PLACE, HEADER.size + 8 * number)
    finally:
        root.remove("bench")
        root.wait_zone("bench", None)
    _, frequency, _ = HEADER.unpack_from(data)
    tick = 1e6 / frequency
    ticks = struct.unpack_from(f"<{2 * number}I", data, HEADER.size)
    return sorted(t * tick for t in ticks[:number]), sorted(t * tick for t in ticks[number:]), tick


def _at(values, share):
    return values[min(int(len(values) * share), len(values) - 1)]
