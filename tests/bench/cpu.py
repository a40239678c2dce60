# SPDX-License-Identifier: GPL-2.0-or-later
"""What root Linux's CPUs were busy with so far, µs."""


def of(root, *pids):
    """All threads of these processes, those of the kernel that belong to one (its io_uring's) among them."""
    files = " ".join(f"/proc/{pid}/task/*/schedstat" for pid in pids)
    return sum(int(line.split()[0]) for line in root.out(f"cat {files}").splitlines()) / 1e3


def of_processes(root, *pids):
    """Threads that have ended by now among them, which of() does not see; by ticks of 10 ms."""
    lines = root.out(["cat", *(f"/proc/{pid}/stat" for pid in pids)]).splitlines()
    return sum(sum(map(int, line.rsplit(")", 1)[1].split()[11:13])) for line in lines) * 10000


def of_all(root):
    """Whoever it was for, interrupts too: all the time but what was idle, which is not counted by ticks."""
    up, idle = map(float, root.read("/proc/uptime").split())
    return (up * int(root.out("nproc")) - idle) * 1e6
