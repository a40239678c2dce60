# SPDX-License-Identifier: GPL-2.0-or-later
"""What a Linux zone gets of its disk, and what the worker's CPU is for it, beside root Linux's own reads and writes of the same file."""

import cpu
from rig import confs

DISK = "/tmp/bench.img"
MIB = 32
READS = 1024
DEPTH = 32


def measure(root, report):
    root.run(f"dd if=/dev/urandom of={DISK} bs=1M count={MIB}", timeout=300)
    zone = root.boot_linux("bench", confs.linux(disk=DISK))
    worker = root.workers("bench")["disk"]
    report.part("A disk in a Linux zone (its image in root Linux's memory), past the guest's page cache")
    for what, guest, own in (("read", "if=/dev/vda of=/dev/null iflag=direct", f"if={DISK} of=/dev/null"),
                             ("written", "if=/dev/zero of=/dev/vda oflag=direct", f"if=/dev/zero of={DISK} conv=notrunc")):
        _stream(root, zone, worker, report, what, f"busybox dd {guest} bs=1M count={MIB}", f"busybox dd {own} bs=1M count={MIB}")
    _small(root, zone, report, 1)
    _small(root, zone, report, DEPTH)
    root.close_console("bench")
    root.remove("bench")
    root.wait_zone("bench", None)
    root.run(f"rm {DISK}")


def _stream(root, zone, worker, report, what, guest, own):
    before = cpu.of(root, worker)
    seconds = _in_zone(zone, guest)
    spent = (cpu.of(root, worker) - before) / MIB
    own_seconds, own_cpu = _in_root(root, own)
    against = "root Linux's dd on the file"
    report.add(f"{what}, 1 MiB at a time", "MiB/s", MIB / seconds, {against: MIB / own_seconds})
    report.add(f"{what}: CPU in root Linux", "µs/MiB", spent, {against: own_cpu * 1e6 / MIB})


def _small(root, zone, report, depth):
    """@depth programs read 4 KiB at a time, each its own part of the disk."""
    def reads(how):
        return (f"for i in $(seq 0 {depth - 1}); do busybox dd {how} of=/dev/null bs=4k skip=$((i * {READS // depth})) "
                f"count={READS // depth} & done; wait")
    seconds = _in_zone(zone, reads("if=/dev/vda iflag=direct"))
    own_seconds, _ = _in_root(root, reads(f"if={DISK}"))
    report.add(f"4 KiB reads, {depth} at a time", "µs", seconds * 1e6 / READS, {"root Linux's dd on the file": own_seconds * 1e6 / READS})


def _in_zone(zone, command):
    said = zone.command(f"read a b </proc/uptime; ( {command} ) >/dev/null 2>&1; r=$?; read c d </proc/uptime; echo times $a $c; [ $r = 0 ]",
                        timeout=600)
    begin, end = map(float, said.split("times ")[-1].split()[:2])
    return max(end - begin, 0.01)


def _in_root(root, command):
    """Return: seconds that went by, seconds of CPU."""
    said = root.out(["bash", "-c", f"TIMEFORMAT='%R %U %S'; {{ time {{ {command}; }} >/dev/null 2>&1; }} 2>&1"], timeout=600)
    elapsed, user, system = map(float, said.split()[-3:])
    return max(elapsed, 0.001), user + system
