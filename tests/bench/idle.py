# SPDX-License-Identifier: GPL-2.0-or-later
"""What all processes cost while nothing happens, and what memory they hold: together, and each of ours."""

import time

import usage
from rig import confs

LAST = 60


def measure(side, report, seconds):
    side.root.run("truncate -s 16M /tmp/idle.img")
    with side.runs("bench", confs.payload("sleep", disk="/tmp/idle.img")):
        processes = {**side.standing(), **side.processes("bench")}
        time.sleep(2)                   # whatever the start left to do
        before, interrupts = usage.of(side.root, processes), usage.interrupts(side.root)
        time.sleep(seconds)
        after, interrupts = usage.of(side.root, processes), usage.interrupts(side.root) - interrupts
        memory = {name: usage.memory(side.root, pid) for name, pid in processes.items()}
    _report_idle(report, seconds, {name: after[name] - before[name] for name in processes}, interrupts)
    _report_memory(report, memory)


def _report_idle(report, seconds, spent, interrupts):
    report.part(f"{seconds} idle seconds, a zone with a disk and a console running")
    for name, used in {"all processes": sum(spent.values(), usage.NOTHING), **spent}.items():
        report.add(f"{name}: CPU", "ms", used.cpu_us / 1e3)
        report.add(f"{name}: wake-ups", "1/s", used.wake_ups / seconds)
    report.add("interrupts from the hypervisor", "1/s", interrupts / seconds)


def _report_memory(report, memory):
    report.part("Memory of the same processes (PSS: what is shared counts in equal parts)")
    total = usage.Memory(*(sum(part) for part in zip(*((m.pss, m.own) for m in memory.values()))))
    for name, m in {"all processes": total, **memory}.items():
        report.add(name, "MiB", m.pss / 1024, note=f"{m.own / 1024:.2f} MiB its own")
