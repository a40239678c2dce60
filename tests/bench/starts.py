# SPDX-License-Identifier: GPL-2.0-or-later
"""
From a .conf that is put in place (a peer: from its start's execution) to the zone's first instruction. Large images stand
beside a plain copy of the same bytes, out of the page cache into memory that is there and cached; what is left of an image that is
next to nothing, beside what systemd takes for a scope with a process that does nothing.
"""

import statistics
import struct

from rig import confs, vm

SIZES = (8, 32, 128)                    # MiB of the kernel's image
FACTOR, FIXED = 1.1, 5                  # what a start may cost: so many copies, and so many ms
STAMP = 0x68400000                      # where payload "began" leaves its time


def measure(side, report):
    report.part("From a .conf in place (renamed) to the zone's first instruction")
    small = confs.payload("began")
    first_instruction(side, small)      # the first is slower: the emulator has not translated the code yet
    for size in SIZES:
        image = _image(side.root, size)
        conf = _without_devices(confs.payload("began", Kernel=image))
        started, copied = [], []
        for _ in range(report.runs):
            copied.append(side.ms(side.stopwatch("copy", image)))
            started.append(first_instruction(side, conf))
            yield
        report.add(f"an image of {size} MiB, no device", "ms", started, {"a plain copy of it": copied}, _note(started, copied))
        side.root.run(["rm", image])
    for what, conf in (("an image of 6 KiB, no device", _without_devices(small)), ("the same with a console", small)):
        started, scopes = [], []
        for _ in range(report.runs):
            scopes.append(side.ms(side.stopwatch("run", "systemd-run", "--scope", "--quiet", "true")))
            started.append(first_instruction(side, conf))
            yield
        report.add(what, "ms", started, {"systemd-run --scope true": scopes})


def _note(started, copied):
    more = statistics.median(s - c for s, c in zip(started, copied))
    good = sum(s <= FACTOR * c + FIXED for s, c in zip(started, copied))
    return f"{more:+.1f} ms; {good} of {len(started)} within {FACTOR} x copy + {FIXED} ms"


def _without_devices(conf):
    return conf.partition("[Console")[0]


def _image(root, size):
    """A kernel that takes the time and is followed by so many bytes that are not zero."""
    path = f"/tmp/image-{size}"
    root.run(f"{{ cat {confs.IMAGES}/payload/began.bin; yes 0123456789abcde; }} | head -c {size << 20} >{path}")
    return path


def first_instruction(side, conf):
    """Starts a zone of the payload "began". Return: ms from being asked for it to there."""
    side.put("bench", conf)
    side.root.set_physical(STAMP, bytes(8))
    asked = side.start("bench")
    began = side.root.wait(lambda: struct.unpack("<Q", side.root.physical(STAMP, 8))[0], what="the zone's first instruction")
    side.stop("bench")
    if began <= asked:
        raise vm.RigError(f"the zone began at {began}, before it was asked for ({asked})")
    return side.ms(began - asked)
