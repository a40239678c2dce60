# SPDX-License-Identifier: GPL-2.0-or-later
"""
A disk's worker without emulation, on this machine itself, by vhost-user: under a driver that does nothing else (front/disk.c),
and beside it qemu-storage-daemon under the same one, on a file of the same kind, with threads and with io_uring. The limit is
what system calls get of such a file, one after the other. Every figure is taken in turn.
"""

import collections
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from rig import paths
from works import WORKS

MIB = 128                               # of a disk, what the page cache keeps
MS = 300                                # that each figure is taken for
PATIENCE = 30                           # seconds
THREADS, URING, OWN = "qemu-storage-daemon", "the same with io_uring", "system calls"


def measure(report):
    report.part("A disk's worker on this machine itself, by vhost-user")
    # Images are where a disk's file system is, sockets where paths are short.
    with contextlib.ExitStack() as ends:
        images, sockets = (pathlib.Path(ends.enter_context(tempfile.TemporaryDirectory(dir=at))) for at in (paths.TOP / "build/bench", None))
        sides = {"": _ours(ends, images, sockets), THREADS: _theirs(ends, images, sockets, "threads"), OWN: (_image(images, "own"), 0)}
        uring = _theirs(ends, images, sockets, "io_uring")
        if uring:                       # the kernel may forbid it
            sides[URING] = uring
        for work in WORKS:
            _report(report, work, _figures(report.runs, work, sides))


def _image(images, name):
    image = images / f"{name}.img"
    with open(image, "wb") as out, open("/dev/urandom", "rb") as random:
        for _ in range(MIB):
            out.write(random.read(1 << 20))
        out.flush()
        os.fsync(out.fileno())          # nothing of it is to be written while something is measured
    return image


def _start(ends, socket, *command):
    """Return: where it listens, its pid; None: it has ended instead."""
    process = ends.enter_context(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    ends.callback(process.kill)
    deadline = time.monotonic() + PATIENCE
    while not socket.exists():
        if process.poll() is not None:
            return None
        assert time.monotonic() < deadline, f"{command[0]} does not listen"
        time.sleep(0.01)
    return socket, process.pid


def _ours(ends, images, sockets):
    socket = sockets / "ours"
    return _start(ends, socket, str(paths.TOP / "build/native/hvisor-device"), "block", f"--vhost-user={socket}", f"--image={_image(images, 'ours')}")


def _theirs(ends, images, sockets, how):
    socket = sockets / how
    return _start(ends, socket, shutil.which("qemu-storage-daemon"),
                  "--blockdev", f"driver=file,node-name=f,filename={_image(images, how)},aio={how}",
                  "--export", f"type=vhost-user-blk,id=e,node-name=f,writable=on,addr.type=unix,addr.path={socket}")


def _figures(runs, work, sides):
    """Return: {side: [(requests in one second, µs that one took, all but one in 100, µs of CPU for one)]}."""
    found = collections.defaultdict(list)
    for _ in range(runs):
        for side, (target, process) in sides.items():
            command = [paths.TOP / "build/bench/disk", target, str(process), work.rw, str(work.size), str(work.depth), str(MS)]
            said = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120).stdout
            done, ns, median, longest, spent = map(int, said.split())
            found[side].append((done * 1e9 / ns, median / 1e3, longest / 1e3, spent / done / 1e3))
    return found


def _report(report, work, found):
    def add(what, unit, index, *others):
        report.add(what, unit, [run[index] for run in found[""]], {other: [run[index] for run in found[other]] for other in others if other in found})
    add(work.name, work.unit, 0, THREADS, URING, OWN)
    add(f"{work.name}: what one takes", "µs", 1, THREADS, URING)
    add(f"{work.name}: all but one in 100 take at most", "µs", 2, THREADS, URING)
    add(f"{work.name}: CPU of the back-end, for one", "µs", 3, THREADS, URING, OWN)
