# SPDX-License-Identifier: GPL-2.0-or-later
"""What root Linux's CPUs were busy with so far, µs."""

import os


def of(root, *pids):
    """All threads of these processes, those of the kernel that belong to one (its io_uring's) among them."""
    files = " ".join(f"/proc/{pid}/task/*/schedstat" for pid in pids)
    return sum(int(line.split()[0]) for line in root.out(f"cat {files}").splitlines()) / 1e3


def of_all(root):
    """Whoever it was for, interrupts too; not idle, nor waiting for a disk."""
    user, nice, system, _, _, irq, softirq = map(int, root.read("/proc/stat").split()[1:8])
    return (user + nice + system + irq + softirq) * 1e6 / os.sysconf("SC_CLK_TCK")
