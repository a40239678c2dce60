# SPDX-License-Identifier: GPL-2.0-or-later
"""What the daemon and the workers cost while nothing happens, and what memory they hold."""

import time

from rig import confs

LAST = 60


def measure(root, report, seconds=LAST):
    root.run("truncate -s 16M /tmp/idle.img")
    root.boot("bench", confs.payload("sleep", disk="/tmp/idle.img"))
    processes = {"daemon": int(root.out("systemctl show -P MainPID hvisor-reconciler"))}
    processes |= {f"worker of a {'disk' if d == 'disk' else 'console'}": pid for d, pid in root.workers("bench").items()}
    time.sleep(2)                       # whatever the start left to do
    before = {name: _look(root, pid) for name, pid in processes.items()}
    interrupts = _wake_ups_of_root(root)
    time.sleep(seconds)
    after = {name: _look(root, pid) for name, pid in processes.items()}
    report.part(f"{seconds} idle seconds, a zone with a disk and a console running")
    for name in processes:
        report.add(f"{name}: CPU", "ms", (after[name][0] - before[name][0]) / 1e6)
        report.add(f"{name}: wake-ups", "1/s", (after[name][1] - before[name][1]) / seconds)
    report.add("hvisor.ko: interrupts taken", "1/s", (_wake_ups_of_root(root) - interrupts) / seconds)
    report.part("Resident memory (of it, not shared with others)")
    for name, pid in processes.items():
        total, own = _memory(root, pid)
        report.add(name, "MiB", total / 1024, note=f"{own / 1024:.2f} MiB its own")
    root.remove("bench")
    root.wait_zone("bench", None)


def _look(root, pid):
    """ns on a CPU, and how often it got there, of all threads."""
    total = [0, 0]
    for line in root.out(f"cat /proc/{pid}/task/*/schedstat").splitlines():
        ran, _, times = map(int, line.split())
        total[0] += ran
        total[1] += times
    return total


def _wake_ups_of_root(root):
    """Of hvisor's interrupt, on all CPUs."""
    lines = [line.split() for line in root.read("/proc/interrupts").splitlines() if "hvisor" in line]
    return sum(int(word) for words in lines for word in words[1:] if word.isdigit())


def _memory(root, pid):
    """KiB resident, KiB private."""
    sizes = {}
    for line in root.read(f"/proc/{pid}/smaps_rollup").splitlines()[1:]:
        name, size = line.split(":")
        sizes[name] = int(size.split()[0])
    return sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"]
