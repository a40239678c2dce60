# SPDX-License-Identifier: GPL-2.0-or-later
"""What processes in root Linux have used so far, all their threads together."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Used:
    cpu_us: float
    wake_ups: int                       # how often a thread got a CPU

    def __add__(self, other):
        return Used(self.cpu_us + other.cpu_us, self.wake_ups + other.wake_ups)

    def __sub__(self, other):
        return Used(self.cpu_us - other.cpu_us, self.wake_ups - other.wake_ups)


NOTHING = Used(0, 0)


@dataclasses.dataclass(frozen=True)
class Memory:
    """KiB."""
    pss: int
    own: int


def of(root, processes):
    """@processes: {name: pid}. Return: {name: Used}."""
    return {name: sum((_thread(line) for line in root.out(f"cat /proc/{pid}/task/*/schedstat").splitlines()), NOTHING)
            for name, pid in processes.items()}


def total(root, processes):
    return sum(of(root, processes).values(), NOTHING)


def _thread(line):
    ran, _, times = map(int, line.split())
    return Used(ran / 1e3, times)


def interrupts(root):
    """How often the hypervisor's wake-up was taken, on all CPUs."""
    lines = [line.split() for line in root.read("/proc/interrupts").splitlines() if "hvisor" in line]
    return sum(int(word) for words in lines for word in words[1:] if word.isdigit())


def memory(root, pid):
    sizes = {}
    for line in root.read(f"/proc/{pid}/smaps_rollup").splitlines()[1:]:
        name, size = line.split(":")
        sizes[name] = int(size.split()[0])
    return Memory(sizes["Pss"], sizes["Private_Clean"] + sizes["Private_Dirty"])
