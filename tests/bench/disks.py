# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a Linux zone gets of its disk, by fio. Beside ours stands another such zone whose disk qemu-storage-daemon serves, over
vhost-user, from a file of the same kind, and the limit: what fio gets of a file in root Linux. The files are in an ext4; what is in
root Linux's page cache stays there. Every figure is taken in turn.
"""

import collections
import contextlib

import cpu
import fio
from report import OURS
from rig import confs, programs
from works import WORKS

FOLDER = "/tmp/bench"
MIB = 48                                # of a disk
SOCKET = "/run/bench-disk"
THEIRS, OWN = "qemu-storage-daemon", "root Linux's fio on a file"


def measure(side, report):
    root = side.root
    with _files(root):
        zone = side.boot_linux("lower", confs.linux("lower", f"{FOLDER}/mnt/zone"))
        programs.take_from_disk(zone)
        found = side.processes("lower")
        asked = {"": (zone, [found["disk"]] if "disk" in found else list(found.values()))}
        report.part("A disk of a Linux zone, past the zone's page cache")
        with _others(side) if side.name == OURS else contextlib.nullcontext({}) as others:
            for work in WORKS:
                answers = collections.defaultdict(list)
                for _ in range(report.runs):
                    for name, (console, processes) in {**asked, **others}.items():
                        answers[name].append(_ask(root, work, console, processes))
                    yield
                _report(report, work, answers)
        zone.close()
        side.stop("lower")


# ---- who is asked -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _files(root):
    programs.install(root, programs.LOADS)
    root.run(f"mkdir -p {FOLDER}/mnt && truncate -s {4 * MIB}M {FOLDER}/ext4 && mke2fs -q -t ext4 {FOLDER}/ext4 && "
             f"modprobe loop && mount -o loop {FOLDER}/ext4 {FOLDER}/mnt", timeout=300)
    for name in ("zone", "theirs", "own"):
        root.run(f"dd if=/dev/urandom of={FOLDER}/mnt/{name} bs=1M count={MIB}", timeout=300)
    for name in ("zone", "theirs"):
        programs.write_disk(root, f"{FOLDER}/mnt/{name}")
    root.run("sync", timeout=300)
    yield
    root.run(f"umount {FOLDER}/mnt && rm -r {FOLDER} {programs.INSIDE}")


@contextlib.contextmanager
def _others(side):
    """Return: who is asked beside, {name: (console, None for root Linux itself; processes of the back-end)}."""
    root = side.root
    programs.install(root, programs.BACK_ENDS)
    daemon = root.background(programs.command("qemu-storage-daemon", f"--blockdev driver=file,node-name=f,filename={FOLDER}/mnt/theirs --export "
                             f"type=vhost-user-blk,id=e,node-name=f,writable=on,addr.type=unix,addr.path={SOCKET}"))
    root.wait(f"test -S {SOCKET}", what="the storage daemon")
    address, interrupt = confs.PLACES["upper"].block
    zone = side.boot_linux("upper", confs.linux("upper", None) +
                           f"[VhostUser disk]\nType=block\nSocket={SOCKET}\nAddress={address:#x}\nInterrupt={interrupt}\n")
    programs.take_from_disk(zone)
    yield {THEIRS: (zone, [daemon]), OWN: (None, [])}
    zone.close()
    side.stop("upper")
    root.run(f"kill {daemon}; while kill -0 {daemon} 2>/dev/null; do sleep 0.1; done")


# ---- figures ----------------------------------------------------------------------------------------------------


def _ask(root, work, console, processes):
    """Return: what fio says, µs of CPU that the back-end took for one request."""
    before = cpu.of_processes(root, *processes) if processes else 0
    if console:
        answer = fio.parse(console.command(f"fio {fio.words(work, '/dev/vda', direct=True)}", timeout=600))
    else:
        answer = fio.parse(root.out(programs.command("fio", fio.words(work, f"{FOLDER}/mnt/own", direct=False)), timeout=600))
    return answer, (cpu.of_processes(root, *processes) - before) / answer.count if processes else 0


def _report(report, work, answers):
    def add(what, unit, value, *others):
        report.add(what, unit, [value(*run) for run in answers[""]],
                   {other: [value(*run) for run in answers[other]] for other in others if other in answers})
    add(work.name, work.unit, lambda answer, _: answer.operations, THEIRS, OWN)
    add(f"{work.name}: what one takes", "µs", lambda answer, _: answer.median, THEIRS)
    add(f"{work.name}: all but one in 100 take at most", "µs", lambda answer, _: answer.longest, THEIRS)
    add(f"{work.name}: CPU of the back-end, for one", "µs", lambda _, spent: spent, THEIRS)
