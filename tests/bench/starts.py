# SPDX-License-Identifier: GPL-2.0-or-later
"""
From a .conf that is put in place to the zone's first instruction. Large images stand beside a plain copy of the same bytes;
what is left of an image that is next to nothing, beside what systemd takes for a scope with a process that does nothing.
"""

import statistics
import struct

from rig import confs, vm

SIZES = (8, 32, 128)                    # MiB of the kernel's image
STAMP = 0x68400000                      # where payload "began" leaves its time
COPY_TO = 0x50400000


def measure(root, report, stopwatch):
    frequency = int(root.out([stopwatch, "frequency"]))
    report.part("From a .conf in place (renamed) to the zone's first instruction")
    for size in SIZES:
        image = _image(root, size)
        conf = _without_devices(confs.payload("began", Kernel=image))
        start, copy = _in_turn(report.runs, frequency, lambda: _start(root, stopwatch, conf), lambda: _copy(root, stopwatch, image))
        more = statistics.median(s - c for s, c in zip(start, copy))
        report.add(f"an image of {size} MiB, no device", "ms", start, {"a plain copy of it": copy}, f"{more:+.1f} ms")
        root.run(["rm", image])
    small = confs.payload("began")
    for what, conf in (("an image of 6 KiB, no device", _without_devices(small)), ("the same with a console", small)):
        start, scope = _in_turn(report.runs, frequency, lambda: _start(root, stopwatch, conf), lambda: _scope(root, stopwatch))
        report.add(what, "ms", start, {"systemd-run --scope true": scope})


def _in_turn(runs, frequency, ours, theirs):
    """Return: ms of each run of the one and of the other."""
    return zip(*((ours() * 1000 / frequency, theirs() * 1000 / frequency) for _ in range(runs)))


def _copy(root, stopwatch, image):
    return int(root.out([stopwatch, "copy", image, hex(COPY_TO)]))


def _scope(root, stopwatch):
    return int(root.out([stopwatch, "run", "systemd-run", "--scope", "--quiet", "true"]))


def _without_devices(conf):
    return conf.partition("[Console")[0]


def _image(root, size):
    """A kernel that takes the time and is followed by so many bytes that are not zero."""
    path = f"/tmp/image-{size}"
    root.run(f"{{ cat {confs.IMAGES}/payload/began.bin; yes 0123456789abcde; }} | head -c {size << 20} >{path}")
    return path


def _start(root, stopwatch, conf):
    root.set_physical(STAMP, bytes(8))
    root.write("/tmp/bench.new", conf)
    renamed = int(root.out([stopwatch, "rename", "/tmp/bench.new", f"{vm.ZONES_D}/bench.conf"]))
    root.wait_zone("bench", "running")
    began, = struct.unpack("<Q", root.physical(STAMP, 8))
    root.remove("bench")
    root.wait_zone("bench", None)
    if began <= renamed:
        raise vm.RigError(f"the zone began at {began}, before its file was there ({renamed})")
    return began - renamed
